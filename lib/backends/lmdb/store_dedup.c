/*
 * Writing dedup runs: a batch's are spread over the buckets by counting, and each bucket's written
 * as chunks in the order of offsets. Runs of different senders may have the same offset; those
 * stand in one chunk, so that the chunk that begins at or before an offset has all of that offset.
 */
#include "backends/lmdb/chunk.h"
#include "backends/lmdb/store.h"

#include <errno.h>
#include <stdlib.h>

/* A batch looks for old chunks in one bucket out of so many, in turn. */
#define EXPIRY_TURNS 8

/* The old chunks of a bucket that one batch may delete: enough to keep up, too few to be felt. */
#define EXPIRED_CHUNKS_MAX 16

/* A batch's runs by bucket; its memory is kept from one batch to the next. */
struct store_buckets {
    size_t first[STORE_BUCKETS + 1]; /* of each bucket's runs */
    const struct cc_store_dedup **runs;
    uint16_t *bucket_of; /* of each run of the batch */
    size_t capacity;
    size_t bucket_capacity;
};

/* Writing one bucket. */
struct bucket_write {
    const struct cc_allocator *allocator;
    MDB_cursor *cursor;
    struct store_key key;
    size_t prefix;
    const struct cc_store_dedup **runs; /* ascending by offset */
    size_t count;
};

/* --- spreading --- */

void store_buckets_free(struct lmdb_store *store)
{
    const struct cc_allocator *allocator = &store->environment.allocator;

    if (!store->buckets)
        return;
    mem_free(allocator, store->buckets->runs);
    mem_free(allocator, store->buckets->bucket_of);
    mem_free(allocator, store->buckets);
    store->buckets = NULL;
}

static int buckets_reserve(struct lmdb_store *store, size_t count)
{
    const struct cc_allocator *allocator = &store->environment.allocator;
    struct store_buckets *buckets = store->buckets;
    void *runs;
    void *bucket_of;
    int r;

    if (!buckets)
        buckets = store->buckets = mem_zalloc(allocator, 1, sizeof *buckets);
    if (!buckets)
        return ENOMEM;
    runs = buckets->runs;
    bucket_of = buckets->bucket_of;
    r = mem_reserve(allocator, &runs, &buckets->capacity, count, sizeof *buckets->runs);
    buckets->runs = runs;
    if (!r)
        r = mem_reserve(allocator, &bucket_of, &buckets->bucket_capacity, count,
                        sizeof *buckets->bucket_of);
    buckets->bucket_of = bucket_of;
    return r ? ENOMEM : 0;
}

/* Counts how many come in each bucket, then puts them there in the order of the batch. */
static void buckets_fill(struct store_buckets *buckets, const struct cc_store_dedup *runs,
                         size_t count)
{
    size_t *first = buckets->first;

    memset(first, 0, sizeof buckets->first);
    for (size_t i = 0; i < count; i++) {
        buckets->bucket_of[i] = (uint16_t)store_bucket_of(runs[i].sender);
        first[buckets->bucket_of[i] + 1]++;
    }
    for (size_t i = 1; i <= STORE_BUCKETS; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < count; i++)
        buckets->runs[first[buckets->bucket_of[i]]++] = &runs[i];
    memmove(first + 1, first, STORE_BUCKETS * sizeof *first);
    first[0] = 0;
}

static int compare_runs(const void *a, const void *b)
{
    const struct cc_store_dedup *left = *(const struct cc_store_dedup *const *)a;
    const struct cc_store_dedup *right = *(const struct cc_store_dedup *const *)b;

    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return slice_compare(left->sender, right->sender);
}

/* Sorts a bucket's runs where they aren't, and drops what comes twice. */
static void bucket_order(struct bucket_write *bucket)
{
    size_t kept = 1;

    while (kept < bucket->count && bucket->runs[kept - 1]->offset < bucket->runs[kept]->offset)
        kept++;
    if (kept >= bucket->count)
        return;
    qsort(bucket->runs, bucket->count, sizeof *bucket->runs, compare_runs);
    kept = 1;
    for (size_t i = 1; i < bucket->count; i++)
        if (compare_runs(&bucket->runs[kept - 1], &bucket->runs[i]) != 0)
            bucket->runs[kept++] = bucket->runs[i];
    bucket->count = kept;
}

