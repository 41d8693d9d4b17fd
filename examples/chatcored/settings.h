/*
 * What an operator can set: on the command line, and under the same names in a file. The command
 * line wins. One table has every setting's name, kind and text; a value is checked by its kind when
 * it is read, so that what is wrong is told with the file, the line and the name.
 *
 * A text stays valid until settings_free(), so others may point to it.
 */
#ifndef CHATCORED_SETTINGS_H
#define CHATCORED_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

/* X(member, name, kind, argument, text) */
#define SETTINGS_TABLE(X)                                                                          \
    X(data, "data", TEXT, "DIR", "keep everything in this folder; without it nothing is kept")     \
    X(listen, "listen", LISTEN, "ADDR:PORT", "take connections here; port 0: any free one")        \
    X(share_port, "share-port", FLAG, NULL, "other processes may listen on the same port")         \
    X(threads, "threads", NUMBER, "N", "threads that serve connections")                           \
    X(jwt_secret_file, "jwt-secret-file", FILE, "FILE", "secret of HS256 tokens")                  \
    X(jwt_key_file, "jwt-key-file", FILE, "FILE", "public key of tokens, PEM")                     \
    X(jwks_file, "jwks-file", FILE, "FILE", "public keys of tokens, JWKS")                         \
    X(paseto_key_file, "paseto-key-file", FILE, "FILE",                                            \
      "public key of PASETO v4 tokens: 32 bytes, or 64 hexadecimal digits")                        \
    X(audience, "audience", TEXT, "NAME", "tokens must be for this audience")                      \
    X(issuer, "issuer", TEXT, "NAME", "tokens must be from this issuer")                           \
    X(leeway_ms, "leeway-ms", NUMBER, "N", "clock difference allowed for tokens' times")           \
    X(tls_cert, "tls-cert", FILE, "FILE", "certificate chain, PEM")                                \
    X(tls_key, "tls-key", FILE, "FILE", "the certificate's private key, PEM")                      \
    X(origins, "origins", LIST, "LIST", "web pages that may connect; default: of the same host")   \
    X(cors_origins, "cors-origins", LIST, "LIST",                                                  \
      "web pages of other origins that may use REST; default: none")                               \
    X(trusted_proxies, "trusted-proxies", NETWORKS, "LIST",                                        \
      "addresses or networks of proxies whose X-Forwarded-For is believed")                        \
    X(proxy_protocol, "proxy-protocol", FLAG, NULL,                                                \
      "connections of trusted-proxies begin with the PROXY protocol, version 1 or 2")              \
    X(max_connections, "max-connections", NUMBER, "N", "connections in all")                       \
    X(max_address_connections, "max-address-connections", NUMBER, "N",                             \
      "connections of one client address, other than loopback")                                    \
    X(max_sessions, "max-sessions", NUMBER, "N", "sessions in all")                                \
    X(max_user_sessions, "max-user-sessions", NUMBER, "N", "sessions of one user")                 \
    X(max_members, "max-members", NUMBER, "N", "members of a group")                               \
    X(max_message_bytes, "max-message-bytes", NUMBER, "N", "size of one message")                  \
    X(max_frame_bytes, "max-frame-bytes", NUMBER, "N", "size of one WebSocket message")            \
    X(max_output_bytes, "max-output-bytes", NUMBER, "N",                                           \
      "waiting for one connection that does not read")                                             \
    X(max_unflushed_bytes, "max-unflushed-bytes", NUMBER, "N", "messages not yet in the store")    \
    X(max_recent_bytes, "max-recent-bytes", NUMBER, "N", "newest messages kept in memory")         \
    X(send_rate, "send-rate", RATE, "BURST/SECOND", "messages of one user; off: no limit")         \
    X(request_rate, "request-rate", RATE, "BURST/SECOND", "other commands of one user")            \
    X(connect_rate, "connect-rate", RATE, "BURST/SECOND", "of one user, and of one address")       \
    X(ping_interval_ms, "ping-interval-ms", NUMBER, "N", "between signs of life")                  \
    X(handshake_ms, "handshake-ms", NUMBER, "N", "from accepting a connection to its upgrade")     \
    X(drain_ms, "drain-ms", NUMBER, "N", "over which sessions are closed on SIGTERM")              \
    X(media_off, "media-off", FLAG, NULL, "take no uploads")                                       \
    X(public_url, "public-url", TEXT, "URL",                                                       \
      "how clients reach this server: in front of the paths of objects")                           \
    X(media_cdn, "media-cdn", TEXT, "URL", "what objects are read through instead")                \
    X(max_media_bytes, "max-media-bytes", NUMBER, "N", "size of one upload")                       \
    X(max_unsent_bytes, "max-unsent-bytes", NUMBER, "N",                                           \
      "uploads of one user that no message has yet")                                               \
    X(unsent_s, "unsent-s", NUMBER, "N", "after which an upload that no message has is removed")   \
    X(media_stall_ms, "media-stall-ms", NUMBER, "N",                                               \
      "a transfer of an object that moves less than 64 KiB in this time is cut")                   \
    X(image_program, "image-program", TEXT, "FILE", "chatcore-image, where it is not installed")   \
    X(retention_s, "retention-s", NUMBER, "N",                                                     \
      "messages that are older are removed; default: none is")                                     \
    X(retention_least_s, "retention-least-s", NUMBER, "N",                                         \
      "the shortest retention that a conversation may have of its own")                            \
    X(notify_file, "notify-file", TEXT, "FILE",                                                    \
      "notifications of the provider `file` are appended to it")                                   \
    X(webhook_secret_file, "webhook-secret-file", FILE, "FILE",                                    \
      "notify devices of the provider `webhook`, signed with the secrets in this file")            \
    X(webhook_allow_private, "webhook-allow-private", FLAG, NULL,                                  \
      "call webhooks on private addresses as well")                                                \
    X(event_webhooks, "event-webhooks", LIST, "LIST",                                              \
      "post everything that is said to these URLs, signed with the same secrets")                  \
    X(smtp_url, "smtp-url", TEXT, "URL",                                                           \
      "mail devices of the provider `email` through this server: smtp://HOST:PORT, smtps://…")     \
    X(smtp_from, "smtp-from", TEXT, "ADDRESS",                                                     \
      "who the mails are from: `Chat <chat@example.org>`")                                         \
    X(smtp_user, "smtp-user", TEXT, "NAME", "the user's name at that server")                      \
    X(smtp_password_file, "smtp-password-file", FILE, "FILE", "and the password")                  \
    X(smtp_ca_file, "smtp-ca-file", FILE, "FILE",                                                  \
      "who may certify that server, PEM; default: whom the system trusts")                         \
    X(smtp_verify_off, "smtp-verify-off", FLAG, NULL,                                              \
      "mail addresses without having asked their owners")                                          \
    X(smtp_trust_servers, "smtp-trust-servers", FLAG, NULL,                                        \
      "ask no owner of an address that a server has set, with its API key")                        \
    X(smtp_tls_off, "smtp-tls-off", FLAG, NULL, "smtp:// without STARTTLS: on one machine")        \
    X(smtp_digest_s, "smtp-digest-s", NUMBER, "N", "one mail a user in so long, of all he missed") \
    X(notify_retry_s, "notify-retry-s", NUMBER, "N",                                               \
      "a notification that fails is repeated for so long")                                         \
    X(notify_urgent_ms, "notify-urgent-ms", NUMBER, "N",                                           \
      "direct messages and mentions are gathered so long before a notification")                   \
    X(notify_window_ms, "notify-window-ms", NUMBER, "N", "and all other messages so long")         \
    X(notify_preview_off, "notify-preview-off", FLAG, NULL,                                        \
      "no text of messages in notifications")                                                      \
    X(search_off, "search-off", FLAG, NULL, "keep no search index")                                \
    X(presence_off, "presence-off", FLAG, NULL, "neither compute nor push presence")               \
    X(history_for_joiners, "history-for-joiners", FLAG, NULL,                                      \
      "who joins a group reads what was said before")                                              \
    X(spam_filter_off, "spam-filter-off", FLAG, NULL, "do not look for spam")                      \
    X(spam_repeats, "spam-repeats", QUOTA, "N/SECONDS",                                            \
      "conversations in which one user may say the same")                                          \
    X(spam_strangers, "spam-strangers", QUOTA, "N/SECONDS",                                        \
      "strangers whom one user may write to first")                                                \
    X(spam_links, "spam-links", QUOTA, "N/SECONDS", "links that one user may send")                \
    X(no_sync, "no-sync", FLAG, NULL,                                                              \
      "do not wait for the disk: a power cut loses the last messages")                             \
    X(dev, "dev", FLAG, NULL, "give tokens to everybody who asks: the web page logs in by name")   \
    X(log_level, "log-level", LEVEL, "LEVEL", "error, warning, info or debug")                     \
    X(log_format, "log-format", FORMAT, "FORMAT", "of the trace: logfmt or json")

