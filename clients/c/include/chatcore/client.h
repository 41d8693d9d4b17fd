/*
 * A client of a chatcore server: it stays connected, sends what was written offline exactly once,
 * and hands out messages in order, without a gap or a double. docs/protocol.md says what goes over
 * the wire; commands and pushes are its JSON here, in whichever encoding they travel.
 *
 * Sockets are on a thread of the library. Events come either on that thread (on_event is called as
 * they come), or on the host's loop of whatever kind: cc_client_fd() becomes readable, and
 * cc_client_dispatch() calls on_event there. A message counts as had when on_event has returned
 * from it: a program that dies in the middle of one gets it again, and while it runs none comes
 * twice.
 *
 * Every function may be called from any thread and from on_event, but for cc_client_free() and
 * cc_client_stop(), which are not for on_event. Errors are negative errno values.
 */
#ifndef CHATCORE_CLIENT_H
#define CHATCORE_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CC_CLIENT_API __attribute__((visibility("default")))
#else
#define CC_CLIENT_API
#endif

struct cc_client;

enum cc_client_encoding {
    CC_CLIENT_JSON,
    CC_CLIENT_MSGPACK /* if the server speaks it; JSON else */
};

enum cc_client_status {
    CC_CLIENT_STOPPED,
    CC_CLIENT_CONNECTING,
    CC_CLIENT_CATCHING_UP,
    CC_CLIENT_ONLINE,  /* all that was missed has been handed out */
    CC_CLIENT_WAITING, /* for the time to try again */
    CC_CLIENT_REFUSED  /* coming back makes no sense; cc_client_start() tries again */
};

enum cc_client_event_type {
    CC_CLIENT_EVENT_STATE,
    CC_CLIENT_EVENT_HELLO,   /* `json`: the reply to `connect` */
    CC_CLIENT_EVENT_MESSAGE, /* `message`; `json`: the whole push */
    CC_CLIENT_EVENT_PUSH,    /* another push: `name` and `json` */
    CC_CLIENT_EVENT_SENT,    /* `client_id`; `json`: the reply */
    CC_CLIENT_EVENT_FAILED, /* `client_id`, refused for good with `error`; it stays in the outbox */
    CC_CLIENT_EVENT_PROGRESS /* `done` of `total` bytes of the file of `client_id`, or, of a
                                download, of the media `name`; some five times a second */
};

struct cc_client_message {
    const char *conversation;
    const char *id;
    const char *from;
    const char *kind;
    const char *text; /* "" when it has none */
    uint64_t seq;
    int64_t ts; /* milliseconds since 1970, UTC */
};

/* Valid until on_event returns. */
struct cc_client_event {
    enum cc_client_event_type type;
    enum cc_client_status status; /* of a state */
    int64_t retry_in_ms;          /* of a state: waiting so long */
    int code;                     /* of a state: why the last connection ended: a close code, an
                                     error's code, 0 */
    const char *reason;           /* of a state; else "" */
    const char *name;
    const char *json;
    const char *client_id;
    const char *error; /* a name of the protocol's, or "upload_failed" (the object store refused
                          it), "file_unreadable" */
    struct cc_client_message message;
    uint64_t done, total; /* of a file; `total` 0: not known */
};

enum cc_client_token_reason {
    CC_CLIENT_TOKEN_CONNECT, /* the current one will do */
    CC_CLIENT_TOKEN_REFRESH, /* it ends soon: a JWT, of which `exp` is read */
    CC_CLIENT_TOKEN_REFUSED  /* the server did not take the last one */
};

struct cc_client_options {
    size_t size;
    const char *url;    /* "wss://host/v1/ws"; "https://host" will do */
    const char *device; /* a name of this device that stays the same */
    const char *folder; /* of the outbox and the position, made if it is not there; one client's */
    /*
     * Writes a token, ended by 0, into `token` of `size` bytes. Called on the library's thread; it
     * may block. Other than 0: there is none, and the client is refused; at a refresh it is asked
     * again while the old one lives.
     */
    int (*token)(void *context, enum cc_client_token_reason reason, char *token, size_t size);
    void (*on_event)(void *context, const struct cc_client_event *event);
    void *context;
    int dispatched; /* on_event is called by cc_client_dispatch() alone */
    /* From 0 to below 1, for the back-off; NULL: from the system. */
    double (*random)(void *context);
    enum cc_client_encoding encoding;
};
#define CC_CLIENT_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(struct cc_client_options), 0, 0, 0, 0, 0, 0, 0, 0, CC_CLIENT_JSON                   \
    }

