/*
 * Making, listing, revoking invitations, and looking at one before joining.
 */
#include "engine/invitations.h"

#include "chatcore/error.h"
#include "engine/group_rules.h"
#include "engine/lists.h"
#include "engine/user.h"

/* --- who may ------------------------------------------------------------------------------------
 */

static int actor_may(const struct request *request, const struct cc_directory_member *op)
{
    bool is_admin = request->session->is_admin;
    enum cc_role role = is_admin            ? CC_ROLE_OWNER
                        : op->ret_is_member ? op->ret_member.role
                                            : CC_ROLE_MEMBER;

    if (!op->ret_is_member && !is_admin)
        return CC_ENOTFOUND; /* as if it were not there */
    return group_may(request->command->type, op->ret_conversation.kind, role);
}

/* request->step_done goes on. */
static void actor_read(struct request *request, int status)
{
    if (!status)
        status = actor_may(request, &request->op.member);
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else
        request->step_done(request, 0);
}

/* Goes on where the user may do this with the conversation's invitations. */
static void check_actor(struct request *request, void (*go)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_member *op = &request->op.member;

    if (!name_is_valid(request->conversation)) {
        request_fail(request, CC_EINVAL);
        return;
    }
    request->step_done = go;
    memset(&request->op, 0, sizeof request->op);
    op->conversation = request->conversation;
    op->user = request->user->name;
    request_op_begin(request, actor_read);
    engine->directory.vtable->member(engine->directory.self, op);
}

/* --- making -------------------------------------------------------------------------------------
 */

static void make_token(struct cc_engine *engine, char token[INVITATION_TOKEN_BYTES])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[INVITATION_RANDOM_BYTES];

    engine->random.fill(engine->random.context, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i += 3) {
        unsigned group = (unsigned)(bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2]);

        for (int shift = 18; shift >= 0; shift -= 6)
            *token++ = digits[group >> shift & 63];
    }
}

static void made(struct request *request, int status)
{
    struct cc_invitation *invitation = request->state;
    struct cc_reply reply = {.invitations = invitation, .invitation_count = 1};

    cc_op_release(&request->op.op);
    if (status == CC_ETOOLARGE)
        request_fail_text(request, status,
                          slice_str("the group has its most invitations: revoke one first"), 0);
    else if (status)
        request_fail(request, status);
    else
        request_reply(request, &reply);
}

static void make(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_invite *op = &request->op.invite;
    struct cc_invitation *invitation = request->state;

    (void)status;
    memset(&request->op, 0, sizeof request->op);
    invitation->conversation = request->conversation;
    invitation->creator = request->user->name;
    invitation->created = engine->now.wall_ms;
    if (request->command->expires_s)
        invitation->expires = engine->now.wall_ms + (int64_t)request->command->expires_s * 1000;
    invitation->max_uses = (uint32_t)request->command->max_uses;
    op->invitation = *invitation;
    op->now = engine->now.wall_ms;
    request_op_begin(request, made);
    engine->directory.vtable->invite(engine->directory.self, op);
}

void invitations_make(struct request *request)
{
    struct cc_invitation *invitation = arena_alloc(&request->arena, sizeof *invitation);
    char *token = arena_alloc(&request->arena, INVITATION_TOKEN_BYTES);

    if (!invitation || !token) {
        request_fail(request, CC_ENOMEM);
    } else if (request->command->expires_s > INVITATION_MAX_S ||
               request->command->max_uses > UINT32_MAX) {
        request_fail(request, CC_EINVAL);
    } else {
        memset(invitation, 0, sizeof *invitation);
        make_token(request_engine(request), token);
        invitation->token = slice_of(token, INVITATION_TOKEN_BYTES);
        request->state = invitation;
        check_actor(request, make);
    }
}

/* --- listing ------------------------------------------------------------------------------------
 */

