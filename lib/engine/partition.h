/*
 * A partition of the log that this node owns: reading it, applying it, writing behind, trimming.
 *
 *   offsets:   first ≤ … ≤ flushed ≤ applied ≤ read ≤ next of the log
 *
 * Records are read in batches by a long poll. A batch is applied when every conversation and every
 * sender's dedup state that it touches is loaded (sequencer.c), so order holds whatever the loads
 * take. Applied messages stand in one list in the order of applying: first those flushed and kept
 * as recent, then those not flushed.
 */
#ifndef CC_ENGINE_PARTITION_H
#define CC_ENGINE_PARTITION_H

#include "engine/conversation.h"
#include "engine/dedup.h"

enum partition_state {
    PARTITION_ELSEWHERE, /* not this node's */
    PARTITION_OPENING,   /* the store's offset is being read */
    PARTITION_RUNNING,
    PARTITION_CLOSING /* lost, or the engine stops: waits for its operations */
};

struct partition {
    struct cc_engine *engine;
    uint32_t number;
    enum partition_state state;
    bool is_replayed;   /* what the log held at the opening has been applied */
    bool is_owned;      /* as the log last said */
    struct timer retry; /* a failed operation is tried again */
    struct cc_store_read_offset read_offset;
    struct cc_log_bounds bounds;
    struct cc_log_trim trim;
    bool is_trimming;
    size_t operations;

    /* reading */
    struct cc_log_read read;
    bool is_reading;
    uint64_t next_read;
    struct sequencer_batch *batch; /* read, waiting for loads */

    /* applied */
    uint64_t applied; /* every record below has been applied */
    uint64_t tenure;  /* which of this node's ownerships of it: told with all that is told of it */
    uint64_t replay_until; /* the log's end when the partition was opened: ready when applied
                              reaches it */
    uint64_t listed_from;  /* the list has every message from this offset on */
    struct message *oldest;
    struct message *newest;
    struct dedup dedup;

    /* write-behind: flush.h */
    struct flush *flush;
    uint64_t flushed; /* every record below is in the store */

    /* appending: propose.h */
    struct append_batch *filling;
    size_t appends; /* under way */
};

int partitions_init(struct cc_engine *engine);
void partitions_deinit(struct cc_engine *engine);

/* Starts watching which partitions this node owns. */
void partitions_watch(struct cc_engine *engine);

static inline struct partition *partition_of(struct cc_engine *engine, struct cc_slice conversation)
{
    return &engine->partitions[engine_partition_of(engine, conversation)];
}

static inline bool partition_is_running(const struct partition *partition)
{
    return partition->state == PARTITION_RUNNING;
}

/* The batch that was read has been applied. */
void partition_applied(struct partition *partition);

/* Something failed that has to be tried again: reading, or applying for want of memory. */
void partition_retry(struct partition *partition, int status);

/* Reads on, if it runs and nothing is being read or applied. */
void partition_read_on(struct partition *partition);

/* Every record below `offset` is in the store now. */
void partition_flushed(struct partition *partition, uint64_t offset);

/* A message has just been applied: puts it into the list; takes a reference. */
void partition_add_message(struct partition *partition, struct message *message);

/* Lets all messages go that are in the store: what is read of them comes from there. */
void partition_drop_recent(struct partition *partition);

/* Called at the end of each step: submits appends, starts flushes that are due, trims memory. */
void partitions_step(struct cc_engine *engine);

/* Stopping: no more reading; what is applied gets flushed. True when all of it is done. */
bool partitions_stop(struct cc_engine *engine);

#endif
