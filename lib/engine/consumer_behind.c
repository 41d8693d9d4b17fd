/*
 * A consumer that is far behind: the log's records joined with the store's rows.
 *
 * The log says which conversations have something new and in which order; a conversation's rows
 * say which of the records became messages, with which seq: there is a row for exactly those. So
 * for each conversation of a batch the rows from the batch's first offset on are looked for (rows
 * ascend by seq and by offset alike: a binary search), and read until its last offset. What has
 * been erased or blanked in the store comes as it stands there now.
 *
 * Only what is below `flushed` is looked at: it is in the store for certain.
 */
#include "engine/consumer_state.h"

#include "chatcore/error.h"
#include "engine/engine.h"

/* Conversations of one batch looked up at the same time: hides a store's latency, and bounds what
 * the store has to answer at once. */
#define LOOKUPS_MAX 16

/* Rows read at once for one conversation. */
#define ROWS_READ 64

#define BEHIND_BYTES ((size_t)4 << 20)

struct entry {
    uint64_t offset;
    struct message *message; /* a reference; NULL until its row is found */
};

enum lookup_phase { LOOKUP_NEWEST, LOOKUP_SEARCH, LOOKUP_ROWS };

struct lookup {
    UT_hash_handle hh;
    struct behind *behind;
    struct lookup *next; /* of those not started */
    struct cc_slice conversation;
    uint64_t first; /* offsets of its first and last record in the batch */
    uint64_t last;
    enum lookup_phase phase;
    uint64_t low; /* the first row wanted has a seq from low to high */
    uint64_t high;
    struct cc_store_read_rows rows;
};

struct behind {
    struct reader *reader;
    struct arena arena;
    struct cc_log_read read;
    struct cc_log_bounds bounds;
    struct entry entries[CC_CONSUMER_BATCH];
    size_t count;
    uint64_t next;          /* the position behind the batch */
    struct lookup *lookups; /* uthash: by conversation */
    struct lookup *waiting;
    size_t active;
    int status; /* the first failure */
};

static struct cc_engine *engine_of(const struct behind *behind)
{
    return behind->reader->consumer->engine;
}

/* --- the end ------------------------------------------------------------------------------------
 */

static void behind_free(struct behind *behind)
{
    struct cc_engine *engine = engine_of(behind);

    HASH_CLEAR(hh, behind->lookups);
    for (size_t i = 0; i < behind->count; i++)
        if (behind->entries[i].message)
            message_unref(behind->entries[i].message);
    cc_op_release(&behind->read.op);
    arena_deinit(&behind->arena);
    mem_free(&engine->allocator, behind);
}

/* The messages' references go over to the reader. */
static void give(struct behind *behind)
{
    struct reader *reader = behind->reader;

    for (size_t i = 0; i < behind->count; i++) {
        if (behind->entries[i].message)
            reader->messages[reader->count++] = behind->entries[i].message;
        behind->entries[i].message = NULL;
    }
}

static void finish(struct behind *behind)
{
    struct reader *reader = behind->reader;
    uint64_t next = behind->next;
    int status = behind->status;

    if (reader_is_current(reader) && !status)
        give(behind);
    behind_free(behind);
    if (!reader_is_current(reader))
        reader->state = READER_READY; /* the next step sees that it is lost, or closing */
    else if (status || next == reader->position)
        reader_retry(reader, status ? status : CC_EUNAVAILABLE);
    else
        reader_hand_out(reader, next);
}

static void fail(struct behind *behind, int status)
{
    behind->status = behind->status ? behind->status : status;
    behind->waiting = NULL;
}

/* --- looking up one conversation ----------------------------------------------------------------
 */

static void lookups_start(struct behind *behind);

static void lookup_done(struct lookup *lookup)
{
    struct behind *behind = lookup->behind;

    behind->active--;
    lookups_start(behind);
}

static void lookup_answered(struct cc_op *op);

