/*
 * Keeping the index up with the log.
 */
#include "engine/search.h"

#include "chatcore/error.h"
#include "engine/partition.h"

bool search_entry_of(const struct cc_message *message, uint64_t offset,
                     struct cc_search_entry *ret_entry)
{
    memset(ret_entry, 0, sizeof *ret_entry);
    ret_entry->conversation = message->conversation;
    ret_entry->offset = offset;
    ret_entry->message = message->target;
    ret_entry->text = message->text;
    switch (message->kind) {
    case CC_MESSAGE_TEXT:
    case CC_MESSAGE_MEDIA:
        ret_entry->action = CC_SEARCH_PUT;
        ret_entry->message = message->id;
        ret_entry->seq = message->seq;
        ret_entry->ts = message->ts;
        ret_entry->from = message->from;
        return true;
    case CC_MESSAGE_EDIT:
        ret_entry->action = CC_SEARCH_EDIT;
        return true;
    case CC_MESSAGE_DELETE:
        ret_entry->action = CC_SEARCH_REMOVE;
        return true;
    default:
        return false;
    }
}

/* --- batches ------------------------------------------------------------------------------------
 */

static void batch_drop(struct search_partition *partition)
{
    for (size_t i = 0; i < partition->message_count; i++)
        message_unref(partition->messages[i]);
    partition->message_count = 0;
    partition->has_batch = false;
}

static void ask_next(struct search_partition *partition)
{
    if (partition->state->consumer)
        consumer_taken(partition->state->consumer, partition->number);
}

static void pause_expired(struct timer *timer, void *context)
{
    struct search_partition *partition = container_of(timer, struct search_partition, pause);

    (void)context;
    ask_next(partition);
}

static void ask_next_later(struct search_partition *partition)
{
    struct cc_engine *engine = partition->state->engine;

    if (timer_set(&engine->timers, &partition->pause, engine->now.mono_ms + SEARCH_PAUSE_MS) != 0)
        ask_next(partition);
}

void search_index_hurry(struct search_state *search)
{
    struct cc_engine *engine = search->engine;

    for (uint32_t i = 0; i < engine->partition_count; i++) {
        struct search_partition *partition = &search->partitions[i];

        if (!partition->pause.index)
            continue;
        timer_clear(&engine->timers, &partition->pause);
        ask_next(partition);
    }
}

static void batch_done(struct search_partition *partition)
{
    struct search_state *search = partition->state;
    const struct partition *records = &search->engine->partitions[partition->number];

    partition->indexed = partition->index.position;
    batch_drop(partition);
    if (!search->consumer)
        return;
    consumer_commit(search->consumer, partition->number, partition->indexed);
    if (search->waiting || records->applied > partition->indexed + SEARCH_BATCH / 2)
        ask_next(partition);
    else
        ask_next_later(partition);
}

/* The trace has the backend's word already. */
static void retry_later(struct search_partition *partition)
{
    struct cc_engine *engine = partition->state->engine;

    if (timer_set(&engine->timers, &partition->retry, engine->now.mono_ms + SEARCH_RETRY_MS) != 0)
        search_index_submit(partition);
}

static void indexed(struct cc_op *op)
{
    struct search_partition *partition = container_of(op, struct search_partition, index.op);

    engine_op_done(partition->state->engine, op);
    cc_op_release(op);
    if (!op->status)
        batch_done(partition);
    else if (partition->state->engine->state == ENGINE_RUNNING)
        retry_later(partition);
}

void search_index_submit(struct search_partition *partition)
{
    struct cc_engine *engine = partition->state->engine;

    engine_op_begin(engine, &partition->index.op, indexed);
    engine->search.vtable->index(engine->search.self, &partition->index);
}

static void retry_expired(struct timer *timer, void *context)
{
    struct search_partition *partition = container_of(timer, struct search_partition, retry);

    (void)context;
    if (partition->rebuild)
        search_rebuild_retry(partition->rebuild);
    else
        search_index_submit(partition);
}

