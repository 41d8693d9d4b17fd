/*
 * Typing: who is writing where, told to the other members and stored nowhere.
 *
 * A user who types is told as such when it begins, again each second while the client says so, and
 * no longer once: when the client says so or TYPING_TTL_MS after it last did.
 */
#ifndef CC_ENGINE_TYPING_H
#define CC_ENGINE_TYPING_H

#include "engine/session.h"

/* The protocol's: typing ends by itself after so long. */
#define TYPING_TTL_MS 3000

/* Clients refresh every 2 s; what comes faster is not told more often than this. */
#define TYPING_REPEAT_MS 1000

/* In larger conversations nobody is told: each keystroke would reach everybody. */
#define TYPING_MEMBERS_MAX 100

/* Users typing at once, of which this node knows; more are not told: about 250 bytes each, 4 MB. */
#define TYPING_MAX 16384

int typing_init(struct cc_engine *engine);
void typing_deinit(struct cc_engine *engine);

/* The command. */
void typing_set(struct request *request);

#endif
