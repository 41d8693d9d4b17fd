/*
 * The rules of groups.
 */
#include "engine/group_rules.h"

#include "base/memory.h"
#include "chatcore/error.h"

int group_may(enum cc_command_type command, enum cc_conversation_kind kind, enum cc_role role)
{
    enum cc_role least;

    if (kind == CC_KIND_DIRECT)
        return command == CC_COMMAND_UPDATE ? 0 : CC_EINVAL;
    switch (command) {
    case CC_COMMAND_UPDATE:
    case CC_COMMAND_ADD:
    case CC_COMMAND_REMOVE:
    case CC_COMMAND_INVITE:
    case CC_COMMAND_INVITATIONS:
    case CC_COMMAND_REVOKE_INVITATION:
        least = CC_ROLE_ADMIN;
        break;
    case CC_COMMAND_LEAVE:
        least = CC_ROLE_MEMBER;
        break;
    default:
        least = CC_ROLE_OWNER;
    }
    return role >= least ? 0 : CC_EFORBIDDEN;
}

int group_may_add(enum cc_role role, enum cc_role given)
{
    return given == CC_ROLE_MEMBER || role == CC_ROLE_OWNER ? 0 : CC_EFORBIDDEN;
}

int group_may_remove(enum cc_role role, enum cc_role target)
{
    return target == CC_ROLE_MEMBER || role == CC_ROLE_OWNER ? 0 : CC_EFORBIDDEN;
}

bool group_succeeds_before(const struct cc_member *a, const struct cc_member *b)
{
    if (a->role != b->role)
        return a->role > b->role;
    if (a->since_version != b->since_version)
        return a->since_version < b->since_version;
    return slice_compare(a->user, b->user) < 0;
}
