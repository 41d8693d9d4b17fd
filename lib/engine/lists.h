/*
 * Lists that a user pages through: the own conversations, the members of one.
 */
#ifndef CC_ENGINE_LISTS_H
#define CC_ENGINE_LISTS_H

#include "engine/session.h"

/* Conversations a page: each costs four reads. A larger limit is cut to the maximum. */
#define LISTS_CONVERSATIONS     50
#define LISTS_CONVERSATIONS_MAX 200

/* Names a page (members, contacts). */
#define LISTS_NAMES     100
#define LISTS_NAMES_MAX 1000

/* What a list's `limit` comes to: 0 stands for the usual one. */
static inline size_t lists_limit(uint32_t limit, size_t usual, size_t most)
{
    if (!limit)
        return usual;
    return limit < most ? limit : most;
}

/* A list's `after` is a name, or not given. */
bool lists_after_is_valid(struct cc_slice after);

/* The commands. */
void lists_conversations(struct request *request);
void lists_members(struct request *request);

#endif
