/*
 * Deep copies. A table names every slice of a command, so none can be forgotten in a branch.
 */
#include "engine/command_copy.h"

#include "chatcore/error.h"

#define SLICE(member) offsetof(struct cc_command, member)

static const size_t command_slices[] = {
    SLICE(token),      SLICE(device),   SLICE(cursor),   SLICE(conversation),
    SLICE(user),       SLICE(text),     SLICE(emoji),    SLICE(meta),
    SLICE(client_id),  SLICE(name),     SLICE(avatar),   SLICE(sha256),
    SLICE(media_type), SLICE(media_id), SLICE(provider), SLICE(after_name),
};

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

    for (size_t i = 0; i < sizeof command_slices / sizeof command_slices[0]; i++) {
        struct cc_slice *slice = (struct cc_slice *)(void *)((char *)&copy + command_slices[i]);

        r = arena_copy(arena, *slice, slice);
        if (r)
            return r;
    }
    r = slices_copy(arena, from->users, from->user_count, &copy.users);
    if (r)
        return r;
    r = slices_copy(arena, from->media, from->media_count, &copy.media);
    if (r)
        return r;
    *ret_copy = copy;
    return 0;
}
