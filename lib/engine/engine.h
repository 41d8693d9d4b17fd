/*
 * The engine's own state, and what its modules share. Everything in here belongs to the engine's
 * thread, but for the members that say otherwise.
 *
 * The way of a message: session.c takes a command, chat.c checks it, propose.c appends it to the
 * log; partition.c reads the log, sequencer.c gives it its seq, delivery.c pushes it, flush.c
 * writes it behind.
 */
#ifndef CC_ENGINE_ENGINE_H
#define CC_ENGINE_ENGINE_H

#include "base/hash.h"
#include "base/list.h"
#include "base/timers.h"
#include "base/trace.h"
#include "chatcore/engine.h"
#include "engine/id.h"
#include "engine/limits.h"
#include "engine/queue.h"
#include "engine/stats.h"

enum engine_state {
    ENGINE_RUNNING,
    ENGINE_CLOSING,
    ENGINE_FLUSHING,
    ENGINE_CANCELLING,
    ENGINE_STOPPED
};

struct cc_engine {
    struct cc_allocator allocator;
    struct cc_trace trace;
    struct cc_random random;
    struct cc_limits limits;
    struct cc_log log;
    struct cc_store store;
    struct cc_directory directory;
    struct cc_cluster cluster;
    struct cc_search search; /* vtable NULL: none */
    struct cc_auth auth;
    struct cc_media media;
    struct cc_filter *filters;
    size_t filter_count;
    bool presence_off;
    bool history_for_joiners;

    void (*wake)(void *context);
    void *wake_context;
    _Atomic bool wake_wanted;        /* any thread: set by whoever wakes, cleared by the step */
    _Atomic int stop_code;           /* any thread: 0 until cc_engine_stop() */
    _Atomic bool gives_up;           /* any thread: from cc_engine_give_up() on */
    _Atomic bool is_ready;           /* written by the engine's thread */
    struct cc_queue *_Atomic queues; /* grows at its head, from any thread */
    struct cc_queue *default_queue;

    struct cc_time now;
    struct cc_mailbox mailbox;
    size_t operations; /* submitted to ports and not completed: the engine is freed only at 0 */
    struct timers timers;
    struct id_generator ids;
    struct cc_slice node; /* this node's name in the cluster */
    enum engine_state state;
    struct timer stop_timer;

    struct partition *partitions; /* one for each of the log's */
    uint32_t partition_count;
    struct cc_log_watch watch;
    bool is_watching;
    bool knows_partitions; /* the log has told which are this node's */
    bool resume_wanted;    /* sessions that wait to catch up may go on: see sync.h */

    struct cc_session *sessions; /* all, whatever their phase */
    size_t session_count;
    struct cc_session *closed; /* unreferenced: get their last event at the end of the step */
    struct user *users;        /* uthash: those with a session here */
    struct conversation *conversations; /* uthash: those loaded for partitions of this node */
    struct conversation *idle_oldest;   /* see conversation.c */
    struct conversation *idle_newest;
    size_t idle_count;
    struct consumer *consumers;         /* all: see consumer.h */
    struct cc_consumer *host_consumers; /* those of a host: see consumer_host.h */
    struct pending_table *pending;      /* proposals not yet applied: see propose.h */
    struct limiter *limiter;            /* by user and by address */
    struct request *spare_requests;     /* ended ones, to be used again: see request.c */
    size_t spare_request_count;
    size_t unflushed_bytes; /* of messages that are not in the store yet, with all that is written
                               of them */
    size_t recent_bytes;

    /* Each module's own, made by its …_init() and freed by its …_deinit(): see the module's header.
     */
    struct link_state *link; /* to other nodes */
    struct receipts *receipts;
    struct typing_state *typing;
    struct presence_state *presence;
    struct groups_state *groups;
    struct relations *relations;
    struct push_state *push;
    struct media_state *uploads;       /* NULL without a media port */
    struct search_state *search_state; /* NULL without a search port */
    bool has_given_up_search;
    struct history_wait *history_waits; /* requests: see history_wait.h */
    struct sweep *sweeps;               /* those that wait for the store: see sweep.h */
    struct retention *retention;
    struct revocations *revocations;
    struct notify *notify; /* NULL: no notifier */

    struct cc_engine_stats stats;     /* the engine's thread */
    struct shared_stats shared_stats; /* the same, for any thread */
};

/* Makes the next step happen soon. Any thread. */
void engine_wake(struct cc_engine *engine);

#define engine_trace(engine, level, area, ...)                                                     \
    trace_write(&(engine)->trace, level, area, __VA_ARGS__)

/*
 * Prepares an operation for a port: its completion comes in a later drain. Every submit to a port
 * goes through here, so that stopping can wait for what is under way; the completion calls
 * engine_op_done() first.
 */
void engine_op_begin(struct cc_engine *engine, struct cc_op *op,
                     void (*complete)(struct cc_op *op));
void engine_op_done(struct cc_engine *engine, const struct cc_op *op);

/* The partition of a conversation id: a function of the id and the number of partitions alone. */
uint32_t engine_partition_of(const struct cc_engine *engine, struct cc_slice conversation);

#endif
