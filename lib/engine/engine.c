/*
 * The engine: making, stepping, stopping.
 */
#include "engine/engine.h"

#include "base/options.h"
#include "chatcore/error.h"
#include "engine/consumer.h"
#include "engine/consumer_host.h"
#include "engine/conversation.h"
#include "engine/groups.h"
#include "engine/history_wait.h"
#include "engine/link.h"
#include "engine/media.h"
#include "engine/notify.h"
#include "engine/partition.h"
#include "engine/presence.h"
#include "engine/propose.h"
#include "engine/push.h"
#include "engine/receipts.h"
#include "engine/relations.h"
#include "engine/request.h"
#include "engine/retention.h"
#include "engine/revoke.h"
#include "engine/search.h"
#include "engine/session.h"
#include "engine/sweep.h"
#include "engine/sync.h"
#include "engine/typing.h"

/* After the sessions are closed, what was appended gets so long to be applied and answered. */
#define STOP_DRAIN_MS 2000

static const struct cc_limits default_limits = {
    .max_message_bytes = 65536,
    .max_sessions = 1000000,
    .max_user_sessions = 16,
    .max_members = 100000,
    .max_inflight = 64,
    .max_outstanding = 512,
    .max_unflushed_bytes = (size_t)256 << 20,
    .max_recent_bytes = (size_t)64 << 20,
    .max_input_bytes = (size_t)64 << 20,
    .flush_interval_ms = 200,
    .flush_rows = 50000,
    .dedup_window_s = 90000,
    .ping_interval_ms = 25000,
    .retention_least_s = 3600,
    .session_ttl_ms = 60000,
    .send = {200, 50000},
    .request = {400, 100000},
    .connect = {60, 5000},
    .max_media_bytes = (uint64_t)100 << 20,
    .max_unsent_bytes = (uint64_t)512 << 20,
    .unsent_s = 86400,
};

#define LIMIT(limits, member)                                                                      \
    do {                                                                                           \
        if (!(limits)->member)                                                                     \
            (limits)->member = default_limits.member;                                              \
    } while (0)

static void limits_fill(struct cc_limits *limits)
{
    LIMIT(limits, max_message_bytes);
    LIMIT(limits, max_sessions);
    LIMIT(limits, max_user_sessions);
    LIMIT(limits, max_members);
    LIMIT(limits, max_inflight);
    LIMIT(limits, max_outstanding);
    LIMIT(limits, max_unflushed_bytes);
    LIMIT(limits, max_recent_bytes);
    LIMIT(limits, max_input_bytes);
    LIMIT(limits, flush_interval_ms);
    LIMIT(limits, flush_rows);
    LIMIT(limits, dedup_window_s);
    LIMIT(limits, ping_interval_ms);
    LIMIT(limits, retention_least_s);
    LIMIT(limits, session_ttl_ms);
    LIMIT(limits, max_media_bytes);
    LIMIT(limits, max_unsent_bytes);
    LIMIT(limits, unsent_s);
    if (!limits->send.burst)
        limits->send = default_limits.send;
    if (!limits->request.burst)
        limits->request = default_limits.request;
    if (!limits->connect.burst)
        limits->connect = default_limits.connect;
}

void cc_engine_renew_limits(struct cc_engine *engine, const struct cc_limits *limits)
{
    struct cc_limits filled = *limits;
    struct cc_limits *running = &engine->limits;

    limits_fill(&filled);
    running->max_sessions = filled.max_sessions;
    running->max_user_sessions = filled.max_user_sessions;
    running->max_members = filled.max_members;
    running->max_unflushed_bytes = filled.max_unflushed_bytes;
    running->max_recent_bytes = filled.max_recent_bytes;
    running->send = filled.send;
    running->request = filled.request;
    running->connect = filled.connect;
}

/* --- operations ---------------------------------------------------------------------------------
 */

void engine_op_begin(struct cc_engine *engine, struct cc_op *op, void (*complete)(struct cc_op *op))
{
    op->mailbox = &engine->mailbox;
    op->complete = complete;
    op->release = NULL;
    op->status = 0;
    engine->operations++;
}

