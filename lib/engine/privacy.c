/*
 * `erase`: sessions end → groups are left → texts (a sweep) → relations → devices → invitations →
 * profile → cursors → reply.
 *
 * Each step may be done twice: an erasure that is broken off is asked for again, and goes through
 * what is left. It is answered when all of it is durable.
 */
#include "engine/privacy.h"

#include "chatcore/error.h"
#include "engine/group_change.h"
#include "engine/media.h"
#include "engine/relations.h"
#include "engine/sweep.h"
#include "engine/user.h"

/* Entries of a list read at once. */
#define ERASE_PAGE 500

/* The lists of relations that are emptied: whom the user has, and who has him. */
static const struct {
    enum cc_relation relation;
    bool reverse;
} lists[] = {
    {CC_RELATION_CONTACT, false},
    {CC_RELATION_CONTACT, true},
    {CC_RELATION_BLOCKED, false},
    {CC_RELATION_BLOCKED, true},
};

struct erasure {
    size_t list;            /* of `lists` */
    struct cc_slice *users; /* a page of it, of devices, or of groups */
    size_t count;
    size_t at;
    char after[CC_NAME_MAX]; /* of memberships */
    size_t after_size;
    bool more; /* memberships behind this page */
};

static void read_memberships(struct request *request);
static void leave_next(struct request *request);
static void read_list(struct request *request);
static void clear_next(struct request *request);
static void remove_next_device(struct request *request);
static void read_invitations(struct request *request);

bool privacy_is_allowed(const struct request *request)
{
    const struct cc_session *session = request->session;

    if (session->is_admin)
        return true;
    return session->is_trusted && slice_equal(request->command->user, request->user->name);
}

/* True when the erasure goes on; otherwise the request has ended. */
static bool went_well(struct request *request, int status)
{
    if (status)
        request_fail(request, status);
    return !status;
}

/* A page of names, copied out of an answer. */
static struct cc_slice *page_new(struct request *request, size_t count)
{
    struct erasure *erasure = request->state;

    erasure->users = arena_alloc(&request->arena, (count + 1) * sizeof *erasure->users);
    erasure->count = 0;
    erasure->at = 0;
    return erasure->users;
}

static int page_add(struct request *request, struct cc_slice name)
{
    struct erasure *erasure = request->state;

    return arena_copy(&request->arena, name, &erasure->users[erasure->count++]);
}

/* --- cursors ------------------------------------------------------------------------------------
 */

static void cursors_forgotten(struct request *request, int status)
{
    cc_op_release(&request->op.op);
    if (went_well(request, status))
        request_reply_empty(request);
}

static void forget_cursors(struct request *request)
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.forget_cursors.user = request->command->user;
    request_op_begin(request, cursors_forgotten);
    engine->store.vtable->forget_cursors(engine->store.self, &request->op.forget_cursors);
}

/* --- the profile --------------------------------------------------------------------------------
 */

static void profile_put(struct request *request, int status)
{
    cc_op_release(&request->op.op);
    if (went_well(request, status))
        forget_cursors(request);
}

static void profile_read(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_profile *op = &request->op.profile;

    cc_op_release(&op->op);
    if (status == CC_ENOTFOUND) {
        forget_cursors(request);
        return;
    }
    if (!went_well(request, status))
        return;
    memset(&request->op, 0, sizeof request->op);
    op->user = request->command->user;
    op->name = slice_of("", 0);
    op->avatar = slice_of("", 0);
    op->meta = slice_of("", 0);
    op->sets_presence = true;
    op->sets_read_marks = true;
    request_op_begin(request, profile_put);
    engine->directory.vtable->profile_put(engine->directory.self, op);
}

static void blank_profile(struct request *request)
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.profile.user = request->command->user;
    request_op_begin(request, profile_read);
    engine->directory.vtable->profile_get(engine->directory.self, &request->op.profile);
}

/* --- invitations ---------------------------------------------------------------------------------
 */

static void uninvited(struct request *request, int status)
{
    cc_op_release(&request->op.op);
    if (went_well(request, status))
        read_invitations(request); /* the next one, until there is none */
}

static void invitation_read(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    const struct cc_directory_invitations *read = &request->op.invitations;
    struct cc_directory_uninvite *op = &request->op.uninvite;
    struct cc_slice conversation = {0};
    struct cc_slice token = {0};
    bool is_last = !status && !read->ret_count;

    if (!status && !is_last)
        status = arena_copy(&request->arena, read->ret_invitations[0].conversation, &conversation);
    if (!status && !is_last)
        status = arena_copy(&request->arena, read->ret_invitations[0].token, &token);
    cc_op_release(&request->op.op);
    if (!went_well(request, status))
        return;
    if (is_last) {
        blank_profile(request);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    op->conversation = conversation;
    op->token = token;
    request_op_begin(request, uninvited);
    engine->directory.vtable->uninvite(engine->directory.self, op);
}

static void read_invitations(struct request *request)
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.invitations.creator = request->command->user;
    request->op.invitations.limit = 1;
    request_op_begin(request, invitation_read);
    engine->directory.vtable->invitations(engine->directory.self, &request->op.invitations);
}

/* --- devices ------------------------------------------------------------------------------------
 */

static void device_removed(struct request *request, int status)
{
    cc_op_release(&request->op.op);
    if (went_well(request, status))
        remove_next_device(request);
}

