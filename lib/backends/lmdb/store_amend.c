/*
 * Amending rows: what stands in a conversation's rows is taken out or replaced, chunk by chunk. A
 * chunk is read whole, changed in memory, and put in the old one's place; it may become longer than
 * chunks are written otherwise, which costs no more than pages of its own. And a user's cursors are
 * taken away.
 */
#include "backends/lmdb/store_read.h"
#include "chatcore/error.h"

#include <errno.h>

/* An operation that is being applied; `next` is the first of its rows that is not done. */
struct amending {
    const struct cc_allocator *allocator;
    const struct cc_store_amend *op;
    struct range range;
    size_t next;
};

/* The rows of a chunk; a chunk's entry has two bytes at least. */
static int chunk_rows_read(const struct amending *amending, struct cc_store_row **ret_rows,
                           size_t *ret_count)
{
    struct chunk chunk = range_chunk(&amending->range);
    struct cc_store_row row = {.seq = amending->range.first - 1};
    size_t capacity = amending->range.value.mv_size / 2 + 1;
    struct cc_store_row *rows = mem_zalloc(amending->allocator, capacity, sizeof *rows);
    size_t count = 0;
    int r;

    if (!rows)
        return ENOMEM;
    while ((r = chunk_next_row(&chunk, &row)) == 0)
        rows[count++] = row;
    if (r != MDB_NOTFOUND) {
        mem_free(amending->allocator, rows);
        return r;
    }
    *ret_rows = rows;
    *ret_count = count;
    return 0;
}

/* Puts the new bodies in; how many rows at the chunk's beginning go. */
static size_t rows_change(struct amending *amending, struct cc_store_row *rows, size_t count)
{
    const struct cc_store_amend *op = amending->op;
    size_t dropped = 0;

    for (size_t i = 0; i < count; i++) {
        while (amending->next < op->row_count && op->rows[amending->next].seq < rows[i].seq)
            amending->next++;
        if (amending->next < op->row_count && op->rows[amending->next].seq == rows[i].seq)
            rows[i].body = op->rows[amending->next++].body;
        dropped += rows[i].seq < op->before;
    }
    return dropped;
}

/* The new chunk, in memory: the old one's bytes are in the map, which writing changes. */
static int rows_pack(const struct amending *amending, const struct cc_store_row *rows, size_t count,
                     MDB_val *ret_value)
{
    const struct cc_store_row *before = NULL;
    size_t size = 0;
    char *bytes;
    char *to;

    for (size_t i = 0; i < count; i++) {
        size += chunk_rows.size(&rows[i], before);
        before = &rows[i];
    }
    bytes = mem_alloc(amending->allocator, size + 1);
    if (!bytes)
        return ENOMEM;
    before = NULL;
    to = bytes;
    for (size_t i = 0; i < count; i++) {
        to = chunk_rows.write(to, &rows[i], before);
        before = &rows[i];
    }
    *ret_value = value_of(bytes, size);
    return 0;
}

static int chunk_replace(struct amending *amending, uint64_t first, MDB_val *value)
{
    struct range *range = &amending->range;
    MDB_val key;
    int r = mdb_cursor_del(range->cursor, 0);

    if (r || !value->mv_size)
        return r;
    store_key_number(&range->key, range->prefix, first);
    key = store_key_value(&range->key);
    return mdb_cursor_put(range->cursor, &key, value, 0);
}

/* The chunk that the range is at. */
static int chunk_amend(struct amending *amending)
{
    struct cc_store_row *rows;
    MDB_val value;
    size_t dropped;
    size_t count;
    int r = chunk_rows_read(amending, &rows, &count);

    if (r)
        return r;
    dropped = rows_change(amending, rows, count);
    r = rows_pack(amending, rows + dropped, count - dropped, &value);
    if (!r) {
        r = chunk_replace(amending, amending->range.first + dropped, &value);
        mem_free(amending->allocator, value.mv_data);
    }
    mem_free(amending->allocator, rows);
    return r;
}

static int remove_before(struct amending *amending)
{
    int r = range_seek(&amending->range, 0);

    while (!r && amending->range.first < amending->op->before) {
        r = chunk_amend(amending);
        if (!r)
            r = range_seek(&amending->range, 0);
    }
    return none_is_fine(r);
}

/* The chunk that would hold the next row to be replaced may not have it: then it is left out. */
static int replace(struct amending *amending)
{
    const struct cc_store_amend *op = amending->op;
    int r = 0;

    while (!r && amending->next < op->row_count) {
        size_t before = amending->next;

        r = range_seek(&amending->range, op->rows[before].seq);
        if (!r)
            r = chunk_amend(amending);
        if (amending->next == before)
            amending->next++;
    }
    return none_is_fine(r);
}

static int amend_apply(void *port, MDB_txn *txn, struct cc_op *base)
{
    struct lmdb_store *store = port;
    struct amending amending = {.allocator = &store->environment.allocator,
                                .op = (const struct cc_store_amend *)base};
    struct range *range = &amending.range;
    int r;

    if (!store_name_fits(amending.op->conversation))
        return CC_EINVAL;
    store_key_rows(&range->key, amending.op->conversation);
    range->prefix = range->key.size;
    r = mdb_cursor_open(txn, store->rows, &range->cursor);
    if (r)
        return r;
    r = remove_before(&amending);
    if (!r)
        r = replace(&amending);
    mdb_cursor_close(range->cursor);
    return r;
}

const struct writer_kind store_amend_kind = {amend_apply, true};

/* --- cursors --- */

/* All keys that begin with the user's name go. */
static int cursors_remove(MDB_cursor *cursor, const struct store_key *key)
{
    int r = 0;

    while (!r) {
        MDB_val found = store_key_value(key);
        MDB_val value;

        r = mdb_cursor_get(cursor, &found, &value, MDB_SET_RANGE);
        if (!r && (found.mv_size < key->size || memcmp(found.mv_data, key->bytes, key->size) != 0))
            r = MDB_NOTFOUND;
        if (!r)
            r = mdb_cursor_del(cursor, 0);
    }
    return none_is_fine(r);
}

static int forget_cursors_apply(void *port, MDB_txn *txn, struct cc_op *base)
{
    const struct cc_store_forget_cursors *op = (const struct cc_store_forget_cursors *)base;
    const struct lmdb_store *store = port;
    struct store_key key = {.size = 0};
    MDB_cursor *cursor;
    int r;

    if (!store_name_fits(op->user))
        return CC_EINVAL;
    store_key_name(&key, op->user);
    r = mdb_cursor_open(txn, store->cursors, &cursor);
    if (r)
        return r;
    r = cursors_remove(cursor, &key);
    mdb_cursor_close(cursor);
    return r;
}

const struct writer_kind store_forget_cursors_kind = {forget_cursors_apply, true};
