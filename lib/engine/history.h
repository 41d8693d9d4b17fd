/*
 * History: the messages of a conversation, by seq.
 *
 * Who joined a group sees it from there on (the message that tells of the joining included), unless
 * the engine shows joiners everything. What is newest comes from memory, what is older from the
 * store; the two meet where the memory begins, for what is not in the store yet is always in
 * memory.
 */
#ifndef CC_ENGINE_HISTORY_H
#define CC_ENGINE_HISTORY_H

#include "engine/session.h"

/* Messages a page, if the client doesn't say, and at most (protocol); more is cut. */
#define HISTORY_LIMIT     50
#define HISTORY_LIMIT_MAX 200

/* Bytes of messages a page; more is cut, but one message is always given. Sixteen of the largest: a
 * reply stays short of what a slow line carries in a few seconds, and of the gateway's bounds. */
#define HISTORY_BYTES_MAX ((size_t)1 << 20)

/* The commands. */
void history_read(struct request *request);

#endif
