/*
 * Walks through conversations with `history`: forwards with `after`, or backwards with `before`,
 * page by page. Each message is compared with the ledger, and a walk must cover seq 1 to the head
 * without a gap. Some walks go at a time; rate_limited is waited for.
 */
#ifndef WSCLIENT_WALK_H
#define WSCLIENT_WALK_H

#include "agent.h"

struct walk {
    struct walks *walks;
    struct agent *agent;
    uint32_t conversation;
    int backwards;
    uint64_t at; /* the last seq had; backwards, the lowest */
    uint64_t command_id;
    struct wsc_timer retry;
};

/* All zero but `set` is an empty one. */
struct walks {
    struct agent_set *set;
    struct walk *items;
    size_t count;
    size_t capacity;
    size_t started;
    size_t finished;
    uint64_t messages; /* compared so far */
};

/* The agent must be allowed to see the conversation from its start. Directions alternate. */
void walks_add(struct walks *walks, struct agent *agent, uint32_t conversation);
void walks_start(struct walks *walks);
/* Give it every reply; true when it was to a walk. */
int walks_reply(struct walks *walks, struct agent *agent, const struct wsc_object *object);
int walks_done(const struct walks *walks);
void walks_free(struct walks *walks);

#endif
