/*
 * Interests, on the side of a partition's owner: which other nodes have sessions of a user. They
 * are told by those nodes, live in memory only, and end with the node.
 */
#ifndef CC_ENGINE_INTEREST_H
#define CC_ENGINE_INTEREST_H

#include "engine/link.h"

/* Nodes that one user may be connected to at once; more are not told, and their sessions catch up
 * by heads. */
#define INTEREST_PEERS_MAX 16

/* A peer's messages. */
void interest_register(struct peer *peer, struct unpack *unpack);
void interest_unregister(struct peer *peer, struct unpack *unpack);

/* The peer is gone. */
void interest_forget(struct peer *peer);

/* True when another node has sessions of this user. */
bool interest_exists(const struct cc_engine *engine, struct cc_slice user);

/* Adds a user to the targets of the peers that have sessions of his; they are empty between uses.
 */
void interest_target(struct cc_engine *engine, struct cc_slice user);

/* A message has been applied: what other nodes have to push goes into their frames. */
void interest_route(struct conversation *conversation, const struct message *message);

#endif
