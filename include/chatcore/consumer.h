/*
 * Consumers: a host's own readers of the log (a search index, analytics, an export), named, each
 * with a durable position in every partition.
 *
 * What a consumer gets is what the log's order made of its records: each message once, with its
 * seq, in the order of the log; so the messages of a conversation come in seq order. Retries that
 * made no message are not among them. It reads at its own pace: it holds nothing up but the
 * trimming of the log, which keeps what a consumer has not committed yet.
 *
 * On several nodes a consumer of one name is opened on each of them: a partition is read by the
 * node that owns it, from where the name's position stands.
 *
 * At least once: after a crash, or when a partition has moved to another node, what came after the
 * last commit comes again. Whoever needs exactly once keeps the offset together with what he made
 * of the messages, in one transaction, and opens with CC_CONSUMER_OFFSETS.
 */
#ifndef CHATCORE_CONSUMER_H
#define CHATCORE_CONSUMER_H

#include "chatcore/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_consumer;

/* The bytes of a name: the log port allows 64, a backend may need some of its own. */
#define CC_CONSUMER_NAME_MAX 60

/* Where a partition begins, the first time that this node reads it; when it comes back later, where
 * the last commit left off (OFFSETS: where this consumer itself left off). */
enum cc_consumer_start {
    CC_CONSUMER_COMMITTED = 0, /* where the last commit left off; a new name: as OLDEST */
    CC_CONSUMER_NEWEST,        /* the same; a new name: what comes from now on */
    CC_CONSUMER_OLDEST,        /* the oldest record that the log has kept */
    CC_CONSUMER_OFFSETS        /* `offsets` */
};

struct cc_consumer_options {
    size_t size;
    struct cc_slice name; /* 1 to CC_CONSUMER_NAME_MAX bytes; its positions are kept under it */
    void *data;           /* the host's own: names the consumer in events */
    enum cc_consumer_start start;
    const uint64_t *offsets; /* OFFSETS: the first wanted of each partition; copied */
    size_t offset_count;     /* partitions beyond it begin as COMMITTED does */
};
#define CC_CONSUMER_OPTIONS_INIT CC_SIZED(struct cc_consumer_options)

/* Messages of one CC_EVENT_CONSUMED at most: enough to share its costs, few enough to bound what is
 * held for it. */
#define CC_CONSUMER_BATCH 256

/*
 * Opens a consumer: CC_EVENT_CONSUMED follows in the queue, of CC_CONSUMER_BATCH messages at most.
 * The next ones are read when the host has drained them: few are under way at a time, however slow
 * it is. It lives until its CC_EVENT_CONSUMER_CLOSED has been drained. Queue's thread. Errors:
 * CC_EINVAL, CC_ENOMEM. A name that is open on this engine already is closed at once, with
 * CC_EEXISTS.
 */
int cc_consumer_open(struct cc_queue *queue, const struct cc_consumer_options *options,
                     struct cc_consumer **ret_consumer);

/*
 * Makes `offset` (a CC_EVENT_CONSUMED's `next`) the durable position in a partition, soon: commits
 * that follow closely are one write. Nothing happens for a partition that this node has lost.
 * Queue's thread. Errors: CC_ENOMEM (commit again, or a later one).
 */
int cc_consumer_commit(struct cc_consumer *consumer, uint32_t partition, uint64_t offset);

/*
 * Closes the consumer; what was committed is written before CC_EVENT_CONSUMER_CLOSED. `forget`: the
 * name's positions go as well, in the partitions of this node, and with them its hold on the log.
 * May be called twice. Queue's thread. Errors: none.
 */
void cc_consumer_close(struct cc_consumer *consumer, bool forget);

#ifdef __cplusplus
}
#endif
#endif
