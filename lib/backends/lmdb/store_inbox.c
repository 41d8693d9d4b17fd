/*
 * Writing inbox entries: first to buckets, as they arrive; then, when a bucket has many, to the
 * chunks of its users.
 *
 *   arrivals   bucket of users → entries of all of them, in the order of offsets
 *   inbox      user → entries of one
 *
 * A batch brings a few entries for each of many users. Written one user at a time each would cost a
 * page; a bucket's entries cost a page or two together, and what moves on costs a page for dozens.
 *
 * How many entries a bucket has is counted in memory; the first time in a run of the process, and
 * after a transaction that was given up, they are counted in the table.
 */
#include "backends/lmdb/store_bucket.h"
#include "backends/lmdb/store_table.h"
#include "base/buffer.h"

#include <errno.h>

/* A batch of 50,000 messages to two users each brings a hundred entries for each bucket. */
#define ARRIVAL_BUCKETS 1024

/*
 * A bucket moves on when it has so many entries: some dozens a user where there are 20,000 of them,
 * and few enough to be read through for one user's newest (about 20 us). Buckets differ by up to
 * the spread, so that not all move on in the same batch.
 */
#define MOVE_MIN    700
#define MOVE_SPREAD 600

#define NOT_COUNTED UINT32_MAX

struct store_arrivals {
    uint32_t
        *counts[LMDB_PARTITIONS_MAX]; /* by bucket; NULL until a batch of the partition comes */
    struct buffer bytes;              /* chunks that move on */
    struct cc_store_inbox *entries;   /* in those chunks */
    size_t entry_capacity;
};

/* Moving one bucket's entries, and writing them. */
struct move {
    struct store_batch *batch;
    struct store_arrivals *arrivals;
    struct bucket_write bucket;
    MDB_cursor *inbox;
    uint32_t *counts;
    size_t entry_count;
};

static int arrival_next(struct chunk *chunk, union bucket_any *element)
{
    return chunk_next_arrival(chunk, &element->arrival);
}

const struct bucket_kind store_arrivals_kind = {ARRIVAL_BUCKETS, sizeof(struct cc_store_inbox),
                                                chunk_arrival_size, chunk_write_arrival,
                                                arrival_next};

/* --- memory --- */

void store_arrivals_free(struct lmdb_store *store)
{
    const struct cc_allocator *allocator = &store->environment.allocator;
    struct store_arrivals *arrivals = store->arrivals_state;

    if (!arrivals)
        return;
    for (size_t i = 0; i < LMDB_PARTITIONS_MAX; i++)
        mem_free(allocator, arrivals->counts[i]);
    buffer_deinit(&arrivals->bytes);
    mem_free(allocator, arrivals->entries);
    mem_free(allocator, arrivals);
    store->arrivals_state = NULL;
}

static void counts_forget(uint32_t *counts)
{
    for (uint32_t i = 0; i < ARRIVAL_BUCKETS; i++)
        counts[i] = NOT_COUNTED;
}

void store_arrivals_forget(struct lmdb_store *store)
{
    for (size_t i = 0; store->arrivals_state && i < LMDB_PARTITIONS_MAX; i++)
        if (store->arrivals_state->counts[i])
            counts_forget(store->arrivals_state->counts[i]);
}

static int arrivals_get(struct lmdb_store *store, uint32_t partition,
                        struct store_arrivals **ret_arrivals)
{
    const struct cc_allocator *allocator = &store->environment.allocator;
    struct store_arrivals *arrivals = store->arrivals_state;

    if (!arrivals) {
        arrivals = mem_zalloc(allocator, 1, sizeof *arrivals);
        if (!arrivals)
            return ENOMEM;
        buffer_init(&arrivals->bytes, allocator);
        store->arrivals_state = arrivals;
    }
    if (!arrivals->counts[partition]) {
        arrivals->counts[partition] = mem_zalloc(allocator, ARRIVAL_BUCKETS, sizeof(uint32_t));
        if (!arrivals->counts[partition])
            return ENOMEM;
        counts_forget(arrivals->counts[partition]);
    }
    *ret_arrivals = arrivals;
    return 0;
}

/* --- entries that may stand already: those that have moved on --- */

