/*
 * Reading ranges of chunks from the store: what store_read.c and store_read_inbox.c share. A range
 * is read twice: counted, so that its array can be made, then copied.
 */
#ifndef CC_BACKENDS_LMDB_STORE_READ_H
#define CC_BACKENDS_LMDB_STORE_READ_H

#include "backends/answer.h"
#include "backends/lmdb/chunk.h"
#include "backends/lmdb/store.h"

/* A read of one table's chunks with one prefix. */
struct range {
    MDB_cursor *cursor;
    struct store_key key;
    size_t prefix;
    uint64_t first; /* of the chunk that the cursor is at */
    MDB_val value;
};

/* A read operation under way. */
struct reading {
    struct lmdb_store *store;
    MDB_txn *txn;
    struct answer *answer;
};

/* Opens a cursor, which the caller closes; the range's key is set to its prefix. 0 or a raw code.
 */
int range_open(struct reading *reading, MDB_dbi table, struct range *range);

/* As store_seek() and store_step(). */
int range_seek(struct range *range, uint64_t number);
int range_step(struct range *range, MDB_cursor_op step);

static inline struct chunk range_chunk(const struct range *range)
{
    return chunk_of(range->value.mv_data, range->value.mv_size);
}

/* The chunk, copied into the answer. 0 or CC_ENOMEM. */
int range_copy(struct reading *reading, const struct range *range, struct chunk *ret_chunk);

/* Runs a read in a transaction and completes the operation. */
void read_answer(struct lmdb_store *store, struct cc_op *op,
                 int (*read)(struct reading *reading, struct cc_op *op));

static inline int none_is_fine(int r)
{
    return r == MDB_NOTFOUND ? 0 : r;
}

#endif