/* --- new runs: chunks at the bucket's end --- */

static size_t chunk_fill(const struct bucket_write *bucket, size_t first, size_t *ret_bytes)
{
    size_t bytes = chunk_run_size(bucket->runs[first], NULL);
    size_t end = first + 1;

    for (; end < bucket->count; end++) {
        const struct cc_store_dedup *before = bucket->runs[end - 1];
        size_t size = chunk_run_size(bucket->runs[end], before);

        if (bytes + size > CHUNK_BYTES && bucket->runs[end]->offset != before->offset)
            break;
        bytes += size;
    }
    *ret_bytes = bytes;
    return end - first;
}

static int chunk_put(struct bucket_write *bucket, size_t first, size_t count, size_t bytes)
{
    const struct cc_store_dedup *before = NULL;
    MDB_val value = {bytes, NULL};
    MDB_val key;
    char *to;
    int r;

    store_key_number(&bucket->key, bucket->prefix, bucket->runs[first]->offset);
    key = store_key_value(&bucket->key);
    r = mdb_cursor_put(bucket->cursor, &key, &value, MDB_RESERVE);
    to = value.mv_data;
    for (size_t i = first; !r && i < first + count; i++) {
        to = chunk_write_run(to, bucket->runs[i], before);
        before = bucket->runs[i];
    }
    return r;
}

/* --- runs that may stand already: one at a time, into the chunk they belong to --- */

/* Where a run belongs in a chunk. */
struct gap {
    bool is_found;
    bool has_before;
    bool has_next;
    struct cc_store_dedup before;
    struct cc_store_dedup next;
    size_t at;    /* the bytes in front of it */
    size_t after; /* where what stands behind `next` begins */
};

static int gap_find(const MDB_val *value, uint64_t first, const struct cc_store_dedup *run,
                    struct gap *ret_gap)
{
    struct chunk chunk = chunk_of(value->mv_data, value->mv_size);
    struct gap gap = {.next.offset = first};
    int r;

    while ((r = chunk_next_dedup(&chunk, &gap.next)) == 0 && gap.next.offset <= run->offset) {
        gap.is_found |= gap.next.offset == run->offset && slice_equal(gap.next.sender, run->sender);
        gap.has_before = true;
        gap.before = gap.next;
        gap.at = (size_t)(chunk.at - (const char *)value->mv_data);
    }
    gap.has_next = !r;
    gap.after = (size_t)(chunk.at - (const char *)value->mv_data);
    *ret_gap = gap;
    return r == MDB_NOTFOUND ? 0 : r;
}

/* Puts a chunk again with the run in its gap; the one behind it is written anew. */
static int gap_close(struct bucket_write *bucket, uint64_t first, const MDB_val *value,
                     const struct gap *gap, const struct cc_store_dedup *run)
{
    const struct cc_store_dedup *before = gap->has_before ? &gap->before : NULL;
    size_t rest = value->mv_size - gap->after;
    size_t size = gap->at + chunk_run_size(run, before) + rest;
    MDB_val larger;
    MDB_val key;
    char *bytes;
    char *to;
    int r;

    if (gap->has_next)
        size += chunk_run_size(&gap->next, run);
    bytes = mem_alloc(bucket->allocator, size);
    if (!bytes)
        return ENOMEM;
    memcpy(bytes, value->mv_data, gap->at);
    to = chunk_write_run(bytes + gap->at, run, before);
    if (gap->has_next)
        to = chunk_write_run(to, &gap->next, run);
    memcpy(to, (const char *)value->mv_data + gap->after, rest);
    store_key_number(&bucket->key, bucket->prefix, first);
    key = store_key_value(&bucket->key);
    larger = value_of(bytes, size);
    r = mdb_cursor_put(bucket->cursor, &key, &larger, 0);
    mem_free(bucket->allocator, bytes);
    return r;
}