void engine_op_done(struct cc_engine *engine, const struct cc_op *op)
{
    engine->operations--;
    if (op->status && op->status != CC_ECANCELED && cc_error_code(op->status) >= 500)
        engine->stats.port_errors++;
}

uint32_t engine_partition_of(const struct cc_engine *engine, struct cc_slice conversation)
{
    if (engine->partition_count == 1)
        return 0;
    return (uint32_t)(hash_stable(conversation) % engine->partition_count);
}

/* --- waking -------------------------------------------------------------------------------------
 */

void engine_wake(struct cc_engine *engine)
{
    if (!atomic_exchange(&engine->wake_wanted, true) && engine->wake)
        engine->wake(engine->wake_context);
}

static void mailbox_wake(void *context)
{
    engine_wake(context);
}

/* --- making -------------------------------------------------------------------------------------
 */

/* True when each slot of a vtable (behind its size) is filled in. */
static bool slots_are_filled(const void *vtable, size_t expected)
{
    const char *bytes = vtable;
    size_t size;

    if (!vtable)
        return false;
    memcpy(&size, bytes, sizeof size);
    if (size < expected)
        return false;
    for (size_t at = sizeof size; at < expected; at += sizeof(void (*)(void))) {
        void (*slot)(void);

        memcpy(&slot, bytes + at, sizeof slot);
        if (!slot)
            return false;
    }
    return true;
}

static bool ports_are_whole(const struct cc_engine_options *options)
{
    return slots_are_filled(options->log.vtable, sizeof *options->log.vtable) &&
           slots_are_filled(options->store.vtable, sizeof *options->store.vtable) &&
           slots_are_filled(options->directory.vtable, sizeof *options->directory.vtable) &&
           slots_are_filled(options->cluster.vtable, sizeof *options->cluster.vtable) &&
           (!options->media.vtable ||
            slots_are_filled(options->media.vtable, sizeof *options->media.vtable)) &&
           (!options->search.vtable ||
            slots_are_filled(options->search.vtable, sizeof *options->search.vtable));
}

static int copy_filters(struct cc_engine *engine, const struct cc_engine_options *options)
{
    engine->filters =
        mem_zalloc(&engine->allocator, options->filter_count + 1, sizeof *engine->filters);
    if (!engine->filters)
        return CC_ENOMEM;
    for (size_t i = 0; i < options->filter_count; i++)
        engine->filters[i] = options->filters[i];
    engine->filter_count = options->filter_count;
    return 0;
}

static void take_options(struct cc_engine *engine, const struct cc_engine_options *options)
{
    engine->trace = options->trace;
    engine->random = options->random.fill ? options->random : *cc_random_default();
    engine->log = options->log;
    engine->store = options->store;
    engine->directory = options->directory;
    engine->cluster = options->cluster;
    engine->auth = options->auth;
    engine->media = options->media;
    engine->search = options->search;
    engine->limits = options->limits;
    limits_fill(&engine->limits);
    engine->presence_off = options->presence_off;
    engine->history_for_joiners = options->history_for_joiners;
    engine->wake = options->wake;
    engine->wake_context = options->wake_context;
    engine->mailbox.wake = mailbox_wake;
    engine->mailbox.context = engine;
}

static int modules_init(struct cc_engine *engine)
{
    static int (*const inits[])(struct cc_engine *) = {
        pending_init,   partitions_init, link_init,      limits_init,   push_init,
        relations_init, receipts_init,   typing_init,    presence_init, groups_init,
        media_init,     search_init,     retention_init, notify_init,   revocations_init,
    };
    int r = 0;

    for (size_t i = 0; !r && i < sizeof inits / sizeof inits[0]; i++)
        r = inits[i](engine);
    return r;
}

static void modules_deinit(struct cc_engine *engine)
{
    static void (*const deinits[])(struct cc_engine *) = {
        notify_deinit,   retention_deinit,   sweeps_deinit, search_deinit,     media_deinit,
        groups_deinit,   presence_deinit,    typing_deinit, receipts_deinit,   relations_deinit,
        push_deinit,     limits_deinit,      link_deinit,   partitions_deinit, pending_deinit,
        requests_deinit, revocations_deinit,
    };

    for (size_t i = 0; i < sizeof deinits / sizeof deinits[0]; i++)
        deinits[i](engine);
    conversations_drop(engine, NULL);
}

