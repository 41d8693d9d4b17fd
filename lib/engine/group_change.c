/*
 * Changing a group: read → decide → change in the directory → log → reply.
 *
 *   start            what the command alone tells
 *   read             the conversation, its version, and what its sender is there
 *   look up          what those named are there, at the same version
 *   count owners     only where an owner goes: is there another, and who would follow
 *   submit           one transaction, expecting that version
 *
 * A command that would change nothing (adding who is a member, removing who is none, the same name)
 * is answered with the conversation's newest seq: what it asked for is so, and doing it again after
 * a lost reply is no error.
 */
#include "engine/group_change.h"
#include "chatcore/error.h"
#include "engine/group_rules.h"
#include "engine/invitations.h"
#include "engine/partition.h"
#include "engine/user.h"

/* Members read at once when owners are counted. */
#define OWNERS_PAGE 1000

/* --- submitting --------------------------------------------------------------------------------
 */

int change_prepare(struct request *request, const struct change_rule *rule)
{
    struct change *change = arena_alloc(&request->arena, sizeof *change);
    int r;

    if (!change)
        return CC_ENOMEM;
    memset(change, 0, sizeof *change);
    change->work.finish = change_finished;
    change->rule = rule;
    change->actor = request->user->name;
    request->state = change;
    r = rule->check(request, change);
    if (r)
        return r;
    change->members =
        arena_alloc(&request->arena, (change->user_count + 1) * sizeof *change->members);
    return change->members ? 0 : CC_ENOMEM;
}

/* Who joins by an invitation has not named the conversation. */
static void reply_seq(struct request *request, uint64_t seq)
{
    struct cc_reply reply = {.seq = seq};

    if (request->command->type == CC_COMMAND_JOIN)
        reply.conversation = request->conversation;
    request_reply(request, &reply);
}

void change_finished(struct request *request, const struct verdict *verdict)
{
    if (verdict->status)
        request_fail(request, verdict->status);
    else
        reply_seq(request, verdict->seq);
}

/* Somebody else was first: what was decided no longer holds. */
static void decide_again(struct request *request)
{
    bool joins = request->command->type == CC_COMMAND_JOIN;

    if (++request->attempts >= (joins ? GROUP_JOIN_ATTEMPTS_MAX : GROUP_ATTEMPTS_MAX))
        request_fail(request, CC_ECONFLICT);
    else
        change_read(request);
}

static void changed(struct request *request, int status)
{
    struct change *change = request->state;
    struct cc_slice payload = request->op.change.payload;

    cc_op_release(&request->op.op);
    if (change->passes_ownership) {
        if (!status)
            (void)propose_payload(partition_of(request_engine(request), request->conversation),
                                  payload); /* or the outbox brings it */
    } else if (!status) {
        group_submitted(request, payload);
        return;
    } else {
        group_withdraw(request);
    }
    if (!status)
        change_read(request); /* no longer the last owner */
    else if (status == CC_ECONFLICT)
        decide_again(request);
    else if (change->invitation.size)
        invitation_fail(request, status); /* revoked meanwhile */
    else
        request_fail(request, status);
}

static int name_users(struct request *request, const struct change *change, struct record *record)
{
    struct cc_slice *users =
        arena_alloc(&request->arena, (change->member_count + 1) * sizeof *users);

    if (!users)
        return CC_ENOMEM;
    for (size_t i = 0; i < change->member_count; i++)
        users[i] = change->members[i].user;
    record->message.users = users;
    record->message.user_count = change->member_count;
    return 0;
}

/* A record that nobody waits for. */
static int encode_unawaited(struct request *request, struct record *record,
                            struct cc_slice *ret_payload)
{
    struct buffer bytes;
    int r = CC_ENOMEM;

    buffer_init(&bytes, &request_engine(request)->allocator);
    record_encode(&bytes, record);
    if (!bytes.failed)
        r = arena_copy(&request->arena, buffer_slice(&bytes), ret_payload);
    buffer_deinit(&bytes);
    return r;
}

static int encode(struct request *request, enum cc_system_action action,
                  struct cc_slice *ret_payload)
{
    struct change *change = request->state;
    struct record record;
    int r;

    group_record(request, action, &record);
    record.message.from = change->actor;
    record.member_version = change->version + 1;
    if (change->renames)
        record.message.name = request->command->name;
    record.message.has_retention = change->sets_retention;
    if (change->sets_retention)
        record.message.retention_s = request->command->retention_s;
    if (action == CC_SYSTEM_ADDED || action == CC_SYSTEM_ROLE)
        record.message.role = change->members[0].role;
    r = name_users(request, change, &record);
    if (r)
        return r;
    return change->passes_ownership ? encode_unawaited(request, &record, ret_payload)
                                    : group_encode(request, &record, ret_payload);
}

