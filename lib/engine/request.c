/*
 * Requests: from a command to its one reply.
 */
#include "engine/request.h"
#include "chatcore/error.h"
#include "engine/command_copy.h"
#include "engine/user.h"

/* So many ended requests are kept to be used again: what one step of a busy engine ends, 600 KB. */
#define SPARE_REQUESTS_MAX 1024

static struct request *request_alloc(struct cc_engine *engine)
{
    struct request *request = engine->spare_requests;

    if (!request)
        return mem_zalloc(&engine->allocator, 1, sizeof *request);
    engine->spare_requests = request->next;
    engine->spare_request_count--;
    memset(request, 0, sizeof *request);
    return request;
}

static void request_free(struct cc_engine *engine, struct request *request)
{
    if (engine->spare_request_count >= SPARE_REQUESTS_MAX) {
        mem_free(&engine->allocator, request);
        return;
    }
    request->next = engine->spare_requests;
    engine->spare_requests = request;
    engine->spare_request_count++;
}

void requests_deinit(struct cc_engine *engine)
{
    while (engine->spare_requests) {
        struct request *request = engine->spare_requests;

        engine->spare_requests = request->next;
        mem_free(&engine->allocator, request);
    }
}

struct request *request_new(struct cc_session *session, struct input *input)
{
    struct cc_engine *engine = session_engine(session);
    struct request *request = request_alloc(engine);

    if (!request)
        return NULL;
    request->session = session;
    request->batch = input->batch;
    request->command = input->command;
    request->conversation = input->command->conversation;
    arena_init(&request->arena, &engine->allocator);
    session_ref(session);
    session->inflight++;
    return request;
}

void request_start(struct request *request)
{
    struct cc_session *session = request->session;
    const struct session_command *entry = session_command(request->command->type);

    if (session->ordering) {
        *session->held_last = request;
        session->held_last = &request->next;
        return;
    }
    if (session->phase != SESSION_OPEN && request->command->type != CC_COMMAND_CONNECT) {
        request_fail(request, CC_EUNAUTHORIZED); /* it waited for a connect that failed */
        return;
    }
    if (session->user) {
        request->user = session->user;
        user_ref(request->user);
    }
    if (entry->keeps_place) {
        request->keeps_place = true;
        session->ordering = request;
    }
    entry->handle(request);
}

void request_leave_place(struct request *request)
{
    struct cc_session *session = request->session;

    if (session->ordering != request)
        return;
    session->ordering = NULL;
    session_ref(session);
    while (session->held && !session->ordering) {
        struct request *next = session->held;

        session->held = next->next;
        if (!session->held)
            session->held_last = &session->held;
        next->next = NULL;
        request_start(next);
    }
    session_unref(session);
}

static void request_end(struct request *request)
{
    struct cc_session *session = request->session;
    struct cc_engine *engine = session_engine(session);

    request_leave_place(request);
    cc_op_release(&request->op.op); /* what a reply was copied from */
    if (request->user)
        user_unref(engine, request->user);
    session->inflight--;
    input_batch_unref(request->batch);
    arena_deinit(&request->arena);
    request_free(engine, request);
    session_unref(session);
}

static void request_completed(struct cc_op *op)
{
    struct request *request = container_of(op, struct request, op.op);

    engine_op_done(request_engine(request), op);
    request->resume(request, op->status);
}

void request_op_begin(struct request *request, void (*resume)(struct request *request, int status))
{
    request->resume = resume;
    engine_op_begin(request_engine(request), &request->op.op, request_completed);
}

void request_read_head(struct request *request, void (*resume)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.heads.conversations = &request->conversation;
    request->op.heads.count = 1;
    request_op_begin(request, resume);
    engine->store.vtable->read_heads(engine->store.self, &request->op.heads);
}