static int run_insert(struct bucket_write *bucket, size_t index)
{
    const struct cc_store_dedup *run = bucket->runs[index];
    struct gap gap;
    uint64_t first;
    MDB_val value;
    int r = store_seek(bucket->cursor, &bucket->key, bucket->prefix, run->offset, &first, &value);

    if (r && r != MDB_NOTFOUND)
        return r;
    if (r || first > run->offset)
        return chunk_put(bucket, index, 1, chunk_run_size(run, NULL));
    r = gap_find(&value, first, run, &gap);
    if (r || gap.is_found)
        return r;
    if (!gap.has_next && gap.before.offset != run->offset)
        return chunk_put(bucket, index, 1, chunk_run_size(run, NULL));
    return gap_close(bucket, first, &value, &gap, run);
}

/* --- old runs --- */

/* True when no run of the chunk is as new as `before`. 0 or a raw code. */
static int chunk_is_old(const MDB_val *value, int64_t before, bool *ret_old)
{
    struct chunk chunk = chunk_of(value->mv_data, value->mv_size);
    struct cc_store_dedup run = {.ts = 0};
    int r;

    while ((r = chunk_next_dedup(&chunk, &run)) == 0 && run.ts < before)
        ;
    *ret_old = r == MDB_NOTFOUND;
    return r == MDB_NOTFOUND ? 0 : r;
}

static int bucket_expire(struct bucket_write *bucket, int64_t before)
{
    bool is_old = true;

    for (int i = 0; i < EXPIRED_CHUNKS_MAX; i++) {
        uint64_t first;
        MDB_val value;
        int r = store_seek(bucket->cursor, &bucket->key, bucket->prefix, 0, &first, &value);

        if (!r)
            r = chunk_is_old(&value, before, &is_old);
        if (!r && is_old)
            r = mdb_cursor_del(bucket->cursor, 0);
        if (r || !is_old)
            return r == MDB_NOTFOUND ? 0 : r;
    }
    return 0;
}

/* --- a batch --- */

static int bucket_write(struct bucket_write *bucket, uint64_t high)
{
    size_t done = 0;
    int r = 0;

    bucket_order(bucket);
    for (; !r && done < bucket->count && bucket->runs[done]->offset < high; done++)
        r = run_insert(bucket, done);
    while (!r && done < bucket->count) {
        size_t bytes;
        size_t count = chunk_fill(bucket, done, &bytes);

        r = chunk_put(bucket, done, count, bytes);
        done += count;
    }
    return r;
}

static int buckets_write(struct store_batch *batch, struct bucket_write *bucket)
{
    struct lmdb_store *store = batch->store;
    struct store_buckets *buckets = store->buckets;
    uint32_t turn = store->expiry_turn++;
    int r = 0;

    for (uint32_t i = 0; !r && i < STORE_BUCKETS; i++) {
        bucket->runs = buckets->runs + buckets->first[i];
        bucket->count = buckets->first[i + 1] - buckets->first[i];
        store_key_bucket(&bucket->key, batch->op->partition, i);
        bucket->prefix = bucket->key.size;
        if (bucket->count)
            r = bucket_write(bucket, batch->mark.high);
        if (!r && bucket->count && (i + turn) % EXPIRY_TURNS == 0)
            r = bucket_expire(bucket, batch->op->dedup_before);
    }
    return r;
}

int store_dedup_write(struct store_batch *batch)
{
    struct lmdb_store *store = batch->store;
    struct bucket_write bucket = {.allocator = &store->environment.allocator};
    int r;

    if (!batch->op->dedup_count)
        return 0;
    r = buckets_reserve(store, batch->op->dedup_count);
    if (!r)
        r = mdb_cursor_open(batch->txn, store->dedup, &bucket.cursor);
    if (r)
        return r;
    buckets_fill(store->buckets, batch->op->dedup, batch->op->dedup_count);
    r = buckets_write(batch, &bucket);
    mdb_cursor_close(bucket.cursor);
    return r;
}
