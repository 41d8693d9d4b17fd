/*
 * The cluster port: who is where, and messages between nodes (embedded: in-process; at scale:
 * Redis).
 *
 * Nothing here is durable, and nothing here may be trusted to arrive: the session map may be
 * stale, bus messages may be lost, late or doubled. Correctness rests on the log; the engine
 * numbers the messages of each link and compares heads. Loss of the whole backend degrades (no
 * presence from other nodes, slower delivery) and loses no chat message.
 *
 * Every slot is called from the engine's thread only, and every slot is required.
 */
#ifndef CHATCORE_BACKEND_CLUSTER_H
#define CHATCORE_BACKEND_CLUSTER_H

#include "chatcore/backend/op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Announces (or withdraws) this node as holding live sessions of users. Announcing again prolongs.
 */
struct cc_cluster_announce {
    struct cc_op op;
    const struct cc_slice *users;
    size_t count;
    bool on;
    int64_t last_seen; /* with on == false: wall ms, kept for presence */
    uint32_t ttl_ms;   /* the entry expires by itself: a dead node's users go offline */
};

struct cc_cluster_location {
    const struct cc_slice *nodes; /* where the user has live sessions; none: offline */
    size_t node_count;
    int64_t last_seen; /* wall ms of the last withdrawal or expiry; 0: unknown */
};

struct cc_cluster_locate {
    struct cc_op op;
    const struct cc_slice *users;
    size_t count;
    const struct cc_cluster_location *ret_locations; /* `count` of them, in the order asked */
};

/* The node that owns a partition: put by the owner with a ttl, read by everybody. */
struct cc_cluster_owner {
    struct cc_op op;
    uint32_t partition;
    uint32_t ttl_ms;          /* put */
    struct cc_slice ret_node; /* get: empty when unknown */
};

struct cc_cluster_message {
    struct cc_slice from; /* node */
    struct cc_slice data;
};

/* A long poll: messages to this node, in the order of sending per sender. */
struct cc_cluster_receive {
    struct cc_op op;
    const struct cc_cluster_message *ret_messages;
    size_t ret_count;
};

struct cc_cluster_vtable {
    size_t size;
    /* This node's id, constant: 1 to 64 bytes, unique among the live nodes and over restarts. */
    struct cc_slice (*node)(void *self);
    void (*announce)(void *self, struct cc_cluster_announce *op);
    void (*locate)(void *self, struct cc_cluster_locate *op);
    void (*owner_put)(void *self, struct cc_cluster_owner *op);
    void (*owner_get)(void *self, struct cc_cluster_owner *op);
    /* Sends to one node, at best effort. `data` is copied. Answers 0, CC_EBUSY, CC_ENOMEM or
     * CC_EUNAVAILABLE; never blocks. Sending to a node that is not there is no error. */
    int (*send)(void *self, struct cc_slice node, struct cc_slice data);
    /* Holds one receive at a time; a second one completes with CC_EBUSY. */
    void (*receive)(void *self, struct cc_cluster_receive *op);
    /* Completes a held receive with CC_ECANCELED. */
    void (*cancel)(void *self, struct cc_op *op);
    void (*free)(void *self);
};

struct cc_cluster {
    const struct cc_cluster_vtable *vtable;
    void *self;
};

#ifdef __cplusplus
}
#endif
#endif
