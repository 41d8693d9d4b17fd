/*
 * The memory directory: making and freeing its tables, and the port on them.
 */
#include "backends/memory/directory.h"

#include "chatcore/error.h"

struct memory_directory *memory_directory_new(const struct cc_allocator *allocator)
{
    struct memory_directory *directory = mem_zalloc(allocator, 1, sizeof *directory);

    if (!directory)
        return NULL;
    directory->allocator = allocator;
    list_init(&directory->revocations);
    return directory;
}

void memory_directory_free(struct memory_directory *directory)
{
    struct tree_node *node;

    if (!directory)
        return;
    directory_conversations_free(directory);
    directory_users_free(directory);
    directory_revocations_free(directory);
    while ((node = tree_first(&directory->outboxes)) != NULL) {
        tree_remove(&directory->outboxes, node);
        mem_free(directory->allocator, tree_owner(node, struct directory_outbox, node));
    }
    mem_free(directory->allocator, directory);
}

/* The tables belong to the world: a port that goes takes nothing with it. */
static void port_free(void *self)
{
    (void)self;
}

int cc_memory_directory_open(struct cc_memory_world *world, struct cc_directory *ret_directory)
{
    static const struct cc_directory_vtable vtable = {
        .size = sizeof vtable,
        .profile_get = directory_profile_get,
        .profile_put = directory_profile_put,
        .privacy = directory_privacy,
        .relate = directory_relate,
        .relation = directory_relation,
        .related = directory_related,
        .device_put = directory_device_put,
        .devices = directory_devices,
        .revoke = directory_revoke,
        .revoked = directory_revoked,
        .revocations = directory_revocations,
        .conversation = directory_conversation_get,
        .member = directory_member_get,
        .members = directory_members,
        .memberships = directory_memberships,
        .retained = directory_retained,
        .mute = directory_mute,
        .create = directory_create,
        .change = directory_change,
        .invite = directory_invite,
        .uninvite = directory_uninvite,
        .invitation = directory_invitation_get,
        .invitations = directory_invitations,
        .outbox = directory_outbox_get,
        .outbox_done = directory_outbox_done,
        .free = port_free,
    };

    if (!world || !ret_directory)
        return CC_EINVAL;
    ret_directory->vtable = &vtable;
    ret_directory->self = world->directory;
    return 0;
}