void request_read_memberships(struct request *request, struct cc_slice user, struct cc_slice after,
                              size_t limit, void (*resume)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_memberships *op = &request->op.memberships;

    memset(&request->op, 0, sizeof request->op);
    op->user = user;
    op->after = after;
    op->limit = limit;
    request_op_begin(request, resume);
    engine->directory.vtable->memberships(engine->directory.self, op);
}

/* --- replies ---------------------------------------------------------------------------------- */

static int messages_copy(struct arena *arena, struct cc_reply *reply)
{
    struct cc_message *copy = NULL;
    int r = 0;

    if (!reply->message_count)
        return 0;
    copy = arena_alloc(arena, reply->message_count * sizeof *copy);
    for (size_t i = 0; copy && !r && i < reply->message_count; i++)
        r = message_copy(arena, &reply->messages[i], &copy[i]);
    reply->messages = copy;
    return copy ? r : CC_ENOMEM;
}

static int conversations_copy(struct arena *arena, struct cc_reply *reply)
{
    struct cc_conversation_summary *copy = NULL;
    int r = 0;

    if (!reply->conversation_count)
        return 0;
    copy = arena_alloc(arena, reply->conversation_count * sizeof *copy);
    for (size_t i = 0; copy && !r && i < reply->conversation_count; i++)
        r = summary_copy(arena, &reply->conversations[i], &copy[i]);
    reply->conversations = copy;
    return copy ? r : CC_ENOMEM;
}

static int members_copy(struct arena *arena, struct cc_reply *reply)
{
    struct cc_member *copy = NULL;
    int r = 0;

    if (!reply->member_count)
        return 0;
    copy = arena_alloc(arena, reply->member_count * sizeof *copy);
    for (size_t i = 0; copy && !r && i < reply->member_count; i++) {
        copy[i] = reply->members[i];
        r = arena_copy(arena, copy[i].user, &copy[i].user);
    }
    reply->members = copy;
    return copy ? r : CC_ENOMEM;
}

static int presence_copy(struct arena *arena, struct cc_reply *reply)
{
    struct cc_presence *copy = NULL;
    int r = 0;

    if (!reply->presence_count)
        return 0;
    copy = arena_alloc(arena, reply->presence_count * sizeof *copy);
    for (size_t i = 0; copy && !r && i < reply->presence_count; i++) {
        copy[i] = reply->presence[i];
        r = arena_copy(arena, copy[i].user, &copy[i].user);
    }
    reply->presence = copy;
    return copy ? r : CC_ENOMEM;
}

static int headers_copy(struct arena *arena, struct cc_reply *reply)
{
    struct cc_header *copy = NULL;
    int r = 0;

    if (!reply->header_count)
        return 0;
    copy = arena_alloc(arena, reply->header_count * sizeof *copy);
    for (size_t i = 0; copy && !r && i < reply->header_count; i++) {
        r = arena_copy(arena, reply->headers[i].name, &copy[i].name);
        if (!r)
            r = arena_copy(arena, reply->headers[i].value, &copy[i].value);
    }
    reply->headers = copy;
    return copy ? r : CC_ENOMEM;
}

static int devices_copy(struct arena *arena, struct cc_reply *reply)
{
    struct cc_push_device *copy = NULL;
    int r = 0;

    if (!reply->device_count)
        return 0;
    copy = arena_alloc(arena, reply->device_count * sizeof *copy);
    for (size_t i = 0; copy && !r && i < reply->device_count; i++) {
        copy[i] = reply->devices[i];
        r = arena_copy(arena, copy[i].device, &copy[i].device);
        if (!r)
            r = arena_copy(arena, copy[i].provider, &copy[i].provider);
        if (!r)
            r = arena_copy(arena, copy[i].token, &copy[i].token);
    }
    reply->devices = copy;
    return copy ? r : CC_ENOMEM;
}

