/*
 * Writing elements into a table of chunks: grouped by name, each group's in the order of their
 * numbers, those that stand already left out.
 *
 * Chunks of a group don't overlap: between a chunk's first key and its last none of another's lies.
 * So the chunk that begins at or before a key is the only one that can hold it. An element that
 * comes late, between others of a chunk, cuts that chunk in two and gets one of its own.
 */
#ifndef CC_BACKENDS_LMDB_STORE_TABLE_H
#define CC_BACKENDS_LMDB_STORE_TABLE_H

#include "backends/lmdb/chunk.h"
#include "backends/lmdb/store.h"

/* A table, and an array of elements that go into it. */
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

/* Groups `count` elements and opens a cursor, which the caller closes. The table's kind, layout,
 * offset_at, elements and high are set. 0 or a raw code. */
int table_begin(const struct store_batch *batch, MDB_dbi dbi, struct table_write *table,
                size_t count);

/* Goes to a group of the batch's grouping; the caller then sets the key, and the prefix to its
 * size. */
void table_group(const struct store_batch *batch, struct table_write *table, size_t index);

/* Writes the group. 0 or a raw code. */
int table_group_write(struct table_write *table);

#endif
