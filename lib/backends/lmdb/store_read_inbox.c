/*
 * Reading inboxes and dedup runs from the store.
 *
 * A user's entries stand in two places: the older ones in the user's own chunks, the newest in a
 * bucket (store_inbox.c). Each is read up to the limit and one more; then they are put together.
 */
#include "backends/lmdb/store_bucket.h"
#include "backends/lmdb/store_read.h"
#include "chatcore/error.h"

#include <stdlib.h>

/* --- inbox --- */

/* A reading of entries: it counts, or copies where `entries` is given. */
struct inbox_reading {
    struct reading *reading;
    const struct cc_store_read_inbox *op;
    struct range range;
    struct cc_slice user; /* copied into the answer */
    struct cc_store_inbox *entries;
    size_t count; /* at most one more than the limit */
};

static bool is_full(const struct inbox_reading *inbox)
{
    return inbox->count > inbox->op->limit;
}

static int take(struct inbox_reading *inbox, const struct cc_store_inbox *entry)
{
    struct cc_store_inbox *copy = inbox->entries ? &inbox->entries[inbox->count] : NULL;

    if (entry->offset < inbox->op->from || entry->offset >= inbox->op->before || is_full(inbox))
        return 0;
    inbox->count++;
    if (!copy)
        return 0;
    *copy = *entry;
    copy->user = inbox->user;
    return answer_copy(inbox->reading->answer, entry->conversation, &copy->conversation);
}

/* From the user's own chunks. */
static int take_moved(struct inbox_reading *inbox)
{
    struct cc_store_inbox entry = {.offset = inbox->range.first};
    struct chunk chunk = range_chunk(&inbox->range);
    int r;

    while ((r = chunk_next_inbox(&chunk, &entry)) == 0) {
        r = take(inbox, &entry);
        if (r)
            return r;
    }
    return none_is_fine(r);
}

/* From the bucket, where others' entries stand too. */
static int take_arrived(struct inbox_reading *inbox)
{
    struct cc_store_inbox entry = {.offset = inbox->range.first};
    struct chunk chunk = range_chunk(&inbox->range);
    int r;

    while ((r = chunk_next_arrival(&chunk, &entry)) == 0) {
        if (!slice_equal(entry.user, inbox->op->user))
            continue;
        r = take(inbox, &entry);
        if (r)
            return r;
    }
    return none_is_fine(r);
}

static int walk(struct inbox_reading *inbox, int (*take_chunk)(struct inbox_reading *inbox))
{
    struct range *range = &inbox->range;
    int r;

    for (r = range_seek(range, inbox->op->from);
         !r && range->first < inbox->op->before && !is_full(inbox);
         r = range_step(range, MDB_NEXT)) {
        int failed = take_chunk(inbox);

        if (failed)
            return failed;
    }
    return none_is_fine(r);
}

static int walk_moved(struct inbox_reading *inbox)
{
    int r;

    store_key_inbox(&inbox->range.key, inbox->op->user, inbox->op->partition);
    r = range_open(inbox->reading, inbox->reading->store->inbox, &inbox->range);
    if (r)
        return r;
    r = walk(inbox, take_moved);
    mdb_cursor_close(inbox->range.cursor);
    return r;
}

static int walk_arrived(struct inbox_reading *inbox)
{
    int r;

    bucket_key(&inbox->range.key, &store_arrivals_kind, inbox->op->partition, inbox->op->user);
    r = range_open(inbox->reading, inbox->reading->store->arrivals, &inbox->range);
    if (r)
        return r;
    r = walk(inbox, take_arrived);
    mdb_cursor_close(inbox->range.cursor);
    return r;
}

static int compare_entries(const void *a, const void *b)
{
    const struct cc_store_inbox *left = a;
    const struct cc_store_inbox *right = b;

    return (left->offset > right->offset) - (left->offset < right->offset);
}

/* Counts both places. */
static int count_both(struct inbox_reading *inbox, size_t *ret_moved, size_t *ret_arrived)
{
    int r = walk_moved(inbox);

    *ret_moved = inbox->count;
    inbox->count = 0;
    if (!r)
        r = walk_arrived(inbox);
    *ret_arrived = inbox->count;
    inbox->count = 0;
    return r;
}

