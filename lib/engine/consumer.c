/*
 * Consumers: opening a partition at its position, handing out batches, committing.
 */
#include "engine/consumer_state.h"

#include "chatcore/error.h"
#include "engine/engine.h"

/* A failed operation is tried again after so long: soon enough to go on, seldom enough not to spin.
 */
#define READER_RETRY_MS 250

/* --- operations ---------------------------------------------------------------------------------
 */

void reader_op_begin(struct reader *reader, struct cc_op *op, void (*complete)(struct cc_op *op))
{
    reader->consumer->operations++;
    engine_op_begin(reader->consumer->engine, op, complete);
}

void reader_op_done(struct reader *reader, const struct cc_op *op)
{
    reader->consumer->operations--;
    engine_op_done(reader->consumer->engine, op);
}

bool reader_is_current(const struct reader *reader)
{
    return !reader->consumer->is_closing && partition_is_running(reader->partition) &&
           reader->partition->tenure == reader->tenure;
}

void reader_retry(struct reader *reader, int status)
{
    struct cc_engine *engine = reader->consumer->engine;

    if (status != CC_ECANCELED)
        engine_trace(engine, CC_TRACE_ERROR, "consumer", "%.*s, partition %u: %s, trying again",
                     (int)reader->consumer->name_size, reader->consumer->name,
                     reader->partition->number, cc_error_name(status));
    if (reader->state == READER_BEHIND)
        reader->state = READER_READY;
    /* Without memory for a timer, the next step tries again. */
    timer_set(&engine->timers, &reader->retry, engine->now.mono_ms + READER_RETRY_MS);
}

static void retry_expired(struct timer *timer, void *context)
{
    (void)timer; /* it is not set any more: that is what the step looks at */
    (void)context;
}

/* --- the batch ----------------------------------------------------------------------------------
 */

static void drop_messages(struct reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        message_unref(reader->messages[i]);
    reader->count = 0;
}

static void forget_last(struct reader *reader)
{
    if (reader->last)
        message_unref(reader->last);
    reader->last = NULL;
}

void reader_hand_out(struct reader *reader, uint64_t next)
{
    struct consumer *consumer = reader->consumer;
    struct consumer_batch batch = {.partition = reader->partition->number,
                                   .messages = reader->messages,
                                   .count = reader->count,
                                   .position = reader->position,
                                   .next = next,
                                   .is_cut = reader->is_cut};
    int r;

    reader->state = READER_HANDED;
    r = consumer->sink->batch(consumer->context, &batch);
    if (r) {
        drop_messages(reader);
        forget_last(reader);
        reader->state = READER_READY;
        reader_retry(reader, r);
        return;
    }
    reader->position = next;
    reader->is_cut = false;
}

void consumer_taken(struct consumer *consumer, uint32_t partition)
{
    struct reader *reader = &consumer->readers[partition];

    if (reader->state != READER_HANDED)
        return;
    drop_messages(reader);
    reader->state = READER_READY;
    engine_wake(consumer->engine);
}

/* --- close behind: from the partition's list of applied messages --------------------------------
 */

/* The first message of the list that is not before the position. */
static struct message *find_next(const struct reader *reader)
{
    const struct partition *partition = reader->partition;
    struct message *message = partition->oldest;

    if (reader->last && reader->last->offset >= partition->listed_from)
        return reader->last->next_applied;
    while (message && message->offset < reader->position)
        message = message->next_applied;
    return message;
}

static void take_listed(struct reader *reader)
{
    struct message *message = find_next(reader);
    uint64_t next = reader->partition->applied;

    while (message && reader->count < reader->consumer->batch) {
        reader->messages[reader->count++] = message_ref(message);
        message = message->next_applied;
    }
    forget_last(reader);
    if (reader->count)
        reader->last = message_ref(reader->messages[reader->count - 1]);
    if (message)
        next = reader->last->offset + 1;
    reader_hand_out(reader, next);
}

