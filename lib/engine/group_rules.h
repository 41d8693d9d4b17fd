/*
 * Who may change what in a group or channel. Pure: from roles to an answer.
 *
 *   rename, add, remove   owners and admins; likewise make, list and revoke invitations
 *   join                  who has the token of an invitation, and was not removed by an admin
 *   add as admin, owner   owners
 *   remove an admin       owners; likewise an owner
 *   give or take a role   owners; the last owner can't step down without naming another
 *   leave                 everybody; when the last owner leaves, the admin who has been a member
 *                         for longest becomes owner, or the member if there is no admin
 */
#ifndef CC_ENGINE_GROUP_RULES_H
#define CC_ENGINE_GROUP_RULES_H

#include "chatcore/command.h"
#include "chatcore/conversation.h"

/* 0; CC_EINVAL where a conversation of this kind takes no such command; CC_EFORBIDDEN. */
int group_may(enum cc_command_type command, enum cc_conversation_kind kind, enum cc_role role);

/* May `role` add somebody as `given`? 0 or CC_EFORBIDDEN. */
int group_may_add(enum cc_role role, enum cc_role given);

/* May `role` remove one who is `target`? 0 or CC_EFORBIDDEN. */
int group_may_remove(enum cc_role role, enum cc_role target);

/* True when `a` is to become owner rather than `b`, neither being one. */
bool group_succeeds_before(const struct cc_member *a, const struct cc_member *b);

#endif
