/*
 * The notifier port: one notification to one device of a user who has no live session (APNs, FCM,
 * Web Push, e-mail, a webhook, a file).
 *
 * Each notifier is registered under the name of a provider; a device names the provider that its
 * token is of (the `device` command). The engine decides who is notified of what and when, holds
 * the queues of the devices, and repeats what was answered with CC_NOTIFIER_LATER; a notifier makes
 * one attempt, or takes the notification over durably. At most one push to a device is under way
 * at a time, those to different devices go side by side: a notifier must not make one wait for
 * another.
 *
 * Every slot is called from the engine's thread only, and every slot is required. None may block:
 * a notifier that talks to a network has a thread of its own, and completes the operation there.
 */
#ifndef CHATCORE_BACKEND_NOTIFIER_H
#define CHATCORE_BACKEND_NOTIFIER_H

#include "chatcore/backend/op.h"
#include "chatcore/conversation.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The longest name of a provider. */
#define CC_PROVIDER_MAX 32

enum cc_notification_action {
    CC_NOTIFICATION_SHOW = 1,
    CC_NOTIFICATION_CANCEL = 2, /* take back what is shown under the collapse key: it was read */
    /* Ask the owner of the token whether `user` may be notified there, by `device`; only for a
     * notifier that `verifies`. Of the members, these and the id are set. */
    CC_NOTIFICATION_VERIFY = 3
};

enum cc_notification_priority {
    CC_NOTIFICATION_NORMAL = 1,
    CC_NOTIFICATION_HIGH = 2 /* a direct message, or a mention of the user */
};

/* What a device is told. Texts are valid UTF-8, and may be hostile: whoever puts them into another
 * format escapes them. */
struct cc_notification {
    enum cc_notification_action action;
    enum cc_notification_priority priority;
    /* The same when the same notification is sent again (after a crash, or a retry): a receiver may
     * know it by that. */
    struct cc_id id;
    struct cc_slice user;
    struct cc_slice device;
    struct cc_slice token;
    /* 32 characters of 0-9a-f, the same for all of one conversation at one user: a newer
     * notification replaces an older one (apns-collapse-id, FCM's collapse_key, Web Push's Topic).
     */
    struct cc_slice collapse_key;
    struct cc_slice conversation;
    enum cc_conversation_kind kind;
    struct cc_slice conversation_name; /* empty for a direct one */
    struct cc_slice from;              /* the user who wrote the newest message */
    struct cc_slice from_name;         /* his profile's name; his user id where he has none */
    struct cc_slice title;             /* ready to be shown */
    struct cc_slice body;              /* likewise, in lines */
    uint32_t count;                    /* messages of the conversation that it tells of */
    uint32_t badge;                    /* unread messages of all conversations, up to a bound */
    uint64_t seq;                      /* of the newest message */
    int64_t ts;                        /* likewise: wall ms */
    struct cc_slice trace_parent;      /* likewise: of the trace that its sending was part of */
};

enum cc_notifier_result {
    CC_NOTIFIER_SENT = 1, /* the provider has it, or the notifier keeps it durably */
    CC_NOTIFIER_LATER,    /* try again, not before ret_retry_after_ms */
    CC_NOTIFIER_GONE,     /* the token is of no device any more: the engine removes it */
    CC_NOTIFIER_REFUSED   /* this notification will never be taken */
};

/* A status other than 0 counts as LATER; CC_ECANCELED as not sent. */
struct cc_notifier_push {
    struct cc_op op;
    struct cc_notification notification;
    struct cc_time now;
    /* What else the same user is shown on the device, each of another conversation, the most
     * important first: only for a notifier that gathers, which sends all as one. The result is for
     * all of them. */
    const struct cc_notification *const *others;
    size_t other_count;
    enum cc_notifier_result ret_result;
    uint32_t ret_retry_after_ms; /* LATER: 0: the engine decides */
};

struct cc_notifier_vtable {
    size_t size;
    void (*push)(void *self, struct cc_notifier_push *op);
    /* The engine stops: the push completes soon, with what has become of it, or CC_ECANCELED. */
    void (*cancel)(void *self, struct cc_op *op);
    /* Gives everything back; what is kept durably stays kept. No push is under way. */
    void (*free)(void *self);
};

struct cc_notifier {
    const struct cc_notifier_vtable *vtable;
    void *self;
    struct cc_slice provider; /* 1 to CC_PROVIDER_MAX bytes; copied by the engine */
    bool cancels;             /* takes CC_NOTIFICATION_CANCEL; without it, none is pushed */
    bool verifies;            /* a new token gets CC_NOTIFICATION_VERIFY, and nothing else until its
                                 owner has said yes: by a `device` command with `verified_until` */
    bool trusts_servers;      /* but not one that a trusted session sets */
    /* What comes for a device is gathered for so long from its first notification on, and then
     * pushed as one: unless it has been read, or the user has a session by then. 0: each
     * notification is pushed by itself, at once. */
    uint32_t gather_ms;
};

