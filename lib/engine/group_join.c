/*
 * `join`: token → the invitation, and what its user is there → may he come in? → a change as any
 * other (group_change.c), whose transaction counts the use.
 *
 * Who is a member already is answered as if he had just joined, and nothing is counted: so a retry
 * is no error, even after the last use. The log's message is that of `add`, from the user himself.
 */
#include "chatcore/error.h"
#include "engine/group_change.h"
#include "engine/invitations.h"
#include "engine/user.h"

static void submit(struct request *request)
{
    struct change *change = request->state;

    change_add(change, change->actor, CC_ROLE_MEMBER);
    change_submit(request);
}

/* Whom the invitation's creator has blocked, he has not invited. */
static void creator_checked(struct request *request, int status)
{
    struct change *change = request->state;

    if (!status && (request->relation.from_other & CC_RELATION_BLOCKED) != 0)
        status = CC_EFORBIDDEN;
    if (status) {
        request_fail(request, status);
        return;
    }
    change->blockers_are_known = true;
    submit(request);
}

static int may_join(struct request *request, const struct cc_directory_invitation *op)
{
    uint32_t members = op->ret_conversation.member_count;
    int r = invitation_check(request_engine(request), op);

    if (!r && members >= request_engine(request)->limits.max_members)
        r = CC_ETOOLARGE;
    return r;
}

/* Takes over what lives no longer than the answer. */
static int take(struct request *request, const struct cc_directory_invitation *op,
                struct cc_slice *ret_creator)
{
    struct change *change = request->state;
    int r = arena_copy(&request->arena, op->ret_invitation.creator, ret_creator);

    change->version = op->ret_conversation.version;
    change->total = op->ret_conversation.member_count;
    change->is_member = op->ret_is_member;
    if (!r)
        r = arena_copy(&request->arena, op->ret_conversation.id, &request->conversation);
    return r || change->is_member ? r : may_join(request, op);
}

static void invitation_read(struct request *request, int status)
{
    struct change *change = request->state;
    struct cc_slice creator = {0};

    if (!status)
        status = take(request, &request->op.invitation, &creator);
    cc_op_release(&request->op.op);
    if (status)
        invitation_fail(request, status);
    else if (change->is_member)
        change_reply_unchanged(request);
    else if (change->blockers_are_known)
        submit(request);
    else
        relations_check(request, creator, creator_checked);
}

static void read_invitation(struct request *request)
{
    invitation_find(request, invitation_read);
}

static int join_check(struct request *request, struct change *change)
{
    change->invitation = request->command->token;
    return name_is_valid(change->invitation) ? 0 : CC_EINVAL;
}

static const struct change_rule join_rule = {.command = CC_COMMAND_JOIN,
                                             .kind = CC_CHANGE_ADD,
                                             .action = CC_SYSTEM_ADDED,
                                             .check = join_check,
                                             .read = read_invitation};

void groups_join(struct request *request)
{
    int r = change_prepare(request, &join_rule);

    if (r)
        request_fail(request, r);
    else
        change_read(request);
}
