/*
 * The log port: a durable, partitioned, ordered log of records (embedded: LMDB; at scale: Kafka).
 *
 * Promises a backend makes
 *  - append completes with 0 only when the records are durable (they survive kill -9 of every
 *    process and, on disk, a power cut). The records of one append are contiguous and all or
 *    none of them appear.
 *  - offsets of a partition rise by 1 from 0 in the order of appending; a reader sees them in that
 * order.
 *  - after an error an append may or may not have happened (CC_ETIMEOUT, CC_EIO), or surely has
 *    not (every other error). The engine's records carry ids, so doing it again is harmless.
 *  - what `trim` let go may vanish at any later time, never before.
 *  - a partition is given to one node at a time as far as the backend knows; a node that does not
 * know yet that it lost one does no harm (architecture: seq is a function of the log alone).
 *
 * Slots marked "must" are required. Every slot is called from the engine's thread only.
 */
#ifndef CHATCORE_BACKEND_LOG_H
#define CHATCORE_BACKEND_LOG_H

#include "chatcore/backend/op.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_log_record {
    uint64_t offset;
    struct cc_slice data;
};

struct cc_log_append {
    struct cc_op op;
    uint32_t partition;
    const struct cc_slice *records;
    size_t count;
    uint64_t ret_offset; /* of the first record */
};

struct cc_log_read {
    struct cc_op op;
    uint32_t partition;
    uint64_t offset;    /* the first wanted; CC_ETRIMMED if it is older than the oldest kept */
    size_t max_records; /* at least one record comes, however large; then these two bounds hold */
    size_t max_bytes;
    bool wait; /* true: a long poll until there is a record; false: complete with ret_count 0 at the
                  end */
    const struct cc_log_record *ret_records;
    size_t ret_count;
};

struct cc_log_bounds {
    struct cc_op op;
    uint32_t partition;
    uint64_t ret_first; /* the oldest kept offset (== ret_next in an empty log) */
    uint64_t ret_next;  /* the offset that the next record will get */
};

/* A long poll for a change of the partitions that this node owns. Completes first with those it
 * has. */
struct cc_log_watch {
    struct cc_op op;
    const uint32_t *ret_owned; /* all that are owned now, ascending */
    size_t ret_count;
};

/* The durable position of a named consumer: the offset it wants next. */
struct cc_log_position {
    struct cc_op op;
    struct cc_slice consumer; /* 1 to 64 bytes */
    uint32_t partition;
    uint64_t offset;     /* `commit`: in */
    uint64_t ret_offset; /* `committed`: out; 0 when the consumer is unknown */
    bool ret_known;      /* `committed`: out; a position has been committed, and not forgotten */
};

struct cc_log_trim {
    struct cc_op op;
    uint32_t partition;
    uint64_t before; /* the engine wants no record below; a backend keeps those that a consumer's
                        position still wants */
};

struct cc_log_vtable {
    size_t size;
    /* must: the number of partitions, constant. */
    uint32_t (*partitions)(void *self);
    /* must */
    void (*append)(void *self, struct cc_log_append *op);
    /* must */
    void (*read)(void *self, struct cc_log_read *op);
    /* must */
    void (*bounds)(void *self, struct cc_log_bounds *op);
    /* must */
    void (*watch)(void *self, struct cc_log_watch *op);
    /* must */
    void (*commit)(void *self, struct cc_log_position *op);
    /* must */
    void (*committed)(void *self, struct cc_log_position *op);
    /* must: the consumer's position in the partition goes, as if it had never been committed; one
     * that isn't there is no error. `offset` is not looked at. */
    void (*forget)(void *self, struct cc_log_position *op);
    /* must; may do nothing (Kafka keeps by time) */
    void (*trim)(void *self, struct cc_log_trim *op);
    /* must: completes a held long poll (read with wait, watch) with CC_ECANCELED. */
    void (*cancel)(void *self, struct cc_op *op);
    /* must: gives everything back. No operation may be under way. Never blocks for long. */
    void (*free)(void *self);
};

struct cc_log {
    const struct cc_log_vtable *vtable;
    void *self;
};

#ifdef __cplusplus
}
#endif
#endif
