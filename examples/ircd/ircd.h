/*
 * What the files of the IRC server share. One thread, one libevent base: the engine runs on it
 * (cc_host_attach), and so does each IRC connection, a bufferevent.
 *
 * A client is one connection. It has up to two sessions: `probe` verifies its token and lists its
 * conversations before the welcome; `live` is the one that is pushed to. A client is freed when its
 * socket is closed and the last event of both sessions has been seen: no event finds it gone.
 *
 * A request is a command that the engine has not answered; it belongs to its client, and its id
 * carries the client's number. A label (IRCv3 labeled-response) collects the lines that answer one
 * command, until nothing refers to it any more.
 */
#ifndef IRCD_H
#define IRCD_H

#include <chatcore/engine.h>
#include <chatcore/error.h>
#include <chatcore/gateway.h>
#include <chatcore/host.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdarg.h>
#include <sys/queue.h>

#define NAME_MAX_ESCAPED (3 * CC_NAME_MAX + 2) /* each byte as %XX, and the sign of a channel */
#define BODY_MAX         512  /* of a line without its tags, with \r\n (RFC 1459) */
#define TAGS_MAX         4096 /* with @ and the space (IRCv3 message-tags: of clients) */
#define LINE_MAX_IN      (BODY_MAX + TAGS_MAX) /* longer ones are answered 417 and skipped */
#define PARAMS_MAX       15                    /* RFC 2812: the rest is the last one's */
#define LABEL_MAX        64                    /* IRCv3: longer ones are ignored */
#define ID_MAX           160                   /* of a conversation: a direct one names both */
#define OUTPUT_MAX       (1024 * 1024)         /* waiting for one client: it is cut */
#define TOKEN_MAX        8192                  /* the protocol's bound of a token */
#define CLIENTS_MAX      10000                 /* one more is closed at once */
#define TOPIC_MAX        256                   /* the protocol's bound of a group's name */
#define HISTORY_MAX      100                   /* messages of one CHATHISTORY: told in ISUPPORT */
#define TARGETS_MAX      4                     /* of one JOIN, PART, PRIVMSG: the rest is ignored */

enum cap {
    CAP_TAGS = 1,
    CAP_TIME = 2,
    CAP_ECHO = 4,
    CAP_LABEL = 8,
    CAP_BATCH = 16,
    CAP_AWAY = 32,
    CAP_ACCOUNT = 64,
    CAP_SASL = 128,
    CAP_HISTORY = 256,
    CAP_MARKER = 512,
    CAP_NOTIFY = 1024,
    CAP_REDACT = 2048,
    CAP_PREFIXES = 4096,
    CAP_USERHOST = 8192
};

struct client;

struct server {
    struct event_base *base;
    struct cc_host *host;
    struct cc_engine *engine;
    struct cc_gateway *gateway;  /* NULL: no WebSockets */
    struct cc_session *operator; /* lets users into public channels */
    const char *name;
    const char *motd; /* one line */
    bool is_trusting; /* who has no token is who he says he is */
    bool is_stopping;
    TAILQ_HEAD(, client) clients;
    uint32_t client_count;
    uint32_t next_number;
    int64_t started;        /* wall ms */
    struct ssl_ctx_st *tls; /* NULL: plain */
};

/* A line as it was received; all points into the buffer that was parsed. */
struct line {
    char *tags; /* without @; NULL: none */
    char *verb;
    char *params[PARAMS_MAX];
    int count;
};

struct label {
    char text[LABEL_MAX + 1];
    unsigned refs;
    unsigned count; /* of lines */
    struct evbuffer *lines;
};

