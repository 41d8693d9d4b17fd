/*
 * A client's parts. All of it belongs to the client's thread, but for what `lock` guards: the
 * outbox, into which any thread writes; the calls of other threads; and the events that wait for
 * cc_client_dispatch().
 *
 *     client.c      the public functions, the thread, the life: connecting, waiting, refused
 *     calls.c       commands of the program
 *     connection.c  one WebSocket on libwebsockets: frames, requests and their replies
 *     codec.c       JSON and MessagePack
 *     token.c       the program's tokens
 *     order.c       messages in order, each once, gaps filled
 *     outbox.c      what was written and is not confirmed
 *     files.c       what of it goes with a file; downloads
 *     transfer.c    files over HTTP, on a thread of their own
 *     events.c      what the program is told, where, and what it has had
 *     storage.c     the disk
 */
#ifndef CC_CLIENT_INTERNAL_H
#define CC_CLIENT_INTERNAL_H

#include "chatcore/client.h"
#include "codec.h"
#include "storage.h"
#include "transfer.h"

#include <jansson.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdbool.h>

/* Without memory an element is not added, which its `hh.tbl` tells. */
#define HASH_NONFATAL_OOM 1
#include <stdlib.h>
#include <uthash.h>

#define NAME_SIZE    65   /* of the protocol's names, and the 0 */
#define TOKEN_SIZE   8193 /* of the protocol's tokens, and the 0 */
#define COMMAND_SIZE 32   /* of a command's name, and the 0 */

/* The server takes 64 unanswered commands of a session; some room is left for our own. */
#define IN_FLIGHT_MOST 48
/* Requests that wait for room, and calls of other threads: more means a loop that asks. */
#define QUEUED_MOST 1000
/* Of the outbox; more means that nobody looks at what is refused. */
#define ENTRIES_MOST 10000
/* Messages behind one gap; at it the connection is cut, and they come by the cursor. */
#define HELD_MOST 2000
/* Events that wait for cc_client_dispatch(); at it the connection is cut until half are taken. */
#define EVENTS_MOST 10000
/* Of a frame from the server; a larger one is none of its. */
#define FRAME_MOST ((size_t)16 << 20)
/* The name of our callback within libwebsockets; what goes over the wire is codec_protocol(). */
#define LOCAL_PROTOCOL "chatcore"
/* What a server may ask to wait: more is none of its sense. */
#define WAIT_MOST_MS ((int64_t)3600 * 1000)

struct request;
struct event;
struct call;
struct entry;
struct held;

struct backoff {
    unsigned failures;
};

/* How far a conversation has come. */
struct position {
    UT_hash_handle hh;
    uint64_t seq;       /* handed out */
    uint64_t had;       /* the program is done with it */
    bool is_unrecorded; /* `had` is not on disk */
    struct held *held;  /* messages behind a gap, oldest first; NULL: no gap */
    struct held **held_last;
    size_t held_count;
    char conversation[NAME_SIZE];
};

struct cc_client {
    struct cc_client_options options;
    char *url, *device;
    struct storage storage;
    pthread_t thread;
    struct lws_context *context;

    pthread_mutex_t lock;
    /* under `lock` */
    bool is_ending;
    bool is_wanted; /* started, and not stopped */
    struct call *calls, **calls_last;
    size_t call_count;
    struct entry *outbox; /* by client_id */
    uint64_t last_place;
    struct event *events, **events_last; /* to be dispatched */
    size_t event_count;
    struct event *spare;             /* for a state, without memory; the client's thread's */
    struct event *done, **done_last; /* dispatched, not yet seen by the thread */
    int event_fd;                    /* -1: on_event is called on the client's thread */
    struct transfer *transfers, *transferring, *transfers_done;
    size_t transfer_count;
    bool has_transfer_thread;
    pthread_cond_t stopped, transfer_wanted;
    enum cc_client_status status;

    pthread_t transfer_thread;
    _Atomic bool is_transfer_ending;
    bool is_uploading; /* the client's thread's */

    /* the life */
    struct backoff backoff;
    bool is_token_refused;
    int64_t token_ends_ms;                          /* by the server's clock; 0: not known */
    int64_t server_ahead_ms;                        /* its clock, of libwebsockets' */
    char token[TOKEN_SIZE], next_token[TOKEN_SIZE]; /* in use; told, and not yet answered */
    char *cursor, *next_cursor, *had_cursor;
    bool is_cursor_unrecorded;
    lws_sorted_usec_list_t retry_timer, record_timer, outbox_timer, beat_timer, order_timer,
        refresh_timer;
    int64_t beat_us, beat_interval_us;