static int has_moved(struct move *move, const struct bucket_element *element, bool *ret_moved)
{
    struct store_key key;
    struct chunk_gap gap;
    uint64_t first;
    MDB_val value;
    int r;

    *ret_moved = false;
    store_key_inbox(&key, element->name, move->batch->op->partition);
    r = store_seek(move->inbox, &key, key.size, element->offset, &first, &value);
    if (r || first > element->offset)
        return r == MDB_NOTFOUND ? 0 : r;
    r = chunk_inbox.find(chunk_of(value.mv_data, value.mv_size), first, element->offset, &gap);
    *ret_moved = !r && gap.is_found;
    return r;
}

/* Drops those elements of the bucket. */
static int filter(struct move *move)
{
    struct bucket_write *bucket = &move->bucket;
    size_t kept = 0;

    for (size_t i = 0; i < bucket->count; i++) {
        bool moved = false;
        int r = 0;

        if (bucket->elements[i]->offset < move->batch->mark.high)
            r = has_moved(move, bucket->elements[i], &moved);
        if (r)
            return r;
        if (!moved)
            bucket->elements[kept++] = bucket->elements[i];
    }
    bucket->count = kept;
    return 0;
}

/* --- moving on --- */

/* What stands before each chunk in the buffer. */
struct chunk_header {
    uint64_t first;
    size_t size;
};

/* Copies the bucket's chunks: what they hold is written elsewhere while they are deleted. */
static int chunks_copy(struct move *move)
{
    struct bucket_write *bucket = &move->bucket;
    struct buffer *bytes = &move->arrivals->bytes;
    struct chunk_header header;
    MDB_val value;
    int r;

    buffer_clear(bytes);
    for (r = store_seek(bucket->cursor, &bucket->key, bucket->prefix, 0, &header.first, &value); !r;
         r = store_step(bucket->cursor, &bucket->key, bucket->prefix, MDB_NEXT, &header.first,
                        &value)) {
        header.size = value.mv_size;
        buffer_append(bytes, &header, sizeof header);
        buffer_append(bytes, value.mv_data, value.mv_size);
    }
    if (r != MDB_NOTFOUND)
        return r;
    return bytes->failed ? ENOMEM : 0;
}

static int entry_add(struct move *move, const struct cc_store_inbox *entry)
{
    struct store_arrivals *arrivals = move->arrivals;
    void *entries = arrivals->entries;
    int r = mem_reserve(&move->batch->store->environment.allocator, &entries,
                        &arrivals->entry_capacity, move->entry_count + 1, sizeof *entry);

    if (r)
        return ENOMEM;
    arrivals->entries = entries;
    arrivals->entries[move->entry_count++] = *entry;
    return 0;
}

/* Makes entries of the copied chunks; their names stay in the copy. */
static int entries_read(struct move *move)
{
    struct cc_slice left = buffer_slice(&move->arrivals->bytes);

    move->entry_count = 0;
    while (left.size) {
        struct chunk_header header;
        struct cc_store_inbox entry = {.seq = 0};
        struct chunk chunk;
        int r;

        memcpy(&header, left.data, sizeof header);
        entry.offset = header.first;
        chunk = chunk_of(left.data + sizeof header, header.size);
        while ((r = chunk_next_arrival(&chunk, &entry)) == 0)
            if (entry_add(move, &entry) != 0)
                return ENOMEM;
        if (r != MDB_NOTFOUND)
            return r;
        left = slice_of(left.data + sizeof header + header.size,
                        left.size - sizeof header - header.size);
    }
    return 0;
}

/* True when all of the user's entries that have moved on are older than the group's first. */
static int user_is_behind(struct table_write *table, bool *ret_behind)
{
    struct cc_store_inbox entry = {.seq = 0};
    struct chunk chunk;
    uint64_t first;
    MDB_val value;
    int r = store_seek(table->cursor, &table->key, table->prefix, UINT64_MAX, &first, &value);

    *ret_behind = r == MDB_NOTFOUND;
    if (r)
        return r == MDB_NOTFOUND ? 0 : r;
    chunk = chunk_of(value.mv_data, value.mv_size);
    entry.offset = first;
    while ((r = chunk_next_inbox(&chunk, &entry)) == 0)
        ;
    *ret_behind = entry.offset < table->members[0].number;
    return r == MDB_NOTFOUND ? 0 : r;
}

