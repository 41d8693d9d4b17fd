/*
 * A data folder as it is at one moment, for reading: what copy.c copies and walk.c walks. A server
 * may have the folder open in another process.
 *
 * For as long as it takes to begin three reading transactions, this holds the three locks under
 * which LMDB writes. What stands in the parts then is what a killed server would have left, and
 * from that an engine goes on without loss. The moment's pages can't be used again before it is
 * released: meanwhile the parts of a busy server grow.
 *
 * A part that nobody has open is looked through (verify.h) before LMDB maps it.
 */
#ifndef CC_BACKENDS_LMDB_MOMENT_H
#define CC_BACKENDS_LMDB_MOMENT_H

#include "backends/lmdb/environment.h"

/* In the order of locking: the store, whose commits are long, first, so that it is waited for
 * without holding up the log. */
enum moment_part { PART_STORE, PART_DIRECTORY, PART_LOG, PARTS };

/* Named tables of a part at most: those of its own, and one a log partition. */
#define MOMENT_TABLES_MAX (LMDB_PARTITIONS_MAX + 16)

struct moment {
    MDB_env *env[PARTS];
    MDB_txn *txn[PARTS];
    uint32_t partitions; /* of the log */
};

/* The name of a part's folder. */
const char *moment_part_name(int part);

/* Answers a raw code; CC_EVERSION when a part has another format than this library's. moment_end()
 * must follow in each case. `moment` is zeroed before. */
int moment_begin(struct moment *moment, const struct cc_allocator *allocator, const char *path);
void moment_end(struct moment *moment);

#endif
