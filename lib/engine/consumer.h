/*
 * Consumers: named readers of what the log's order made, with a durable position per partition.
 * Hosts have them through consumer_host.c; modules of the engine (notifications, search) through
 * this header.
 *
 * A partition is read where it is owned. While the consumer is close behind, messages are taken
 * from the partition's list of those applied; when they are gone from memory, the log's records are
 * joined with the store's rows by offset (consumer_behind.c), since a row is there for exactly
 * those records that became a message.
 *
 * A partition hands out one batch at a time, and the next when consumer_taken() says so: what a
 * consumer holds is bounded, and it stops nothing but the trimming of the log.
 */
#ifndef CC_ENGINE_CONSUMER_H
#define CC_ENGINE_CONSUMER_H

#include "chatcore/consumer.h"
#include "engine/message.h"

struct consumer;

struct consumer_batch {
    uint32_t partition;
    struct message *const *messages; /* ascending by offset; may be none: then only `next` moved */
    size_t count;
    uint64_t position; /* before them */
    uint64_t next;     /* the position behind them: what consumer_commit() takes */
    bool is_cut;       /* records before them were wanted, and are not in the log any more */
};

/* What a consumer's owner does. Called in a step, never within a consumer_…() call. */
struct consumer_sink {
    /* Messages live until consumer_taken(), or as long as a reference of one's own. With CC_ENOMEM
     * the batch was not taken, and comes again. */
    int (*batch)(void *context, const struct consumer_batch *batch);
    /* The partition begins on this node at `offset`, or is lost. May be NULL. A batch that was
     * handed out before needs no consumer_taken() any more, though it does no harm. */
    void (*began)(void *context, uint32_t partition, uint64_t offset);
    void (*lost)(void *context, uint32_t partition);
    /* Nothing of the consumer is called or under way any more; it is gone behind this call. */
    void (*closed)(void *context, int status);
};

/* A batch at most, for consumers of the engine's own that share a high cost among more messages. */
#define CONSUMER_BATCH_MAX 1024

struct consumer_settings {
    struct cc_slice name;
    size_t batch; /* messages handed out at once, up to CONSUMER_BATCH_MAX; 0: CC_CONSUMER_BATCH */
    enum cc_consumer_start start;
    const uint64_t *offsets;
    size_t offset_count;
    const struct consumer_sink *sink;
    void *context;
};

/* 0, or CC_ENOMEM, CC_EINVAL (the name), CC_EEXISTS. Nothing is kept of `settings` but the sink. */
int consumer_open(struct cc_engine *engine, const struct consumer_settings *settings,
                  struct consumer **ret_consumer);

/* The owner is done with the partition's batch: the next may come. */
void consumer_taken(struct consumer *consumer, uint32_t partition);

/* Makes `offset` the durable position, soon; the newest wins. */
void consumer_commit(struct consumer *consumer, uint32_t partition, uint64_t offset);

/* Ends it: what was committed is written, or forgotten, then the sink's closed() is called. */
void consumer_close(struct consumer *consumer, bool forget);

/* --- for the engine -------------------------------------------------------------------------- */

/* At the end of each step: reads on wherever there is something to read. */
void consumers_step(struct cc_engine *engine);

/* Stopping: closes all of them. True when none is left. */
bool consumers_stop(struct cc_engine *engine);

#endif
