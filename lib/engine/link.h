/*
 * Links: what nodes of a cluster tell each other over the bus.
 *
 * Each node numbers the frames it sends to each other node. A receiver drops what it has had, and
 * takes a missing number for a loss: then every session that lives on that link's word goes back to
 * catching up from the store. So a frame may be lost, late or doubled and no message is.
 *
 *   peer      another node: the numbers of both directions, the frame being filled
 *   interest  the owner's side: which nodes want what concerns a user (interest.c)
 *   feed      the other side: for each partition of another node, up to where this node has been
 * told (feed.c)
 *
 * A frame is filled during a step and sent at its end: one message of the bus for all that a step
 * has for a node.
 */
#ifndef CC_ENGINE_LINK_H
#define CC_ENGINE_LINK_H

#include "base/buffer.h"
#include "engine/conversation.h"
#include "engine/partition.h"
#include "engine/propose.h"
#include "wire/pack.h"

/* A peer that was silent for so long is taken for gone: its interests end, its feeds are asked for
 * anew. */
#define LINK_SILENCE_MS 5000

/* Heads are told, owners looked up, and lost registrations repeated this often. */
#define LINK_TICK_MS 1000

/* A frame is sent when it has so many bytes, also within a step. */
#define LINK_FRAME_BYTES ((size_t)256 << 10)

enum link_kind {
    LINK_HEADS = 1, /* partition, applied, …: what the sender owns, and up to where it has told */
    LINK_REGISTER,  /* ticket, users: the sender has sessions of theirs */
    LINK_UNREGISTER, /* users: it has none any more */
    LINK_REGISTERED, /* ticket, then as HEADS */
    LINK_MESSAGE, /* partition, offset, tenure, seq, record, users: to be pushed to these users */
    LINK_VERDICT, /* token and what a proposal came to */
    LINK_PUSH,    /* users, what kind, and its values: see push_link.c */
    LINK_READ,    /* conversation, user, seq: to the owner of a crowd, see receipts_tell.c */
    LINK_REVOKED  /* tokens have been revoked: the directory tells which, see revoke.h */
};

struct peer {
    UT_hash_handle hh;
    struct cc_engine *engine;
    struct cc_slice name;
    uint64_t epoch; /* of what this node sends: rises when a forgotten peer is met again */
    uint64_t sent;  /* the number of the newest frame sent */
    uint64_t their_epoch;
    uint64_t received; /* the number of the newest frame received; 0: none yet */
    int64_t heard_ms;
    struct buffer frame;
    /* scratch of interest.c: the users that one message is for */
    struct cc_slice *targets;
    size_t target_count;
    size_t target_capacity;
    char bytes[];
};

struct link_state {
    struct cc_engine *engine;
    struct cc_cluster_receive receive;
    bool is_receiving;
    struct peer *peers;         /* uthash by name */
    struct interest *interests; /* uthash by user: see interest.c */
    struct feed *feeds;         /* by partition: see feed.c */
    uint64_t epoch;
    uint64_t tenure;      /* of the newest partition that came to this node */
    uint64_t ticket;      /* of the newest registration */
    struct sync *waiting; /* uthash by ticket: registrations not yet answered */
    struct timer tick;
};

int link_init(struct cc_engine *engine);
void link_deinit(struct cc_engine *engine);

/* Ends the receiving, so that the engine can stop. */
void link_stop(struct cc_engine *engine);

/* Sends the frames of this step, and receives on. */
void link_step(struct cc_engine *engine);

/* Finds or makes a peer. NULL without memory. */
struct peer *link_peer(struct cc_engine *engine, struct cc_slice name);

/* Begins a message in the peer's frame: its kind, and how many values follow. */
void link_begin(struct peer *peer, enum link_kind kind, uint32_t values);
void link_put_uint(struct peer *peer, uint64_t value);
void link_put_bytes(struct peer *peer, struct cc_slice bytes);

/* An array of names; read into the arena. False: malformed, or no memory. */
void link_put_names(struct peer *peer, const struct cc_slice *names, size_t count);
bool link_read_names(struct unpack *unpack, struct arena *arena, const struct cc_slice **ret_names,
                     size_t *ret_count);

/* A message that tells the heads of the partitions that this node owns. */
void link_put_heads(struct peer *peer);

/* The same values behind others: how many, and the values. */
uint32_t link_head_values(const struct cc_engine *engine);
void link_put_head_values(struct peer *peer);

/* Tells the node that proposed a record what became of it. */
void link_send_verdict(struct cc_engine *engine, struct cc_slice node, uint64_t token,
                       const struct verdict *verdict);

#endif
