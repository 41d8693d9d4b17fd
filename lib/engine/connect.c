/*
 * Connecting: from a token to an open session, and its renewal.
 */
#include "chatcore/error.h"
#include "engine/request.h"
#include "engine/revoke.h"
#include "engine/sync.h"
#include "engine/user.h"

static void token_expired(struct timer *timer, void *context)
{
    struct cc_session *session = container_of(timer, struct cc_session, timer);

    (void)context;
    session_close(session, CC_CLOSE_UNAUTHORIZED, "token expired");
}

/* The session ends when its token does. */
static int expire_at(struct cc_session *session, int64_t expires)
{
    struct cc_engine *engine = session_engine(session);
    int64_t left = expires == INT64_MAX ? INT64_MAX : expires - engine->now.wall_ms;

    session->timer.expired = token_expired;
    if (left > INT64_MAX - engine->now.mono_ms) {
        timer_clear(&engine->timers, &session->timer);
        return 0;
    }
    return timer_set(&engine->timers, &session->timer, engine->now.mono_ms + left);
}

/* A user has only so many sessions here: a new one is worth more than the oldest. */
static void close_oldest(struct user *user)
{
    struct cc_session *oldest = user->sessions;

    while (oldest && oldest->next_of_user)
        oldest = oldest->next_of_user;
    if (oldest)
        session_close(oldest, CC_CLOSE_TOO_MANY, "too many sessions of this user");
}

static int join_user(struct request *request, struct cc_slice name)
{
    struct cc_session *session = request->session;
    struct cc_engine *engine = session_engine(session);
    struct user *user = user_find(engine, name);
    int r;

    if (!session->requests_only && user && user->session_count >= engine->limits.max_user_sessions)
        close_oldest(user);
    mem_free(&engine->allocator, (char *)session->device.data); /* of a connect that failed */
    session->device = slice_of(NULL, 0);
    r = slice_copy(&engine->allocator, request->command->device, &session->device);
    if (!r)
        r = user_add_session(engine, name, session);
    return r;
}

static void fail_connect(struct request *request, int error)
{
    struct cc_session *session = request->session;

    session_ref(session);
    request_fail(request, error);
    if (error == CC_EUNAUTHORIZED || error == CC_EEXPIRED)
        session_close(session, CC_CLOSE_UNAUTHORIZED, "unauthorized");
    else if (session->phase == SESSION_CONNECTING)
        session->phase = SESSION_NEW;
    session_unref(session);
}

/* Keeps what the session lives by, so that a revocation finds it. */
static int live_by(struct cc_session *session, const struct credential *credential)
{
    struct cc_engine *engine = session_engine(session);
    struct cc_slice token_id;
    int r = slice_copy(&engine->allocator, credential->token_id, &token_id);

    if (r)
        return r;
    mem_free(&engine->allocator, (char *)session->token_id.data);
    session->token_id = token_id;
    session->issued = credential->issued;
    session->is_admin = credential->is_admin;
    return expire_at(session, credential->expires);
}

static void connected(struct request *request, const struct credential *credential)
{
    struct cc_session *session = request->session;
    struct cc_engine *engine = session_engine(session);
    struct cc_slice cursor = request->command->cursor;
    char id[ID_TEXT_SIZE];
    struct cc_reply reply = {.user = credential->user,
                             .device = request->command->device,
                             .session = slice_of(id, sizeof id),
                             .server_time = engine->now.wall_ms,
                             .ping_interval_ms = engine->limits.ping_interval_ms,
                             .max_message_bytes = engine->limits.max_message_bytes};
    struct cc_id session_id;
    int r = join_user(request, credential->user);

    if (!r)
        r = live_by(session, credential);
    if (r) {
        fail_connect(request, r);
        return;
    }
    id_new(&engine->ids, engine->now.wall_ms, &session_id);
    uuid_format(&session_id, id);
    session->phase = SESSION_OPEN;
    session->connected_ms = engine->now.mono_ms;
    /* The catching up begins before the commands held behind the connect run. */
    session_ref(session);
    r = session->requests_only ? 0 : sync_start(session, cursor);
    if (r)
        session_close(session, CC_CLOSE_TOO_MANY, "out of memory");
    request_reply(request, &reply);
    sync_resume(session);
    session_unref(session);
}

