/*
 * Each command is one or two operations of the directory.
 */
#include "engine/contacts.h"

#include "chatcore/error.h"
#include "engine/access.h"
#include "engine/group.h"
#include "engine/lists.h"
#include "engine/presence.h"
#include "engine/relations.h"
#include "engine/summary.h"
#include "engine/user.h"
#include "engine/user_privacy.h"
#include "wire/pack.h"

/* The reply `{}`, or the error. */
static void reply_done(struct request *request, int status)
{
    if (status)
        request_fail(request, status);
    else
        request_reply_empty(request);
}

/* --- profile -----------------------------------------------------------------------------------
 */

static void profile_reply(struct request *request, struct cc_slice user, struct cc_privacy privacy)
{
    const struct cc_directory_profile *op = &request->op.profile;
    struct cc_profile profile = {.user = user,
                                 .name = op->ret_name,
                                 .avatar = op->ret_avatar,
                                 .meta = op->ret_meta,
                                 .privacy = privacy};
    struct cc_reply reply = {.profile = &profile};

    request_reply(request, &reply);
}

/* Who never set a profile has an empty one; of others one can't tell whether they exist. */
static void own_read(struct request *request, int status)
{
    if (status == CC_ENOTFOUND)
        memset(&request->op, 0, sizeof request->op);
    if (status && status != CC_ENOTFOUND)
        request_fail(request, status);
    else
        profile_reply(request, request->user->name, request->op.profile.ret_privacy);
}

static void other_read(struct request *request, int status)
{
    if (status)
        request_fail(request, status);
    else
        profile_reply(request, request->command->user, (struct cc_privacy){0});
}

static void read_profile(struct request *request, struct cc_slice user,
                         void (*read)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.profile.user = user;
    request_op_begin(request, read);
    engine->directory.vtable->profile_get(engine->directory.self, &request->op.profile);
}

/* Whom a user has blocked finds no profile of him. */
static void other_related(struct request *request, int status)
{
    if (!status && (request->relation.from_other & CC_RELATION_BLOCKED))
        status = CC_ENOTFOUND;
    if (status)
        request_fail(request, status);
    else
        read_profile(request, request->command->user, other_read);
}

/* Who may see the user is told before the reply: from then on it holds. */
static void profile_told(struct request *request, int status)
{
    if (status)
        request_fail(request, status);
    else
        read_profile(request, request->user->name, own_read);
}

static void profile_stored(struct request *request, int status)
{
    cc_op_release(&request->op.op);
    if (!status)
        user_privacy_stored(request);
    if (!status && request->command->has_presence)
        presence_retell(request, profile_told);
    else
        profile_told(request, status);
}

static bool check_privacy(const struct cc_command *command)
{
    return (!command->has_presence || (unsigned)command->privacy.presence <= CC_AUDIENCE_NOBODY) &&
           (!command->has_read_marks ||
            (unsigned)command->privacy.read_marks <= CC_READ_MARKS_PRIVATE);
}

static int check_profile(const struct cc_command *command)
{
    if ((command->has_name && command->name.size > PROFILE_NAME_MAX) ||
        (command->has_avatar && command->avatar.size > PROFILE_AVATAR_MAX) ||
        (command->has_meta && command->meta.size > PROFILE_META_MAX))
        return CC_ETOOLARGE;
    if (command->has_name && !group_name_is_valid(command->name))
        return CC_EINVAL;
    if (command->has_avatar && !utf8_is_valid(command->avatar))
        return CC_EINVAL;
    if (command->has_meta && command->meta.size && !pack_is_map(command->meta))
        return CC_EINVAL;
    return check_privacy(command) ? 0 : CC_EINVAL;
}

/* Given and empty: not NULL, so that it is put, and not left as it is. */
static struct cc_slice given(bool has, struct cc_slice value)
{
    if (!has)
        return slice_of(NULL, 0);
    return slice_of(value.size ? value.data : "", value.size);
}