static void submit(struct request *request, enum cc_change_kind kind, enum cc_system_action action)
{
    struct cc_engine *engine = request_engine(request);
    struct change *change = request->state;
    struct cc_directory_change *op = &request->op.change;
    int r;

    memset(&request->op, 0, sizeof request->op);
    r = encode(request, action, &op->payload);
    if (r) {
        request_fail(request, r);
        return;
    }
    op->conversation = request->conversation;
    op->expected_version = change->version;
    op->kind = kind;
    if (change->renames)
        op->name = request->command->name;
    op->sets_retention = change->sets_retention;
    op->retention_s = request->command->retention_s;
    op->members = change->members;
    op->count = change->member_count;
    op->invitation = change->invitation;
    op->bars = change->rule->command == CC_COMMAND_REMOVE;
    op->partition = engine_partition_of(engine, request->conversation);
    request_op_begin(request, changed);
    engine->directory.vtable->change(engine->directory.self, op);
}

void change_submit(struct request *request)
{
    const struct change *change = request->state;

    enum cc_system_action action = change->rule->action;

    if (action == CC_SYSTEM_RENAMED && !change->renames)
        action = CC_SYSTEM_RETENTION;
    submit(request, change->rule->kind, action);
}

void change_add(struct change *change, struct cc_slice user, enum cc_role role)
{
    struct cc_member *member = &change->members[change->member_count++];

    memset(member, 0, sizeof *member);
    member->user = user;
    member->role = role;
}

/* --- nothing to change -------------------------------------------------------------------------
 */

static void head_read(struct request *request, int status)
{
    uint64_t seq = status ? 0 : request->op.heads.ret_heads[0].seq;

    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else
        reply_seq(request, seq);
}

void change_reply_unchanged(struct request *request)
{
    const struct conversation *conversation =
        conversation_find(request_engine(request), request->conversation);

    if (conversation)
        reply_seq(request, conversation->seq);
    else
        request_read_head(request, head_read);
}

/* --- the owners --------------------------------------------------------------------------------
 */

static void count_owners(struct request *request, struct cc_slice after);
static void owners_counted(struct request *request);

static void note_successor(struct change *change, const struct cc_member *member)
{
    if (change->has_successor && !group_succeeds_before(member, &change->successor))
        return;
    change->has_successor = true;
    change->successor = *member;
    memcpy(change->successor_name, member->user.data, member->user.size);
    change->successor.user.data = change->successor_name;
}

static void owners_read(struct request *request, int status)
{
    struct change *change = request->state;
    struct cc_directory_members *page = &request->op.members;
    struct cc_slice last = slice_of(NULL, 0);
    bool more = !status && page->ret_more && page->ret_count;

    for (size_t i = 0; !status && i < page->ret_count; i++) {
        const struct cc_member *member = &page->ret_members[i];

        last = member->user;
        if (member->role == CC_ROLE_OWNER)
            change->owners++;
        else
            note_successor(change, member);
    }
    if (more) {
        memcpy(change->after, last.data, last.size);
        last.data = change->after;
    }
    cc_op_release(&page->op);
    if (status)
        request_fail(request, status);
    else if (more && change->owners <= change->owners_going)
        count_owners(request, last);
    else
        owners_counted(request);
}

static void count_owners(struct request *request, struct cc_slice after)
{
    struct cc_engine *engine = request_engine(request);
    struct change *change = request->state;
    struct cc_directory_members *page = &request->op.members;

    memset(&request->op, 0, sizeof request->op);
    page->conversation = request->conversation;
    page->at_version = change->version;
    page->after = after;
    page->limit = OWNERS_PAGE;
    request_op_begin(request, owners_read);
    engine->directory.vtable->members(engine->directory.self, page);
}

void change_leave(struct request *request)
{
    struct change *change = request->state;

    change->members[0].user = change->actor;
    change->members[0].role = change->own_role;
    change->member_count = 1;
    submit(request, CC_CHANGE_REMOVE, CC_SYSTEM_LEFT);
}

void change_count_owners(struct request *request)
{
    count_owners(request, slice_of(NULL, 0));
}

/* The successor becomes owner first: a crash in between leaves two owners, never none. */
static void pass_ownership(struct request *request)
{
    struct change *change = request->state;

    change->passes_ownership = true;
    change->members[0] = change->successor;
    change->members[0].role = CC_ROLE_OWNER;
    change->member_count = 1;
    submit(request, CC_CHANGE_ROLE, CC_SYSTEM_ROLE);
}

static void owners_counted(struct request *request)
{
    const struct change *change = request->state;
    bool is_last = change->owners <= change->owners_going;

    if (change->rule->command == CC_COMMAND_LEAVE) {
        if (is_last && change->has_successor)
            pass_ownership(request);
        else
            change_leave(request);
    } else if (is_last) {
        request_fail_text(request, CC_EINVAL,
                          slice_str("a group needs an owner: name another one first"), 0);
    } else {
        change_submit(request);
    }
}