static void remove_next_device(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct erasure *erasure = request->state;
    struct cc_directory_device *op = &request->op.device;

    if (erasure->at == erasure->count) {
        read_invitations(request);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    op->user = request->command->user;
    op->device.device = erasure->users[erasure->at++];
    request_op_begin(request, device_removed);
    engine->directory.vtable->device_put(engine->directory.self, op);
}

static void devices_read(struct request *request, int status)
{
    const struct cc_directory_devices *op = &request->op.devices;
    size_t count = status ? 0 : op->ret_count;

    if (!page_new(request, count))
        status = status ? status : CC_ENOMEM;
    for (size_t i = 0; !status && i < count; i++)
        status = page_add(request, op->ret_devices[i].device);
    cc_op_release(&request->op.op);
    if (went_well(request, status))
        remove_next_device(request);
}

static void read_devices(struct request *request)
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.devices.user = request->command->user;
    request_op_begin(request, devices_read);
    engine->directory.vtable->devices(engine->directory.self, &request->op.devices);
}

/* --- relations ----------------------------------------------------------------------------------
 */

static void cleared(struct request *request, int status)
{
    const struct cc_directory_relate *op = &request->op.relate;

    relations_forget(request_engine(request), op->user, op->other);
    cc_op_release(&request->op.op);
    if (went_well(request, status))
        clear_next(request);
}

static void clear_next(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct erasure *erasure = request->state;
    struct cc_directory_relate *op = &request->op.relate;
    struct cc_slice other;

    if (erasure->at == erasure->count) {
        read_list(request); /* what is left of it, until nothing is */
        return;
    }
    other = erasure->users[erasure->at++];
    memset(&request->op, 0, sizeof request->op);
    op->user = lists[erasure->list].reverse ? other : request->command->user;
    op->other = lists[erasure->list].reverse ? request->command->user : other;
    op->relation = lists[erasure->list].relation;
    request_op_begin(request, cleared);
    engine->directory.vtable->relate(engine->directory.self, op);
}

static void list_read(struct request *request, int status)
{
    struct erasure *erasure = request->state;
    const struct cc_directory_related *op = &request->op.related;
    size_t count = status ? 0 : op->ret_count;

    if (!page_new(request, count))
        status = status ? status : CC_ENOMEM;
    for (size_t i = 0; !status && i < count; i++)
        status = page_add(request, op->ret_users[i]);
    cc_op_release(&request->op.op);
    if (!went_well(request, status))
        return;
    if (count)
        clear_next(request);
    else if (++erasure->list < sizeof lists / sizeof lists[0])
        read_list(request);
    else
        read_devices(request);
}

static void read_list(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct erasure *erasure = request->state;
    struct cc_directory_related *op = &request->op.related;

    memset(&request->op, 0, sizeof request->op);
    op->user = request->command->user;
    op->relation = lists[erasure->list].relation;
    op->reverse = lists[erasure->list].reverse;
    op->limit = ERASE_PAGE;
    request_op_begin(request, list_read);
    engine->directory.vtable->related(engine->directory.self, op);
}

/* --- sessions and texts -------------------------------------------------------------------------
 */

static void swept(void *context, int status)
{
    struct request *request = context;

    if (!went_well(request, status))
        return;
    media_collect_now(request_engine(request));
    read_list(request);
}

static void end_sessions(struct request *request)
{
    struct user *user = user_find(request_engine(request), request->command->user);
    struct cc_session *session = user ? user->sessions : NULL;

    while (session) {
        struct cc_session *next = session->next_of_user;

        if (session != request->session)
            session_close(session, CC_CLOSE_KICKED, "erased");
        session = next;
    }
}

static void sweep(struct request *request)
{
    struct sweep_settings settings = {
        .kind = SWEEP_USER, .user = request->command->user, .done = swept, .context = request};

    if (sweep_start(request_engine(request), &settings) != 0)
        request_fail(request, CC_ENOMEM);
}

/* --- groups -------------------------------------------------------------------------------------
 */

static void left(struct request *request, int status)
{
    if (went_well(request, status))
        leave_next(request);
}

static void leave_next(struct request *request)
{
    struct erasure *erasure = request->state;

    if (erasure->at < erasure->count) {
        request->conversation = erasure->users[erasure->at++];
        groups_leave_for(request, request->command->user, left);
    } else if (erasure->more) {
        read_memberships(request);
    } else {
        sweep(request);
    }
}

/* Direct conversations can't be left: they are the other's as well. */
static int take_groups(struct request *request, const struct cc_directory_memberships *op)
{
    struct erasure *erasure = request->state;
    int r = page_new(request, op->ret_count) ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < op->ret_count; i++)
        if (op->ret_memberships[i].conversation.kind != CC_KIND_DIRECT)
            r = page_add(request, op->ret_memberships[i].conversation.id);
    erasure->more = op->ret_more && op->ret_count;
    if (erasure->more) {
        struct cc_slice last = op->ret_memberships[op->ret_count - 1].conversation.id;

        memcpy(erasure->after, last.data, last.size);
        erasure->after_size = last.size;
    }
    return r;
}

static void memberships_read(struct request *request, int status)
{
    if (!status)
        status = take_groups(request, &request->op.memberships);
    cc_op_release(&request->op.op);
    if (went_well(request, status))
        leave_next(request);
}

static void read_memberships(struct request *request)
{
    const struct erasure *erasure = request->state;

    request_read_memberships(request, request->command->user,
                             slice_of(erasure->after, erasure->after_size), ERASE_PAGE,
                             memberships_read);
}

void privacy_erase(struct request *request)
{
    struct erasure *erasure;

    if (!name_is_valid(request->command->user)) {
        request_fail(request, CC_EINVAL);
        return;
    }
    if (!privacy_is_allowed(request)) {
        request_fail(request, CC_EFORBIDDEN);
        return;
    }
    erasure = arena_alloc(&request->arena, sizeof *erasure);
    if (!erasure) {
        request_fail(request, CC_ENOMEM);
        return;
    }
    memset(erasure, 0, sizeof *erasure);
    request->state = erasure;
    end_sessions(request);
    read_memberships(request);
}