/* A conversation as this client knows it. */
struct channel {
    TAILQ_ENTRY(channel) entry;
    char id[ID_MAX + 1];
    char name[NAME_MAX_ESCAPED + 1]; /* the channel's, or the peer's nick */
    char topic[TOPIC_MAX + 1];
    bool is_direct;
    bool is_joined;
    bool is_bare;    /* entered before its name was known */
    bool is_pending; /* it was spoken in before it was known what it is */
    enum cc_role role;
    uint32_t members;
    uint64_t first; /* pending: the first seq that was not shown, and the last one */
    uint64_t skipped;
    uint64_t read;
    uint64_t seen; /* the newest that was shown */
    uint64_t told; /* `delivered` that the engine was told */
    int64_t ts;    /* of the newest message; 0: none */
};

struct request;
typedef void answer_fn(struct client *client, struct request *request,
                       const struct cc_reply *reply);

struct request {
    TAILQ_ENTRY(request) entry;
    uint64_t id;
    answer_fn *answer;
    struct label *label;
    char name[NAME_MAX_ESCAPED + 1]; /* what it is about, as the client named it */
    char word[TOPIC_MAX + 1];        /* the handler's own */
    char word2[TOPIC_MAX + 1];
    uint64_t low, high; /* the handler's own */
    int64_t ts;
    uint32_t limit;
    uint32_t pages;
    bool flag;
};

struct link {
    struct client *client;
    struct cc_session *session;
};

struct client {
    TAILQ_ENTRY(client) entry;
    struct server *server;
    uint32_t number;
    struct bufferevent *io; /* NULL: closed */
    struct event *tick;
    char address[64];
    struct link probe;
    struct link live;
    char nick[NAME_MAX_ESCAPED + 1];
    char user[CC_NAME_MAX + 1]; /* verified; empty: not logged in */
    char username[CC_NAME_MAX + 1];
    char *token;           /* of PASS or SASL; NULL: none */
    struct evbuffer *sasl; /* the answer so far; NULL: none is under way */
    unsigned caps;
    bool is_negotiating; /* CAP LS or REQ, and no END */
    bool is_checking;    /* the token is at the engine */
    bool wants_login;    /* the token waits for the end of the session that the last one had */
    bool wants_sasl;
    bool is_registered;
    bool is_closing;
    bool skips_line;   /* the rest of a line that was too long */
    bool is_throttled; /* reading waits for the next tick of credit */
    bool was_pinged;
    int credit; /* lines that it may send now */
    int64_t opened_ms;
    int64_t heard_ms;
    int64_t credit_ms;
    uint32_t next_request;
    uint32_t next_batch;
    char nonce[17]; /* begins its client ids: unique for ever */
    struct label *label;
    TAILQ_HEAD(, channel) channels;
    TAILQ_HEAD(, request) requests;
};

/* What stands before a line, for those who asked for it. */
struct tags {
    int64_t ts;
    const struct cc_id *id;
    struct cc_slice account;
    const char *client; /* client-only tags, ready; NULL: none */
    const char *batch;
};

/* A message on its way to a client. */
struct shown {
    struct client *client;
    struct tags tags;
    char from[NAME_MAX_ESCAPED + 1];
    const char *target;
    const char *mark; /* before its text; NULL: none */
};

/* --- line.c: text, no state --- */
bool line_parse(char *text, struct line *ret_line);
const char *line_tag(const char *tags, const char *key, char *room, size_t size);
void tag_escape(struct cc_slice value, char *to, size_t size);
bool utf8_is_valid(const char *text);
size_t utf8_cut(const char *text, size_t size, size_t most);
void slice_copy(char *to, size_t size, struct cc_slice from);
bool slice_is(struct cc_slice slice, const char *text);
void nick_of(struct cc_slice user, char ret_nick[NAME_MAX_ESCAPED + 1]);
void channel_name_of(struct cc_slice id, char ret_name[NAME_MAX_ESCAPED + 1]);
bool user_of(const char *nick, char ret_user[CC_NAME_MAX + 1]);
bool id_of(const char *name, char ret_id[CC_NAME_MAX + 1]);
void id_print(const struct cc_id *id, char ret_text[37]);
bool id_parse(const char *text, struct cc_id *ret_id);
void time_print(int64_t ts, char ret_text[32]);
bool time_parse(const char *text, int64_t *ret_ts);
char *next_item(char **list);

