/*
 * Reading what users have set.
 */
#include "engine/user_privacy.h"

#include "chatcore/error.h"

static void learn(const struct cc_engine *engine, struct user *user,
                  const struct cc_privacy *privacy)
{
    user->privacy = *privacy;
    user->knows_privacy = true;
    user->privacy_ms = engine->now.mono_ms;
}

/* --- for a request ------------------------------------------------------------------------------
 */

static void privacy_read(struct request *request, int status)
{
    if (!status)
        learn(request_engine(request), request->user, request->op.privacy.ret_privacy);
    cc_op_release(&request->op.op);
    request->step_done(request, status);
}

void user_privacy_check(struct request *request,
                        void (*checked)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    const struct user *user = request->user;

    if (user->knows_privacy && engine->now.mono_ms - user->privacy_ms < USER_PRIVACY_TTL_MS) {
        checked(request, 0);
        return;
    }
    request->step_done = checked;
    memset(&request->op, 0, sizeof request->op);
    request->op.privacy.users = &user->name;
    request->op.privacy.count = 1;
    request_op_begin(request, privacy_read);
    engine->directory.vtable->privacy(engine->directory.self, &request->op.privacy);
}

void user_privacy_stored(struct request *request)
{
    const struct cc_command *command = request->command;
    struct user *user = request->user;

    if (command->has_presence)
        user->privacy.presence = command->privacy.presence;
    if (command->has_read_marks)
        user->privacy.read_marks = command->privacy.read_marks;
}

/* --- for a session ------------------------------------------------------------------------------
 */

struct loading {
    struct cc_engine *engine;
    struct user *user; /* a reference */
    struct cc_directory_privacy op;
};

/* If it fails the user is told as one who has set nothing, until one of his commands asks. */
static void loaded(struct cc_op *op)
{
    struct loading *loading = container_of(op, struct loading, op.op);
    struct cc_engine *engine = loading->engine;

    engine_op_done(engine, op);
    if (!op->status && !loading->user->knows_privacy)
        learn(engine, loading->user, loading->op.ret_privacy);
    cc_op_release(op);
    user_unref(engine, loading->user);
    mem_free(&engine->allocator, loading);
}

void user_privacy_load(struct cc_engine *engine, struct user *user)
{
    struct loading *loading;

    if (user->knows_privacy)
        return;
    loading = mem_zalloc(&engine->allocator, 1, sizeof *loading);
    if (!loading)
        return;
    loading->engine = engine;
    loading->user = user;
    user_ref(user);
    loading->op.users = &user->name;
    loading->op.count = 1;
    engine_op_begin(engine, &loading->op.op, loaded);
    engine->directory.vtable->privacy(engine->directory.self, &loading->op);
}