static void lookup_read(struct lookup *lookup, uint64_t from, uint64_t to, size_t limit)
{
    struct behind *behind = lookup->behind;
    struct cc_engine *engine = engine_of(behind);

    memset(&lookup->rows, 0, sizeof lookup->rows);
    lookup->rows.conversation = lookup->conversation;
    lookup->rows.from = from;
    lookup->rows.to = to;
    lookup->rows.limit = limit;
    lookup->rows.descending = lookup->phase == LOOKUP_NEWEST;
    reader_op_begin(behind->reader, &lookup->rows.op, lookup_answered);
    engine->store.vtable->read_rows(engine->store.self, &lookup->rows);
}

static void read_rows_on(struct lookup *lookup)
{
    lookup->phase = LOOKUP_ROWS;
    lookup_read(lookup, lookup->low, UINT64_MAX, ROWS_READ);
}

static void search_on(struct lookup *lookup)
{
    if (lookup->low >= lookup->high) {
        read_rows_on(lookup);
        return;
    }
    lookup->phase = LOOKUP_SEARCH;
    lookup_read(lookup, lookup->low + (lookup->high - lookup->low) / 2, lookup->high - 1, 1);
}

/* The newest rows: mostly the wanted ones are among them. */
static void newest_read(struct lookup *lookup)
{
    const struct cc_store_read_rows *rows = &lookup->rows;

    lookup->low = 1;
    lookup->high = rows->ret_count ? rows->ret_rows[0].seq : 1;
    if (rows->ret_count && rows->ret_rows[0].offset < lookup->first)
        lookup->low = lookup->high;
    cc_op_release(&lookup->rows.op);
    search_on(lookup);
}

/* The first row from the middle on; there may be none, where rows have been removed. */
static void middle_read(struct lookup *lookup)
{
    const struct cc_store_read_rows *rows = &lookup->rows;

    if (!rows->ret_count || rows->ret_rows[0].offset >= lookup->first)
        lookup->high = rows->from;
    else
        lookup->low = rows->ret_rows[0].seq + 1;
    cc_op_release(&lookup->rows.op);
    search_on(lookup);
}