static void read_on(struct reader *reader)
{
    const struct partition *partition = reader->partition;

    if (reader->retry.index || reader->position >= partition->applied)
        return;
    if (reader->position >= partition->listed_from)
        take_listed(reader);
    else
        behind_begin(reader);
}

/* --- the durable position -----------------------------------------------------------------------
 */

static void committed(struct cc_op *op)
{
    struct reader *reader = container_of(op, struct reader, commit.op);
    int status = op->status;

    reader_op_done(reader, op);
    cc_op_release(op);
    reader->is_committing = false;
    if (status)
        reader_retry(reader, status);
    else
        reader->committed = reader->commit.offset;
}

static void commit_submit(struct reader *reader)
{
    const struct consumer *consumer = reader->consumer;

    memset(&reader->commit, 0, sizeof reader->commit);
    reader->commit.consumer = consumer_name(consumer);
    reader->commit.partition = reader->partition->number;
    reader->commit.offset = reader->wanted;
    reader->is_committing = true;
    reader_op_begin(reader, &reader->commit.op, committed);
    consumer->engine->log.vtable->commit(consumer->engine->log.self, &reader->commit);
}

static void commit_if_wanted(struct reader *reader)
{
    if (!reader->is_committing && !reader->retry.index && reader->wanted != reader->committed)
        commit_submit(reader);
}

void consumer_commit(struct consumer *consumer, uint32_t partition, uint64_t offset)
{
    struct reader *reader;

    if (partition >= consumer->engine->partition_count)
        return;
    reader = &consumer->readers[partition];
    if (reader->state <= READER_OPENING || offset > reader->position)
        return;
    reader->wanted = offset;
    engine_wake(consumer->engine);
}

/* --- beginning a partition ----------------------------------------------------------------------
 */

/* Where it begins: what it was opened with counts for a partition's first time on this node. */
static uint64_t first_wanted(const struct reader *reader)
{
    const struct consumer *consumer = reader->consumer;
    uint32_t number = reader->partition->number;

    if (consumer->start == CC_CONSUMER_OFFSETS && number < consumer->offset_count)
        return reader->has_begun ? reader->position : consumer->offsets[number];
    if (consumer->start == CC_CONSUMER_OLDEST && !reader->has_begun)
        return reader->bounds.ret_first;
    if (reader->committed_op.ret_known)
        return reader->committed;
    return consumer->start == CC_CONSUMER_NEWEST ? reader->bounds.ret_next
                                                 : reader->bounds.ret_first;
}

/* Its position is written at once: from then on the log keeps what comes behind it. */
static void begin_at(struct reader *reader, uint64_t position)
{
    const struct consumer *consumer = reader->consumer;
    uint64_t first = reader->bounds.ret_first;

    reader->is_cut = position < first;
    if (position < first)
        position = first;
    if (position > reader->bounds.ret_next)
        position = reader->bounds.ret_next;
    reader->position = position;
    reader->wanted = position;
    reader->has_begun = true;
    reader->state = READER_READY;
    if (!reader->committed_op.ret_known)
        commit_submit(reader);
    if (consumer->sink->began)
        consumer->sink->began(consumer->context, reader->partition->number, position);
}

static void bounds_read(struct cc_op *op)
{
    struct reader *reader = container_of(op, struct reader, bounds.op);
    int status = op->status;

    reader_op_done(reader, op);
    cc_op_release(op);
    if (!status && reader_is_current(reader)) {
        begin_at(reader, first_wanted(reader));
        return;
    }
    reader->state = READER_ELSEWHERE;
    if (status)
        reader_retry(reader, status);
}

