/*
 * Creates groups through an agent: one after the other, each with `create` for the first half of
 * its members (the founders) and `add` for the rest, in portions. The agent becomes the owner.
 */
#ifndef WSCLIENT_ROOMS_H
#define WSCLIENT_ROOMS_H

#include "agent.h"

struct room_spec {
    struct wsc_slice name; /* the conversation's id, and its name */
    const struct wsc_slice *members;
    size_t member_count; /* at least 1 */
};

/* Zero it, fill the first part, and keep it until it is done. */
struct room_maker {
    struct agent_set *set;
    struct agent *owner;
    const struct room_spec *rooms;
    size_t room_count;
    int done;   /* all are created */
    int failed; /* the server refused one; the reason is printed */
    /* its own */
    size_t room;
    size_t members_done; /* of the room; 0: not created */
    size_t members_before;
    uint64_t command_id;
    struct wsc_timer retry;
};

static inline size_t room_founders(size_t member_count)
{
    return (member_count + 1) / 2;
}

/* Members that are added may see a room from where they joined or from its start, as its policy
 * says; until then it holds no more than this many messages, none of them a text. */
#define ROOM_ADDED_FIRST_MAX 64

void room_maker_start(struct room_maker *maker);
/* Give it every reply to the owner; true when it was to a command of the maker. */
int room_maker_reply(struct room_maker *maker, const struct wsc_object *object);

#endif
