/*
 * The memory cluster: the session map, the owners of partitions and the bus between the nodes of
 * one world.
 *
 *   node       an open port: its queue of messages, the receive that it holds
 *   session    what is known of a user: the nodes that announced it, when it was last seen
 *   location   one node's announcement of a user, with a timer that ends it
 *   owner      of each partition
 *
 * A node that goes (its port is freed) takes its queue along at once, like a lost connection; its
 * announcements and ownerships stay until they expire, like a crash's.
 */
#ifndef CC_BACKENDS_MEMORY_CLUSTER_H
#define CC_BACKENDS_MEMORY_CLUSTER_H

#include "backends/answer.h"
#include "backends/memory/tree.h"
#include "backends/memory/world.h"
#include "base/timers.h"

/* What may wait for one node: some seconds of a busy node's traffic, and a size that a process can
 * spare for each of a handful of nodes. Beyond either, sending answers CC_EBUSY. */
#define CLUSTER_QUEUE_MESSAGES 16384
#define CLUSTER_QUEUE_BYTES    ((size_t)16 << 20)

/* One receive brings at most this many: a batch worth a wake-up that does not hold up a step. */
#define CLUSTER_RECEIVE_MESSAGES 256

struct cluster_owner {
    char name[CC_NAME_MAX];
    size_t size; /* 0: never put */
    int64_t deadline;
};

struct memory_cluster {
    struct cc_memory_world *world;
    const struct cc_allocator *allocator;
    struct tree nodes;
    struct tree sessions;
    struct timers timers;          /* of locations */
    struct cluster_owner owners[]; /* one for each partition */
};

struct cluster_message {
    struct cluster_message *next;
    size_t from_size;
    size_t data_size;
    char bytes[]; /* the sender's name, then the data */
};

struct cluster_node {
    struct tree_node node; /* of the cluster's nodes */
    struct memory_cluster *cluster;
    struct cc_cluster_receive *receive; /* held; then the queue is empty */
    struct cluster_message *oldest;
    struct cluster_message **newest_end;
    size_t queued;
    size_t queued_bytes;
    char name[];
};

/* --- the session map and owners: cluster_sessions.c --- */

void cluster_announce(void *self, struct cc_cluster_announce *op);
void cluster_locate(void *self, struct cc_cluster_locate *op);
void cluster_owner_put(void *self, struct cc_cluster_owner *op);
void cluster_owner_get(void *self, struct cc_cluster_owner *op);
void cluster_sessions_free(struct memory_cluster *cluster);

/* --- the bus: cluster_bus.c --- */

int cluster_send(void *self, struct cc_slice node, struct cc_slice data);
void cluster_receive(void *self, struct cc_cluster_receive *op);
void cluster_cancel(void *self, struct cc_op *op);

/* Takes a node's queue away; a held receive is dropped. */
void cluster_bus_leave(struct cluster_node *node);

#endif