/* How users are notified. A 0 stands for the default, given in parentheses. */
struct cc_notify_options {
    size_t size;
    uint32_t urgent_ms; /* direct messages and mentions are gathered so long; also the grace that a
                           client has to come back in (3,000) */
    uint32_t window_ms; /* other messages of a conversation are gathered so long (15,000) */
    uint32_t retry_for_s;      /* a push is given up after so long (3,600); the log is kept from the
                                  oldest one not yet sent on */
    uint32_t max_pushes;       /* not yet sent, all devices together; at it, the oldest that failed
                                  before is dropped, or reading waits (16,384: about 25 MB) */
    uint32_t max_device_queue; /* of one device; the oldest is dropped (32) */
    uint32_t max_topics;       /* conversations gathering; at it, reading waits (16,384) */
    uint32_t max_shown;   /* users and conversations remembered with what was sent, to count on from
                             it; the longest untouched forgotten (65,536: about 20 MB) */
    bool preview_off;     /* no text of messages in notifications */
    uint64_t reserved[8]; /* 0 */
};
#define CC_NOTIFY_OPTIONS_INIT CC_SIZED(struct cc_notify_options)

/* --- the notifiers that are shipped ------------------------------------------------------------
 */

/*
 * Appends each notification as one JSON object and a line end to a file, which is made if it is not
 * there: for trying things, and for a program that reads on. Writes at once, on the engine's
 * thread; what the file does not take is answered with LATER. `provider` is the name it is
 * registered under. Any thread. Errors: CC_EIO, CC_ENOMEM, CC_EINVAL.
 */
int cc_notifier_file_new(const struct cc_allocator *allocator, const char *path,
                         const char *provider, struct cc_notifier *ret_notifier);

struct cc_webhook_options {
    size_t size;
    /* Up to 4, parted by spaces: base64 of 24 to 64 bytes, with or without `whsec_` in front. Every
     * request is signed with each of them, so that a receiver can change over. */
    const char *secrets;
    bool allow_private;  /* addresses of private networks, and this machine's, are called as well */
    uint32_t timeout_ms; /* of a request, from its beginning; 0: 15,000 */
};
#define CC_WEBHOOK_OPTIONS_INIT CC_SIZED(struct cc_webhook_options)

/*
 * Posts each notification to the URL that is the device's token, as Standard Webhooks has it: JSON,
 * with the headers webhook-id, webhook-timestamp and webhook-signature (v1, HMAC-SHA256). A 2xx
 * counts as sent, 410 as gone; everything else is tried again. Follows no redirects. Connects to no
 * address that is not public, whatever name leads there, but with `allow_private`. The provider is
 * `webhook`. Has a thread of its own. Any thread. Errors: CC_EINVAL (the secrets), CC_ENOMEM,
 * CC_EIO.
 */
int cc_notifier_webhook_new(const struct cc_allocator *allocator,
                            const struct cc_webhook_options *options,
                            struct cc_notifier *ret_notifier);

/*
 * Other secrets for a webhook notifier, in the place of those that it was made with, for requests
 * that are signed from now on: a repetition, too. To change over, give the old one and the new one
 * until all receivers have the new one. Until the engine that has the notifier is freed. Any
 * thread. Errors: CC_EINVAL (the secrets, or another notifier): then the old ones stay.
 */
int cc_notifier_webhook_renew(const struct cc_notifier *notifier, const char *secrets);

/* Whether secrets are as cc_webhook_options wants them. Any thread. Errors: CC_EINVAL. */
int cc_webhook_secrets_check(const char *secrets);

/* Where the gateway ends a device's mails, and the size of the key that signs for it. */
#define CC_UNSUBSCRIBE_PATH "/v1/unsubscribe"
#define CC_VERIFY_PATH      "/v1/verify" /* … and lets an owner say that an address is his */
#define CC_UNSUBSCRIBE_KEY  32

struct cc_smtp_options {
    size_t size;
    const char *url;  /* smtp://HOST:PORT or smtps://HOST:PORT; a path is the name to say HELO by */
    const char *from; /* "chat@example.org" or "Chat <chat@example.org>" */
    const char *user; /* with its password; NULL: no AUTH */
    const char *password;
    const char *ca_file; /* PEM: who may certify the server; NULL: whom the system trusts */
    bool tls_off;        /* smtp:// without STARTTLS: texts and passwords go as they are */
    const char *link;    /* to the chat, for the mails; NULL: none */
    /* What clients reach the gateway by ("https://chat.example.org"), and the key of
     * CC_UNSUBSCRIBE_KEY bytes that it has as well: with both, each mail has a link that ends them,
     * which mail programs offer as one click (RFC 8058). */
    const char *public_url;
    const uint8_t *unsubscribe_key;
    uint32_t digest_ms;  /* one mail a user in so long (300,000) */
    uint32_t timeout_ms; /* of sending one mail (60,000) */
    struct cc_trace trace;
    /* Addresses are mailed a link first, and nothing else until it is followed. Needs public_url
     * and unsubscribe_key, or nothing is verified. */
    bool verify;
    bool trust_servers; /* but not those that trusted sessions set: servers, with an API key */
};
#define CC_SMTP_OPTIONS_INIT CC_SIZED(struct cc_smtp_options)

/*
 * Mails what a user has missed, all conversations in one mail, to the address that is the device's
 * token. Connections to the server are kept, 4 at most. An address that the server says is none is
 * gone; a mail that it refuses for good is refused; everything else is tried again. The provider is
 * `email`. Has a thread of its own. Any thread. Errors: CC_ENOTSUP (no URL of SMTP),
 * CC_EINVAL (no sender's address), CC_ENOMEM.
 */
int cc_notifier_smtp_new(const struct cc_allocator *allocator,
                         const struct cc_smtp_options *options, struct cc_notifier *ret_notifier);

#ifdef __cplusplus
}
#endif
#endif