static void position_read(struct cc_op *op)
{
    struct reader *reader = container_of(op, struct reader, committed_op.op);
    struct cc_engine *engine = reader->consumer->engine;
    int status = op->status;

    reader_op_done(reader, op);
    cc_op_release(op);
    if (status || !reader_is_current(reader)) {
        reader->state = READER_ELSEWHERE;
        if (status)
            reader_retry(reader, status);
        return;
    }
    reader->committed = reader->committed_op.ret_offset;
    memset(&reader->bounds, 0, sizeof reader->bounds);
    reader->bounds.partition = reader->partition->number;
    reader_op_begin(reader, &reader->bounds.op, bounds_read);
    engine->log.vtable->bounds(engine->log.self, &reader->bounds);
}

static void reader_begin(struct reader *reader)
{
    struct cc_engine *engine = reader->consumer->engine;

    reader->tenure = reader->partition->tenure;
    reader->state = READER_OPENING;
    memset(&reader->committed_op, 0, sizeof reader->committed_op);
    reader->committed_op.consumer = consumer_name(reader->consumer);
    reader->committed_op.partition = reader->partition->number;
    reader_op_begin(reader, &reader->committed_op.op, position_read);
    engine->log.vtable->committed(engine->log.self, &reader->committed_op);
}

/* An operation that is still under way finds that it is not current, and gives up. */
static void reader_lose(struct reader *reader)
{
    const struct consumer *consumer = reader->consumer;

    drop_messages(reader);
    forget_last(reader);
    reader->wanted = reader->committed;
    reader->state = READER_ELSEWHERE;
    if (consumer->sink->lost)
        consumer->sink->lost(consumer->context, reader->partition->number);
}

static void reader_step(struct reader *reader)
{
    if (reader->state > READER_OPENING && reader->state != READER_BEHIND) {
        if (!reader_is_current(reader))
            reader_lose(reader);
        else
            commit_if_wanted(reader);
    }
    if (reader->state == READER_READY)
        read_on(reader);
    else if (reader->state == READER_ELSEWHERE && !reader->retry.index && !reader->is_committing &&
             partition_is_running(reader->partition))
        reader_begin(reader);
}

/* --- opening and closing ------------------------------------------------------------------------
 */

static void consumer_free(struct consumer *consumer)
{
    struct cc_engine *engine = consumer->engine;

    for (uint32_t i = 0; consumer->readers && i < engine->partition_count; i++) {
        drop_messages(&consumer->readers[i]);
        forget_last(&consumer->readers[i]);
        timer_clear(&engine->timers, &consumer->readers[i].retry);
    }
    mem_free(&engine->allocator, consumer->readers);
    mem_free(&engine->allocator, consumer->offsets);
    mem_free(&engine->allocator, consumer);
}

static bool is_open(const struct cc_engine *engine, struct cc_slice name)
{
    for (const struct consumer *at = engine->consumers; at; at = at->next)
        if (slice_equal(consumer_name(at), name))
            return true;
    return false;
}

static int make_readers(struct consumer *consumer, const struct consumer_settings *settings)
{
    struct cc_engine *engine = consumer->engine;

    consumer->readers =
        mem_zalloc(&engine->allocator, engine->partition_count, sizeof *consumer->readers);
    consumer->offsets =
        mem_zalloc(&engine->allocator, settings->offset_count + 1, sizeof *consumer->offsets);
    if (!consumer->readers || !consumer->offsets)
        return CC_ENOMEM;
    for (size_t i = 0; i < settings->offset_count; i++)
        consumer->offsets[i] = settings->offsets[i];
    consumer->offset_count = settings->offset_count;
    for (uint32_t i = 0; i < engine->partition_count; i++) {
        consumer->readers[i].consumer = consumer;
        consumer->readers[i].partition = &engine->partitions[i];
        consumer->readers[i].retry.expired = retry_expired;
    }
    return 0;
}

int consumer_open(struct cc_engine *engine, const struct consumer_settings *settings,
                  struct consumer **ret_consumer)
{
    struct consumer *consumer;