static int users_write(struct move *move)
{
    struct table_write table = {
        .kind = &chunk_inbox,
        .layout = {sizeof(struct cc_store_inbox), offsetof(struct cc_store_inbox, user),
                   offsetof(struct cc_store_inbox, offset)},
        .offset_at = offsetof(struct cc_store_inbox, offset),
        .elements = (const char *)move->arrivals->entries,
        .high = UINT64_MAX,
    };
    struct grouping *grouping = &move->batch->store->grouping;
    int r = table_begin(move->batch, move->batch->store->inbox, &table, move->entry_count);

    if (r)
        return r;
    for (size_t i = 0; !r && i < grouping->group_count; i++) {
        table_group(move->batch, &table, i);
        store_key_inbox(&table.key, grouping->groups[i].name, move->batch->op->partition);
        table.prefix = table.key.size;
        r = user_is_behind(&table, &table.is_new);
        if (!r)
            r = table_group_write(&table);
    }
    mdb_cursor_close(table.cursor);
    return r;
}

static int chunks_delete(struct bucket_write *bucket)
{
    uint64_t first;
    MDB_val value;
    int r;

    while ((r = store_seek(bucket->cursor, &bucket->key, bucket->prefix, 0, &first, &value)) == 0) {
        r = mdb_cursor_del(bucket->cursor, 0);
        if (r)
            return r;
    }
    return r == MDB_NOTFOUND ? 0 : r;
}

static int move_on(struct move *move)
{
    int r = chunks_copy(move);

    if (!r)
        r = entries_read(move);
    if (!r)
        r = users_write(move);
    if (!r)
        r = chunks_delete(&move->bucket);
    if (!r)
        move->counts[move->bucket.number] = 0;
    return r;
}

/* --- a batch --- */

static uint32_t move_limit(uint32_t bucket)
{
    return MOVE_MIN + bucket * 37 % MOVE_SPREAD;
}

/* Counts what is in the bucket; what the batch brings comes on top. */
static int count(struct move *move, uint32_t *ret_count)
{
    struct bucket_write *bucket = &move->bucket;
    uint64_t first;
    MDB_val value;
    uint32_t total = 0;
    int r;

    for (r = store_seek(bucket->cursor, &bucket->key, bucket->prefix, 0, &first, &value); !r;
         r = store_step(bucket->cursor, &bucket->key, bucket->prefix, MDB_NEXT, &first, &value)) {
        struct chunk chunk = chunk_of(value.mv_data, value.mv_size);
        struct cc_store_inbox entry = {.seq = 0};

        while (chunk_next_arrival(&chunk, &entry) == 0)
            total++;
    }
    *ret_count = total;
    return r == MDB_NOTFOUND ? 0 : r;
}

static int arrive(struct move *move)
{
    struct bucket_write *bucket = &move->bucket;
    uint32_t *total = &move->counts[bucket->number];
    int r = 0;

    if (*total == NOT_COUNTED)
        r = count(move, total);
    if (!r)
        r = filter(move);
    if (!r)
        r = bucket_write(bucket, move->batch->mark.high);
    if (r)
        return r;
    *total += (uint32_t)bucket->count;
    return *total > move_limit(bucket->number) ? move_on(move) : 0;
}

static int buckets_write(struct move *move)
{
    int r = 0;

    for (uint32_t i = 0; !r && i < ARRIVAL_BUCKETS; i++) {
        bucket_begin(move->batch, &move->bucket, i);
        if (move->bucket.count)
            r = arrive(move);
    }
    return r;
}

static int cursors_open(struct move *move)
{
    struct lmdb_store *store = move->batch->store;
    int r = mdb_cursor_open(move->batch->txn, store->arrivals, &move->bucket.cursor);

    if (r)
        return r;
    r = mdb_cursor_open(move->batch->txn, store->inbox, &move->inbox);
    if (r)
        mdb_cursor_close(move->bucket.cursor);
    return r;
}

int store_inbox_write(struct store_batch *batch)
{
    const struct cc_store_write *op = batch->op;
    struct lmdb_store *store = batch->store;
    struct move move = {.batch = batch};
    int r;

    if (!op->inbox_count)
        return 0;
    move.bucket.allocator = &store->environment.allocator;
    move.bucket.kind = &store_arrivals_kind;
    r = arrivals_get(store, op->partition, &move.arrivals);
    if (!r)
        r = buckets_spread(store, &store_arrivals_kind, op->inbox, op->inbox_count);
    if (!r)
        r = cursors_open(&move);
    if (r)
        return r;
    move.counts = move.arrivals->counts[op->partition];
    r = buckets_write(&move);
    mdb_cursor_close(move.inbox);
    mdb_cursor_close(move.bucket.cursor);
    return r;
}
