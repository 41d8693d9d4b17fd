/*
 * Creating groups and channels, and what creating shares with changing.
 */
#include "chatcore/error.h"
#include "engine/group.h"
#include "engine/partition.h"
#include "engine/relations.h"
#include "engine/user.h"

#include <stdlib.h>

/* --- shared ------------------------------------------------------------------------------------
 */

bool group_name_is_valid(struct cc_slice name)
{
    for (size_t i = 0; i < name.size; i++)
        if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
            return false;
    return utf8_is_valid(name);
}

static int compare_slices(const void *a, const void *b)
{
    return slice_compare(*(const struct cc_slice *)a, *(const struct cc_slice *)b);
}

int group_users(struct request *request, struct cc_slice except, struct cc_slice **ret_users,
                size_t *ret_count)
{
    const struct cc_command *command = request->command;
    struct cc_slice *users;
    size_t count = 0;

    if (command->user_count > CC_COMMAND_USERS_MAX)
        return CC_ETOOLARGE;
    for (size_t i = 0; i < command->user_count; i++)
        if (!name_is_valid(command->users[i]))
            return CC_EINVAL;
    users = arena_alloc(&request->arena, (command->user_count + 1) * sizeof *users);
    if (!users)
        return CC_ENOMEM;
    if (command->user_count) {
        memcpy(users, command->users, command->user_count * sizeof *users);
        qsort(users, command->user_count, sizeof *users, compare_slices);
    }
    for (size_t i = 0; i < command->user_count; i++)
        if (!slice_equal(users[i], except) && (!count || !slice_equal(users[i], users[count - 1])))
            users[count++] = users[i];
    *ret_users = users;
    *ret_count = count;
    return 0;
}

void group_record(struct request *request, enum cc_system_action action, struct record *ret_record)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_message *message = &ret_record->message;

    memset(ret_record, 0, sizeof *ret_record);
    message->kind = CC_MESSAGE_SYSTEM;
    message->action = action;
    message->conversation = request->conversation;
    message->from = request->user->name;
    id_new(&engine->ids, engine->now.wall_ms, &message->id);
    message->ts = id_timestamp(&message->id);
}

static void answered(struct request *request, const struct verdict *verdict)
{
    struct group_work *work = request->state;

    if (!work->is_submitting) {
        work->finish(request, verdict);
        return;
    }
    work->is_answered = true; /* the directory's answer is still to come */
    work->verdict = *verdict;
}

int group_encode(struct request *request, struct record *record, struct cc_slice *ret_payload)
{
    struct group_work *work = request->state;
    int r = propose_encode(request, record, answered, ret_payload);

    work->is_submitting = r == 0;
    work->is_answered = false;
    return r;
}

void group_submitted(struct request *request, struct cc_slice payload)
{
    struct cc_engine *engine = request_engine(request);
    struct group_work *work = request->state;

    work->is_submitting = false;
    /* Without memory the outbox brings it into the log a little later. */
    (void)propose_payload(partition_of(engine, request->conversation), payload);
    if (work->is_answered)
        work->finish(request, &work->verdict);
}

void group_withdraw(struct request *request)
{
    struct group_work *work = request->state;

    work->is_submitting = false;
    if (!work->is_answered)
        propose_withdraw(request);
}

/* --- create ------------------------------------------------------------------------------------
 */

struct creation {
    struct group_work work;
    struct cc_slice *users; /* the members but the creator */
    size_t user_count;
    struct relations_match blockers;
    char id[ID_TEXT_SIZE];
};

static void create_finished(struct request *request, const struct verdict *verdict)
{
    struct cc_reply reply = {.conversation = request->conversation};

    if (verdict->status)
        request_fail(request, verdict->status);
    else
        request_reply(request, &reply);
}

/* Somebody else may have chosen the very id: then the user is no member. */
static void found_again(struct request *request, int status)
{
    struct cc_reply reply = {.conversation = request->conversation, .duplicate = true};
    bool is_member = request->op.member.ret_is_member;

    cc_op_release(&request->op.op);
    if (status || !is_member)
        request_fail(request, status ? status : CC_EEXISTS);
    else
        request_reply(request, &reply);
}

/* The id that the client id gives is taken: by the first try of this. */
static void find_again(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_member *op = &request->op.member;

    memset(&request->op, 0, sizeof request->op);
    op->conversation = request->conversation;
    op->user = request->user->name;
    request_op_begin(request, found_again);
    engine->directory.vtable->member(engine->directory.self, op);
}