/* --- the targets -------------------------------------------------------------------------------
 */

static void target_read(struct request *request, int status)
{
    struct change *change = request->state;
    struct cc_directory_member *op = &request->op.member;
    bool is_current = !status && op->ret_conversation.version == change->version;

    if (is_current)
        status = change->rule->target(change, change->users[change->at],
                                      op->ret_is_member ? &op->ret_member : NULL);
    cc_op_release(&op->op);
    if (status)
        request_fail(request, status);
    else if (!is_current)
        decide_again(request);
    else {
        change->at++;
        change_look_up(request);
    }
}

static void read_target(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct change *change = request->state;
    struct cc_directory_member *op = &request->op.member;

    memset(&request->op, 0, sizeof request->op);
    op->conversation = request->conversation;
    op->user = change->users[change->at];
    request_op_begin(request, target_read);
    engine->directory.vtable->member(engine->directory.self, op);
}

static int take_loaded(struct change *change, struct conversation *conversation)
{
    int r = 0;

    for (; !r && change->at < change->user_count; change->at++) {
        struct cc_slice user = change->users[change->at];
        const struct member_entry *entry = conversation_member(conversation, user);
        struct cc_member member = {0};

        if (entry) {
            member.user = entry->user;
            member.role = entry->role;
        }
        r = change->rule->target(change, user, entry ? &member : NULL);
    }
    return r;
}

/* From memory where the same version is applied here, else one by one from the directory. */
void change_look_up(struct request *request)
{
    struct change *change = request->state;
    struct conversation *conversation =
        conversation_find(request_engine(request), request->conversation);
    int r = 0;

    if (conversation && conversation->is_known && conversation->member_version == change->version)
        r = take_loaded(change, conversation);
    if (r)
        request_fail(request, r);
    else if (change->at < change->user_count)
        read_target(request);
    else if (!change->member_count)
        change_reply_unchanged(request);
    else
        change->rule->decide(request);
}

/* --- the actor ---------------------------------------------------------------------------------
 */

/* What the command gives may be so already. */
static void compare_update(const struct cc_command *command, const struct cc_conversation *found,
                           struct change *change)
{
    change->renames = command->name.size && !slice_equal(found->name, command->name);
    change->sets_retention = command->has_retention && found->retention_s != command->retention_s;
}

/* Either of the two may; a direct conversation has no name of its own to change. */
static int direct_may(const struct request *request)
{
    return request->command->name.size ? CC_EINVAL : 0;
}

static void direct_checked(struct request *request, int status)
{
    const struct change *change = request->state;

    if (status)
        request_fail(request, status);
    else
        change->rule->go(request);
}

static void actor_read(struct request *request, int status)
{
    struct change *change = request->state;
    struct cc_directory_member *op = &request->op.member;
    bool is_direct = !status && op->ret_conversation.kind == CC_KIND_DIRECT;

    if (!status) {
        change->version = op->ret_conversation.version;
        change->total = op->ret_conversation.member_count;
        if (change->rule->command == CC_COMMAND_UPDATE)
            compare_update(request->command, &op->ret_conversation, change);
        change->is_member = op->ret_is_member;
        change->own_role = op->ret_is_member ? op->ret_member.role : CC_ROLE_MEMBER;
        change->role = request->session->is_admin ? CC_ROLE_OWNER : change->own_role;
        if (!change->is_member &&
            (!request->session->is_admin || change->rule->command == CC_COMMAND_LEAVE))
            status = CC_ENOTFOUND; /* as if it were not there */
    }
    if (!status)
        status = group_may(change->rule->command, op->ret_conversation.kind, change->role);
    if (!status && is_direct)
        status = direct_may(request);
    cc_op_release(&op->op);
    if (status)
        request_fail(request, status);
    else if (is_direct && change->is_member) /* whom the other has blocked changes nothing here */
        groups_check_direct(request, direct_checked);
    else
        change->rule->go(request);
}

static void read_actor(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct change *change = request->state;
    struct cc_directory_member *op = &request->op.member;

    memset(&request->op, 0, sizeof request->op);
    op->conversation = request->conversation;
    op->user = change->actor;
    request_op_begin(request, actor_read);
    engine->directory.vtable->member(engine->directory.self, op);
}

void change_read(struct request *request)
{
    struct change *change = request->state;

    change->at = 0;
    change->member_count = 0;
    change->owners = 0;
    change->has_successor = false;
    change->passes_ownership = false;
    change->owners_going = 0;
    if (change->rule->read)
        change->rule->read(request);
    else
        read_actor(request);
}
