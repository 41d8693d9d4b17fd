/*
 * Filling batches and writing them.
 */
#include "engine/flush.h"
#include "engine/mark.h"
#include "engine/redact.h"

#include "chatcore/error.h"

/* After a failed write the same batch is tried again: often enough to go on soon, seldom enough not
 * to spin. */
#define FLUSH_RETRY_MS 250

/* What the name of an inbox entry's user is taken to weigh. */
#define INBOX_NAME_BYTES 16

static void flush_due(struct timer *timer, void *context)
{
    struct flush *flush = container_of(timer, struct flush, timer);

    (void)context;
    flush->is_due = true;
}

int flush_new(struct partition *partition, struct flush **ret_flush)
{
    struct cc_engine *engine = partition->engine;
    struct flush *flush = mem_zalloc(&engine->allocator, 1, sizeof *flush);

    if (!flush)
        return CC_ENOMEM;
    flush->partition = partition;
    flush->timer.expired = flush_due;
    flush->filling = &flush->batches[0];
    flush->filling->number = ++flush->batches_begun;
    for (int i = 0; i < 2; i++)
        arena_init(&flush->batches[i].arena, &engine->allocator);
    *ret_flush = flush;
    return 0;
}

/* What is in the batch weighs no more on the engine. */
static void batch_discharge(struct cc_engine *engine, struct flush_batch *batch)
{
    engine->unflushed_bytes -= batch->bytes;
    batch->bytes = 0;
}

static void batch_deinit(struct flush_batch *batch)
{
    const struct cc_allocator *allocator = batch->arena.allocator;

    mem_free(allocator, batch->rows);
    mem_free(allocator, batch->inbox);
    mem_free(allocator, batch->dedup);
    mem_free(allocator, batch->joins);
    mem_free(allocator, batch->changes);
    mem_free(allocator, batch->heads);
    arena_deinit(&batch->arena);
}

void flush_free(struct flush *flush)
{
    struct cc_engine *engine = flush->partition->engine;

    timer_clear(&engine->timers, &flush->timer);
    for (int i = 0; i < 2; i++) {
        batch_discharge(engine, &flush->batches[i]);
        batch_deinit(&flush->batches[i]);
    }
    redact_free(flush->redaction);
    mem_free(&engine->allocator, flush);
}

/* --- filling -----------------------------------------------------------------------------------
 */

static int reserve(const struct cc_allocator *allocator, void *array_member, size_t *capacity,
                   size_t wanted, size_t size)
{
    void *array;
    int r;

    memcpy(&array, array_member, sizeof array);
    r = mem_reserve(allocator, &array, capacity, wanted, size);
    memcpy(array_member, &array, sizeof array);
    return r;
}

int flush_reserve(struct flush *flush, size_t inbox_entries, size_t joins)
{
    struct flush_batch *batch = flush->filling;
    const struct cc_allocator *allocator = batch->arena.allocator;
    int r;

    r = reserve(allocator, &batch->rows, &batch->row_capacity, batch->row_count + 1,
                sizeof *batch->rows);
    if (!r)
        r = reserve(allocator, &batch->dedup, &batch->dedup_capacity, batch->dedup_count + 1,
                    sizeof *batch->dedup);
    if (!r && inbox_entries)
        r = reserve(allocator, &batch->inbox, &batch->inbox_capacity,
                    batch->inbox_count + inbox_entries, sizeof *batch->inbox);
    if (!r)
        r = reserve(allocator, &batch->changes, &batch->change_capacity, batch->change_count + 1,
                    sizeof(struct message *));
    if (!r && joins)
        r = reserve(allocator, &batch->joins, &batch->join_capacity, batch->join_count + joins,
                    sizeof *batch->joins);
    return r;
}

static int add_dedup(struct flush_batch *batch, struct message *message)
{
    struct cc_store_dedup *run = &batch->dedup[batch->dedup_count];
    char *bytes = arena_alloc(&batch->arena, DEDUP_ENTRY_BYTES);
    struct dedup_entry entry = {
        .hash = message->client_hash, .id = message->view.id, .offset = message->offset};

    if (!bytes)
        return CC_ENOMEM;
    dedup_entry_write(&entry, bytes);
    run->sender = message->view.from;
    run->offset = message->offset;
    run->ts = message->view.ts;
    run->entries = slice_of(bytes, DEDUP_ENTRY_BYTES);
    batch->dedup_count++;
    return 0;
}

