/*
 * Batches: decode, load, apply in order.
 */
#include "engine/sequencer.h"

#include "chatcore/error.h"
#include "engine/apply.h"
#include "engine/flush.h"

struct item {
    struct log_item log;
    bool is_damaged;
    struct conversation *conversation; /* a reference */
    struct sequencer_batch *batch;
    struct conversation_waiter conversation_waiter;
    struct dedup_waiter dedup_waiter;
};

struct sequencer_batch {
    struct partition *partition;
    struct arena arena;
    struct item *items;
    size_t count;
    size_t prepared; /* items whose loads have been started */
    size_t applied;
    size_t waiting; /* loads under way */
    int failure;    /* of a load: all is tried again */
    bool is_preparing;
};

static void batch_free(struct sequencer_batch *batch)
{
    struct partition *partition = batch->partition;

    for (size_t i = 0; i < batch->count; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): without items the count is 0 */
        if (batch->items[i].conversation)
            conversation_unref(batch->items[i].conversation);
    arena_deinit(&batch->arena);
    mem_free(&partition->engine->allocator, batch);
    partition->batch = NULL;
}

static void apply_ready(struct sequencer_batch *batch);

/* --- loading -----------------------------------------------------------------------------------
 */

static void load_ended(struct sequencer_batch *batch, int status)
{
    if (status)
        batch->failure = status;
    if (--batch->waiting == 0 && !batch->is_preparing)
        apply_ready(batch);
}

static void conversation_loaded(struct conversation_waiter *waiter,
                                struct conversation *conversation, int status)
{
    struct item *item = container_of(waiter, struct item, conversation_waiter);

    if (!status) {
        conversation_ref(conversation);
        item->conversation = conversation;
    }
    load_ended(item->batch, status);
}

static void dedup_loaded(struct dedup_waiter *waiter, int status)
{
    load_ended(container_of(waiter, struct item, dedup_waiter)->batch, status);
}

static int prepare_conversation(struct item *item)
{
    struct cc_engine *engine = item->batch->partition->engine;
    int r;

    if (item->conversation)
        return 0;
    item->conversation_waiter.loaded = conversation_loaded;
    r = conversation_get(engine, item->log.record.message.conversation, &item->conversation_waiter,
                         &item->conversation);
    if (r == 0)
        conversation_ref(item->conversation);
    if (r == 1)
        item->batch->waiting++;
    return r < 0 ? r : 0;
}

static int prepare_dedup(struct item *item)
{
    struct partition *partition = item->batch->partition;
    const struct cc_message *message = &item->log.record.message;
    struct dedup_query query;
    int r;

    if (!message->client_id.size)
        return 0;
    item->log.client_hash = dedup_hash(message->from, message->client_id);
    dedup_prefetch(&partition->dedup, item->log.client_hash);
    query = log_item_query(&item->log);
    item->dedup_waiter.loaded = dedup_loaded;
    r = dedup_prepare(&partition->dedup, &query, partition->flushed, &item->dedup_waiter);
    if (r == 1)
        item->batch->waiting++;
    return r < 0 ? r : 0;
}

/* Starts the loads of every item; may be called again after a failure. */
static void prepare(struct sequencer_batch *batch)
{
    int r = 0;

    batch->failure = 0;
    batch->is_preparing = true;
    dedup_begin_batch(&batch->partition->dedup, batch->partition->applied,
                      batch->partition->flushed);
    for (size_t i = batch->applied; !r && i < batch->count; i++) {
        struct item *item = &batch->items[i];

        if (item->is_damaged)
            continue;
        r = prepare_conversation(item);
        if (!r)
            r = prepare_dedup(item);
    }
    batch->is_preparing = false;
    if (r)
        batch->failure = r;
    if (!batch->waiting)
        apply_ready(batch);
}

/* --- applying ----------------------------------------------------------------------------------
 */

static int apply_items(struct sequencer_batch *batch)
{
    struct partition *partition = batch->partition;

    for (; batch->applied < batch->count; batch->applied++) {
        struct item *item = &batch->items[batch->applied];
        int r = 0;

        if (item->is_damaged)
            engine_trace(partition->engine, CC_TRACE_ERROR, "log",
                         "partition %u: the record at offset %llu is damaged and is left out",
                         partition->number, (unsigned long long)item->log.offset);
        else
            r = apply_record(partition, item->conversation, &item->log);
        if (r)
            return r;
        partition->applied = item->log.offset + 1;
    }
    return 0;
}

static void apply_ready(struct sequencer_batch *batch)
{
    struct partition *partition = batch->partition;
    int r = batch->failure;

    if (partition->state != PARTITION_RUNNING) {
        sequencer_abandon(partition);
        return;
    }
    if (!r)
        r = apply_items(batch);
    if (r) {
        partition_retry(partition, r); /* calls sequencer_resume() after a while */
        return;
    }
    batch_free(batch);
    flush_touch(partition->flush, NULL);
    partition_applied(partition);
}

void sequencer_resume(struct partition *partition)
{
    prepare(partition->batch);
}

void sequencer_abandon(struct partition *partition)
{
    struct sequencer_batch *batch = partition->batch;

    if (!batch || batch->waiting)
        return; /* the last load lets it go */
    cc_op_release(&partition->read.op);
    batch_free(batch);
}

/* --- decoding ----------------------------------------------------------------------------------
 */

static int decode(struct sequencer_batch *batch, const struct cc_log_record *from,
                  struct item *item)
{
    int r;

    item->batch = batch;
    item->log.offset = from->offset;
    item->log.bytes = from->data;
    r = record_decode(from->data, &batch->arena, &item->log.record);
    if (r == CC_ENOMEM)
        return r;
    item->is_damaged = r || !name_is_valid(item->log.record.message.conversation) ||
                       partition_of(batch->partition->engine,
                                    item->log.record.message.conversation) != batch->partition;
    return 0;
}

int sequencer_begin(struct partition *partition)
{
    struct cc_engine *engine = partition->engine;
    const struct cc_log_read *read = &partition->read;
    struct sequencer_batch *batch = mem_zalloc(&engine->allocator, 1, sizeof *batch);
    int r = 0;

    if (!batch)
        return CC_ENOMEM;
    batch->partition = partition;
    arena_init(&batch->arena, &engine->allocator);
    batch->items = arena_alloc(&batch->arena, read->ret_count * sizeof *batch->items);
    if (batch->items)
        memset(batch->items, 0, read->ret_count * sizeof *batch->items);
    else
        r = CC_ENOMEM;
    for (size_t i = 0; !r && i < read->ret_count; i++)
        r = decode(batch, &read->ret_records[i], &batch->items[i]);
    partition->batch = batch;
    if (r) {
        batch_free(batch);
        return r;
    }
    batch->count = read->ret_count;
    prepare(batch);
    return 0;
}