/* A message to be: exactly one of `conversation` and `user`. What is NULL is left out. */
struct cc_client_draft {
    const char *conversation;
    const char *user;
    const char *text;
    const char *client_id; /* NULL: one is made */
    const char *more;      /* other fields of `send`, a JSON object: media, reply_to, meta … */
    const char *file;      /* a path: uploaded first, then the last of the message's media. It must
                              stay there until the message is sent or has failed */
    const char *file_type; /* its media type; NULL: application/octet-stream */
};

/*
 * Makes a client and opens its folder. Errors: -EINVAL (options, the URL), -ENOMEM, -EBUSY (the
 * folder is another client's), others of the file system.
 */
CC_CLIENT_API int cc_client_new(const struct cc_client_options *options,
                                struct cc_client **ret_client);

/*
 * Ends what libwebsockets writes to standard error, in the whole process: its diagnostics are one
 * setting of all that use it, so the program decides, and those that use it otherwise (they know
 * lws_set_log_level()) don't call this.
 */
CC_CLIENT_API void cc_client_quiet(void);

/* Stops it and frees everything; what is not answered by then is not any more. NULL does nothing.
 */
CC_CLIENT_API void cc_client_free(struct cc_client *client);

/* Connects, and comes back by itself until it is stopped or refused. 0. */
CC_CLIENT_API int cc_client_start(struct cc_client *client);

/* Ends the connection; what was had is recorded when it returns. */
CC_CLIENT_API void cc_client_stop(struct cc_client *client);

/*
 * Keeps a message: it is on disk when this returns, and is sent, with the same client_id however
 * often it has to be tried, in the order written for each target. Errors: -EINVAL, -ENOMEM, -EEXIST
 * (the client_id is in the outbox already), -ENOSPC (10,000 are in it), others of the file system.
 */
CC_CLIENT_API int cc_client_send(struct cc_client *client, const struct cc_client_draft *draft);

/* Tries one that failed again, behind what waits. -ENOENT: none such. */
CC_CLIENT_API int cc_client_retry(struct cc_client *client, const char *client_id);

/* Gives one up; it may have been sent all the same if it was tried. -ENOENT: none such. */
CC_CLIENT_API int cc_client_discard(struct cc_client *client, const char *client_id);

typedef void (*cc_client_reply_handler)(void *context, const char *error, const char *reply);

/*
 * One command of the protocol: `fields` is a JSON object. on_reply is called once, where events
 * come: with the reply's JSON and error NULL, or with reply NULL and the error's name ("offline":
 * there was no connection, or it was lost before the reply; "no_memory": for the reply) and its
 * JSON in `reply` if the server told it. Errors: -EINVAL, -ENOMEM, -ENOBUFS (1,000 are waiting);
 * then on_reply is not called.
 */
CC_CLIENT_API int cc_client_request(struct cc_client *client, const char *command,
                                    const char *fields, cc_client_reply_handler on_reply,
                                    void *context);

/*
 * Fetches what was sent as `media` into the file `path`, which appears when it is whole (0600; one
 * that is there is replaced), up to 1 GiB. on_done is called once, where events come: with `reply`
 * {"media", "path", "bytes"}, or with the error's name: the protocol's, "offline",
 * "download_failed" (the object store refused it, or it was cut off), "file_unwritable",
 * "too_large", "no_memory". Errors: -EINVAL, -ENOMEM, -ENOBUFS; then on_done is not called. One
 * file is moved at a time, on a thread of the library's that begins with the first.
 */
CC_CLIENT_API int cc_client_download(struct cc_client *client, const char *media, const char *path,
                                     cc_client_reply_handler on_done, void *context);

/* Readable when cc_client_dispatch() has something to do. Only with `dispatched`; else -1. */
CC_CLIENT_API int cc_client_fd(const struct cc_client *client);

/* Calls on_event for what has come, at most `most` times (0: all); how many it were. Always from
 * one thread. */
CC_CLIENT_API size_t cc_client_dispatch(struct cc_client *client, size_t most);

#ifdef __cplusplus
}
#endif
#endif