/* Copies both, one behind the other. */
static int copy_both(struct inbox_reading *inbox, size_t moved)
{
    struct cc_store_inbox *entries = inbox->entries;
    int r = walk_moved(inbox);

    inbox->count = 0;
    inbox->entries = entries + moved;
    if (!r)
        r = walk_arrived(inbox);
    inbox->entries = entries;
    return r;
}

static int inbox_read(struct reading *reading, struct cc_op *base)
{
    struct cc_store_read_inbox *op = (struct cc_store_read_inbox *)base;
    struct inbox_reading inbox = {.reading = reading, .op = op};
    size_t moved;
    size_t arrived;
    int r;

    if (!store_name_fits(op->user))
        return CC_EINVAL;
    r = count_both(&inbox, &moved, &arrived);
    if (r)
        return r;
    inbox.entries = answer_array(reading->answer, moved + arrived, sizeof *inbox.entries);
    if (!inbox.entries || answer_copy(reading->answer, op->user, &inbox.user) != 0)
        return CC_ENOMEM;
    r = copy_both(&inbox, moved);
    if (moved && arrived && inbox.entries[moved - 1].offset > inbox.entries[moved].offset)
        qsort(inbox.entries, moved + arrived, sizeof *inbox.entries, compare_entries);
    op->ret_more = moved + arrived > op->limit;
    op->ret_count = op->ret_more ? op->limit : moved + arrived;
    op->ret_entries = inbox.entries;
    return r;
}

void store_read_inbox(void *self, struct cc_store_read_inbox *op)
{
    read_answer(self, &op->op, inbox_read);
}

/* --- dedup --- */

static int run_copy(struct reading *reading, const struct cc_store_dedup *run,
                    struct cc_store_dedup *ret_copy)
{
    int r = answer_copy(reading->answer, run->sender, &ret_copy->sender);

    ret_copy->offset = run->offset;
    ret_copy->ts = run->ts;
    return r ? r : answer_copy(reading->answer, run->entries, &ret_copy->entries);
}

/* Walks the sender's bucket: counts the sender's runs, and copies them where `runs` is given. */
static int dedup_walk(struct reading *reading, struct range *range,
                      const struct cc_store_read_dedup *op, struct cc_store_dedup *runs,
                      size_t *ret_count)
{
    size_t count = 0;
    int r;

    for (r = range_seek(range, 0); !r; r = range_step(range, MDB_NEXT)) {
        struct cc_store_dedup run = {.offset = range->first};
        struct chunk chunk = range_chunk(range);
        int failed;

        while ((failed = chunk_next_dedup(&chunk, &run)) == 0) {
            if (!slice_equal(run.sender, op->sender))
                continue;
            if (runs && run_copy(reading, &run, &runs[count]) != 0)
                return CC_ENOMEM;
            count++;
        }
        if (failed != MDB_NOTFOUND)
            return failed;
    }
    *ret_count = count;
    return none_is_fine(r);
}

static int dedup_read_in(struct reading *reading, struct range *range,
                         struct cc_store_read_dedup *op)
{
    struct cc_store_dedup *runs;
    int r = dedup_walk(reading, range, op, NULL, &op->ret_count);

    if (r)
        return r;
    runs = answer_array(reading->answer, op->ret_count, sizeof *runs);
    if (!runs)
        return CC_ENOMEM;
    op->ret_runs = runs;
    return op->ret_count ? dedup_walk(reading, range, op, runs, &op->ret_count) : 0;
}

static int dedup_read(struct reading *reading, struct cc_op *base)
{
    struct cc_store_read_dedup *op = (struct cc_store_read_dedup *)base;
    struct range range;
    int r;

    if (!store_name_fits(op->sender))
        return CC_EINVAL;
    bucket_key(&range.key, &store_dedup_kind, op->partition, op->sender);
    r = range_open(reading, reading->store->dedup, &range);
    if (r)
        return r;
    r = dedup_read_in(reading, &range, op);
    mdb_cursor_close(range.cursor);
    return r;
}

void store_read_dedup(void *self, struct cc_store_read_dedup *op)
{
    read_answer(self, &op->op, dedup_read);
}