static int invitations_copy(struct arena *arena, struct cc_reply *reply)
{
    struct cc_invitation *copy = NULL;
    int r = 0;

    if (!reply->invitation_count)
        return 0;
    copy = arena_alloc(arena, reply->invitation_count * sizeof *copy);
    for (size_t i = 0; copy && !r && i < reply->invitation_count; i++)
        r = invitation_copy(arena, &reply->invitations[i], &copy[i]);
    reply->invitations = copy;
    return copy ? r : CC_ENOMEM;
}

static int profile_copy(struct arena *arena, struct cc_reply *reply)
{
    struct cc_profile *copy;
    int r;

    if (!reply->profile)
        return 0;
    copy = arena_alloc(arena, sizeof *copy);
    if (!copy)
        return CC_ENOMEM;
    *copy = *reply->profile;
    r = arena_copy(arena, copy->user, &copy->user);
    if (!r)
        r = arena_copy(arena, copy->name, &copy->name);
    if (!r)
        r = arena_copy(arena, copy->avatar, &copy->avatar);
    if (!r)
        r = arena_copy(arena, copy->meta, &copy->meta);
    reply->profile = copy;
    return r;
}

static int texts_copy(struct arena *arena, struct cc_reply *reply)
{
    struct cc_slice *texts[] = {&reply->error_text, &reply->user,  &reply->device,
                                &reply->session,    &reply->media, &reply->conversation,
                                &reply->method,     &reply->url,   &reply->cursor};
    int r = 0;

    for (size_t i = 0; !r && i < sizeof texts / sizeof texts[0]; i++)
        r = arena_copy(arena, *texts[i], texts[i]);
    return r;
}

/* Copies all that a reply points to. */
static int reply_copy(struct arena *arena, const struct cc_reply *from, struct cc_reply *ret_copy)
{
    static int (*const parts[])(struct arena *, struct cc_reply *) = {
        texts_copy,   messages_copy, conversations_copy, members_copy,    presence_copy,
        headers_copy, profile_copy,  devices_copy,       invitations_copy};
    int r;

    *ret_copy = *from;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        r = parts[i](arena, ret_copy);
        if (r)
            return r;
    }
    return slices_copy(arena, from->users, from->user_count, &ret_copy->users);
}

static int reply_emit(struct cc_session *session, const struct cc_reply *reply)
{
    struct cc_queue *queue = session->queue;
    struct event_node *node = queue_add_event(queue, CC_EVENT_REPLY, &session, 1, NULL);
    struct cc_reply *copy = node ? arena_alloc(queue_arena(queue), sizeof *copy) : NULL;
    int r;

    if (!copy)
        return CC_ENOMEM;
    r = reply_copy(queue_arena(queue), reply, copy);
    node->event.u.reply = copy;
    if (!r)
        return 0;
    /* the node is in the queue already: it tells the truth, in fewer words */
    memset(copy, 0, sizeof *copy);
    copy->id = reply->id;
    copy->command = reply->command;
    copy->error = CC_ENOMEM;
    return 0;
}

void reply_to(struct cc_session *session, const struct cc_reply *reply)
{
    if (session->phase == SESSION_CLOSED)
        return;
    if (reply->error)
        session_engine(session)->stats.rejected++;
    if (reply_emit(session, reply) != 0)
        session_close(session, CC_CLOSE_TOO_MANY, "out of memory");
}

void request_reply(struct request *request, struct cc_reply *reply)
{
    reply->id = request->command->id;
    reply->command = request->command->type;
    reply_to(request->session, reply);
    request_end(request);
}

void request_reply_empty(struct request *request)
{
    struct cc_reply reply = {0};

    request_reply(request, &reply);
}

void request_fail_text(struct request *request, int error, struct cc_slice text, uint32_t retry_ms)
{
    struct cc_reply reply = {.error = error, .error_text = text, .retry_after_ms = retry_ms};

    request_reply(request, &reply);
}

void request_fail(struct request *request, int error)
{
    request_fail_text(request, error, slice_of(NULL, 0), 0);
}
