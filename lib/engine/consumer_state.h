/*
 * A consumer's own state, shared by consumer.c and consumer_behind.c.
 */
#ifndef CC_ENGINE_CONSUMER_STATE_H
#define CC_ENGINE_CONSUMER_STATE_H

#include "engine/consumer.h"
#include "engine/partition.h"

enum reader_state {
    READER_ELSEWHERE, /* the partition is not this node's, or not running yet */
    READER_OPENING,   /* its position is being read */
    READER_READY,
    READER_BEHIND, /* joining log and store */
    READER_HANDED  /* a batch is with the owner */
};

/* One partition of one consumer. */
struct reader {
    struct consumer *consumer;
    struct partition *partition;
    enum reader_state state;
    uint64_t tenure;      /* the ownership that it reads in */
    uint64_t position;    /* the next record wanted */
    bool is_cut;          /* told with the next batch */
    struct timer retry;   /* a failed operation is tried again; set: nothing else is done */
    struct message *last; /* a reference: where it is in the partition's list; may be NULL */
    struct message *messages[CONSUMER_BATCH_MAX]; /* references: the batch */
    size_t count;

    struct cc_log_position committed_op;
    struct cc_log_bounds bounds;
    struct cc_log_position commit;
    uint64_t wanted;    /* the position to be made durable */
    uint64_t committed; /* the one that is, as far as it is known */
    bool is_committing;
    bool has_begun; /* once since the consumer was opened */
    bool is_forgotten;
};

struct consumer {
    struct cc_engine *engine;
    struct consumer *next;
    char name[CC_NAME_MAX];
    size_t name_size;
    size_t batch;
    enum cc_consumer_start start;
    uint64_t *offsets;
    size_t offset_count;
    const struct consumer_sink *sink;
    void *context;
    struct reader *readers; /* one for each partition */
    size_t operations;
    bool is_closing;
    bool forgets;
};

static inline struct cc_slice consumer_name(const struct consumer *consumer)
{
    return slice_of(consumer->name, consumer->name_size);
}

/* The reader's operation has begun or is done; the consumer lives until none is under way. */
void reader_op_begin(struct reader *reader, struct cc_op *op, void (*complete)(struct cc_op *op));
void reader_op_done(struct reader *reader, const struct cc_op *op);

/* Its partition is still in the ownership that it reads in, and the consumer goes on. */
bool reader_is_current(const struct reader *reader);

/* Something failed: it goes on from READY, after a while. */
void reader_retry(struct reader *reader, int status);

/* The batch is complete: hands it out and moves the position to `next`. */
void reader_hand_out(struct reader *reader, uint64_t next);

/* Reads the next batch from log and store; ends in reader_hand_out() or reader_retry(). */
void behind_begin(struct reader *reader);

#endif
