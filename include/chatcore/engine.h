/*
 * The engine: one chat node. It opens no socket and no file, starts no thread, reads no clock.
 *
 * Who drives it calls cc_engine_step() on one thread, always the same: the engine's thread. A host
 * may do so itself (a game's tick loop, a foreign event loop with cc_engine_deadline()), or let a
 * driver of chatcore/host.h do it on the host's libevent base or on a thread of its own.
 *
 * Sessions, commands and events
 *   A session is one device of a user, connected. The host opens it on a queue, submits commands,
 * and drains the queue for events. Queues may belong to other threads than the engine's: each queue
 * is used by one thread. No callback of the host's runs inside a call that the host made, except
 *   the wake functions, which may only signal.
 *
 * Life of an engine: cc_engine_new(), steps, cc_engine_stop(), steps until CC_EVENT_STOPPED,
 * cc_engine_free().
 */
#ifndef CHATCORE_ENGINE_H
#define CHATCORE_ENGINE_H

#include "chatcore/backend/auth.h"
#include "chatcore/backend/cluster.h"
#include "chatcore/backend/directory.h"
#include "chatcore/backend/filter.h"
#include "chatcore/backend/log.h"
#include "chatcore/backend/media.h"
#include "chatcore/backend/notifier.h"
#include "chatcore/backend/search.h"
#include "chatcore/backend/store.h"
#include "chatcore/event.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_engine;
struct cc_queue;
struct cc_session;

/* `burst` requests at once, then `per_second_milli` thousandths of one a second. 0, 0: no limit. */
struct cc_rate {
    uint32_t burst;
    uint32_t per_second_milli;
};

/* Bounds that an operator sets. Each names what happens at it. */
struct cc_limits {
    uint32_t max_message_bytes; /* text + meta of one message: CC_ETOOLARGE (65,536) */
    uint32_t max_sessions;      /* of this node: one more is closed with 4029 (1,000,000) */
    uint32_t max_user_sessions; /* of one user on this node: the oldest is closed with 4029 (16) */
    uint32_t max_members;       /* of a group: CC_ETOOLARGE (100,000) */
    uint32_t max_inflight;      /* commands of one session not yet answered: CC_EBUSY (64) */
    uint32_t max_outstanding;   /* weight of the pushes handed to a session and not yet consumed
                                   (cc_event_weight): it goes back to catching up (512) */
    size_t max_unflushed_bytes; /* messages not yet in the store: sends answer CC_EBUSY until it
                                   caught up (256 MiB) */
    size_t max_recent_bytes; /* newest messages kept in memory for resuming and history: the oldest
                                go (64 MiB) */
    size_t max_input_bytes;  /* submitted and not yet taken by a step: submitting answers CC_EBUSY
                                (64 MiB) */
    uint32_t
        flush_interval_ms; /* the store is at most so far behind the log, if it keeps up (200) */
    uint32_t flush_rows;   /* or a flush starts at so many messages (50,000) */
    uint32_t
        dedup_window_s; /* a retried client_id is recognised for at least so long (90,000 = 25 h) */
    uint32_t ping_interval_ms; /* told to clients (25,000) */
    uint64_t retention_s; /* messages that are older vanish from history, store and search; 0: none
                             does (0) */
    uint64_t retention_least_s; /* of a conversation's own: CC_EINVAL below. It bounds how often all
                                   that have one are gone through (3,600) */
    uint32_t session_ttl_ms;    /* a dead node's users are offline after so long (60,000) */
    struct cc_rate send;        /* per user: send, edit, delete, react (200, 50 a second) */
    struct cc_rate request;     /* per user: every other command (400, 100 a second) */
    struct cc_rate connect;     /* per address and per user (60, 5 a second) */
    uint64_t max_media_bytes;   /* of one upload: CC_ETOOLARGE (100 MiB) */
    uint64_t max_unsent_bytes;  /* of one user's uploads that no message has yet, each counted as
                                   64 KiB at least: CC_ERATELIMITED (512 MiB) */
    uint32_t unsent_s;          /* an upload may be sent for so long; then it is removed (86,400) */
    uint64_t reserved[16];      /* 0 */
};

