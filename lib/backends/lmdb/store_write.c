/*
 * The store's writer: one batch at a time, its elements grouped by name and packed in chunks, in
 * the order of keys.
 */
#include "backends/lmdb/store_table.h"
#include "chatcore/error.h"

#include <errno.h>

static int rows_write(struct store_batch *batch)
{
    struct table_write table = {
        .kind = &chunk_rows,
        .layout = {sizeof(struct cc_store_row), offsetof(struct cc_store_row, conversation),
                   offsetof(struct cc_store_row, seq)},
        .offset_at = offsetof(struct cc_store_row, offset),
        .elements = (const char *)batch->op->rows,
        .high = batch->mark.high,
    };
    struct grouping *grouping = &batch->store->grouping;
    int r = table_begin(batch, batch->store->rows, &table, batch->op->row_count);

    if (r)
        return r;
    for (size_t i = 0; !r && i < grouping->group_count; i++) {
        table_group(batch, &table, i);
        store_key_rows(&table.key, grouping->groups[i].name);
        table.prefix = table.key.size;
        r = table_group_write(&table);
    }
    mdb_cursor_close(table.cursor);
    return r;
}

/* --- heads --- */

static int head_write(MDB_cursor *cursor, const struct cc_store_head *head)
{
    struct store_head_value value = {head->seq, head->offset, head->member_version, head->ts,
                                     head->said};
    struct store_head_value stored;
    struct store_key key;
    MDB_val wanted;
    MDB_val found;
    int r;

    store_key_rows(&key, head->conversation);
    wanted = store_key_value(&key);
    r = mdb_cursor_get(cursor, &wanted, &found, MDB_SET);
    if (!r && found.mv_size != sizeof stored)
        return MDB_CORRUPTED;
    if (r && r != MDB_NOTFOUND)
        return r;
    if (!r) {
        memcpy(&stored, found.mv_data, sizeof stored);
        if (stored.offset > value.offset)
            return 0;
    }
    found = value_of(&value, sizeof value);
    return mdb_cursor_put(cursor, &wanted, &found, r ? 0 : MDB_CURRENT);
}

static int heads_write(struct store_batch *batch)
{
    static const struct group_layout layout = {sizeof(struct cc_store_head),
                                               offsetof(struct cc_store_head, conversation),
                                               offsetof(struct cc_store_head, offset)};
    struct grouping *grouping = &batch->store->grouping;
    MDB_cursor *cursor;
    int r = grouping_make(grouping, batch->op->heads, batch->op->head_count, &layout);

    if (r)
        return ENOMEM;
    r = mdb_cursor_open(batch->txn, batch->store->heads, &cursor);
    if (r)
        return r;
    for (size_t i = 0; !r && i < grouping->group_count; i++) {
        const struct group *group = &grouping->groups[i];
        size_t newest = group->first + group->count - 1;

        r = head_write(cursor, &batch->op->heads[grouping->members[newest].index]);
    }
    mdb_cursor_close(cursor);
    return r;
}

/* --- marks --- */

static int mark_read(struct store_batch *batch)
{
    struct store_key key;
    int r;

    store_key_mark(&key, batch->op->partition);
    r = store_get(batch->txn, batch->store->marks, &key, &batch->mark, sizeof batch->mark);
    return r == MDB_NOTFOUND ? 0 : r;
}

static void raise(uint64_t *high, uint64_t offset)
{
    if (offset >= *high && offset != UINT64_MAX)
        *high = offset + 1;
}

static int mark_write(struct store_batch *batch)
{
    const struct cc_store_write *op = batch->op;
    struct store_mark mark = batch->mark;
    MDB_val value = value_of(&mark, sizeof mark);
    struct store_key key;
    MDB_val wanted;

    for (size_t i = 0; i < op->row_count; i++)
        raise(&mark.high, op->rows[i].offset);
    for (size_t i = 0; i < op->inbox_count; i++)
        raise(&mark.high, op->inbox[i].offset);
    for (size_t i = 0; i < op->dedup_count; i++)
        raise(&mark.high, op->dedup[i].offset);
    if (op->offset > mark.offset)
        mark.offset = op->offset;
    store_key_mark(&key, op->partition);
    wanted = store_key_value(&key);
    return mdb_put(batch->txn, batch->store->marks, &wanted, &value, 0);
}

/* --- the operations --- */

static bool batch_fits(const struct cc_store_write *op)
{
    bool fits = op->partition < LMDB_PARTITIONS_MAX;

    for (size_t i = 0; i < op->row_count; i++)
        fits &= store_name_fits(op->rows[i].conversation);
    for (size_t i = 0; i < op->head_count; i++)
        fits &= store_name_fits(op->heads[i].conversation);
    for (size_t i = 0; i < op->inbox_count; i++)
        fits &= store_name_fits(op->inbox[i].user) && store_name_fits(op->inbox[i].conversation);
    for (size_t i = 0; i < op->dedup_count; i++)
        fits &= store_name_fits(op->dedup[i].sender);
    return fits;
}

static int write_apply(void *port, MDB_txn *txn, struct cc_op *base)
{
    struct store_batch batch = {port, txn, (const struct cc_store_write *)base, {0, 0}};
    int r;

    if (!batch_fits(batch.op))
        return CC_EINVAL;
    r = mark_read(&batch);
    if (!r)
        r = rows_write(&batch);
    if (!r)
        r = heads_write(&batch);
    if (!r)
        r = store_inbox_write(&batch);
    if (!r)
        r = store_dedup_write(&batch);
    if (!r)
        r = mark_write(&batch);
    return r;
}

const struct writer_kind store_write_kind = {write_apply, false};

static bool cursors_fit(const struct cc_store_write_cursors *op)
{
    bool fits = true;

    for (size_t i = 0; i < op->count; i++)
        fits &= store_name_fits(op->cursors[i].user) &&
                store_name_fits(op->cursors[i].conversation) &&
                op->cursors[i].device.size <= CC_NAME_MAX;
    return fits;
}

static int cursor_write(struct lmdb_store *store, MDB_txn *txn, const struct cc_store_cursor *given)
{
    struct store_cursor_value stored = {0, 0};
    struct store_cursor_value wanted;
    struct store_key key;
    MDB_val place;
    MDB_val value = value_of(&wanted, sizeof wanted);
    int r;

    store_key_cursor(&key, given->user, given->device);
    store_key_name(&key, given->conversation);
    r = store_get(txn, store->cursors, &key, &stored, sizeof stored);
    if (r && r != MDB_NOTFOUND)
        return r;
    wanted.delivered = given->delivered > stored.delivered ? given->delivered : stored.delivered;
    wanted.read = given->read > stored.read ? given->read : stored.read;
    if (!r && wanted.delivered == stored.delivered && wanted.read == stored.read)
        return 0;
    place = store_key_value(&key);
    return mdb_put(txn, store->cursors, &place, &value, 0);
}

static int write_cursors_apply(void *port, MDB_txn *txn, struct cc_op *base)
{
    const struct cc_store_write_cursors *op = (const struct cc_store_write_cursors *)base;
    int r = 0;

    if (!cursors_fit(op))
        return CC_EINVAL;
    for (size_t i = 0; !r && i < op->count; i++)
        r = cursor_write(port, txn, &op->cursors[i]);
    return r;
}

const struct writer_kind store_write_cursors_kind = {write_cursors_apply, false};
