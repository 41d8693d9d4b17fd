/*
 * Revocations: the command, the check, and the looking for what other nodes have revoked.
 */
#include "engine/revoke.h"

#include "chatcore/error.h"
#include "engine/link.h"
#include "engine/request.h"
#include "engine/user.h"

/* Revocations read at once. */
#define REVOCATIONS_PAGE 500

struct revocations {
    struct cc_engine *engine;
    struct cc_directory_revocations read;
    bool is_reading;
    bool is_wanted; /* there is a word of new ones since the reading began */
    bool is_placed; /* `seen` is set: what is above it closes sessions, what is below was there
                       before this node had any */
    uint64_t seen;  /* the number up to which this node has looked */
    uint64_t count; /* of those that became known here: tells a check that it may be too old */
};

int revocations_init(struct cc_engine *engine)
{
    engine->revocations = mem_zalloc(&engine->allocator, 1, sizeof *engine->revocations);
    if (!engine->revocations)
        return CC_ENOMEM;
    engine->revocations->engine = engine;
    return 0;
}

void revocations_deinit(struct cc_engine *engine)
{
    mem_free(&engine->allocator, engine->revocations);
    engine->revocations = NULL;
}

/* --- closing sessions ---------------------------------------------------------------------------
 */

static bool is_meant(const struct cc_revocation *revocation, const struct cc_session *session)
{
    if (session->phase != SESSION_OPEN || session->issued == INT64_MAX)
        return false;
    if (revocation->kind == CC_REVOKED_TOKEN)
        return session->token_id.size && slice_equal(revocation->name, session->token_id);
    return session->issued < revocation->before &&
           slice_equal(revocation->name, session->user->name);
}

/* Walks over all sessions, 10 ms for each million: revoking is rare, and those for requests only
 * stand in no list of their user. */
static void revocations_known(struct cc_engine *engine, const struct cc_revocation *revocations,
                              size_t count)
{
    engine->revocations->count += count;
    for (struct cc_session *session = engine->sessions; session; session = session->next)
        for (size_t i = 0; i < count; i++)
            if (is_meant(&revocations[i], session))
                session_close(session, CC_CLOSE_UNAUTHORIZED, "token revoked");
}

/* --- looking ------------------------------------------------------------------------------------
 */

static void read_on(struct cc_engine *engine);

static void take(struct cc_engine *engine, const struct cc_directory_revocations *read)
{
    struct revocations *state = engine->revocations;

    if (!state->is_placed)
        state->seen = read->ret_newest;
    else if (read->ret_count)
        state->seen = read->ret_revocations[read->ret_count - 1].number;
    state->is_placed = true;
    state->is_wanted = state->is_wanted || read->ret_more;
    if (read->ret_count)
        revocations_known(engine, read->ret_revocations, read->ret_count);
}

static void looked(struct cc_op *op)
{
    struct cc_directory_revocations *read = container_of(op, struct cc_directory_revocations, op);
    struct revocations *state = container_of(read, struct revocations, read);
    struct cc_engine *engine = state->engine;

    engine_op_done(engine, op);
    state->is_reading = false;
    if (!op->status)
        take(engine, read);
    cc_op_release(op);
    if (state->is_wanted && !op->status)
        read_on(engine);
}

static void read_on(struct cc_engine *engine)
{
    struct revocations *state = engine->revocations;
    struct cc_directory_revocations *read = &state->read;

    memset(read, 0, sizeof *read);
    read->after = state->is_placed ? state->seen : UINT64_MAX;
    read->limit = REVOCATIONS_PAGE;
    state->is_reading = true;
    state->is_wanted = false;
    engine_op_begin(engine, &read->op, looked);
    engine->directory.vtable->revocations(engine->directory.self, read);
}

void revocations_look(struct cc_engine *engine)
{
    struct revocations *state = engine->revocations;

    if (engine->state != ENGINE_RUNNING)
        return;
    if (state->is_reading)
        state->is_wanted = true;
    else
        read_on(engine);
}

/* --- checking -----------------------------------------------------------------------------------
 */

struct check {
    const struct credential *credential;
    uint64_t count; /* of the revocations known when it was asked */
};

static void ask(struct request *request);

static void answered(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    const struct check *check = request->step;

    if (!status && request->op.revoked.ret_is_revoked)
        status = CC_EUNAUTHORIZED;
    cc_op_release(&request->op.op);
    if (!status && check->count != engine->revocations->count)
        ask(request);
    else
        request->step_done(request, status);
}

static void ask(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct check *check = request->step;
    struct cc_directory_revoked *op = &request->op.revoked;

    check->count = engine->revocations->count;
    memset(&request->op, 0, sizeof request->op);
    op->user = check->credential->user;
    op->token_id = check->credential->token_id;
    op->issued = check->credential->issued;
    request_op_begin(request, answered);
    engine->directory.vtable->revoked(engine->directory.self, op);
}

void revoked_check(struct request *request, const struct credential *credential,
                   void (*checked)(struct request *request, int status))
{
    struct check *check = arena_alloc(&request->arena, sizeof *check);

    if (!check) {
        checked(request, CC_ENOMEM);
        return;
    }
    check->credential = credential;
    request->step = check;
    request->step_done = checked;
    if (request_engine(request)->revocations->is_placed)
        ask(request);
    else
        checked(request, CC_EUNAVAILABLE); /* the directory has not answered since the start */
}

/* --- the command --------------------------------------------------------------------------------
 */

static void tell_others(struct cc_engine *engine)
{
    struct peer *peer;
    struct peer *next;

    HASH_ITER(hh, engine->link->peers, peer, next)
    link_begin(peer, LINK_REVOKED, 0);
}

/* Its own reading comes by it once more, and finds nobody. The session that has asked may be one of
 * those that end, so it is answered before; the request is gone then, and the name with it. */
static void revoked(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_revocation revocation = request->op.revoke.revocation;
    char name[CC_NAME_MAX];

    cc_op_release(&request->op.op);
    if (status) {
        request_fail(request, status);
        return;
    }
    memcpy(name, revocation.name.data, revocation.name.size);
    revocation.name = slice_of(name, revocation.name.size);
    tell_others(engine);
    request_reply_empty(request);
    revocations_known(engine, &revocation, 1);
}

static struct cc_revocation wanted(const struct request *request)
{
    const struct cc_command *command = request->command;

    if (command->token.size)
        return (struct cc_revocation){.kind = CC_REVOKED_TOKEN, .name = command->token};
    return (struct cc_revocation){.kind = CC_REVOKED_USER,
                                  .name = command->user,
                                  .before = command->issued_before
                                                ? command->issued_before
                                                : request_engine(request)->now.wall_ms};
}

void revoke_command(struct request *request)
{
    const struct cc_command *command = request->command;
    struct cc_engine *engine = request_engine(request);
    struct cc_slice name = command->token.size ? command->token : command->user;

    if (!request->session->is_admin) {
        request_fail(request, CC_EFORBIDDEN);
    } else if ((command->token.size && (command->user.size || command->issued_before)) ||
               !name_is_valid(name)) {
        request_fail_text(request, CC_EINVAL,
                          slice_str("a jti, or a user with or without issued_before"), 0);
    } else {
        memset(&request->op, 0, sizeof request->op);
        request->op.revoke.revocation = wanted(request);
        request_op_begin(request, revoked);
        engine->directory.vtable->revoke(engine->directory.self, &request->op.revoke);
    }
}