/* The types of the kinds. */
#define SETTING_TEXT     char *
#define SETTING_FILE     char *
#define SETTING_LIST     char *
#define SETTING_NETWORKS char *
#define SETTING_LISTEN   char *
#define SETTING_RATE     char *
#define SETTING_QUOTA    char *
#define SETTING_LEVEL    char *
#define SETTING_FORMAT   char *
#define SETTING_NUMBER   uint64_t
#define SETTING_FLAG     bool

enum setting_index {
#define SETTINGS_INDEX(member, name, kind, argument, text) SETTING_INDEX_##member,
    SETTINGS_TABLE(SETTINGS_INDEX)
#undef SETTINGS_INDEX
        SETTING_COUNT
};

struct settings {
#define SETTINGS_MEMBER(member, name, kind, argument, text) SETTING_##kind member;
    SETTINGS_TABLE(SETTINGS_MEMBER)
#undef SETTINGS_MEMBER
    const char *config;       /* the file, or NULL; the command line's own */
    bool check_config;        /* only look whether everything can be opened */
    int lines[SETTING_COUNT]; /* where each stands in the file; 0: it does not */
};

/* Reads the command line, and the file that it names. Ends the process when they are wrong, after
 * saying all that is. */
void settings_read(struct settings *settings, int argc, char **argv);

/* The same for a process that runs. False after saying what is wrong: then nothing is to be freed.
 */
bool settings_read_again(struct settings *settings, int argc, char **argv);

void settings_free(struct settings *settings);

/* Says on standard error that a setting is wrong, and where it stands. */
void settings_blame(const struct settings *settings, enum setting_index which, const char *reason);

/* Calls for each setting that differs. */
void settings_compare(const struct settings *a, const struct settings *b,
                      void (*differs)(void *context, enum setting_index which, const char *name),
                      void *context);

#endif