static void batch_take(struct search_partition *partition, const struct consumer_batch *batch)
{
    struct cc_search_index *index = &partition->index;

    memset(index, 0, sizeof *index);
    index->partition = partition->number;
    index->position = batch->next;
    index->entries = partition->entries;
    for (size_t i = 0; i < batch->count; i++) {
        const struct message *message = batch->messages[i];

        partition->messages[i] = message_ref(batch->messages[i]);
        index->count +=
            search_entry_of(&message->view, message->offset, &partition->entries[index->count]);
    }
    partition->message_count = batch->count;
    partition->has_batch = true;
}

/* --- the consumer -------------------------------------------------------------------------------
 */

/* A batch of before the partition was lost may still be under way: then this one comes again. */
static int sink_batch(void *context, const struct consumer_batch *batch)
{
    struct search_state *search = context;
    struct search_partition *partition = &search->partitions[batch->partition];
    int r = 0;

    if (partition->has_batch)
        return CC_ENOMEM;
    timer_clear(&search->engine->timers, &partition->pause);
    batch_take(partition, batch);
    if (partition->wants_rebuild)
        r = search_rebuild_start(partition);
    else if (!partition->rebuild)
        search_index_submit(partition);
    if (r)
        batch_drop(partition);
    return r;
}

/*
 * Begins elsewhere than the index ends: the log has been trimmed (the index is new, or was away),
 * or it ends before the index does (a folder that was put back, what a power cut took).
 */
static void sink_began(void *context, uint32_t number, uint64_t offset)
{
    struct search_state *search = context;
    struct search_partition *partition = &search->partitions[number];

    if (offset == partition->indexed || partition->rebuild)
        return;
    partition->wants_rebuild = true;
    partition->rebuild_before = offset;
    search_rebuild_start(partition); /* without memory for it, the first batch tries again */
}

static void sink_closed(void *context, int status)
{
    struct search_state *search = context;

    (void)status;
    search->consumer = NULL;
}

static int open_consumer(struct search_state *search)
{
    static const struct consumer_sink sink = {
        .batch = sink_batch, .began = sink_began, .closed = sink_closed};
    struct cc_engine *engine = search->engine;
    uint64_t *offsets = mem_zalloc(&engine->allocator, engine->partition_count, sizeof *offsets);
    struct consumer_settings settings = {.name = slice_str(SEARCH_CONSUMER),
                                         .batch = SEARCH_BATCH,
                                         .start = CC_CONSUMER_OFFSETS,
                                         .offsets = offsets,
                                         .offset_count = engine->partition_count,
                                         .sink = &sink,
                                         .context = search};
    int r;

    if (!offsets)
        return CC_ENOMEM;
    for (uint32_t i = 0; i < engine->partition_count; i++)
        offsets[i] = search->partitions[i].indexed;
    r = consumer_open(engine, &settings, &search->consumer);
    mem_free(&engine->allocator, offsets);
    return r;
}

/* --- without an index ---------------------------------------------------------------------------
 */

static int unwanted_batch(void *context, const struct consumer_batch *batch)
{
    (void)context;
    (void)batch;
    return 0;
}

static void unwanted_closed(void *context, int status)
{
    (void)context;
    (void)status;
}

/* An index that was there once would hold the log from being trimmed for ever. */
void search_index_give_up(struct cc_engine *engine)
{
    static const struct consumer_sink sink = {.batch = unwanted_batch, .closed = unwanted_closed};
    struct consumer_settings settings = {.name = slice_str(SEARCH_CONSUMER), .sink = &sink};
    struct consumer *consumer;

    if (consumer_open(engine, &settings, &consumer) != 0)
        return;
    consumer_close(consumer, true);
    engine->has_given_up_search = true;
}

/* --- where the index stands ---------------------------------------------------------------------
 */

