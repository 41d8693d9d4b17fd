/*
 * The store's writer: one batch at a time, its elements grouped by name and packed in chunks, in
 * the order of keys.
 */
#include "backends/lmdb/chunk.h"
#include "backends/lmdb/store.h"
#include "chatcore/error.h"

#include <errno.h>

/* A table that is kept in chunks, and an array of a batch that goes into it. */
struct table_write {
    const struct cc_allocator *allocator;
    const struct chunk_kind *kind;
    struct group_layout layout;
    size_t offset_at; /* where an element keeps its log offset */
    MDB_cursor *cursor;
    const char *elements;
    uint64_t high; /* elements with an offset below may stand already */
    bool is_new;   /* there are none */
    /* of the group that is being written */
    struct group_member *members;
    size_t count;
    struct store_key key;
    size_t prefix;
};

static const void *element_at(const struct table_write *table, size_t member)
{
    return table->elements + table->members[member].index * table->layout.element_size;
}

static uint64_t offset_of(const struct table_write *table, size_t member)
{
    uint64_t offset;

    memcpy(&offset, (const char *)element_at(table, member) + table->offset_at, sizeof offset);
    return offset;
}

/* --- what stands already --- */

/*
 * Cuts a chunk in two, so that a chunk with a key in between does not lie within another's keys.
 * The first part is the chunk's beginning; the second is the rest, its first element written anew
 * as a first one. `value` points into the map, which putting changes: it is copied before.
 */
static int chunk_split(struct table_write *table, uint64_t first, const MDB_val *value,
                       const struct chunk_gap *gap)
{
    size_t size = table->kind->size(&gap->next, NULL);
    size_t rest = value->mv_size - gap->after;
    MDB_val key;
    MDB_val part;
    char *bytes = mem_alloc(table->allocator, gap->before + size + rest);
    char *second = bytes + gap->before;
    int r;

    if (!bytes)
        return ENOMEM;
    memcpy(bytes, value->mv_data, gap->before);
    table->kind->write(second, &gap->next, NULL);
    memcpy(second + size, (const char *)value->mv_data + gap->after, rest);
    store_key_number(&table->key, table->prefix, first);
    key = store_key_value(&table->key);
    part = value_of(bytes, gap->before);
    r = mdb_cursor_put(table->cursor, &key, &part, 0);
    store_key_number(&table->key, table->prefix, gap->next_number);
    key = store_key_value(&table->key);
    part = value_of(second, size + rest);
    if (!r)
        r = mdb_cursor_put(table->cursor, &key, &part, 0);
    mem_free(table->allocator, bytes);
    return r;
}

/* Looks for a member's key, and makes a gap for it where it would be within a chunk. */
static int member_find(struct table_write *table, uint64_t number, bool *ret_found)
{
    struct chunk_gap gap;
    uint64_t first;
    MDB_val value;
    int r = store_seek(table->cursor, &table->key, table->prefix, number, &first, &value);

    *ret_found = false;
    if (r || first > number)
        return r == MDB_NOTFOUND ? 0 : r;
    r = table->kind->find(chunk_of(value.mv_data, value.mv_size), first, number, &gap);
    if (r)
        return r;
    *ret_found = gap.is_found;
    return gap.has_next ? chunk_split(table, first, &value, &gap) : 0;
}

/* Drops the members that stand already. */
static int members_filter(struct table_write *table)
{
    size_t kept = 0;

    if (table->is_new)
        return 0;
    for (size_t i = 0; i < table->count; i++) {
        bool is_found = false;
        int r = 0;

        if (offset_of(table, i) < table->high)
            r = member_find(table, table->members[i].number, &is_found);
        if (r)
            return r;
        if (!is_found)
            table->members[kept++] = table->members[i];
    }
    table->count = kept;
    return 0;
}

/* --- chunks --- */

/* True when a member can't stand in the chunk of the one before it: in a chunk of rows the keys
 * have no gap; and where chunks may stand already, none must come to lie within another's keys. */
static bool member_begins_chunk(const struct table_write *table, size_t member)
{
    const struct group_member *at = &table->members[member];

    if (table->kind->has_sequence)
        return at->number != at[-1].number + 1;
    return !table->is_new && offset_of(table, member - 1) < table->high;
}

