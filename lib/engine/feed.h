/*
 * Feeds: for each partition that another node owns, up to which offset that node has told this one
 * all that concerns users with sessions here.
 *
 * A session here is registered with every owner while it catches up; the owner answers with its
 * heads, and from those offsets on tells everything over the link. What is below is read from the
 * store, once the store has it.
 */
#ifndef CC_ENGINE_FEED_H
#define CC_ENGINE_FEED_H

#include "engine/link.h"

struct feed {
    struct cc_engine *engine;
    uint32_t partition;
    char owner[CC_NAME_MAX];
    size_t owner_size; /* 0: unknown */
    uint64_t tenure;   /* of the owner, as it last told; 0: not yet. Another one: something may have
                          been missed */
    uint64_t position; /* everything below has been told, as far as its users were registered */
    bool is_asking;
    struct cc_cluster_owner ask;
};

void feed_init(struct cc_engine *engine, uint32_t partition);

/* Looks up and announces the owners of partitions; repeats registrations that were not answered. */
void feed_tick(struct cc_engine *engine);

/* A peer's messages. */
void feed_heads(struct peer *peer, struct unpack *unpack, uint32_t count);
void feed_registered(struct peer *peer, struct unpack *unpack, uint32_t count);
void feed_message(struct peer *peer, struct unpack *unpack);

/* Something of this peer was lost: who lives on its word catches up. */
void feed_lost(struct peer *peer);

/* The offset up to which a live session has had everything of a partition, this node's or
 * another's. */
uint64_t feed_position(const struct cc_engine *engine, uint32_t partition);

/* The node that owns a partition of another node; NULL when it is not known. */
struct peer *feed_owner(struct cc_engine *engine, uint32_t partition);

/* A partition comes to this node, or goes: sessions catch up, from where they were. */
void feed_moved(struct partition *partition);

/* Asks the owners of all partitions of other nodes; their answers go to sync_registered(). */
void feed_register(struct sync *sync);

/* The user's last session has gone. */
void feed_unregister(struct cc_engine *engine, struct cc_slice user);

#endif