/* --- output.c: lines to a client --- */
void say(struct client *client, const struct tags *tags, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void numeric(struct client *client, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void fail(struct client *client, const char *verb, const char *code, const char *context,
          const char *text);
void label_begin(struct client *client, const char *text);
struct label *label_ref(struct label *label);
void label_unref(struct client *client, struct label *label);
bool batch_begin(struct client *client, const char *kind, const char *target, char ret_name[16]);

/* --- client.c: connections --- */
void client_accept(struct server *server, evutil_socket_t socket, const char *address,
                   bool is_websocket);
void client_close(struct client *client, const char *reason);
void client_settle(struct client *client);
void client_free(struct client *client);
struct client *client_find(struct server *server, uint32_t number);

/* --- websocket.c: lines as messages --- */
struct bufferevent *websocket_wrap(struct bufferevent *raw);

/* --- request.c: commands to the engine and its events --- */
struct request *request_submit(struct client *client, struct cc_session *session,
                               struct cc_command *command, answer_fn *answer, const char *name);
void ignore_answer(struct client *client, struct request *request, const struct cc_reply *reply);
void await_echo(struct client *client, const struct request *request);
void request_echoed(struct client *client, struct request *request);
void on_engine_event(void *context, const struct cc_event *event);

/* --- register.c: until the welcome --- */
void probe_ended(struct client *client);
void do_cap(struct client *client, struct line *line);
void do_pass(struct client *client, struct line *line);
void do_nick(struct client *client, struct line *line);
void do_user(struct client *client, struct line *line);
void do_authenticate(struct client *client, struct line *line);

/* --- command.c: the table, and what needs no engine --- */
void command_run(struct client *client, struct line *line);
void send_motd(struct client *client);
void send_isupport(struct client *client);

/* --- channel.c: groups --- */
struct channel *channel_find(struct client *client, struct cc_slice id);
struct channel *channel_named(struct client *client, const char *name);
struct channel *channel_learn(struct client *client, const struct cc_conversation_summary *summary);
struct channel *channel_direct(struct client *client, struct cc_slice id, struct cc_slice peer);
struct channel *channel_pending(struct client *client, struct cc_slice id);
void channel_forget(struct client *client, struct channel *channel);
void channel_enter(struct client *client, struct channel *channel);
void channel_pushed(struct client *client, const struct cc_conversation_summary *summary);
const char *role_sign(const struct client *client, enum cc_role role);
void channels_tell_delivered(struct client *client);
void do_join(struct client *client, struct line *line);
void do_part(struct client *client, struct line *line);
void do_names(struct client *client, struct line *line);
void do_topic(struct client *client, struct line *line);
void do_list(struct client *client, struct line *line);
void do_mode(struct client *client, struct line *line);
void do_kick(struct client *client, struct line *line);
void do_invite(struct client *client, struct line *line);

/* --- people.c --- */
void do_who(struct client *client, struct line *line);
void do_userhost(struct client *client, struct line *line);
void do_whois(struct client *client, struct line *line);
void show_presence(struct client *client, const struct cc_presence *presence);

/* --- talk.c: what is said --- */
void do_privmsg(struct client *client, struct line *line);
void do_notice(struct client *client, struct line *line);
void do_tagmsg(struct client *client, struct line *line);
void show_message(struct client *client, const struct cc_message *message, const char *batch);
void show_text(struct shown *shown, const struct cc_message *message);
void show_typing(struct client *client, const struct cc_typing *typing);

/* --- change.c: what changes what was said --- */
void do_redact(struct client *client, struct line *line);
bool take_reaction(struct client *client, struct channel *channel, const char *tags);
void show_change(struct shown *shown, const struct channel *channel,
                 const struct cc_message *message);

/* --- history.c --- */
void do_chathistory(struct client *client, struct line *line);
void do_markread(struct client *client, struct line *line);
void catch_up(struct client *client, struct channel *channel);
void show_marker(struct client *client, struct channel *channel);

#endif