/* How many members from `first` on go in one chunk, and its size. */
static size_t chunk_fill(const struct table_write *table, size_t first, size_t *ret_bytes)
{
    size_t bytes = table->kind->size(element_at(table, first), NULL);
    size_t end = first + 1;

    for (; end < table->count && !member_begins_chunk(table, end); end++) {
        size_t size = table->kind->size(element_at(table, end), element_at(table, end - 1));

        if (bytes + size > CHUNK_BYTES)
            break;
        bytes += size;
    }
    *ret_bytes = bytes;
    return end - first;
}

static int chunk_put(struct table_write *table, size_t first, size_t count, size_t bytes)
{
    const void *before = NULL;
    MDB_val value = {bytes, NULL};
    MDB_val key;
    char *to;
    int r;

    store_key_number(&table->key, table->prefix, table->members[first].number);
    key = store_key_value(&table->key);
    r = mdb_cursor_put(table->cursor, &key, &value, MDB_RESERVE);
    to = value.mv_data;
    for (size_t i = first; !r && i < first + count; i++) {
        const void *element = element_at(table, i);

        to = table->kind->write(to, element, before);
        before = element;
    }
    return r;
}

/* Writes the members of one group. */
static int group_write(struct table_write *table)
{
    int r = members_filter(table);

    for (size_t done = 0; !r && done < table->count;) {
        size_t bytes;
        size_t count = chunk_fill(table, done, &bytes);

        r = chunk_put(table, done, count, bytes);
        done += count;
    }
    return r;
}

/* --- tables --- */

/* True when every element is at or above the mark. */
static bool all_are_new(const struct table_write *table, size_t count)
{
    const char *at = count ? table->elements + table->offset_at : NULL;

    for (size_t i = 0; i < count; i++, at += table->layout.element_size) {
        uint64_t offset;

        memcpy(&offset, at, sizeof offset);
        if (offset < table->high)
            return false;
    }
    return true;
}

/* Groups the elements and opens a cursor for them. */
static int table_begin(const struct store_batch *batch, MDB_dbi dbi, struct table_write *table,
                       size_t count)
{
    table->allocator = &batch->store->environment.allocator;
    table->high = batch->mark.high;
    table->is_new = all_are_new(table, count);
    if (grouping_make(&batch->store->grouping, table->elements, count, &table->layout) != 0)
        return ENOMEM;
    return mdb_cursor_open(batch->txn, dbi, &table->cursor);
}

static void group_begin(const struct store_batch *batch, struct table_write *table, size_t index)
{
    struct grouping *grouping = &batch->store->grouping;

    table->members = grouping->members + grouping->groups[index].first;
    table->count = grouping->groups[index].count;
}

static int rows_write(struct store_batch *batch)
{
    struct table_write table = {
        .kind = &chunk_rows,
        .layout = {sizeof(struct cc_store_row), offsetof(struct cc_store_row, conversation),
                   offsetof(struct cc_store_row, seq)},
        .offset_at = offsetof(struct cc_store_row, offset),
        .elements = (const char *)batch->op->rows,
    };
    struct grouping *grouping = &batch->store->grouping;
    int r = table_begin(batch, batch->store->rows, &table, batch->op->row_count);

    if (r)
        return r;
    for (size_t i = 0; !r && i < grouping->group_count; i++) {
        group_begin(batch, &table, i);
        store_key_rows(&table.key, grouping->groups[i].name);
        table.prefix = table.key.size;
        r = group_write(&table);
    }
    mdb_cursor_close(table.cursor);
    return r;
}

static int inbox_write(struct store_batch *batch)
{
    struct table_write table = {
        .kind = &chunk_inbox,
        .layout = {sizeof(struct cc_store_inbox), offsetof(struct cc_store_inbox, user),
                   offsetof(struct cc_store_inbox, offset)},
        .offset_at = offsetof(struct cc_store_inbox, offset),
        .elements = (const char *)batch->op->inbox,
    };
    struct grouping *grouping = &batch->store->grouping;
    int r = table_begin(batch, batch->store->inbox, &table, batch->op->inbox_count);

    if (r)
        return r;
    for (size_t i = 0; !r && i < grouping->group_count; i++) {
        group_begin(batch, &table, i);
        store_key_inbox(&table.key, grouping->groups[i].name, batch->op->partition);
        table.prefix = table.key.size;
        r = group_write(&table);
    }
    mdb_cursor_close(table.cursor);
    return r;
}

/* --- heads --- */

static int head_write(MDB_cursor *cursor, const struct cc_store_head *head)
{
    struct store_head_value value = {head->seq, head->offset, head->member_version, head->ts};
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
    bool fits = true;

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
        r = inbox_write(&batch);
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
