/*
 * The commands that change a group: what each asks of its sender, and what it changes.
 */
#include "chatcore/error.h"
#include "engine/group_change.h"
#include "engine/group_rules.h"
#include "engine/retention.h"
#include "engine/user.h"

/* --- update ------------------------------------------------------------------------------------
 */

static int update_check(struct request *request, struct change *change)
{
    const struct cc_command *command = request->command;
    uint64_t least = request_engine(request)->limits.retention_least_s;

    (void)change;
    if (command->name.size > GROUP_NAME_MAX)
        return CC_ETOOLARGE;
    if (command->name.size ? !group_name_is_valid(command->name)
                           : command->has_name || !command->has_retention)
        return CC_EINVAL;
    if (command->retention_s &&
        (command->retention_s < least || command->retention_s > RETENTION_MAX_S))
        return CC_EINVAL;
    return 0;
}

static void update_go(struct request *request)
{
    const struct change *change = request->state;

    if (change->renames || change->sets_retention)
        change_submit(request);
    else
        change_reply_unchanged(request);
}

/* --- add ---------------------------------------------------------------------------------------
 */

static enum cc_role role_or_member(enum cc_role role)
{
    return role ? role : CC_ROLE_MEMBER;
}

static int users_check(struct request *request, struct change *change)
{
    int r = group_users(request, slice_of(NULL, 0), &change->users, &change->user_count);

    if (!r && !change->user_count)
        r = CC_EINVAL;
    return r;
}

static int add_check(struct request *request, struct change *change)
{
    int r = users_check(request, change);

    if (r)
        return r;
    change->given = role_or_member(request->command->role);
    if (change->given > CC_ROLE_OWNER)
        return CC_EINVAL;
    change->blockers.matches = arena_alloc(&request->arena, change->user_count);
    if (!change->blockers.matches)
        return CC_ENOMEM;
    memset(change->blockers.matches, 0, change->user_count);
    return 0;
}

/* Nobody is added by whom he has blocked; as with everything here, all are added or none. */
static void add_matched(struct request *request, int status)
{
    struct change *change = request->state;

    for (size_t i = 0; !status && i < change->user_count; i++)
        if (change->blockers.matches[i])
            status = CC_EBLOCKED;
    if (status) {
        request_fail(request, status);
        return;
    }
    change->blockers_are_known = true;
    change_look_up(request);
}

static void add_go(struct request *request)
{
    struct change *change = request->state;
    int r = group_may_add(change->role, change->given);

    if (r) {
        request_fail(request, r);
    } else if (change->blockers_are_known) {
        change_look_up(request);
    } else {
        change->blockers.relation = CC_RELATION_BLOCKED;
        change->blockers.reverse = true;
        change->blockers.users = change->users;
        change->blockers.count = change->user_count;
        change->blockers.matched = add_matched;
        relations_match(request, &change->blockers);
    }
}

static int add_target(struct change *change, struct cc_slice user, const struct cc_member *member)
{
    if (!member)
        change_add(change, user, change->given);
    return 0;
}

static void add_decide(struct request *request)
{
    const struct change *change = request->state;

    if (change->total + change->member_count > request_engine(request)->limits.max_members)
        request_fail(request, CC_ETOOLARGE);
    else
        change_submit(request);
}

/* --- remove ------------------------------------------------------------------------------------
 */

/* Owners may go as long as one stays. */
static void keep_an_owner(struct request *request)
{
    const struct change *change = request->state;

    if (change->owners_going)
        change_count_owners(request);
    else
        change_submit(request);
}

/* Who wants to go himself says `leave`: then the ownership is seen to. */
static int remove_check(struct request *request, struct change *change)
{
    int r = users_check(request, change);

    for (size_t i = 0; !r && i < change->user_count; i++)
        if (slice_equal(change->users[i], request->user->name))
            r = CC_EINVAL;
    return r;
}