static void start_again_later(struct search_state *search)
{
    struct cc_engine *engine = search->engine;

    if (timer_set(&engine->timers, &search->start_retry, engine->now.mono_ms + SEARCH_RETRY_MS) !=
        0)
        search->is_started = false; /* the next step tries */
}

static void position_read(struct cc_op *op)
{
    struct search_partition *partition = container_of(op, struct search_partition, position.op);
    struct search_state *search = partition->state;

    engine_op_done(search->engine, op);
    cc_op_release(op);
    partition->indexed = op->status ? 0 : partition->position.ret_position;
    partition->position.op.status = op->status;
    if (--search->positions_missing)
        return;
    if (search->engine->state != ENGINE_RUNNING)
        return;
    for (uint32_t i = 0; i < search->engine->partition_count; i++)
        if (search->partitions[i].position.op.status) {
            start_again_later(search);
            return;
        }
    if (open_consumer(search) != 0)
        start_again_later(search);
}

void search_index_start(struct search_state *search)
{
    struct cc_engine *engine = search->engine;

    search->is_started = true;
    search->positions_missing = engine->partition_count;
    for (uint32_t i = 0; i < engine->partition_count; i++) {
        struct search_partition *partition = &search->partitions[i];

        partition->state = search;
        partition->number = i;
        partition->retry.expired = retry_expired;
        partition->pause.expired = pause_expired;
        memset(&partition->position, 0, sizeof partition->position);
        partition->position.partition = i;
        engine_op_begin(engine, &partition->position.op, position_read);
        engine->search.vtable->position(engine->search.self, &partition->position);
    }
}

/* What is not known before the positions are read counts as nothing. */
uint64_t search_behind(const struct cc_engine *engine)
{
    const struct search_state *search = engine->search_state;
    uint64_t behind = 0;

    if (!search || !search->consumer)
        return 0;
    for (uint32_t i = 0; i < engine->partition_count; i++) {
        const struct partition *partition = &engine->partitions[i];

        if (partition_is_running(partition) && partition->applied > search->partitions[i].indexed)
            behind += partition->applied - search->partitions[i].indexed;
    }
    return behind;
}

/* --- making -------------------------------------------------------------------------------------
 */

static void start_retry_expired(struct timer *timer, void *context)
{
    struct search_state *search = container_of(timer, struct search_state, start_retry);

    (void)context;
    search->is_started = false;
}

static void wait_expired(struct timer *timer, void *context)
{
    (void)timer; /* the step looks at the time */
    (void)context;
}

int search_init(struct cc_engine *engine)
{
    struct search_state *search;

    if (!search_is_on(engine))
        return 0;
    search = mem_zalloc(&engine->allocator, 1, sizeof *search);
    if (!search)
        return CC_ENOMEM;
    search->partitions =
        mem_zalloc(&engine->allocator, engine->partition_count, sizeof *search->partitions);
    if (!search->partitions) {
        mem_free(&engine->allocator, search);
        return CC_ENOMEM;
    }
    search->engine = engine;
    search->waiting_last = &search->waiting;
    search->start_retry.expired = start_retry_expired;
    search->wait_timer.expired = wait_expired;
    engine->search_state = search;
    return 0;
}

void search_deinit(struct cc_engine *engine)
{
    struct search_state *search = engine->search_state;

    if (!search)
        return;
    for (uint32_t i = 0; i < engine->partition_count; i++) {
        search_rebuild_free(&search->partitions[i]);
        batch_drop(&search->partitions[i]);
        timer_clear(&engine->timers, &search->partitions[i].retry);
        timer_clear(&engine->timers, &search->partitions[i].pause);
    }
    timer_clear(&engine->timers, &search->start_retry);
    timer_clear(&engine->timers, &search->wait_timer);
    mem_free(&engine->allocator, search->partitions);
    mem_free(&engine->allocator, search);
}
