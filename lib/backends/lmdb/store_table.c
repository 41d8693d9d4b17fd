/*
 * Writing elements into a table of chunks.
 */
#include "backends/lmdb/store_table.h"

#include "chatcore/error.h"

#include <errno.h>

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
    char *second;
    int r;

    if (!bytes)
        return ENOMEM;
    second = bytes + gap->before;
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

int table_group_write(struct table_write *table)
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

int table_begin(const struct store_batch *batch, MDB_dbi dbi, struct table_write *table,
                size_t count)
{
    table->allocator = &batch->store->environment.allocator;
    table->is_new = all_are_new(table, count);
    if (grouping_make(&batch->store->grouping, table->elements, count, &table->layout) != 0)
        return ENOMEM;
    return mdb_cursor_open(batch->txn, dbi, &table->cursor);
}

void table_group(const struct store_batch *batch, struct table_write *table, size_t index)
{
    struct grouping *grouping = &batch->store->grouping;

    table->members = grouping->members + grouping->groups[index].first;
    table->count = grouping->groups[index].count;
}
