/*
 * The LMDB directory's revocations of tokens: a row to find each by what it revokes, and one by its
 * number, which tells readers what is new. The newest revocation keeps its row by number, so the
 * numbers only rise.
 */
#include "backends/lmdb/directory.h"
#include "chatcore/error.h"

static void revoked_key(struct directory_key *key, enum cc_revoked kind, struct cc_slice name)
{
    directory_key_begin(key, TABLE_REVOKED);
    directory_key_number(key, kind);
    directory_key_name(key, name);
}

static void revocation_key(struct directory_key *key, uint64_t number)
{
    directory_key_begin(key, TABLE_REVOCATIONS);
    directory_key_number(key, number);
}

/* MDB_NOTFOUND when there is none. */
static int revoked_get(const struct rows *rows, enum cc_revoked kind, struct cc_slice name,
                       struct revoked_row *ret_row)
{
    struct directory_key key;
    struct cc_slice value;
    int r;

    if (!name.size)
        return MDB_NOTFOUND;
    revoked_key(&key, kind, name);
    r = rows_get(rows, &key, &value);
    return r ? r : revoked_row_read(value, ret_row);
}

static int newest(const struct rows *rows, uint64_t *ret_number)
{
    struct directory_key prefix;
    struct directory_key key;
    struct directory_key_reader reader;
    int r;

    directory_key_begin(&prefix, TABLE_REVOCATIONS);
    r = rows_last(rows, &prefix, &key);
    if (r == MDB_NOTFOUND) {
        *ret_number = 0;
        return 0;
    }
    if (r)
        return r;
    directory_key_read(&reader, TABLE_REVOCATIONS, key.bytes, key.size);
    *ret_number = directory_key_read_number(&reader);
    return directory_key_read_end(&reader) ? 0 : CC_ECORRUPT;
}

/* --- writing --- */

static int put(const struct rows *rows, const struct cc_revocation *wanted,
               const struct revoked_row *row)
{
    struct revocation_row what = {wanted->kind, wanted->name};
    struct directory_key key;
    int r;

    revoked_key(&key, wanted->kind, wanted->name);
    revoked_row_write(&rows->directory->value, row);
    r = rows_put(rows, &key);
    if (r)
        return r;
    revocation_key(&key, row->number);
    revocation_row_write(&rows->directory->value, &what);
    return rows_put(rows, &key);
}

int apply_revoke(void *port, MDB_txn *txn, struct cc_op *op)
{
    const struct cc_revocation *wanted = &((const struct cc_directory_revoke *)op)->revocation;
    struct rows rows = rows_of(port, txn);
    struct revoked_row row = {0};
    struct directory_key old;
    uint64_t number;
    int r;

    if (!wanted->name.size || wanted->name.size > CC_NAME_MAX)
        return CC_EINVAL;
    r = revoked_get(&rows, wanted->kind, wanted->name, &row);
    if (r && r != MDB_NOTFOUND)
        return r;
    revocation_key(&old, row.number);
    r = newest(&rows, &number);
    if (r)
        return r;
    if (row.number)
        r = rows_missing(rows_delete(&rows, &old));
    if (r)
        return rows_failure(r);
    row.number = number + 1;
    if (row.before < wanted->before)
        row.before = wanted->before;
    return rows_failure(put(&rows, wanted, &row));
}

/* --- reading --- */

static int revoked_read(const struct rows *rows, struct cc_directory_revoked *op)
{
    struct revoked_row row;
    int r = revoked_get(rows, CC_REVOKED_USER, op->user, &row);

    op->ret_is_revoked = !r && op->issued < row.before;
    if (op->ret_is_revoked || (r && r != MDB_NOTFOUND))
        return r;
    r = revoked_get(rows, CC_REVOKED_TOKEN, op->token_id, &row);
    op->ret_is_revoked = !r;
    return r == MDB_NOTFOUND ? 0 : r;
}

void lmdb_directory_revoked(void *self, struct cc_directory_revoked *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = revoked_read(&reading.rows, op);
    reading_end(&reading, &op->op, r);
}

static int revocation_copy(const struct reading *reading, const struct scan *scan,
                           struct cc_revocation *ret_revocation)
{
    struct directory_key_reader reader = scan_key(scan);
    struct revocation_row what;
    struct revoked_row row;
    int r;

    ret_revocation->number = directory_key_read_number(&reader);
    r = directory_key_read_end(&reader) ? revocation_row_read(scan_value(scan), &what)
                                        : CC_ECORRUPT;
    if (!r)
        r = rows_missing(revoked_get(&reading->rows, what.kind, what.name, &row));
    if (r)
        return r;
    ret_revocation->kind = what.kind;
    ret_revocation->before = row.before;
    return answer_copy(reading->answer, what.name, &ret_revocation->name);
}

static int revocations_scan(const struct reading *reading, struct cc_directory_revocations *op,
                            struct answer_list *list)
{
    struct cc_revocation *revocation;
    struct directory_key prefix;
    struct directory_key from;
    struct scan scan;
    int r;

    directory_key_begin(&prefix, TABLE_REVOCATIONS);
    revocation_key(&from, op->after + 1);
    r = scan_open(&scan, &reading->rows, &prefix, &from);
    while (!r && list->count < op->limit) {
        revocation = answer_list_add(reading->answer, list, sizeof *revocation);
        r = revocation ? revocation_copy(reading, &scan, revocation) : CC_ENOMEM;
        if (!r)
            r = scan_next(&scan);
    }
    scan_close(&scan);
    op->ret_more = !r;
    return r == MDB_NOTFOUND ? 0 : r;
}

static int revocations_read(const struct reading *reading, struct cc_directory_revocations *op)
{
    struct answer_list list = {0};
    int r = newest(&reading->rows, &op->ret_newest);

    if (!r && op->after < op->ret_newest)
        r = revocations_scan(reading, op, &list);
    op->ret_revocations = list.items;
    op->ret_count = list.count;
    return r;
}

void lmdb_directory_revocations(void *self, struct cc_directory_revocations *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = revocations_read(&reading, op);
    reading_end(&reading, &op->op, r);
}