static void engine_free_own(struct cc_engine *engine)
{
    struct cc_allocator allocator = engine->allocator;
    struct cc_queue *queue = atomic_load(&engine->queues);

    modules_deinit(engine);
    while (queue) {
        struct cc_queue *next = queue->next;

        queue_free(queue);
        queue = next;
    }
    timers_deinit(&engine->timers);
    mem_free(&allocator, engine->filters);
    mem_free(&allocator, engine);
}

int cc_engine_new(const struct cc_engine_options *options, struct cc_engine **ret_engine)
{
    struct cc_engine_options given;
    const struct cc_allocator *allocator;
    struct cc_engine *engine;
    int r;

    if (options_read(&given, sizeof given, options) || !ports_are_whole(&given))
        return CC_EINVAL;
    allocator = given.allocator.alloc ? &given.allocator : cc_allocator_default();
    engine = mem_zalloc(allocator, 1, sizeof *engine);
    if (!engine)
        return CC_ENOMEM;
    engine->allocator = *allocator;
    take_options(engine, &given);
    timers_init(&engine->timers, &engine->allocator);
    id_generator_init(&engine->ids, &engine->random);
    engine->node = engine->cluster.vtable->node(engine->cluster.self);
    r = copy_filters(engine, &given);
    if (!r)
        r = notify_take_options(engine, &given);
    if (!r)
        r = cc_queue_new(engine, NULL, NULL, &engine->default_queue);
    if (!r)
        r = modules_init(engine);
    if (r) {
        engine_free_own(engine);
        return r;
    }
    *ret_engine = engine;
    return 0;
}

static void ports_free(struct cc_engine *engine)
{
    for (size_t i = 0; i < engine->filter_count; i++)
        engine->filters[i].vtable->free(engine->filters[i].self);
    notify_free_ports(engine);
    if (engine->auth.vtable)
        engine->auth.vtable->free(engine->auth.self);
    if (engine->media.vtable)
        engine->media.vtable->free(engine->media.self);
    if (engine->search.vtable)
        engine->search.vtable->free(engine->search.self);
    engine->cluster.vtable->free(engine->cluster.self);
    engine->log.vtable->free(engine->log.self);
    engine->store.vtable->free(engine->store.self);
    engine->directory.vtable->free(engine->directory.self);
}

/* Sessions whose last event the host has not drained: their memory is the engine's all the same. */
static void sessions_free(struct cc_engine *engine)
{
    while (engine->sessions) {
        struct cc_session *session = engine->sessions;

        engine->sessions = session->next;
        session_free(session);
    }
}

void cc_engine_free(struct cc_engine *engine)
{
    struct cc_queue *queue = atomic_load(&engine->queues);

    ports_free(engine);
    for (; queue; queue = queue->next)
        queue_drop(queue); /* inputs and events refer to sessions */
    sessions_free(engine);
    consumer_hosts_free(engine);
    engine_free_own(engine);
}

/* --- stopping -----------------------------------------------------------------------------------
 */

void cc_engine_stop(struct cc_engine *engine, enum cc_close_code code)
{
    int none = 0;

    atomic_compare_exchange_strong(&engine->stop_code, &none, (int)code);
    engine_wake(engine);
}

void cc_engine_give_up(struct cc_engine *engine)
{
    atomic_store(&engine->gives_up, true);
    engine_wake(engine);
}

static void stop_timed_out(struct timer *timer, void *context)
{
    struct cc_engine *engine = container_of(timer, struct cc_engine, stop_timer);

    (void)context;
    pending_fail_all(engine, CC_ECANCELED);
}

static void close_sessions(struct cc_engine *engine, enum cc_close_code code)
{
    struct cc_session *session = engine->sessions;

    while (session) {
        struct cc_session *next = session->next;

        session_close(session, code, "stopping");
        session = next;
    }
}

static void stop_begin(struct cc_engine *engine, enum cc_close_code code)
{
    atomic_store(&engine->is_ready, false);
    engine->state = ENGINE_CLOSING;
    close_sessions(engine, code);
    engine->stop_timer.expired = stop_timed_out;
    timer_set(&engine->timers, &engine->stop_timer, engine->now.mono_ms + STOP_DRAIN_MS);
    if (engine->is_watching)
        engine->log.vtable->cancel(engine->log.self, &engine->watch.op);
}