    /* the connection */
    struct lws *wsi;      /* libwebsockets clears it, sometimes before it tells the end */
    uintptr_t connection; /* counts them: a callback of an earlier one is known by its number */
    bool is_connected;    /* from the first try on, until its end has been told */
    bool is_open;         /* the WebSocket is */
    bool is_greeted;
    bool is_cut;
    int ending_code;
    int64_t ending_retry_ms;
    char ending_reason[128];
    enum cc_client_encoding encoding; /* that was agreed on */
    char *received;
    size_t received_size, received_room;
    struct request *requests; /* in flight, by id */
    struct request *queued, **queued_last;
    size_t queued_count, in_flight;
    uint64_t next_id;

    struct position *positions;
    size_t gap_count;
    size_t sending_count; /* of the outbox's, under way */
};

/* --- client.c --- */
double client_random(struct cc_client *client);
int64_t backoff_next(struct cc_client *client, struct backoff *backoff, int64_t at_least_ms);
void client_opened(struct cc_client *client);
void client_lost(struct cc_client *client);
void client_pushed(struct cc_client *client, const char *key, json_t *body);
void client_settled(struct cc_client *client);
void client_wake(struct cc_client *client);
void client_has_room(struct cc_client *client);

/* --- token.c --- */
/* True: there is one, another than the one that was refused. */
bool token_ask(struct cc_client *client);
void token_greeted(struct cc_client *client, json_t *hello);
void token_lost(struct cc_client *client);

/* --- calls.c --- */
void calls_do(struct cc_client *client);
void calls_free(struct cc_client *client);

/* --- connection.c --- */
int connection_open(struct cc_client *client);
void connection_cut(struct cc_client *client, int code, const char *reason);
/* The reply's body, or an error: its name, and what the server said of it or NULL. */
typedef void (*reply_handler)(struct cc_client *client, void *context, const char *error,
                              json_t *body);
/* `fields` is taken. The handler is called once, not before this returns, if it returns 0. */
int connection_request(struct cc_client *client, const char *command, json_t *fields,
                       reply_handler handler, void *context);
int connection_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                        size_t size);

/* --- order.c --- */
void order_take(struct cc_client *client, json_t *message);
void order_drop(struct cc_client *client);
struct position *order_position(struct cc_client *client, const char *conversation);
void order_free(struct cc_client *client);

/* --- outbox.c --- */
int outbox_load(struct cc_client *client, uint64_t place, const char *json, size_t size);
void outbox_pump(struct cc_client *client);
/* `error` NULL: it is there as `media`. */
void outbox_uploaded(struct cc_client *client, const char *client_id, const char *error,
                     bool is_temporary, json_t *body, const char *media);
bool error_is_temporary(const char *error, json_t *body);
void outbox_free(struct cc_client *client);

/* --- files.c --- */
/* `file` is an entry's. -EINVAL: it can't be read. It ends with outbox_uploaded() if 0. */
int files_upload(struct cc_client *client, const char *client_id, json_t *file);

/* --- events.c --- */
int events_init(struct cc_client *client);
void events_state(struct cc_client *client, enum cc_client_status status, int64_t retry_in_ms);
/* `body` is borrowed. False without memory: it is not told, and the connection is being cut. */
bool events_push(struct cc_client *client, enum cc_client_event_type type, const char *name,
                 json_t *body);
bool events_outbox(struct cc_client *client, enum cc_client_event_type type, const char *client_id,
                   const char *error, json_t *body);
void events_progress(struct cc_client *client, const char *client_id, const char *media,
                     uint64_t done, uint64_t total);
/* What a reply will need, made before it is asked for: on_reply is called in any case. */
struct event *events_reply_new(cc_client_reply_handler on_reply, void *context);
/* Takes `node`. */
void events_reply(struct cc_client *client, struct event *node, const char *error, json_t *body);
void events_node_free(struct event *node);
/* All before it is had when it is. */
void events_cursor(struct cc_client *client, const char *cursor);
void events_take_done(struct cc_client *client);
void events_record(struct cc_client *client);
void events_free(struct cc_client *client);

#endif