struct cc_engine_options {
    size_t size;
    struct cc_allocator allocator; /* all zero: the C library's */
    struct cc_random random;       /* all zero: libsodium's */
    struct cc_trace trace;         /* all zero: none */
    struct cc_log log;             /* the ports: required, owned by the engine from success on */
    struct cc_store store;
    struct cc_directory directory;
    struct cc_cluster cluster;
    struct cc_auth auth; /* optional: without it, only trusted sessions can connect */
    const struct cc_filter
        *filters; /* asked in this order; copied, owned by the engine from success on */
    size_t filter_count;
    struct cc_limits limits;     /* a 0 stands for the default, given in parentheses above */
    bool presence_off;           /* true: presence is neither computed nor pushed */
    bool history_for_joiners;    /* true: who joins a group reads what was said before (false: only
                                    from the join on) */
    void (*wake)(void *context); /* called, from any thread, when a step is wanted; only signals;
                                    may be NULL */
    void *wake_context;
    /* Optional: without it `upload` and `media` answer CC_ENOTSUP, and ids of media in messages are
     * the host's own, which nobody checks. Owned by the engine from success on. */
    struct cc_media media;
    struct cc_search search;             /* optional: without it, `search` answers CC_ENOTSUP */
    const struct cc_notifier *notifiers; /* one for each provider; copied, owned by the engine from
                                            success on */
    size_t notifier_count;
    struct cc_notify_options notify; /* a size of 0: the defaults */
};
/* Sets everything to 0 but the size. */
#define CC_ENGINE_OPTIONS_INIT CC_SIZED(struct cc_engine_options)

/*
 * Makes an engine on its ports. On failure the ports stay the caller's. Any thread; blocks no
 * longer than a few allocations. Errors: CC_EINVAL (a port or slot is missing), CC_ENOMEM.
 */
int cc_engine_new(const struct cc_engine_options *options, struct cc_engine **ret_engine);

/* Frees a stopped engine, its queues and its ports. Engine's thread. Errors: none. */
void cc_engine_free(struct cc_engine *engine);

/*
 * Does what there is to do: takes completions and submitted commands, advances timers to `now`,
 * submits to the ports, fills the queues. Never blocks. Engine's thread. Errors: CC_ENOMEM (nothing
 * is lost; step again later).
 */
int cc_engine_step(struct cc_engine *engine, struct cc_time now);

/* The mono_ms at which a step is wanted if nothing else happens; INT64_MAX: none. Engine's thread.
 * Errors: none. */
int64_t cc_engine_deadline(const struct cc_engine *engine);

/*
 * Takes other bounds while it runs: max_sessions, max_user_sessions, max_members,
 * max_unflushed_bytes, max_recent_bytes, and the rates; a 0 stands for the default. The other
 * members are not looked at: what was told to clients, and what other threads read, stays. Who is
 * over a lower bound already is left alone. Engine's thread. Errors: none.
 */
void cc_engine_renew_limits(struct cc_engine *engine, const struct cc_limits *limits);

/*
 * Asks the engine to stop: sessions are closed with `code`, what was acknowledged is flushed to the
 * store, then the default queue gets CC_EVENT_STOPPED. Any thread. Errors: none.
 */
void cc_engine_stop(struct cc_engine *engine, enum cc_close_code code);

/*
 * Lets a stop end that waits for a store which answers with errors only: what was acknowledged and
 * is not stored is left to the next start, which reads it from the log. Operations under way have
 * to complete all the same. For after cc_engine_stop(), when that takes too long. Any thread.
 * Errors: none.
 */
void cc_engine_give_up(struct cc_engine *engine);

/* True when sends can work: the log has been replayed, it has refused nothing in the last 5
 * seconds, and log and store answered last. Any thread. Errors: none. */
bool cc_engine_is_ready(const struct cc_engine *engine);

/* --- queues ------------------------------------------------------------------------------------
 */

/* The queue every engine has; its thread is the engine's thread, or any other if the host sees to
 * it. Any thread. Errors: none. */
struct cc_queue *cc_engine_queue(struct cc_engine *engine);

/*
 * Makes one more queue for another thread (a gateway thread has its own). `wake` is called from the
 * engine's thread when events come into the empty queue; it only signals. Freed with the engine.
 * Any thread. Errors: CC_ENOMEM.
 */
int cc_queue_new(struct cc_engine *engine, void (*wake)(void *context), void *context,
                 struct cc_queue **ret_queue);

/*
 * The next event, or NULL. It stays valid until the next call for the same queue. The pushes of an
 * event count as consumed then, unless the session counts them itself. Queue's thread. Errors:
 * none.
 */
const struct cc_event *cc_queue_next(struct cc_queue *queue);

/*
 * Hands over what was submitted through the queue since the last call: one lock and one wake for
 * all of it. A host that drains with cc_queue_next() needs no call of its own: seeing the end
 * (NULL) does it, too. Queue's thread. Errors: none.
 */