/* Names are copied: a member may be gone, and its name with it, before the write is done. */
static int add_inbox(struct flush_batch *batch, struct conversation *conversation,
                     const struct message *message)
{
    struct member_entry *member;
    struct member_entry *next;

    HASH_ITER(hh, conversation->members, member, next)
    {
        struct cc_store_inbox *entry = &batch->inbox[batch->inbox_count];

        if (arena_copy(&batch->arena, member->user, &entry->user) != 0)
            return CC_ENOMEM;
        entry->offset = message->offset;
        entry->conversation = conversation->id;
        entry->seq = message->view.seq;
        batch->inbox_count++;
    }
    return 0;
}

/* What a message and its entries take in memory until they are written. */
static void charge(struct flush *flush, const struct message *message, size_t inbox_entries)
{
    struct flush_batch *batch = flush->filling;
    size_t bytes = message->bytes + sizeof(struct cc_store_row) +
                   inbox_entries * (sizeof(struct cc_store_inbox) + INBOX_NAME_BYTES);

    if (message->client_id.size)
        bytes += sizeof(struct cc_store_dedup) + DEDUP_ENTRY_BYTES;
    batch->bytes += bytes;
    flush->partition->engine->unflushed_bytes += bytes;
}

int flush_add(struct flush *flush, struct conversation *conversation, struct message *message)
{
    struct flush_batch *batch = flush->filling;
    struct cc_store_row *row = &batch->rows[batch->row_count];
    size_t inbox_count = batch->inbox_count;
    int r = 0;

    if (conversation_writes_inboxes(conversation))
        r = add_inbox(batch, conversation, message);
    if (!r && message->client_id.size)
        r = add_dedup(batch, message);
    if (r) {
        batch->inbox_count = inbox_count;
        return r;
    }
    row->conversation = conversation->id;
    row->seq = message->view.seq;
    row->offset = message->offset;
    row->body = message->record;
    batch->row_count++;
    if (redact_wants(message))
        batch->changes[batch->change_count++] = message;
    charge(flush, message, batch->inbox_count - inbox_count);
    return 0;
}

int flush_add_beginning(struct flush *flush, struct conversation *conversation, uint64_t offset)
{
    struct flush_batch *batch = flush->filling;
    struct cc_store_cursor *mark = &batch->joins[batch->join_count];

    memset(mark, 0, sizeof *mark);
    if (arena_copy(&batch->arena, conversation->id, &mark->user) != 0)
        return CC_ENOMEM;
    mark->device = slice_str(MARK_BEGINNING);
    mark->conversation = mark->user;
    mark->delivered = offset + 1;
    batch->join_count++;
    return 0;
}

int flush_add_join(struct flush *flush, struct conversation *conversation, struct cc_slice user,
                   uint64_t seq)
{
    struct flush_batch *batch = flush->filling;
    struct cc_store_cursor *join = &batch->joins[batch->join_count];

    memset(join, 0, sizeof *join);
    if (arena_copy(&batch->arena, user, &join->user) != 0)
        return CC_ENOMEM;
    join->device = slice_str(MARK_JOIN);
    join->conversation = conversation->id;
    join->delivered = seq;
    join->read = conversation->said;
    batch->join_count++;
    return 0;
}

int flush_add_seen(struct flush *flush, const struct conversation *conversation,
                   struct member_entry *member, uint64_t seen)
{
    struct flush_batch *batch = flush->filling;

    if (member->seen_batch != batch->number) {
        struct cc_store_cursor *mark = &batch->joins[batch->join_count];

        memset(mark, 0, sizeof *mark);
        if (arena_copy(&batch->arena, member->user, &mark->user) != 0)
            return CC_ENOMEM;
        mark->device = slice_str(MARK_JOIN);
        mark->conversation = conversation->id;
        member->seen_batch = batch->number;
        member->seen_at = batch->join_count++;
    }
    batch->joins[member->seen_at].read = seen;
    return 0;
}

