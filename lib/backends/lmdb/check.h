/*
 * Checking a moment: what a visitor of all tables finds out, with look-ups in the tables where one
 * entry speaks of another. The store and the log: check.c; the directory: check_directory.c.
 */
#ifndef CC_BACKENDS_LMDB_CHECK_H
#define CC_BACKENDS_LMDB_CHECK_H

#include "backends/lmdb/directory.h"
#include "backends/lmdb/store.h"
#include "backends/lmdb/walk.h"
#include "base/arena.h"
#include "chatcore/error.h"

/* A partition of the log: what it holds, the offset that comes next in the walk, and how far the
 * store is. */
struct check_partition {
    struct log_span span;
    uint64_t next;
    uint64_t stored;
};

struct check {
    const struct cc_lmdb_check_options *options;
    struct cc_lmdb_findings findings;
    struct moment moment;
    struct arena arena; /* of the record being decoded */
    struct check_partition partitions[LMDB_PARTITIONS_MAX];
    MDB_dbi rows;
    MDB_dbi heads;
    MDB_dbi marks;
    MDB_cursor *row_cursor; /* for look-ups in `rows` */
    struct rows directory;

    /* the conversation whose rows are being walked; size 0: none yet */
    char name[CC_NAME_MAX];
    size_t name_size;
    struct cc_store_row last; /* its newest row so far; conversation and body are not set */
};

/* Tells of a fault. */
void check_found(struct check *check, const char *part, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* printf's arguments for "%.*s". */
#define CHECK_NAME(slice) (int)(slice).size, (slice).data

/* Sets the visitor's functions for the directory; and, behind the walk, compares tables that say
 * the same. 0 or a raw code. */
void check_directory_visit(struct cc_lmdb_visitor *visitor);
int check_directory_end(struct check *check);

#endif
