/*
 * Sessions: inputs, phases, the end.
 */
#include "engine/session.h"

#include "chatcore/error.h"
#include "engine/request.h"
#include "engine/sync.h"
#include "engine/user.h"

int session_new(struct cc_queue *queue, const struct cc_session_options *options,
                struct cc_session **ret_session)
{
    const struct cc_allocator *allocator = &queue->engine->allocator;
    struct cc_session *session;
    int r;

    if (options->user.size && !name_is_valid(options->user))
        return CC_EINVAL;
    session = mem_zalloc(allocator, 1, sizeof *session);
    if (!session)
        return CC_ENOMEM;
    session->queue = queue;
    session->data = options->data;
    session->counts_consumed = options->counts_consumed;
    session->is_trusted = options->user.size > 0;
    session->requests_only = options->requests_only;
    session->is_admin = session->is_trusted && options->is_admin;
    session->held_last = &session->held;
    session->refs = 1; /* its being open; session_close() drops it */
    r = slice_copy(allocator, options->user, &session->trusted_user);
    if (!r)
        r = slice_copy(allocator, options->address, &session->address);
    if (r) {
        session_free(session);
        return r;
    }
    *ret_session = session;
    return 0;
}

void session_free(struct cc_session *session)
{
    const struct cc_allocator *allocator = &session_engine(session)->allocator;

    mem_free(allocator, (char *)session->trusted_user.data);
    mem_free(allocator, (char *)session->address.data);
    mem_free(allocator, (char *)session->device.data);
    mem_free(allocator, (char *)session->token_id.data);
    mem_free(allocator, session);
}

/* --- the end ---------------------------------------------------------------------------------- */

void session_ref(struct cc_session *session)
{
    session->refs++;
}

void session_unref(struct cc_session *session)
{
    struct cc_engine *engine = session_engine(session);

    if (--session->refs)
        return;
    session->next_closed = engine->closed;
    engine->closed = session;
}

static void drop_held(struct cc_session *session)
{
    while (session->held) {
        struct request *request = session->held;

        session->held = request->next;
        request_fail(request, CC_ECANCELED); /* unanswered: the session is closed */
    }
    session->held_last = &session->held;
}

void session_close(struct cc_session *session, enum cc_close_code code, const char *reason)
{
    struct cc_engine *engine = session_engine(session);

    if (session->phase == SESSION_CLOSED)
        return;
    session->phase = SESSION_CLOSED;
    session->close_code = code;
    session->close_reason = reason;
    timer_clear(&engine->timers, &session->timer);
    if (session->sync)
        sync_abort(session);
    if (session->user)
        user_remove_session(session);
    drop_held(session);
    session_unref(session);
}

static bool emit_closed(struct cc_session *session)
{
    struct event_node *node = queue_add_event(session->queue, CC_EVENT_CLOSED, &session, 1, NULL);

    if (!node)
        return false;
    node->event.u.closed.code = session->close_code;
    node->event.u.closed.reason = slice_str(session->close_reason);
    return true;
}

void sessions_step(struct cc_engine *engine)
{
    struct cc_session *session = engine->closed;

    engine->closed = NULL;
    while (session) {
        struct cc_session *next = session->next_closed;

        if (!emit_closed(session)) { /* no memory: the next step tries again */
            session->next_closed = engine->closed;
            engine->closed = session;
        }
        session = next;
    }
}

/* --- inputs ----------------------------------------------------------------------------------- */

static void connect_timed_out(struct timer *timer, void *context)
{
    struct cc_session *session = container_of(timer, struct cc_session, timer);

    (void)context;
    /* Its token may be good: after a stall of the network, or of this node, it may try again. */
    session_close(session, CC_CLOSE_NO_HEARTBEAT, "no connect command in time");
}

static void session_opened(struct cc_session *session)
{
    struct cc_engine *engine = session_engine(session);

    session->next = engine->sessions;
    if (session->next)
        session->next->previous = session;
    engine->sessions = session;
    engine->session_count++;
    session->timer.expired = connect_timed_out;
    if (engine->state != ENGINE_RUNNING)
        session_close(session, CC_CLOSE_DRAINING, "stopping");
    else if (engine->session_count > engine->limits.max_sessions)
        session_close(session, CC_CLOSE_TOO_MANY, "too many sessions");
    else if (timer_set(&engine->timers, &session->timer,
                       engine->now.mono_ms + SESSION_CONNECT_MS) != 0)
        session_close(session, CC_CLOSE_TOO_MANY, "out of memory");
}

static void session_released(struct cc_session *session)
{
    struct cc_engine *engine = session_engine(session);

    if (session->previous)
        session->previous->next = session->next;
    else
        engine->sessions = session->next;
    if (session->next)
        session->next->previous = session->previous;
    engine->session_count--;
    session_free(session);
}

static void session_consumed(struct cc_session *session, uint32_t count)
{
    session->outstanding -= count < session->outstanding ? count : session->outstanding;
    if (session->sync)
        sync_resume(session);
}

static void fail_input(struct input *input, int error, uint32_t retry_ms)
{
    struct cc_reply reply = {.id = input->command->id,
                             .command = input->command->type,
                             .error = error,
                             .retry_after_ms = retry_ms};

    reply_to(input->session, &reply);
    input_batch_unref(input->batch);
}

/* 0, or why this command is not taken from this session now. */
static int admit(struct cc_session *session, const struct cc_command *command, uint32_t *ret_retry)
{
    struct cc_engine *engine = session_engine(session);
    bool is_connect = command->type == CC_COMMAND_CONNECT;

    if (command->type <= CC_COMMAND_HEARTBEAT || command->type >= CC_COMMAND_COUNT || !command->id)
        return CC_EPROTOCOL;
    if (session->phase == SESSION_NEW)
        return is_connect ? 0 : CC_EUNAUTHORIZED;
    if (is_connect)
        return CC_EPROTOCOL;
    if (session->inflight >= engine->limits.max_inflight)
        return CC_EBUSY;
    if (session->phase == SESSION_CONNECTING)
        return 0; /* it waits behind the connect */
    if (!limits_admit(engine, session, session_command(command->type)->is_send, ret_retry)) {
        engine->stats.rate_limited++;
        return CC_ERATELIMITED;
    }
    return 0;
}

static void session_commanded(struct input *input)
{
    struct cc_session *session = input->session;
    struct request *request;
    uint32_t retry_ms = 0;
    int r;

    if (session->phase == SESSION_CLOSED || input->command->type == CC_COMMAND_HEARTBEAT) {
        input_batch_unref(input->batch);
        return;
    }
    session_engine(session)->stats.commands++;
    r = admit(session, input->command, &retry_ms);
    request = r ? NULL : request_new(session, input);
    if (!request) {
        fail_input(input, r ? r : CC_ENOMEM, retry_ms);
        return;
    }
    request_start(request);
}

void session_input(struct input *input)
{
    struct cc_session *session = input->session;
    struct input_batch *batch = input->batch;

    switch (input->type) {
    case INPUT_COMMAND:
        session_commanded(input); /* its request takes the batch's reference */
        return;
    case INPUT_OPEN:
        session_opened(session);
        break;
    case INPUT_CONSUMED:
        session_consumed(session, input->count);
        break;
    case INPUT_CLOSE:
        session_close(session, CC_CLOSE_NORMAL, "");
        return; /* built in: no batch to give back */
    case INPUT_RELEASE:
        session_released(session);
        return;
    default:
        break; /* a consumer's: see consumer_host.c */
    }
    input_batch_unref(batch);
}
