/*
 * Rows of the LMDB directory: single ones, runs with a common prefix, and one operation's reading.
 */
#include "backends/lmdb/directory.h"
#include "chatcore/error.h"

#include <errno.h>

static MDB_val key_value(const struct directory_key *key)
{
    return value_of(key->bytes, key->size);
}

int rows_get(const struct rows *rows, const struct directory_key *key, struct cc_slice *ret_value)
{
    MDB_val key_bytes = key_value(key);
    MDB_val value;
    int r = key->failed ? CC_EINVAL : mdb_get(rows->txn, rows->table, &key_bytes, &value);

    if (!r)
        *ret_value = slice_of(value.mv_data, value.mv_size);
    return r;
}

int rows_put(const struct rows *rows, const struct directory_key *key)
{
    MDB_val key_bytes = key_value(key);
    const struct buffer *buffer = &rows->directory->value;
    MDB_val value = value_of(buffer->data, buffer->size);

    if (key->failed)
        return CC_EINVAL;
    /* ENOMEM, not CC_ENOMEM: rows before this one may be written, so the transaction must go. */
    return buffer->failed ? ENOMEM : mdb_put(rows->txn, rows->table, &key_bytes, &value, 0);
}

int rows_delete(const struct rows *rows, const struct directory_key *key)
{
    MDB_val key_bytes = key_value(key);

    return key->failed ? CC_EINVAL : mdb_del(rows->txn, rows->table, &key_bytes, NULL);
}

/* --- scans --- */

static bool has_prefix(const struct scan *scan)
{
    return scan->key.mv_size >= scan->prefix.size &&
           memcmp(scan->key.mv_data, scan->prefix.bytes, scan->prefix.size) == 0;
}

static int scan_move(struct scan *scan, MDB_cursor_op move)
{
    int r = mdb_cursor_get(scan->cursor, &scan->key, &scan->value, move);

    return !r && !has_prefix(scan) ? MDB_NOTFOUND : r;
}

int scan_open(struct scan *scan, const struct rows *rows, const struct directory_key *prefix,
              const struct directory_key *from)
{
    int r;

    scan->cursor = NULL;
    scan->prefix = *prefix;
    scan->key = key_value(from ? from : prefix);
    if (prefix->failed || (from && from->failed))
        return CC_EINVAL;
    r = mdb_cursor_open(rows->txn, rows->table, &scan->cursor);
    return r ? r : scan_move(scan, MDB_SET_RANGE);
}

int scan_next(struct scan *scan)
{
    return scan_move(scan, MDB_NEXT);
}

void scan_close(struct scan *scan)
{
    if (scan->cursor)
        mdb_cursor_close(scan->cursor);
    scan->cursor = NULL;
}

struct directory_key_reader scan_key(const struct scan *scan)
{
    struct directory_key_reader reader = {(const uint8_t *)scan->key.mv_data + scan->prefix.size,
                                          (const uint8_t *)scan->key.mv_data + scan->key.mv_size,
                                          false};

    return reader;
}

struct cc_slice scan_value(const struct scan *scan)
{
    return slice_of(scan->value.mv_data, scan->value.mv_size);
}

static int scan_copy_key(const struct scan *scan, struct directory_key *ret_key)
{
    if (scan->key.mv_size > sizeof ret_key->bytes)
        return MDB_CORRUPTED;
    memcpy(ret_key->bytes, scan->key.mv_data, scan->key.mv_size);
    ret_key->size = scan->key.mv_size;
    ret_key->failed = false;
    return 0;
}

int rows_first(const struct rows *rows, const struct directory_key *prefix,
               struct directory_key *ret_key)
{
    struct scan scan;
    int r = scan_open(&scan, rows, prefix, NULL);

    if (!r)
        r = scan_copy_key(&scan, ret_key);
    scan_close(&scan);
    return r;
}

int rows_last(const struct rows *rows, const struct directory_key *prefix,
              struct directory_key *ret_key)
{
    struct scan scan = {.prefix = *prefix};
    struct directory_key beyond = *prefix;
    int r;

    directory_key_number(&beyond, UINT64_MAX); /* no row has this number */
    if (beyond.failed)
        return CC_EINVAL;
    r = mdb_cursor_open(rows->txn, rows->table, &scan.cursor);
    if (r)
        return r;
    scan.key = key_value(&beyond);
    r = mdb_cursor_get(scan.cursor, &scan.key, &scan.value, MDB_SET_RANGE);
    if (!r || r == MDB_NOTFOUND)
        r = scan_move(&scan, r ? MDB_LAST : MDB_PREV);
    if (!r)
        r = scan_copy_key(&scan, ret_key);
    scan_close(&scan);
    return r;
}

/* --- one operation's reading --- */

int reading_begin(struct reading *reading, struct lmdb_directory *directory)
{
    struct environment *environment = &directory->environment;
    int r;

    reading->rows = rows_of(directory, NULL);
    reading->answer = answer_new(&environment->allocator, 0);
    if (!reading->answer)
        return CC_ENOMEM;
    r = environment_read_begin(environment, &reading->rows.txn);
    if (r)
        reading->rows.txn = NULL;
    return r;
}

void reading_end(struct reading *reading, struct cc_op *op, int status)
{
    struct environment *environment = &reading->rows.directory->environment;

    if (reading->rows.txn)
        environment_read_end(environment);
    answer_done(reading->answer, op, environment_error(environment, status));
}
