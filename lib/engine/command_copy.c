/*
 * Deep copies. Tables name every slice of a value, so none can be forgotten in a branch.
 */
#include "engine/command_copy.h"

#include "chatcore/error.h"

#define SLICE(member)   offsetof(struct cc_command, member)
#define MESSAGE(member) offsetof(struct cc_message, member)
#define COUNT(table)    (sizeof(table) / sizeof((table)[0]))

static const size_t command_slices[] = {
    SLICE(token),      SLICE(device),       SLICE(cursor),     SLICE(conversation), SLICE(user),
    SLICE(text),       SLICE(emoji),        SLICE(meta),       SLICE(client_id),    SLICE(name),
    SLICE(avatar),     SLICE(sha256),       SLICE(media_type), SLICE(media_id),     SLICE(provider),
    SLICE(after_name), SLICE(trace_parent),
};

static const size_t message_slices[] = {
    MESSAGE(conversation), MESSAGE(from),  MESSAGE(client_id), MESSAGE(text),         MESSAGE(meta),
    MESSAGE(name),         MESSAGE(emoji), MESSAGE(files),     MESSAGE(trace_parent),
};

static int members_of_copy(struct arena *arena, void *value, const size_t *offsets, size_t count)
{
    int r = 0;

    for (size_t i = 0; !r && i < count; i++) {
        struct cc_slice *slice = (struct cc_slice *)(void *)((char *)value + offsets[i]);

        r = arena_copy(arena, *slice, slice);
    }
    return r;
}

int slices_copy(struct arena *arena, const struct cc_slice *from, size_t count,
                const struct cc_slice **ret_copy)
{
    struct cc_slice *copy = NULL;
    int r;

    if (count) {
        copy = arena_alloc(arena, count * sizeof *copy);
        if (!copy)
            return CC_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        r = arena_copy(arena, from[i], &copy[i]);
        if (r)
            return r;
    }
    *ret_copy = copy;
    return 0;
}

int command_copy(struct arena *arena, const struct cc_command *from, struct cc_command *ret_copy)
{
    struct cc_command copy = *from;
    int r;

    r = members_of_copy(arena, &copy, command_slices, COUNT(command_slices));
    if (r)
        return r;
    r = slices_copy(arena, from->users, from->user_count, &copy.users);
    if (r)
        return r;
    r = slices_copy(arena, from->media, from->media_count, &copy.media);
    if (r)
        return r;
    *ret_copy = copy;
    return 0;
}

int message_copy(struct arena *arena, const struct cc_message *from, struct cc_message *ret_copy)
{
    int r;

    *ret_copy = *from;
    r = members_of_copy(arena, ret_copy, message_slices, COUNT(message_slices));
    if (!r)
        r = slices_copy(arena, from->media, from->media_count, &ret_copy->media);
    if (!r)
        r = slices_copy(arena, from->mentions, from->mention_count, &ret_copy->mentions);
    if (!r)
        r = slices_copy(arena, from->users, from->user_count, &ret_copy->users);
    return r;
}

int invitation_copy(struct arena *arena, const struct cc_invitation *from,
                    struct cc_invitation *ret_copy)
{
    int r;

    *ret_copy = *from;
    r = arena_copy(arena, from->token, &ret_copy->token);
    if (!r)
        r = arena_copy(arena, from->conversation, &ret_copy->conversation);
    return r ? r : arena_copy(arena, from->creator, &ret_copy->creator);
}

int summary_copy(struct arena *arena, const struct cc_conversation_summary *from,
                 struct cc_conversation_summary *ret_copy)
{
    int r;

    *ret_copy = *from;
    r = arena_copy(arena, from->conversation.id, &ret_copy->conversation.id);
    if (!r)
        r = arena_copy(arena, from->conversation.name, &ret_copy->conversation.name);
    if (!r)
        r = arena_copy(arena, from->peer, &ret_copy->peer);
    return r;
}
