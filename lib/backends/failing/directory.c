/*
 * The failing directory.
 */
#include "backends/failing/failing.h"
#include "chatcore/error.h"

struct failing_directory {
    struct failing failing;
    struct cc_directory port;
};

/* X(slot, operation's type) */
#define DIRECTORY_SLOTS(X)                                                                         \
    X(profile_get, cc_directory_profile)                                                           \
    X(profile_put, cc_directory_profile)                                                           \
    X(privacy, cc_directory_privacy)                                                               \
    X(relate, cc_directory_relate)                                                                 \
    X(relation, cc_directory_relation)                                                             \
    X(related, cc_directory_related)                                                               \
    X(device_put, cc_directory_device)                                                             \
    X(revoke, cc_directory_revoke)                                                                 \
    X(revoked, cc_directory_revoked)                                                               \
    X(revocations, cc_directory_revocations)                                                       \
    X(devices, cc_directory_devices)                                                               \
    X(conversation, cc_directory_conversation)                                                     \
    X(member, cc_directory_member)                                                                 \
    X(members, cc_directory_members)                                                               \
    X(memberships, cc_directory_memberships)                                                       \
    X(retained, cc_directory_retained)                                                             \
    X(mute, cc_directory_mute)                                                                     \
    X(create, cc_directory_create)                                                                 \
    X(change, cc_directory_change)                                                                 \
    X(invite, cc_directory_invite)                                                                 \
    X(uninvite, cc_directory_uninvite)                                                             \
    X(invitation, cc_directory_invitation)                                                         \
    X(invitations, cc_directory_invitations)                                                       \
    X(outbox, cc_directory_outbox)                                                                 \
    X(outbox_done, cc_directory_outbox_done)

#define DIRECTORY_FUNCTIONS(slot, type)                                                            \
    static void forward_##slot(void *self, struct cc_op *op)                                       \
    {                                                                                              \
        struct failing_directory *directory = self;                                                \
                                                                                                   \
        directory->port.vtable->slot(directory->port.self, (struct type *)(void *)op);             \
    }                                                                                              \
                                                                                                   \
    static void port_##slot(void *self, struct type *op)                                           \
    {                                                                                              \
        failing_submit(self, "directory." #slot, &op->op, sizeof *op, forward_##slot);             \
    }

DIRECTORY_SLOTS(DIRECTORY_FUNCTIONS)

static void port_free(void *self)
{
    struct failing_directory *directory = self;

    directory->port.vtable->free(directory->port.self);
    failing_free(&directory->failing);
}

int cc_failing_directory_open(const struct cc_allocator *allocator,
                              const struct cc_failing_options *options, struct cc_directory port,
                              struct cc_directory *ret_port)
{
#define DIRECTORY_MEMBER(slot, type) .slot = port_##slot,
    static const struct cc_directory_vtable vtable = {
        .size = sizeof vtable, DIRECTORY_SLOTS(DIRECTORY_MEMBER).free = port_free};
#undef DIRECTORY_MEMBER
    struct failing_directory *directory;
    int r = failing_new(allocator, options, sizeof *directory, &directory);

    if (r)
        return r;
    directory->port = port;
    ret_port->vtable = &vtable;
    ret_port->self = directory;
    return 0;
}

size_t cc_failing_directory_resume(struct cc_directory port)
{
    struct failing_directory *directory = port.self;
    size_t count = 0;

    while (failing_resume_one(&directory->failing, NULL))
        count++;
    return count;
}
