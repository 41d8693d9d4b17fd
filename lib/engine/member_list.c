/*
 * The list of members: members → who keeps marks private → the marks of one after the other →
 * reply. Marks stand in it where each member is told of the others' (engine/receipts.h): in
 * conversations of up to RECEIPTS_MEMBERS_MAX that are no channels. So a client that was not there
 * when a receipt was told learns of it all the same. What would not be told does not stand there
 * either: between two of whom one has blocked the other nothing, and no reading of, or to, who
 * keeps that private.
 */
#include "chatcore/error.h"
#include "engine/access.h"
#include "engine/groups.h"
#include "engine/lists.h"
#include "engine/receipts.h"
#include "engine/user_privacy.h"

/* request->state, once the members are known. */
struct marking {
    struct cc_member *members;
    struct cc_slice *users;
    size_t count;
    size_t at; /* whose marks are being read */
    bool more;
    bool *hides_read; /* of each */
};

static void marking_reply(struct request *request)
{
    const struct marking *marking = request->state;
    struct cc_reply reply = {
        .members = marking->members, .member_count = marking->count, .more = marking->more};

    request_reply(request, &reply);
}

/* --- the marks ---------------------------------------------------------------------------------
 */

static void read_next(struct request *request);

static void marks_read(struct request *request, int status)
{
    struct marking *marking = request->state;
    const struct cc_store_read_cursors *op = &request->op.cursors;
    struct cc_member *member = &marking->members[marking->at];

    if (!status && op->ret_count) {
        member->delivered = op->ret_cursors[0].delivered;
        member->read = marking->hides_read[marking->at] ? 0 : op->ret_cursors[0].read;
    }
    cc_op_release(&request->op.op);
    marking->at++;
    if (status)
        request_fail(request, status);
    else
        read_next(request);
}

static void read_next(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct marking *marking = request->state;
    struct cc_store_read_cursors *op = &request->op.cursors;

    if (marking->at == marking->count) {
        marking_reply(request);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    op->user = marking->users[marking->at];
    op->conversations = &request->conversation;
    op->count = 1;
    op->limit = 1;
    request_op_begin(request, marks_read);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

/* --- who may know ------------------------------------------------------------------------------
 */

static bool is_private(const struct cc_privacy *privacy)
{
    return privacy->read_marks == CC_READ_MARKS_PRIVATE;
}

static void privacy_read(struct request *request, int status)
{
    struct marking *marking = request->state;
    const struct cc_directory_privacy *op = &request->op.privacy;
    bool asks_private = false;

    for (size_t i = 0; !status && i < marking->count; i++)
        if (slice_equal(marking->users[i], request->user->name))
            asks_private = is_private(&op->ret_privacy[i]);
    for (size_t i = 0; !status && i < marking->count; i++) {
        bool is_own = slice_equal(marking->users[i], request->user->name);

        marking->hides_read[i] = !is_own && (asks_private || is_private(&op->ret_privacy[i]));
    }
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else
        read_next(request);
}

static void read_privacy(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct marking *marking = request->state;

    if (!marking->count) {
        marking_reply(request);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    request->op.privacy.users = marking->users;
    request->op.privacy.count = marking->count;
    request_op_begin(request, privacy_read);
    engine->directory.vtable->privacy(engine->directory.self, &request->op.privacy);
}

static void peer_checked(struct request *request, int status)
{
    bool is_blocked = status == CC_EBLOCKED ||
                      (!status && (request->relation.to_other & CC_RELATION_BLOCKED) != 0);

    if (status && status != CC_EBLOCKED)
        request_fail(request, status);
    else if (is_blocked)
        marking_reply(request);
    else
        read_privacy(request);
}

/* --- the members -------------------------------------------------------------------------------
 */

/* Copies what the directory has told; NULL without memory. */
static struct marking *marking_new(struct arena *arena, const struct cc_directory_members *op)
{
    size_t count = op->ret_count;
    struct marking *marking = arena_alloc(arena, sizeof *marking);

    if (!marking)
        return NULL;
    marking->members = arena_alloc(arena, (count + 1) * sizeof *marking->members);
    marking->users = arena_alloc(arena, (count + 1) * sizeof *marking->users);
    marking->hides_read = arena_alloc(arena, count + 1);
    if (!marking->members || !marking->users || !marking->hides_read)
        return NULL;
    marking->count = count;
    marking->at = 0;
    marking->more = op->ret_more;
    for (size_t i = 0; i < count; i++) {
        marking->members[i] = op->ret_members[i];
        marking->members[i].delivered = marking->members[i].read = 0;
        marking->hides_read[i] = true;
        if (arena_copy(arena, op->ret_members[i].user, &marking->users[i]) != 0)
            return NULL;
        marking->members[i].user = marking->users[i];
    }
    return marking;
}

static int take_members(struct request *request, int status)
{
    if (!status) {
        request->state = marking_new(&request->arena, &request->op.members);
        status = request->state ? 0 : CC_ENOMEM;
    }
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    return status;
}

static void members_read(struct request *request, int status)
{
    if (take_members(request, status) == 0)
        marking_reply(request);
}

static void pair_read(struct request *request, int status)
{
    if (take_members(request, status) == 0)
        groups_check_direct(request, peer_checked);
}

static void small_group_read(struct request *request, int status)
{
    if (take_members(request, status) == 0)
        read_privacy(request);
}

static void members_checked(struct request *request, const struct access *access, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_members *op = &request->op.members;
    void (*read)(struct request * request, int status) = members_read;

    if (status) {
        request_fail(request, status);
        return;
    }
    if (access->kind == CC_KIND_DIRECT)
        read = pair_read;
    else if (access->kind == CC_KIND_GROUP && access->member_count <= RECEIPTS_MEMBERS_MAX)
        read = small_group_read;
    memset(&request->op, 0, sizeof request->op);
    op->conversation = request->conversation;
    op->after = request->command->after_name;
    op->limit = lists_limit(request->command->limit, LISTS_NAMES, LISTS_NAMES_MAX);
    request_op_begin(request, read);
    engine->directory.vtable->members(engine->directory.self, op);
}

void lists_members(struct request *request)
{
    if (!lists_after_is_valid(request->command->after_name))
        request_fail(request, CC_EINVAL);
    else
        access_check(request, members_checked);
}