static void created(struct request *request, int status)
{
    const struct cc_command *command = request->command;
    struct cc_slice payload = request->op.create.payload;

    cc_op_release(&request->op.op);
    if (!status) {
        group_submitted(request, payload);
        return;
    }
    group_withdraw(request);
    if (status == CC_EEXISTS && command->client_id.size && !command->conversation.size)
        find_again(request);
    else
        request_fail(request, status);
}

static int make_members(struct request *request, const struct creation *creation,
                        struct cc_directory_create *create)
{
    size_t count = creation->user_count + 1;
    struct cc_member *members = arena_alloc(&request->arena, count * sizeof *members);

    if (!members)
        return CC_ENOMEM;
    memset(members, 0, count * sizeof *members);
    members[0].user = request->user->name;
    members[0].role = CC_ROLE_OWNER;
    for (size_t i = 0; i < creation->user_count; i++) {
        members[i + 1].user = creation->users[i];
        members[i + 1].role = CC_ROLE_MEMBER;
    }
    create->members = members;
    create->count = count;
    return 0;
}

static void create_submit(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct creation *creation = request->state;
    struct cc_directory_create *create = &request->op.create;
    struct record record;
    int r;

    group_record(request, CC_SYSTEM_CREATED, &record);
    record.member_version = 1;
    record.conversation_kind = request->command->kind;
    record.message.users = creation->users;
    record.message.user_count = creation->user_count;
    record.message.name = request->command->name;
    memset(&request->op, 0, sizeof request->op);
    r = make_members(request, creation, create);
    if (!r)
        r = group_encode(request, &record, &create->payload);
    if (r) {
        request_fail(request, r);
        return;
    }
    create->conversation = request->conversation;
    create->kind = request->command->kind;
    create->name = request->command->name;
    create->created = record.message.ts;
    create->partition = engine_partition_of(engine, request->conversation);
    request_op_begin(request, created);
    engine->directory.vtable->create(engine->directory.self, create);
}

static void create_matched(struct request *request, int status)
{
    const struct creation *creation = request->state;

    for (size_t i = 0; !status && i < creation->user_count; i++)
        if (creation->blockers.matches[i])
            status = CC_EBLOCKED;
    if (status)
        request_fail(request, status);
    else
        create_submit(request);
}

/*
 * An id chosen by the client: any name, but none that looks like the id of a direct conversation,
 * or somebody could take the place where two others will talk.
 */
static int choose_id(struct request *request, struct creation *creation)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_slice chosen = request->command->conversation;
    struct cc_id id;

    if (chosen.size)
        return name_is_valid(chosen) && !id_is_direct(chosen) ? 0 : CC_EINVAL;
    if (request->command->client_id.size) {
        id_group(request->user->name, request->command->client_id, creation->id);
    } else {
        id_new(&engine->ids, engine->now.wall_ms, &id);
        uuid_format(&id, creation->id);
    }
    request->conversation = slice_of(creation->id, sizeof creation->id);
    return 0;
}

static int prepare_creation(struct request *request)
{
    const struct cc_command *command = request->command;
    struct creation *creation;
    int r;

    if (command->kind != CC_KIND_GROUP && command->kind != CC_KIND_CHANNEL)
        return CC_EINVAL;
    if (command->name.size > GROUP_NAME_MAX)
        return CC_ETOOLARGE;
    if (!group_name_is_valid(command->name))
        return CC_EINVAL;
    creation = arena_alloc(&request->arena, sizeof *creation);
    if (!creation)
        return CC_ENOMEM;
    memset(creation, 0, sizeof *creation);
    creation->work.finish = create_finished;
    request->state = creation;
    r = group_users(request, request->user->name, &creation->users, &creation->user_count);
    if (!r && creation->user_count + 1 > request_engine(request)->limits.max_members)
        r = CC_ETOOLARGE;
    return r ? r : choose_id(request, creation);
}

void groups_create(struct request *request)
{
    int r = prepare_creation(request);
    struct creation *creation = request->state;
    bool *matches = NULL;

    if (!r) {
        matches = arena_alloc(&request->arena, creation->user_count + 1);
        r = matches ? 0 : CC_ENOMEM;
    }
    if (r) {
        request_fail(request, r);
        return;
    }
    memset(matches, 0, creation->user_count + 1);
    creation->blockers.relation = CC_RELATION_BLOCKED;
    creation->blockers.reverse = true;
    creation->blockers.users = creation->users;
    creation->blockers.count = creation->user_count;
    creation->blockers.matches = matches;
    creation->blockers.matched = create_matched;
    relations_match(request, &creation->blockers);
}