void flush_add_media(struct flush *flush, const struct conversation *conversation,
                     const struct message *message)
{
    struct flush_batch *batch = flush->filling;
    bool is_deleted = message->view.kind == CC_MESSAGE_DELETE;

    for (size_t i = 0; i < message->view.media_count; i++) {
        struct cc_store_cursor *place = &batch->joins[batch->join_count++];

        memset(place, 0, sizeof *place);
        place->user = message->view.media[i];
        place->device = slice_str(MARK_MEDIA);
        place->conversation = conversation->id;
        *(is_deleted ? &place->read : &place->delivered) = message->view.seq;
    }
}

void flush_each_media(const struct flush *flush, struct cc_slice media,
                      void (*each)(void *context, const struct cc_store_cursor *place),
                      void *context)
{
    for (size_t b = 0; b < 2; b++) {
        const struct flush_batch *batch = &flush->batches[b];

        for (size_t i = 0; i < batch->join_count; i++)
            if (slice_equal(batch->joins[i].device, slice_str(MARK_MEDIA)) &&
                slice_equal(batch->joins[i].user, media))
                each(context, &batch->joins[i]);
    }
}

static void arm(struct flush *flush)
{
    struct cc_engine *engine = flush->partition->engine;

    if (flush->timer.index || flush->is_due)
        return;
    if (timer_set(&engine->timers, &flush->timer,
                  engine->now.mono_ms + engine->limits.flush_interval_ms) != 0)
        flush->is_due = true; /* no memory for waiting: write at once */
}

void flush_touch(struct flush *flush, struct conversation *conversation)
{
    arm(flush);
    if (!conversation || conversation->head_is_dirty)
        return;
    conversation->head_is_dirty = true;
    conversation->next_dirty = flush->filling->dirty;
    flush->filling->dirty = conversation;
    conversation_touch(conversation);
}

/* --- writing -----------------------------------------------------------------------------------
 */

static void write_submit(struct flush *flush);

static void retry_later(struct flush *flush, int status)
{
    struct cc_engine *engine = flush->partition->engine;

    engine_trace(engine, CC_TRACE_ERROR, "flush", "partition %u: the store answers %s",
                 flush->partition->number, cc_error_name(status));
    flush->is_retrying = true;
    flush->is_due = false;
    if (timer_set(&engine->timers, &flush->timer, engine->now.mono_ms + FLUSH_RETRY_MS) != 0)
        flush->is_due = true;
}

static void batch_clear(struct flush_batch *batch)
{
    batch->row_count = 0;
    batch->inbox_count = 0;
    batch->dedup_count = 0;
    batch->join_count = 0;
    batch->change_count = 0;
    batch->head_count = 0;
    batch->dirty = NULL;
    arena_clear(&batch->arena);
}

/* A head that moved on while it was written is dirty in the filling batch already: see
 * write_start(). */
static void release_dirty(struct flush_batch *batch)
{
    while (batch->dirty) {
        struct conversation *conversation = batch->dirty;

        batch->dirty = conversation->next_written;
        conversation->next_written = NULL;
        conversation_unref(conversation);
    }
}

static void written(struct cc_op *op)
{
    struct flush *flush = container_of(op, struct flush, write.op);
    struct partition *partition = flush->partition;
    struct cc_engine *engine = partition->engine;

    engine_op_done(engine, op);
    partition->operations--;
    cc_op_release(op);
    if (op->status) {
        retry_later(flush, op->status);
        return;
    }
    if (flush->writing->change_count && !flush->rows_are_written) {
        flush->rows_are_written = true;
        redact_start(flush);
        return;
    }
    engine->stats.flushes++;
    release_dirty(flush->writing);
    batch_discharge(engine, flush->writing);
    batch_clear(flush->writing);
    flush->writing = NULL;
    partition_flushed(partition, flush->offset);
    if (partition->applied > partition->flushed)
        arm(flush);
}

static void joins_written(struct cc_op *op)
{
    struct flush *flush = container_of(op, struct flush, join_write.op);

    engine_op_done(flush->partition->engine, op);
    flush->partition->operations--;
    cc_op_release(op);
    if (op->status)
        retry_later(flush, op->status);
    else
        write_submit(flush);
}

