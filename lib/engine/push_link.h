/*
 * Pushes between nodes.
 */
#ifndef CC_ENGINE_PUSH_LINK_H
#define CC_ENGINE_PUSH_LINK_H

#include "engine/link.h"
#include "engine/push.h"

/* Sends a push to the peers that have targets; then they have none. */
void push_send(struct cc_engine *engine, const struct push *push);

/* A peer's push, for users with sessions here. What is malformed is left out. */
void push_received(struct peer *peer, struct unpack *unpack);

/* Gives a push to the sessions here that were added (push.c). */
void push_deliver(struct cc_engine *engine, const struct push *push);

#endif
