/*
 * What every directory refuses.
 */
#include "backends/directory_check.h"

#include "chatcore/error.h"

#include <stdlib.h>

/* More members than this cannot be counted, and payloads and names beyond it cannot be written. */
#define COUNT_MAX UINT32_MAX

static int compare_users(const void *a, const void *b)
{
    return slice_compare(*(const struct cc_slice *)a, *(const struct cc_slice *)b);
}

/* 0, or CC_EINVAL when a user stands there twice; CC_ENOMEM. */
static int check_doubles(const struct cc_allocator *allocator, const struct cc_member *members,
                         size_t count)
{
    struct cc_slice *users;
    int r = 0;

    if (count < 2)
        return 0;
    users = mem_zalloc(allocator, count, sizeof *users);
    if (!users)
        return CC_ENOMEM;
    for (size_t i = 0; i < count; i++)
        users[i] = members[i].user;
    qsort(users, count, sizeof *users, compare_users);
    for (size_t i = 1; !r && i < count; i++)
        if (slice_equal(users[i], users[i - 1]))
            r = CC_EINVAL;
    mem_free(allocator, users);
    return r;
}

static bool is_name(struct cc_slice name)
{
    return name.size >= 1 && name.size <= CC_NAME_MAX;
}

static int check_members(const struct cc_allocator *allocator, const struct cc_member *members,
                         size_t count, bool have_roles)
{
    if (count > COUNT_MAX)
        return CC_EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (!is_name(members[i].user))
            return CC_EINVAL;
        if (have_roles && (members[i].role < CC_ROLE_MEMBER || members[i].role > CC_ROLE_OWNER))
            return CC_EINVAL;
    }
    return check_doubles(allocator, members, count);
}

int directory_check_create(const struct cc_allocator *allocator,
                           const struct cc_directory_create *op)
{
    if (!is_name(op->conversation) || op->kind < CC_KIND_DIRECT || op->kind > CC_KIND_CHANNEL ||
        op->name.size > COUNT_MAX || op->payload.size > COUNT_MAX)
        return CC_EINVAL;
    return check_members(allocator, op->members, op->count, true);
}

int directory_check_change(const struct cc_allocator *allocator,
                           const struct cc_directory_change *op)
{
    if (!is_name(op->conversation) || op->kind > CC_CHANGE_ROLE || op->name.size > COUNT_MAX ||
        op->payload.size > COUNT_MAX)
        return CC_EINVAL;
    if ((op->invitation.size && op->kind != CC_CHANGE_ADD) ||
        (op->bars && op->kind != CC_CHANGE_REMOVE))
        return CC_EINVAL;
    if (op->kind == CC_CHANGE_UPDATE)
        return 0;
    if (!op->count)
        return CC_EINVAL;
    return check_members(allocator, op->members, op->count, op->kind != CC_CHANGE_REMOVE);
}

bool directory_check_privacy(const struct cc_privacy *privacy)
{
    return (unsigned)privacy->presence <= CC_AUDIENCE_NOBODY &&
           (unsigned)privacy->read_marks <= CC_READ_MARKS_PRIVATE;
}

void directory_set_privacy(const struct cc_directory_profile *op, struct cc_privacy *privacy)
{
    if (op->sets_presence)
        privacy->presence = op->privacy.presence;
    if (op->sets_read_marks)
        privacy->read_marks = op->privacy.read_marks;
}

bool directory_check_relation(enum cc_relation relation)
{
    return relation == CC_RELATION_CONTACT || relation == CC_RELATION_BLOCKED;
}

int directory_check_invitation(const struct cc_invitation *invitation)
{
    return is_name(invitation->token) && is_name(invitation->conversation) &&
                   is_name(invitation->creator)
               ? 0
               : CC_EINVAL;
}

bool directory_is_used_up(const struct cc_invitation *invitation)
{
    return invitation->max_uses && invitation->uses >= invitation->max_uses;
}

bool directory_has_ended(const struct cc_invitation *invitation, int64_t now)
{
    return directory_is_used_up(invitation) || (invitation->expires && invitation->expires <= now);
}