/* Too often: the session stays, and may try again. */
static void refuse_connect(struct request *request, uint32_t retry_ms)
{
    request->session->phase = SESSION_NEW;
    request_fail_text(request, CC_ERATELIMITED, slice_of(NULL, 0), retry_ms);
}

static void admitted(struct request *request, int status)
{
    if (request->session->phase != SESSION_CONNECTING)
        request_fail(request, CC_ECANCELED);
    else if (status)
        fail_connect(request, status);
    else
        connected(request, request->state);
}

/* Takes what a verification has told out of its operation, and releases that. */
static int keep_credential(struct request *request)
{
    struct cc_auth_verify *verify = &request->op.verify;
    struct credential *credential = arena_alloc(&request->arena, sizeof *credential);
    int r = CC_ENOMEM;

    if (credential) {
        *credential = (struct credential){.issued = verify->ret_issued,
                                          .expires = verify->ret_expires,
                                          .is_admin = verify->ret_admin};
        r = arena_copy(&request->arena, verify->ret_user, &credential->user);
    }
    if (!r)
        r = arena_copy(&request->arena, verify->ret_token_id, &credential->token_id);
    cc_op_release(&verify->op);
    request->state = credential;
    return r;
}

static void verified(struct request *request, int status)
{
    struct cc_session *session = request->session;
    uint32_t retry_ms = 0;
    const struct credential *credential;

    if (session->phase != SESSION_CONNECTING) {
        cc_op_release(&request->op.op);
        request_fail(request, CC_ECANCELED);
        return;
    }
    if (!status)
        status = keep_credential(request);
    credential = request->state;
    if (status)
        fail_connect(request, status);
    else if (!limits_admit_user(session_engine(session), credential->user, &retry_ms))
        refuse_connect(request, retry_ms);
    else
        revoked_check(request, credential, admitted);
}

static bool device_is_valid(const struct cc_session *session, struct cc_slice device)
{
    return name_is_valid(device) || (session->requests_only && !device.size);
}

void session_connect(struct request *request)
{
    struct cc_session *session = request->session;
    struct cc_engine *engine = session_engine(session);
    uint32_t retry_ms = 0;

    session->phase = SESSION_CONNECTING;
    if (!device_is_valid(session, request->command->device)) {
        fail_connect(request, CC_EINVAL);
        return;
    }
    if (!limits_admit_connect(engine, session->address, &retry_ms)) {
        refuse_connect(request, retry_ms);
        return;
    }
    if (session->is_trusted) {
        const struct credential trusted = {.user = session->trusted_user,
                                           .issued = INT64_MAX,
                                           .expires = INT64_MAX,
                                           .is_admin = session->is_admin};

        connected(request, &trusted);
        return;
    }
    if (!engine->auth.vtable) {
        fail_connect(request, CC_EUNAUTHORIZED);
        return;
    }
    request->op.verify.token = request->command->token;
    request->op.verify.now = engine->now;
    request_op_begin(request, verified);
    engine->auth.vtable->verify(engine->auth.self, &request->op.verify);
}

/* --- refresh ---------------------------------------------------------------------------------- */

static void renewed(struct request *request, int status)
{
    const struct credential *credential = request->state;
    struct cc_session *session = request->session;
    struct cc_reply reply = {.expires = credential->expires};

    if (!status && session->phase != SESSION_OPEN)
        status = CC_ECANCELED;
    if (!status && !slice_equal(credential->user, session->user->name))
        status = CC_EUNAUTHORIZED;
    if (!status)
        status = live_by(session, credential);
    if (status)
        request_fail(request, status);
    else
        request_reply(request, &reply);
}

static void reverified(struct request *request, int status)
{
    if (!status)
        status = keep_credential(request);
    if (status)
        request_fail(request, status);
    else
        revoked_check(request, request->state, renewed);
}

void session_refresh(struct request *request)
{
    struct cc_engine *engine = request_engine(request);

    if (!engine->auth.vtable) {
        request_fail(request, CC_ENOTSUP);
        return;
    }
    request->op.verify.token = request->command->token;
    request->op.verify.now = engine->now;
    request_op_begin(request, reverified);
    engine->auth.vtable->verify(engine->auth.self, &request->op.verify);
}