static void store_profile(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct cc_command *command = request->command;
    struct cc_directory_profile *op = &request->op.profile;
    int r = check_profile(command);

    if (r) {
        request_fail(request, r);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    op->user = request->user->name;
    op->name = given(command->has_name, command->name);
    op->avatar = given(command->has_avatar, command->avatar);
    op->meta = given(command->has_meta, command->meta);
    op->sets_presence = command->has_presence;
    op->sets_read_marks = command->has_read_marks;
    if (op->sets_presence)
        op->privacy.presence = command->privacy.presence;
    if (op->sets_read_marks)
        op->privacy.read_marks = command->privacy.read_marks;
    request_op_begin(request, profile_stored);
    engine->directory.vtable->profile_put(engine->directory.self, op);
}

void contacts_profile(struct request *request)
{
    const struct cc_command *command = request->command;
    bool is_own = !command->user.size || slice_equal(command->user, request->user->name);
    bool stores = command->has_name || command->has_avatar || command->has_meta ||
                  command->has_presence || command->has_read_marks;

    if (stores && !is_own)
        request_fail(request, CC_EFORBIDDEN);
    else if (stores)
        store_profile(request);
    else if (is_own)
        read_profile(request, request->user->name, own_read);
    else if (!name_is_valid(command->user))
        request_fail(request, CC_EINVAL);
    else
        relations_check(request, command->user, other_related);
}

/* --- contacts and blocks -----------------------------------------------------------------------
 */

static void listed(struct request *request, int status)
{
    const struct cc_directory_related *op = &request->op.related;
    struct cc_reply reply = {0};

    if (status) {
        request_fail(request, status);
        return;
    }
    reply.users = op->ret_users;
    reply.user_count = op->ret_count;
    reply.more = op->ret_more;
    request_reply(request, &reply);
}

static void list(struct request *request, enum cc_relation relation)
{
    struct cc_engine *engine = request_engine(request);
    const struct cc_command *command = request->command;
    struct cc_directory_related *op = &request->op.related;

    if (!lists_after_is_valid(command->after_name)) {
        request_fail(request, CC_EINVAL);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    op->user = request->user->name;
    op->relation = relation;
    op->after = command->after_name;
    op->limit = lists_limit(command->limit, LISTS_NAMES, LISTS_NAMES_MAX);
    request_op_begin(request, listed);
    engine->directory.vtable->related(engine->directory.self, op);
}

void contacts_list(struct request *request)
{
    list(request, CC_RELATION_CONTACT);
}

void contacts_blocked(struct request *request)
{
    list(request, CC_RELATION_BLOCKED);
}

static void related(struct request *request, int status)
{
    cc_op_release(&request->op.op);
    relations_forget(request_engine(request), request->user->name, request->command->user);
    if (status)
        reply_done(request, status);
    else
        presence_retell_one(request, request->command->user, reply_done);
}

static void relate(struct request *request, enum cc_relation relation, bool on)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_slice other = request->command->user;
    struct cc_directory_relate *op = &request->op.relate;

    if (!name_is_valid(other) || slice_equal(other, request->user->name)) {
        request_fail(request, CC_EINVAL);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    op->user = request->user->name;
    op->other = other;
    op->relation = relation;
    op->on = on;
    request_op_begin(request, related);
    engine->directory.vtable->relate(engine->directory.self, op);
}

void contacts_add(struct request *request)
{
    relate(request, CC_RELATION_CONTACT, true);
}

void contacts_remove(struct request *request)
{
    relate(request, CC_RELATION_CONTACT, false);
}

void contacts_block(struct request *request)
{
    relate(request, CC_RELATION_BLOCKED, true);
}

void contacts_unblock(struct request *request)
{
    relate(request, CC_RELATION_BLOCKED, false);
}

/* --- mute --------------------------------------------------------------------------------------
 */

static void muted(struct request *request, int status)
{
    if (!status)
        summary_push(request_engine(request), request->conversation, request->user->name);
    reply_done(request, status);
}

void contacts_mute(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_mute *op = &request->op.mute;

    if (!name_is_valid(request->conversation) || request->command->until < 0) {
        request_fail(request, CC_EINVAL);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    op->user = request->user->name;
    op->conversation = request->conversation;
    op->until = request->command->until;
    request_op_begin(request, muted);
    engine->directory.vtable->mute(engine->directory.self, op);
}