static void set_rows(struct cc_store_write *write, const struct flush_batch *batch)
{
    write->rows = batch->rows;
    write->row_count = batch->row_count;
    write->inbox = batch->inbox;
    write->inbox_count = batch->inbox_count;
    write->dedup = batch->dedup;
    write->dedup_count = batch->dedup_count;
}

static void write_submit(struct flush *flush)
{
    struct partition *partition = flush->partition;
    struct cc_engine *engine = partition->engine;
    struct flush_batch *batch = flush->writing;
    struct cc_store_write *write = &flush->write;

    memset(write, 0, sizeof *write);
    write->partition = partition->number;
    write->dedup_before = engine->now.wall_ms - (int64_t)engine->limits.dedup_window_s * 1000;
    if (!flush->rows_are_written)
        set_rows(write, batch);
    if (!batch->change_count || flush->rows_are_written) {
        write->offset = flush->offset;
        write->heads = batch->heads;
        write->head_count = batch->head_count;
    }
    partition->operations++;
    engine_op_begin(engine, &write->op, written);
    engine->store.vtable->write(engine->store.self, write);
}

void flush_redacted(struct flush *flush, int status)
{
    if (status)
        retry_later(flush, status);
    else
        write_submit(flush);
}

/* Where users joined goes before the offset: a crash between the two only writes it again. */
static void submit(struct flush *flush)
{
    struct cc_engine *engine = flush->partition->engine;
    struct cc_store_write_cursors *write = &flush->join_write;

    flush->is_retrying = false;
    flush->rows_are_written = false;
    if (!flush->writing->join_count) {
        write_submit(flush);
        return;
    }
    memset(write, 0, sizeof *write);
    write->cursors = flush->writing->joins;
    write->count = flush->writing->join_count;
    flush->partition->operations++;
    engine_op_begin(engine, &write->op, joins_written);
    engine->store.vtable->write_cursors(engine->store.self, write);
}

static int gather_heads(struct flush_batch *batch)
{
    size_t count = 0;
    int r;

    for (struct conversation *at = batch->dirty; at; at = at->next_dirty)
        count++;
    r = reserve(batch->arena.allocator, &batch->heads, &batch->head_capacity, count,
                sizeof *batch->heads);
    if (r)
        return r;
    for (struct conversation *at = batch->dirty; at; at = at->next_dirty) {
        struct cc_store_head *head = &batch->heads[batch->head_count++];

        head->conversation = at->id;
        head->seq = at->seq;
        head->said = at->said;
        head->offset = at->offset;
        head->member_version = at->member_version;
        head->ts = at->ts;
    }
    return 0;
}

/* The heads become clean: what moves from now on belongs to the next batch. They stay in memory
 * until this one is written. */
static void hold_dirty(struct flush_batch *batch)
{
    for (struct conversation *at = batch->dirty; at; at = at->next_dirty) {
        conversation_ref(at);
        at->head_is_dirty = false;
        at->next_written = at->next_dirty;
    }
}

static void write_start(struct flush *flush)
{
    struct partition *partition = flush->partition;

    if (gather_heads(flush->filling) != 0) {
        flush->filling->head_count = 0;
        retry_later(flush, CC_ENOMEM);
        flush->is_retrying = false;
        return;
    }
    hold_dirty(flush->filling);
    timer_clear(&partition->engine->timers, &flush->timer);
    flush->is_due = false;
    flush->writing = flush->filling;
    flush->filling = &flush->batches[flush->writing == &flush->batches[0]];
    flush->filling->number = ++flush->batches_begun;
    flush->offset = partition->applied;
    submit(flush);
}

void flush_step(struct flush *flush, bool now)
{
    struct partition *partition = flush->partition;
    bool is_full = flush->filling->row_count >= partition->engine->limits.flush_rows;

    if (flush->is_retrying) {
        if (flush->is_due)
            submit(flush);
        return;
    }
    if (flush->writing || partition->applied == partition->flushed)
        return;
    if (now || is_full || flush->is_due)
        write_start(flush);
}
