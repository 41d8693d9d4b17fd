/*
 * Partitions: owning, opening, reading, forgetting.
 */
#include "engine/partition.h"

#include "chatcore/error.h"
#include "engine/feed.h"
#include "engine/flush.h"
#include "engine/groups.h"
#include "engine/propose.h"
#include "engine/sequencer.h"

/* Records a read: enough to share a batch's costs, few enough that a step stays short (a few ms).
 */
#define READ_RECORDS 1024
#define READ_BYTES   ((size_t)4 << 20)

/* A failed operation is tried again after so long. */
#define RETRY_MS 100

static void partition_open(struct partition *partition);

/* --- retrying ----------------------------------------------------------------------------------
 */

static void retry(struct timer *timer, void *context)
{
    struct partition *partition = container_of(timer, struct partition, retry);

    (void)context;
    if (partition->state == PARTITION_OPENING)
        partition_open(partition);
    else if (partition->state == PARTITION_RUNNING && partition->batch)
        sequencer_resume(partition);
    else
        partition_read_on(partition);
}

void partition_retry(struct partition *partition, int status)
{
    struct cc_engine *engine = partition->engine;

    engine->stats.port_errors++;
    engine_trace(engine, CC_TRACE_ERROR, "partition", "partition %u: %s, trying again",
                 partition->number, cc_error_name(status));
    /* The timer can't be short of memory: partitions_init() has reserved its place. */
    timer_set(&engine->timers, &partition->retry, engine->now.mono_ms + RETRY_MS);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static void read_done(struct cc_op *op)
{
    struct partition *partition = container_of(op, struct partition, read.op);
    int status = op->status;

    engine_op_done(partition->engine, op);
    partition->operations--;
    partition->is_reading = false;
    if (partition->state != PARTITION_RUNNING) {
        cc_op_release(op);
        return;
    }
    if (!status && partition->read.ret_count)
        status = sequencer_begin(partition);
    else
        cc_op_release(op);
    if (status && status != CC_ECANCELED) {
        cc_op_release(op);
        partition_retry(partition, status);
    } else if (!partition->batch) {
        partition_read_on(partition);
    }
}

void partition_read_on(struct partition *partition)
{
    struct cc_engine *engine = partition->engine;
    struct cc_log_read *read = &partition->read;

    if (partition->state != PARTITION_RUNNING || partition->is_reading || partition->batch ||
        partition->retry.index || engine->state >= ENGINE_FLUSHING)
        return;
    memset(read, 0, sizeof *read);
    read->partition = partition->number;
    read->offset = partition->applied;
    read->max_records = READ_RECORDS;
    read->max_bytes = READ_BYTES;
    read->wait = true;
    partition->is_reading = true;
    partition->operations++;
    engine_op_begin(engine, &read->op, read_done);
    engine->log.vtable->read(engine->log.self, read);
}

/* What was in the log when the partition was opened has been applied: sessions may catch up from
 * it. */
static void partition_replayed(struct partition *partition)
{
    partition->is_replayed = true;
    partition->engine->resume_wanted = true;
}

void partition_applied(struct partition *partition)
{
    cc_op_release(&partition->read.op);
    if (!partition->is_replayed && partition->applied >= partition->replay_until)
        partition_replayed(partition);
    partition_read_on(partition);
}

/* --- messages in memory -------------------------------------------------------------------------
 */

void partition_add_message(struct partition *partition, struct message *message)
{
    struct cc_engine *engine = partition->engine;

    message_ref(message);
    if (partition->newest)
        partition->newest->next_applied = message;
    else
        partition->oldest = message;
    partition->newest = message;
    engine->recent_bytes += message->bytes;
}

static void drop_oldest(struct partition *partition)
{
    struct message *message = partition->oldest;

    partition->oldest = message->next_applied;
    partition->listed_from = message->offset + 1;
    if (!partition->oldest)
        partition->newest = NULL;
    partition->engine->recent_bytes -= message->bytes;
    conversation_drop_oldest(message->conversation);
    message_unref(message);
}

static void trim_recent(struct partition *partition)
{
    struct cc_engine *engine = partition->engine;

    while (engine->recent_bytes > engine->limits.max_recent_bytes && partition->oldest &&
           partition->oldest->offset < partition->flushed)
        drop_oldest(partition);
}

void partition_drop_recent(struct partition *partition)
{
    while (partition->oldest && partition->oldest->offset < partition->flushed)
        drop_oldest(partition);
}

static void trimmed(struct cc_op *op)
{
    struct partition *partition = container_of(op, struct partition, trim.op);

    engine_op_done(partition->engine, op);
    cc_op_release(op);
    partition->operations--;
    partition->is_trimming = false; /* a failed trim is made good by the next one */
}

/* The dedup window of the last records is rebuilt from the store, so the log is needed from here on
 * only. */
static void trim_log(struct partition *partition)
{
    struct cc_engine *engine = partition->engine;

    if (partition->is_trimming || partition->state != PARTITION_RUNNING)
        return;
    memset(&partition->trim, 0, sizeof partition->trim);
    partition->trim.partition = partition->number;
    partition->trim.before = partition->flushed;
    partition->is_trimming = true;
    partition->operations++;
    engine_op_begin(engine, &partition->trim.op, trimmed);
    engine->log.vtable->trim(engine->log.self, &partition->trim);
}

void partition_flushed(struct partition *partition, uint64_t offset)
{
    partition->flushed = offset;
    groups_flushed(partition);
    trim_recent(partition);
    trim_log(partition);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static void bounds_read(struct cc_op *op)
{
    struct partition *partition = container_of(op, struct partition, bounds.op);
    struct cc_engine *engine = partition->engine;
    uint64_t offset = partition->read_offset.ret_offset;
    int status = op->status;

    engine_op_done(engine, op);
    partition->operations--;
    if (partition->state != PARTITION_OPENING)
        return;
    if (!status && (partition->bounds.ret_first > offset || partition->bounds.ret_next < offset)) {
        engine_trace(engine, CC_TRACE_ERROR, "partition",
                     "partition %u: the store is at offset %llu, the log has %llu to %llu: they "
                     "are not of one history",
                     partition->number, (unsigned long long)offset,
                     (unsigned long long)partition->bounds.ret_first,
                     (unsigned long long)partition->bounds.ret_next);
        status = CC_ECORRUPT;
    }
    if (!status)
        status = flush_new(partition, &partition->flush);
    if (status) {
        partition_retry(partition, status);
        return;
    }
    dedup_init(&partition->dedup, engine, partition->number, offset);
    partition->applied = offset;
    partition->flushed = offset;
    partition->listed_from = offset;
    partition->replay_until = partition->bounds.ret_next;
    partition->tenure = ++engine->link->tenure;
    partition->state = PARTITION_RUNNING;
    partition->is_replayed = false;
    if (partition->applied >= partition->replay_until)
        partition_replayed(partition);
    partition_read_on(partition);
    groups_relay(partition);
}

static void offset_read(struct cc_op *op)
{
    struct partition *partition = container_of(op, struct partition, read_offset.op);
    struct cc_engine *engine = partition->engine;

    engine_op_done(engine, op);
    cc_op_release(op); /* the offset is a value */
    partition->operations--;
    if (partition->state != PARTITION_OPENING)
        return;
    if (op->status) {
        partition_retry(partition, op->status);
        return;
    }
    memset(&partition->bounds, 0, sizeof partition->bounds);
    partition->bounds.partition = partition->number;
    partition->operations++;
    engine_op_begin(engine, &partition->bounds.op, bounds_read);
    engine->log.vtable->bounds(engine->log.self, &partition->bounds);
}

static void partition_open(struct partition *partition)
{
    struct cc_engine *engine = partition->engine;

    if (partition->state == PARTITION_ELSEWHERE)
        feed_moved(partition);
    partition->state = PARTITION_OPENING;
    memset(&partition->read_offset, 0, sizeof partition->read_offset);
    partition->read_offset.partition = partition->number;
    partition->operations++;
    engine_op_begin(engine, &partition->read_offset.op, offset_read);
    engine->store.vtable->read_offset(engine->store.self, &partition->read_offset);
}

/* --- losing ------------------------------------------------------------------------------------
 */

static void partition_close(struct partition *partition)
{
    struct cc_engine *engine = partition->engine;

    feed_moved(partition);
    partition->state = PARTITION_CLOSING;
    timer_clear(&engine->timers, &partition->retry);
    sequencer_abandon(partition);
    if (partition->is_reading)
        engine->log.vtable->cancel(engine->log.self, &partition->read.op);
}

/* Forgets what it had, when nothing is under way any more. */
static void partition_forget(struct partition *partition)
{
    struct cc_engine *engine = partition->engine;

    if (partition->state != PARTITION_CLOSING || partition->operations || partition->batch ||
        partition->appends)
        return;
    while (partition->oldest) {
        struct message *message = partition->oldest;

        partition->oldest = message->next_applied;
        engine->recent_bytes -= message->bytes;
        message_unref(message);
    }
    partition->newest = NULL;
    conversations_drop(engine, partition);
    dedup_deinit(&partition->dedup);
    if (partition->flush)
        flush_free(partition->flush);
    partition->flush = NULL;
    partition->state = PARTITION_ELSEWHERE;
    if (partition->is_owned && engine->state == ENGINE_RUNNING)
        partition_open(partition);
}

/* --- which are ours -----------------------------------------------------------------------------
 */

static void apply_ownership(struct cc_engine *engine)
{
    for (uint32_t i = 0; i < engine->partition_count; i++) {
        struct partition *partition = &engine->partitions[i];

        if (partition->is_owned && partition->state == PARTITION_ELSEWHERE)
            partition_open(partition);
        else if (!partition->is_owned &&
                 (partition->state == PARTITION_RUNNING || partition->state == PARTITION_OPENING))
            partition_close(partition);
    }
}

static void ownership_changed(struct cc_op *op)
{
    struct cc_engine *engine = container_of(op, struct cc_engine, watch.op);

    engine_op_done(engine, op);
    engine->is_watching = false;
    if (op->status || engine->state != ENGINE_RUNNING) {
        cc_op_release(op);
        return; /* the step watches again */
    }
    engine->knows_partitions = true;
    for (uint32_t i = 0; i < engine->partition_count; i++)
        engine->partitions[i].is_owned = false;
    for (size_t i = 0; i < engine->watch.ret_count; i++)
        if (engine->watch.ret_owned[i] < engine->partition_count)
            engine->partitions[engine->watch.ret_owned[i]].is_owned = true;
    cc_op_release(op);
    apply_ownership(engine);
}

void partitions_watch(struct cc_engine *engine)
{
    if (engine->is_watching || engine->state != ENGINE_RUNNING)
        return;
    memset(&engine->watch, 0, sizeof engine->watch);
    engine->is_watching = true;
    engine_op_begin(engine, &engine->watch.op, ownership_changed);
    engine->log.vtable->watch(engine->log.self, &engine->watch);
}

/* --- all of them --------------------------------------------------------------------------------
 */

int partitions_init(struct cc_engine *engine)
{
    engine->partition_count = engine->log.vtable->partitions(engine->log.self);
    engine->partitions =
        mem_zalloc(&engine->allocator, engine->partition_count, sizeof *engine->partitions);
    if (!engine->partitions)
        return CC_ENOMEM;
    for (uint32_t i = 0; i < engine->partition_count; i++) {
        engine->partitions[i].engine = engine;
        engine->partitions[i].number = i;
        engine->partitions[i].retry.expired = retry;
        engine->partitions[i].state = PARTITION_ELSEWHERE;
        if (timers_reserve(&engine->timers, &engine->partitions[i].retry))
            return CC_ENOMEM;
    }
    return 0;
}

void partitions_deinit(struct cc_engine *engine)
{
    for (uint32_t i = 0; engine->partitions && i < engine->partition_count; i++) {
        engine->partitions[i].state = PARTITION_CLOSING;
        propose_drop(&engine->partitions[i]);
        partition_forget(&engine->partitions[i]);
    }
    mem_free(&engine->allocator, engine->partitions);
}

/* Nothing of a partition that is ours waits for another try. */
static bool is_well(const struct partition *partition)
{
    return !partition->is_owned ||
           (partition->state == PARTITION_RUNNING && partition->is_replayed &&
            !partition->retry.index && !partition->flush->is_retrying);
}

static bool can_send(const struct cc_engine *engine)
{
    if (!engine->knows_partitions || engine->state != ENGINE_RUNNING || propose_is_refused(engine))
        return false;
    for (uint32_t i = 0; i < engine->partition_count; i++)
        if (!is_well(&engine->partitions[i]))
            return false;
    return true;
}

void partitions_step(struct cc_engine *engine)
{
    partitions_watch(engine);
    for (uint32_t i = 0; i < engine->partition_count; i++) {
        struct partition *partition = &engine->partitions[i];

        propose_step(partition);
        if (partition->state == PARTITION_RUNNING)
            flush_step(partition->flush, engine->state >= ENGINE_FLUSHING);
        else
            partition_forget(partition);
    }
    atomic_store(&engine->is_ready, can_send(engine));
    conversations_trim(engine);
}

bool partitions_stop(struct cc_engine *engine)
{
    bool gives_up = atomic_load(&engine->gives_up);
    bool is_idle = true;

    for (uint32_t i = 0; i < engine->partition_count; i++) {
        struct partition *partition = &engine->partitions[i];

        if (partition->state == PARTITION_RUNNING && !gives_up) {
            if (partition->is_reading)
                engine->log.vtable->cancel(engine->log.self, &partition->read.op);
            is_idle = is_idle && flush_is_idle(partition->flush) && !partition->batch;
        } else if (partition->state == PARTITION_RUNNING || partition->state == PARTITION_OPENING) {
            partition_close(partition);
        }
        is_idle = is_idle && !partition->operations && !partition->appends;
    }
    return is_idle;
}
