/*
 * An LMDB environment of the embedded engine: one folder, opened once, checked before it is used.
 *
 * Files in PATH/NAME:
 *   data.mdb, lock.mdb   LMDB's
 *   lock                 held with flock() while it is open; not empty once the data was made, so
 * that a data file that vanished is damage and not a new beginning The record "format" of LMDB's
 * main database says which version wrote it and the number of partitions. All else stands in named
 * tables. No table uses sorted duplicates: verify.c knows none.
 *
 * Two threads use it. The writer's thread (writer.h) alone writes, and alone makes the map larger.
 * Reading, mostly on the engine's thread, goes between environment_read_begin() and _end(), which
 * hold the gate: a map may be moved only while nobody reads in it. Reads copy what they answer, so
 * the gate is held for microseconds, and no old reader keeps pages from being used again.
 *
 * Functions that work inside a transaction answer raw codes: 0, LMDB's, an errno, or a CC_E…: the
 * three do not overlap. environment_error() makes CC_E… of all.
 */
#ifndef CC_BACKENDS_LMDB_ENVIRONMENT_H
#define CC_BACKENDS_LMDB_ENVIRONMENT_H

#include "base/memory.h"
#include "base/trace.h"
#include "chatcore/backend/lmdb.h"

#include <lmdb.h>
#include <pthread.h>

/* The most log partitions: each has a table of its own, which every transaction looks at. */
#define LMDB_PARTITIONS_MAX 1024

struct environment_spec {
    const char *name; /* of the folder; static */
    uint32_t version; /* of the format: a newer one is refused */
    unsigned tables;  /* named tables at most */
    uint32_t oldest;  /* of the formats that are read: an older one is refused */
};

/* A table as it was opened; its handle is that of its place in the order of opening. */
struct environment_table {
    char name[16];
    unsigned flags;
};

struct environment {
    struct cc_allocator allocator;
    struct cc_trace trace;
    const char *name;
    char *folder;
    bool sync;
    unsigned tables_max;
    struct environment_table *tables;
    size_t table_count;
    size_t table_capacity;
    MDB_env *mdb;     /* NULL after a recovery that failed: the next one tries again */
    size_t map_bytes; /* the writer's thread */
    size_t max_bytes; /* 0: no limit */
    uint32_t version; /* of the format on disk */
    uint32_t partitions;
    int lock; /* the lock file, flocked */
    pthread_mutex_t gate;
    MDB_txn *reader; /* reset between reads; under the gate */
};

/* Opens and checks; makes what is not there. On failure nothing is left open. Blocks. */
int environment_open(struct environment *environment, const struct cc_allocator *allocator,
                     const struct cc_lmdb_options *options, const struct environment_spec *spec);

/* No transaction may be open. */
void environment_close(struct environment *environment);

/* Runs a step in a transaction of its own, committed when it answers 0; its codes are raw ones. 0
 * or a CC_E…. Before the writer starts, or on its thread. */
int environment_run(struct environment *environment, int (*step)(void *context, MDB_txn *txn),
                    void *context);

/* Opens a named table (of less than 16 bytes), making it if it isn't there; in a step, before the
 * writer starts. 0 or a raw code. */
int environment_table_open(struct environment *environment, MDB_txn *txn, const char *name,
                           unsigned flags, MDB_dbi *ret_table);

/* The same in a transaction of its own. 0 or a CC_E…. */
int environment_table(struct environment *environment, const char *name, unsigned flags,
                      MDB_dbi *ret_table);

/* Begins reading the newest state. 0 or a CC_E…; on success _end() must follow soon. Any thread. */
int environment_read_begin(struct environment *environment, MDB_txn **ret_txn);
void environment_read_end(struct environment *environment);

/*
 * Makes the map larger. `reserve` lets it have the last part below max_bytes, which is kept for
 * operations that free space. CC_ENOSPACE at the limit. The writer's thread, outside transactions.
 */
int environment_grow(struct environment *environment, bool reserve);

/* Takes the reserve back, as far as the data allows. The writer's thread, outside transactions. */
void environment_shrink(struct environment *environment);

/* Commits a change that changes nothing: LMDB uses freed pages again from the second transaction on
 * that follows. The writer's thread, outside transactions. */
int environment_touch(struct environment *environment);

/* Begins a transaction that writes. 0 or a raw code. The writer's thread. */
int environment_write_begin(struct environment *environment, MDB_txn **ret_txn);

/*
 * Opens LMDB's environment again: after a failed write of its root it takes no more transactions,
 * and whether the last one counts, only the file tells. 0 or a CC_E…. The writer's thread, outside
 * transactions.
 */
int environment_recover(struct environment *environment);

/* Makes a CC_E… of a raw code, and writes it to the trace where an operator should know. */
int environment_error(const struct environment *environment, int code);

/* True for codes of LMDB and the system, after which a transaction can't go on; false for 0 and
 * CC_E…. */
static inline bool environment_is_failure(int code)
{
    return code > 0 || code <= MDB_LAST_ERRCODE;
}

/* The value of the record "format". */
struct format {
    uint32_t version;
    uint32_t partitions;
};

/* 0, MDB_NOTFOUND when there is none, or another raw code. */
int format_read(MDB_txn *txn, MDB_dbi main, struct format *ret_format);

/* Between the two files of the environment: opens LMDB's, in a map of at least `map_bytes`; and
 * what a map may be at most, with the reserve or without. */
int environment_start(struct environment *environment, size_t map_bytes);
size_t environment_map_limit(const struct environment *environment, bool reserve);

static inline MDB_val value_of(const void *data, size_t size)
{
    MDB_val value = {size, (void *)data};

    return value;
}

#endif