static void emit_stopped(struct cc_engine *engine)
{
    struct event_node *node =
        queue_add_event(engine->default_queue, CC_EVENT_STOPPED, NULL, 0, NULL);

    if (node)
        engine->state = ENGINE_STOPPED;
}

static void stop_cancel(struct cc_engine *engine)
{
    engine->state = ENGINE_CANCELLING;
    link_stop(engine);
}

/* Each stage waits for the one before: sessions and what they asked, then the store, then the
 * ports. */
static void stop_step(struct cc_engine *engine)
{
    if (engine->state == ENGINE_CLOSING && !pending_count(engine))
        engine->state = ENGINE_FLUSHING;
    if (engine->state == ENGINE_FLUSHING && partitions_stop(engine) && receipts_is_idle(engine) &&
        notify_stop(engine) && consumers_stop(engine))
        stop_cancel(engine);
    if (engine->state == ENGINE_CANCELLING && !engine->operations)
        emit_stopped(engine);
}

/* --- stepping -----------------------------------------------------------------------------------
 */

static void take_inputs(struct cc_engine *engine)
{
    for (struct cc_queue *queue = atomic_load(&engine->queues); queue; queue = queue->next)
        queue_take_inputs(queue);
}

static void publish_stats(struct cc_engine *engine)
{
    engine->stats.unflushed_bytes = engine->unflushed_bytes;
    engine->stats.recent_bytes = engine->recent_bytes;
    engine->stats.notifications_waiting = notify_waiting(engine);
    engine->stats.search_behind = search_behind(engine);
    shared_stats_write(&engine->shared_stats, &engine->stats);
}

static void publish_events(struct cc_engine *engine)
{
    for (struct cc_queue *queue = atomic_load(&engine->queues); queue; queue = queue->next)
        queue_publish(queue);
}

int cc_engine_step(struct cc_engine *engine, struct cc_time now)
{
    int stop_code = atomic_load(&engine->stop_code);

    if (engine->state == ENGINE_STOPPED)
        return 0;
    atomic_store(&engine->wake_wanted, false);
    engine->now = now;
    timers_run(&engine->timers, now.mono_ms, engine);
    if (stop_code && engine->state == ENGINE_RUNNING)
        stop_begin(engine, (enum cc_close_code)stop_code);
    take_inputs(engine);
    cc_mailbox_drain(&engine->mailbox);
    if (engine->resume_wanted)
        sync_resume_all(engine);
    partitions_step(engine);
    link_step(engine);
    receipts_step(engine);
    retention_step(engine);
    sweeps_step(engine);
    history_waits_step(engine);
    search_step(engine);
    consumer_hosts_take(engine);
    consumers_step(engine);
    notify_step(engine);
    consumer_hosts_tell(engine);
    if (engine->state > ENGINE_RUNNING)
        stop_step(engine);
    sessions_step(engine);
    publish_events(engine);
    publish_stats(engine);
    return 0;
}

int64_t cc_engine_deadline(const struct cc_engine *engine)
{
    bool has_work = engine->closed || engine->resume_wanted || atomic_load(&engine->wake_wanted) ||
                    cc_mailbox_has_mail(&engine->mailbox);

    if (has_work && engine->state != ENGINE_STOPPED)
        return engine->now.mono_ms;
    return timers_deadline(&engine->timers);
}

bool cc_engine_is_ready(const struct cc_engine *engine)
{
    return atomic_load(&engine->is_ready);
}

struct cc_queue *cc_engine_queue(struct cc_engine *engine)
{
    return engine->default_queue;
}

const struct cc_event *cc_engine_next_event(struct cc_engine *engine)
{
    return cc_queue_next(engine->default_queue);
}

void cc_engine_get_stats(const struct cc_engine *engine, struct cc_engine_stats *ret_stats)
{
    struct cc_engine_stats stats;
    size_t size = ret_stats->size;

    shared_stats_read(&engine->shared_stats, &stats);
    stats.size = size < sizeof stats ? size : sizeof stats;
    memcpy(ret_stats, &stats, stats.size);
}