static bool has_ended(const struct cc_engine *engine, const struct cc_invitation *invitation)
{
    return (invitation->expires && invitation->expires <= engine->now.wall_ms) ||
           (invitation->max_uses && invitation->uses >= invitation->max_uses);
}

/* Those that let nobody in any more are left out: a page may be short, and more follow. */
static void listed(struct request *request, int status)
{
    const struct cc_directory_invitations *op = &request->op.invitations;
    size_t count = status ? 0 : op->ret_count;
    struct cc_invitation *held = arena_alloc(&request->arena, (count + 1) * sizeof *held);
    struct cc_reply reply = {.invitations = held};

    if (!status && !held)
        status = CC_ENOMEM;
    if (status) {
        request_fail(request, status);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!has_ended(request_engine(request), &op->ret_invitations[i]))
            held[reply.invitation_count++] = op->ret_invitations[i];
    reply.more = op->ret_more;
    request_reply(request, &reply);
}

static void list(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_invitations *op = &request->op.invitations;

    (void)status;
    memset(&request->op, 0, sizeof request->op);
    op->conversation = request->conversation;
    op->after = request->command->after_name;
    op->limit = lists_limit(request->command->limit, LISTS_NAMES, LISTS_NAMES_MAX);
    request_op_begin(request, listed);
    engine->directory.vtable->invitations(engine->directory.self, op);
}

void invitations_list(struct request *request)
{
    if (!lists_after_is_valid(request->command->after_name))
        request_fail(request, CC_EINVAL);
    else
        check_actor(request, list);
}

/* --- revoking -----------------------------------------------------------------------------------
 */

static void revoked(struct request *request, int status)
{
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else
        request_reply_empty(request);
}

static void revoke(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_uninvite *op = &request->op.uninvite;

    (void)status;
    memset(&request->op, 0, sizeof request->op);
    op->conversation = request->conversation;
    op->token = request->command->token;
    request_op_begin(request, revoked);
    engine->directory.vtable->uninvite(engine->directory.self, op);
}

void invitations_revoke(struct request *request)
{
    if (!name_is_valid(request->command->token))
        request_fail(request, CC_EINVAL);
    else
        check_actor(request, revoke);
}

/* --- using --------------------------------------------------------------------------------------
 */

void invitation_find(struct request *request, void (*found)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_invitation *op = &request->op.invitation;

    memset(&request->op, 0, sizeof request->op);
    op->token = request->command->token;
    op->user = request->user->name;
    request_op_begin(request, found);
    engine->directory.vtable->invitation(engine->directory.self, op);
}

int invitation_check(const struct cc_engine *engine, const struct cc_directory_invitation *op)
{
    if (has_ended(engine, &op->ret_invitation) || !op->ret_conversation.member_count)
        return CC_ENOTFOUND;
    return op->ret_is_barred ? CC_EFORBIDDEN : 0;
}

void invitation_fail(struct request *request, int status)
{
    if (status == CC_ENOTFOUND)
        request_fail_text(request, status,
                          slice_str("there is no such invitation, or it holds no longer"), 0);
    else
        request_fail(request, status);
}

static void peeked(struct request *request, int status)
{
    const struct cc_directory_invitation *op = &request->op.invitation;
    struct cc_conversation_summary summary = {0};
    struct cc_reply reply = {.conversations = &summary, .conversation_count = 1};

    if (!status && !op->ret_is_member)
        status = invitation_check(request_engine(request), op);
    if (status) {
        invitation_fail(request, status);
        return;
    }
    summary.conversation.kind = op->ret_conversation.kind;
    summary.conversation.name = op->ret_conversation.name;
    summary.conversation.member_count = op->ret_conversation.member_count;
    if (op->ret_is_member)
        summary.conversation.id = op->ret_conversation.id;
    reply.expires = op->ret_invitation.expires;
    request_reply(request, &reply);
}

void invitations_peek(struct request *request)
{
    if (!name_is_valid(request->command->token))
        request_fail(request, CC_EINVAL);
    else
        invitation_find(request, peeked);
}
