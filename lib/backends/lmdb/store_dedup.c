/*
 * Writing dedup runs: they live in buckets, for the length of the window.
 */
#include "backends/lmdb/store_bucket.h"

/* A batch looks for old chunks in one bucket out of so many, in turn. */
#define EXPIRY_TURNS 8

/* The old chunks of a bucket that one batch may delete: enough to keep up, too few to be felt. */
#define EXPIRED_CHUNKS_MAX 16

static int run_next(struct chunk *chunk, union bucket_any *element)
{
    return chunk_next_dedup(chunk, &element->run);
}

/*
 * A batch of 50,000 runs brings about fifty for each bucket, which fill a page. Loading a sender
 * reads its bucket: with a million messages in the window, a thousand runs.
 */
const struct bucket_kind store_dedup_kind = {1024, sizeof(struct cc_store_dedup), chunk_run_size,
                                             chunk_write_run, run_next};

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

static int buckets_write(struct store_batch *batch, struct bucket_write *bucket)
{
    uint32_t turn = batch->store->expiry_turn++;
    int r = 0;

    for (uint32_t i = 0; !r && i < store_dedup_kind.buckets; i++) {
        bucket_begin(batch, bucket, i);
        if (!bucket->count)
            continue;
        r = bucket_write(bucket, batch->mark.high);
        if (!r && (i + turn) % EXPIRY_TURNS == 0)
            r = bucket_expire(bucket, batch->op->dedup_before);
    }
    return r;
}

int store_dedup_write(struct store_batch *batch)
{
    struct bucket_write bucket = {.allocator = &batch->store->environment.allocator,
                                  .kind = &store_dedup_kind};
    int r;

    if (!batch->op->dedup_count)
        return 0;
    r = buckets_spread(batch->store, &store_dedup_kind, batch->op->dedup, batch->op->dedup_count);
    if (!r)
        r = mdb_cursor_open(batch->txn, batch->store->dedup, &bucket.cursor);
    if (r)
        return r;
    r = buckets_write(batch, &bucket);
    mdb_cursor_close(bucket.cursor);
    return r;
}