static int remove_target(struct change *change, struct cc_slice user,
                         const struct cc_member *member)
{
    int r;

    if (!member)
        return 0;
    r = group_may_remove(change->role, member->role);
    if (r)
        return r;
    if (member->role == CC_ROLE_OWNER)
        change->owners_going++;
    change_add(change, user, member->role);
    return 0;
}

/* --- role --------------------------------------------------------------------------------------
 */

static int role_check(struct request *request, struct change *change)
{
    change->given = request->command->role;
    if (change->given < CC_ROLE_MEMBER || change->given > CC_ROLE_OWNER ||
        !name_is_valid(request->command->user))
        return CC_EINVAL;
    change->users = arena_alloc(&request->arena, sizeof *change->users);
    if (!change->users)
        return CC_ENOMEM;
    change->users[0] = request->command->user;
    change->user_count = 1;
    return 0;
}

static int role_target(struct change *change, struct cc_slice user, const struct cc_member *member)
{
    if (!member)
        return CC_ENOTFOUND;
    if (member->role == change->given)
        return 0;
    if (member->role == CC_ROLE_OWNER)
        change->owners_going++;
    change_add(change, user, change->given);
    return 0;
}

/* --- leave -------------------------------------------------------------------------------------
 */

static int leave_check(struct request *request, struct change *change)
{
    (void)request;
    (void)change;
    return 0;
}

static void leave_go(struct request *request)
{
    struct change *change = request->state;

    change->owners_going = change->own_role == CC_ROLE_OWNER;
    if (change->owners_going && change->total > 1)
        change_count_owners(request);
    else
        change_leave(request);
}

/* --- the commands ------------------------------------------------------------------------------
 */

static const struct change_rule update_rule = {CC_COMMAND_UPDATE,
                                               CC_CHANGE_UPDATE,
                                               CC_SYSTEM_RENAMED,
                                               update_check,
                                               update_go,
                                               NULL,
                                               NULL,
                                               NULL};
static const struct change_rule add_rule = {CC_COMMAND_ADD, CC_CHANGE_ADD, CC_SYSTEM_ADDED,
                                            add_check,      add_go,        add_target,
                                            add_decide,     NULL};
static const struct change_rule remove_rule = {
    CC_COMMAND_REMOVE, CC_CHANGE_REMOVE, CC_SYSTEM_REMOVED, remove_check,
    change_look_up,    remove_target,    keep_an_owner,     NULL};
static const struct change_rule role_rule = {
    CC_COMMAND_ROLE, CC_CHANGE_ROLE, CC_SYSTEM_ROLE, role_check,
    change_look_up,  role_target,    keep_an_owner,  NULL};
static const struct change_rule leave_rule = {
    CC_COMMAND_LEAVE, CC_CHANGE_REMOVE, CC_SYSTEM_LEFT, leave_check, leave_go, NULL, NULL, NULL};

static void start(struct request *request, const struct change_rule *rule)
{
    int r = name_is_valid(request->conversation) ? change_prepare(request, rule) : CC_EINVAL;

    if (r)
        request_fail(request, r);
    else
        change_read(request);
}

void groups_update(struct request *request)
{
    start(request, &update_rule);
}

void groups_add(struct request *request)
{
    start(request, &add_rule);
}

void groups_remove(struct request *request)
{
    start(request, &remove_rule);
}

void groups_leave(struct request *request)
{
    start(request, &leave_rule);
}

void groups_role(struct request *request)
{
    start(request, &role_rule);
}

static void left(struct request *request, const struct verdict *verdict)
{
    const struct change *change = request->state;

    request->state = change->outer;
    change->left(request, verdict->status);
}

void groups_leave_for(struct request *request, struct cc_slice user,
                      void (*done)(struct request *request, int status))
{
    void *outer = request->state;
    int r = change_prepare(request, &leave_rule);
    struct change *change = request->state;

    if (r) {
        request_fail(request, r);
        return;
    }
    change->actor = user;
    change->outer = outer;
    change->left = done;
    change->work.finish = left;
    request->attempts = 0;
    change_read(request);
}
