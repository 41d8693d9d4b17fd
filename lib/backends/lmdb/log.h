/*
 * The log on LMDB.
 *
 *   p0, p1, …   a table for each partition: chunks of records by the offset of their first
 *               (chunk.h), appended in the order of keys
 *   positions   partition (4 bytes, big-endian) and consumer → offset
 *   trims       partition → the first offset that is kept: those below are deleted in bounded steps
 *
 * A partition's last chunk is never deleted: it tells what the next offset is.
 *
 * Numbers of a partition exist twice. The writer's thread counts in `writing`, also for a
 * transaction that may still fail; what is durable is copied to `durable` under the log's lock,
 * where readers see it. A read that waits stands in its partition's list under the same lock; the
 * writer answers it after the commit that brings its record.
 */
#ifndef CC_BACKENDS_LMDB_LOG_H
#define CC_BACKENDS_LMDB_LOG_H

#include "backends/lmdb/writer.h"

#define LOG_FORMAT 1

struct log_span {
    uint64_t first; /* the oldest offset that is kept */
    uint64_t next;
};

struct log_partition {
    MDB_dbi table;
    struct log_span durable;    /* under the lock */
    struct cc_op *waiting;      /* reads, under the lock, the oldest first */
    struct cc_op **waiting_end; /* likewise */
    struct log_span writing;    /* the writer's */
    bool is_changed;            /* the writer's: since the transaction began */
    bool has_garbage;           /* the writer's: chunks below `first` may stand in the table */
};

struct lmdb_log {
    struct environment environment;
    struct writer writer;
    MDB_dbi positions;
    MDB_dbi trims;
    struct log_partition *partitions;
    struct cc_op *watch; /* waits, until it is cancelled: the node owns everything for ever */
    bool is_watched;     /* the first watch has been answered */
    pthread_mutex_t lock;
};

/* The key of a consumer's position. */
struct log_position_key {
    size_t size;
    char bytes[4 + CC_NAME_MAX];
};

/* False for what is no consumer, or no partition of the log. */
bool log_position_key(const struct lmdb_log *log, const struct cc_log_position *op,
                      struct log_position_key *ret_key);

/* The number of records in a chunk. 0 or a raw code. */
int log_chunk_count(const MDB_val *value, uint64_t *ret_count);

/* What stands in a partition's table says what comes next. 0 or a raw code. */
int log_span_read(MDB_cursor *cursor, struct log_span *ret_span);

/* What the writer's thread does: log_write.c. */
extern const struct writer_kind log_append_kind;
extern const struct writer_kind log_commit_kind;
extern const struct writer_kind log_forget_kind;
extern const struct writer_kind log_trim_kind;
extern const struct writer_hooks log_writer_hooks;

/* The hook after a recovery: log.c. */
int log_recovered(void *port);

/* Reads and completes the operation; its offset is within the partition's durable span, or beyond
 * it for one that answers nothing. log_read.c. Any thread. */
void log_read_answer(struct lmdb_log *log, struct cc_log_read *op);

#endif
