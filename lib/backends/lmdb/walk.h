/*
 * Reading a moment through, table by table: for cc_lmdb_walk(), and for the check, which also wants
 * to know what can't be read.
 */
#ifndef CC_BACKENDS_LMDB_WALK_H
#define CC_BACKENDS_LMDB_WALK_H

#include "backends/lmdb/log.h"
#include "backends/lmdb/moment.h"

struct walk {
    const struct cc_lmdb_visitor *visitor;
    struct moment *moment;
    void (*progress)(void *context, uint64_t done, uint64_t all);
    /* Told of an entry of a table that can't be decoded; then the walk goes on. NULL: it ends with
     * MDB_CORRUPTED. */
    void (*damage)(void *context, const char *part, const char *table);
    void *context; /* of these two */
    uint64_t done;
    uint64_t all;
};

/* Walks each table that the visitor has a function for. 0, a raw code, or what the visitor
 * answered. */
int walk_moment(struct walk *walk);

/* What a partition of the log holds, as log.c reads it when it opens. 0 or a raw code. */
int walk_log_span(const struct moment *moment, uint32_t partition, struct log_span *ret_span);

/* Decodes an entry of the directory and visits. 0, MDB_CORRUPTED, or the visitor's answer. */
int walk_directory_entry(struct walk *walk, const MDB_val *key, const MDB_val *value);

/* True when the visitor looks at the directory at all. */
bool walk_wants_directory(const struct cc_lmdb_visitor *visitor);

#endif