void cc_queue_flush(struct cc_queue *queue);

/* Short for cc_queue_next(cc_engine_queue(engine)). Queue's thread. Errors: none. */
const struct cc_event *cc_engine_next_event(struct cc_engine *engine);

/* --- sessions ----------------------------------------------------------------------------------
 */

struct cc_session_options {
    size_t size;
    void *data;              /* the host's own: names the session in events */
    struct cc_slice address; /* of the client, for limits; may be empty */
    struct cc_slice user;    /* a trusted session: connects as this user, without a token */
    bool counts_consumed; /* the host calls cc_session_consumed(); else draining an event consumes
                             it */
    bool requests_only;   /* takes commands and gives replies, and nothing else: the user is not
                             online by it, nothing is pushed to it, and what it needs no name for,
                             `connect`'s device, may be left out */
    bool is_admin;        /* a trusted session that may act on every conversation */
};
#define CC_SESSION_OPTIONS_INIT CC_SIZED(struct cc_session_options)

/*
 * Opens a session on a queue. Its first command must be a CC_COMMAND_CONNECT, within 10 s. The
 * session lives until its CC_EVENT_CLOSED has been drained. Queue's thread. Errors: CC_ENOMEM,
 * CC_EINVAL, CC_EBUSY.
 */
int cc_session_open(struct cc_queue *queue, const struct cc_session_options *options,
                    struct cc_session **ret_session);

/*
 * Submits a command; all it points to is copied. It is answered by one CC_EVENT_REPLY with its id
 * (but the heartbeat), unless the session closes first. Queue's thread. Errors: CC_EBUSY (too much
 * input waits; nothing was taken), CC_ENOMEM.
 */
int cc_session_submit(struct cc_session *session, const struct cc_command *command);

/*
 * What an event weighs for the session that it is pushed to: 1, and 1 more for each whole 1,024
 * bytes of a message's text, meta and files, so that limits.max_outstanding bounds bytes as well. A
 * reply weighs 0. Any thread. Errors: none.
 */
uint32_t cc_event_weight(const struct cc_event *event);

/* The host is done with pushes of this weight in all (for sessions with counts_consumed). Queue's
 * thread. Errors: none. */
void cc_session_consumed(struct cc_session *session, uint32_t weight);

/* Ends the session (its connection is gone); CC_EVENT_CLOSED follows. May be called twice. Queue's
 * thread. Errors: none. */
void cc_session_close(struct cc_session *session);

/* --- figures -----------------------------------------------------------------------------------
 */

/* Counters since the start, and gauges. Taken by the engine's thread at each step, read by any. */
struct cc_engine_stats {
    size_t size;
    uint64_t sessions;   /* gauge: connected now */
    uint64_t users;      /* gauge: with a session now */
    uint64_t commands;   /* taken */
    uint64_t sends;      /* messages applied, of every kind */
    uint64_t duplicates; /* retries recognised */
    uint64_t rejected;   /* commands answered with an error */
    uint64_t rate_limited;
    uint64_t deliveries;               /* message pushes, one a session */
    uint64_t catchups;                 /* sessions that began to catch up */
    uint64_t slow_consumers;           /* of those: because they read too slowly */
    uint64_t flushes;                  /* store writes completed */
    uint64_t unflushed_bytes;          /* gauge */
    uint64_t recent_bytes;             /* gauge */
    uint64_t log_appends;              /* batches */
    uint64_t port_errors;              /* operations that failed */
    uint64_t bus_gaps;                 /* lost or late messages of other nodes, healed */
    uint64_t notifications_sent;       /* taken by a provider */
    uint64_t notifications_taken_back; /* likewise: what they told had been read */
    uint64_t notifications_retried;    /* attempts that failed and are repeated */
    uint64_t notifications_dropped;    /* given up: too old, or a queue was full */
    uint64_t notifications_refused;    /* never to be taken by the provider */
    uint64_t notifications_held_back;  /* in their receiver's quiet hours */
    uint64_t notification_tokens_gone; /* removed from the directory */
    uint64_t notifications_waiting;    /* gauge: not yet sent */
    uint64_t search_behind;            /* gauge: records that the search index has yet to take */
};

/* Copies the figures; members beyond ret_stats->size are not written. Any thread. Errors: none. */
void cc_engine_get_stats(const struct cc_engine *engine, struct cc_engine_stats *ret_stats);

#ifdef __cplusplus
}
#endif
#endif