static struct entry *entry_at(struct behind *behind, uint64_t offset)
{
    struct entry *entries = behind->entries;
    size_t low = 0;
    size_t high = behind->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (entries[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < behind->count && entries[low].offset == offset ? &entries[low] : NULL;
}

static int take_row(struct behind *behind, const struct cc_store_row *row)
{
    struct entry *entry = entry_at(behind, row->offset);

    if (!entry || entry->message)
        return 0;
    return message_decode(&engine_of(behind)->allocator, row->body, row->seq, row->offset,
                          &entry->message);
}

static void rows_read(struct lookup *lookup)
{
    const struct cc_store_read_rows *rows = &lookup->rows;
    bool is_done = rows->ret_count < ROWS_READ;
    int r = 0;

    for (size_t i = 0; !r && i < rows->ret_count; i++) {
        lookup->low = rows->ret_rows[i].seq + 1;
        is_done = is_done || rows->ret_rows[i].offset >= lookup->last;
        r = take_row(lookup->behind, &rows->ret_rows[i]);
    }
    cc_op_release(&lookup->rows.op);
    if (r)
        fail(lookup->behind, r);
    if (r || is_done)
        lookup_done(lookup);
    else
        read_rows_on(lookup);
}

static void lookup_answered(struct cc_op *op)
{
    struct lookup *lookup = container_of(op, struct lookup, rows.op);
    struct behind *behind = lookup->behind;

    reader_op_done(behind->reader, op);
    if (op->status || behind->status || !reader_is_current(behind->reader)) {
        cc_op_release(op);
        fail(behind, op->status ? op->status : CC_ECANCELED);
        lookup_done(lookup);
    } else if (lookup->phase == LOOKUP_NEWEST) {
        newest_read(lookup);
    } else if (lookup->phase == LOOKUP_SEARCH) {
        middle_read(lookup);
    } else {
        rows_read(lookup);
    }
}

static void lookups_start(struct behind *behind)
{
    while (behind->waiting && behind->active < LOOKUPS_MAX) {
        struct lookup *lookup = behind->waiting;

        behind->waiting = lookup->next;
        behind->active++;
        lookup->phase = LOOKUP_NEWEST;
        lookup_read(lookup, 1, UINT64_MAX, ROWS_READ);
    }
    if (!behind->active)
        finish(behind);
}

/* --- the log ------------------------------------------------------------------------------------
 */

static int lookup_for(struct behind *behind, struct cc_slice conversation, uint64_t offset)
{
    const struct cc_allocator *hash_allocator = behind->arena.allocator;
    struct lookup *lookup;

    HASH_FIND(hh, behind->lookups, conversation.data, conversation.size, lookup);
    if (!lookup) {
        lookup = arena_alloc(&behind->arena, sizeof *lookup);
        if (!lookup)
            return CC_ENOMEM;
        memset(lookup, 0, sizeof *lookup);
        lookup->behind = behind;
        lookup->conversation = conversation;
        lookup->first = offset;
        HASH_ADD_KEYPTR(hh, behind->lookups, lookup->conversation.data, lookup->conversation.size,
                        lookup);
        if (!lookup->hh.tbl)
            return CC_ENOMEM;
        lookup->next = behind->waiting;
        behind->waiting = lookup;
    }
    lookup->last = offset;
    return 0;
}

/* A record that can't be read made no message: the sequencer passed it over as well. */
static int take_record(struct behind *behind, const struct cc_log_record *bytes)
{
    struct record record;
    int r = record_decode(bytes->data, &behind->arena, &record);

    behind->next = bytes->offset + 1;
    if (r)
        return r == CC_ENOMEM ? r : 0;
    behind->entries[behind->count++].offset = bytes->offset;
    return lookup_for(behind, record.message.conversation, bytes->offset);
}

static void records_read(struct behind *behind)
{
    const struct cc_log_read *read = &behind->read;
    int r = 0;

    for (size_t i = 0; !r && i < read->ret_count && behind->count < CC_CONSUMER_BATCH; i++)
        if (read->ret_records[i].offset < behind->reader->partition->flushed)
            r = take_record(behind, &read->ret_records[i]);
    if (r)
        fail(behind, r);
    lookups_start(behind);
}

/* What it wanted has been trimmed: it goes on with the oldest that there is. */
static void bounds_read(struct cc_op *op)
{
    struct behind *behind = container_of(op, struct behind, bounds.op);
    struct reader *reader = behind->reader;

    reader_op_done(reader, op);
    cc_op_release(op);
    if (op->status) {
        fail(behind, op->status);
    } else if (behind->bounds.ret_first > behind->next) {
        behind->next = behind->bounds.ret_first;
        reader->is_cut = true;
    }
    finish(behind);
}

static void log_trimmed(struct behind *behind)
{
    struct cc_engine *engine = engine_of(behind);

    behind->bounds.partition = behind->reader->partition->number;
    reader_op_begin(behind->reader, &behind->bounds.op, bounds_read);
    engine->log.vtable->bounds(engine->log.self, &behind->bounds);
}

static void log_read(struct cc_op *op)
{
    struct behind *behind = container_of(op, struct behind, read.op);

    reader_op_done(behind->reader, op);
    if (op->status == CC_ETRIMMED) {
        log_trimmed(behind);
        return;
    }
    if (op->status)
        fail(behind, op->status);
    if (op->status || !reader_is_current(behind->reader))
        finish(behind);
    else
        records_read(behind);
}

void behind_begin(struct reader *reader)
{
    struct cc_engine *engine = reader->consumer->engine;
    struct behind *behind = mem_zalloc(&engine->allocator, 1, sizeof *behind);

    if (!behind) {
        reader_retry(reader, CC_ENOMEM);
        return;
    }
    behind->reader = reader;
    behind->next = reader->position;
    arena_init(&behind->arena, &engine->allocator);
    behind->read.partition = reader->partition->number;
    behind->read.offset = reader->position;
    behind->read.max_records = CC_CONSUMER_BATCH;
    behind->read.max_bytes = BEHIND_BYTES;
    reader->state = READER_BEHIND;
    reader_op_begin(reader, &behind->read.op, log_read);
    engine->log.vtable->read(engine->log.self, &behind->read);
}