    if (!settings->name.size || settings->name.size > CC_CONSUMER_NAME_MAX ||
        settings->batch > CONSUMER_BATCH_MAX)
        return CC_EINVAL;
    if (is_open(engine, settings->name))
        return CC_EEXISTS;
    consumer = mem_zalloc(&engine->allocator, 1, sizeof *consumer);
    if (!consumer)
        return CC_ENOMEM;
    consumer->engine = engine;
    memcpy(consumer->name, settings->name.data, settings->name.size);
    consumer->name_size = settings->name.size;
    consumer->batch = settings->batch ? settings->batch : CC_CONSUMER_BATCH;
    consumer->start = settings->start;
    consumer->sink = settings->sink;
    consumer->context = settings->context;
    if (make_readers(consumer, settings) != 0) {
        consumer_free(consumer);
        return CC_ENOMEM;
    }
    consumer->next = engine->consumers;
    engine->consumers = consumer;
    engine_wake(engine);
    *ret_consumer = consumer;
    return 0;
}

void consumer_close(struct consumer *consumer, bool forget)
{
    consumer->is_closing = true;
    consumer->forgets = consumer->forgets || forget;
    engine_wake(consumer->engine);
}

static void forgotten(struct cc_op *op)
{
    struct reader *reader = container_of(op, struct reader, commit.op);

    reader_op_done(reader, op);
    cc_op_release(op);
    reader->is_forgotten = true; /* also when it failed: a position that stays does no harm but
                                    to the log's length, and an operator can see it */
    if (op->status)
        engine_trace(reader->consumer->engine, CC_TRACE_ERROR, "consumer",
                     "%.*s, partition %u: its position could not be forgotten: %s",
                     (int)reader->consumer->name_size, reader->consumer->name,
                     reader->partition->number, cc_error_name(op->status));
}

static void forget(struct reader *reader)
{
    const struct consumer *consumer = reader->consumer;

    memset(&reader->commit, 0, sizeof reader->commit);
    reader->commit.consumer = consumer_name(consumer);
    reader->commit.partition = reader->partition->number;
    reader_op_begin(reader, &reader->commit.op, forgotten);
    consumer->engine->log.vtable->forget(consumer->engine->log.self, &reader->commit);
}

/* The last write of its partition, if one is wanted still. True when it began one. */
static bool begin_last_write(struct reader *reader)
{
    if (!partition_is_running(reader->partition))
        return false;
    if (reader->consumer->forgets) {
        if (reader->is_forgotten)
            return false;
        forget(reader);
        return true;
    }
    if (reader->state <= READER_OPENING || reader->retry.index ||
        reader->wanted == reader->committed)
        return false; /* what can't be written now comes again after the next start */
    commit_submit(reader);
    return true;
}

/* True when nothing is under way any more. */
static bool close_step(struct consumer *consumer)
{
    bool is_done = true;

    if (consumer->operations)
        return false;
    for (uint32_t i = 0; i < consumer->engine->partition_count; i++)
        if (begin_last_write(&consumer->readers[i]))
            is_done = false;
    return is_done;
}

static void consumer_step(struct consumer *consumer)
{
    for (uint32_t i = 0; i < consumer->engine->partition_count; i++)
        reader_step(&consumer->readers[i]);
}

void consumers_step(struct cc_engine *engine)
{
    struct consumer **at = &engine->consumers;

    while (*at) {
        struct consumer *consumer = *at;

        if (!consumer->is_closing) {
            consumer_step(consumer);
            at = &consumer->next;
        } else if (!close_step(consumer)) {
            at = &consumer->next;
        } else {
            *at = consumer->next;
            consumer->sink->closed(consumer->context, 0);
            consumer_free(consumer);
        }
    }
}

bool consumers_stop(struct cc_engine *engine)
{
    for (struct consumer *at = engine->consumers; at; at = at->next)
        if (!at->is_closing)
            consumer_close(at, false);
    return !engine->consumers;
}
