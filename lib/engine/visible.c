/*
 * Access → where the user joined: from memory, and from the store.
 */
#include "engine/visible.h"

#include "chatcore/error.h"
#include "engine/access.h"
#include "engine/mark.h"
#include "engine/user.h"

static void end(struct request *request, uint64_t from, int status)
{
    request->visible.done(request, from, status);
}

static void join_read(struct request *request, int status)
{
    const struct cc_store_read_cursors *op = &request->op.cursors;
    uint64_t from = request->visible.joined;

    if (!status && op->ret_count && op->ret_cursors[0].delivered > from)
        from = op->ret_cursors[0].delivered;
    cc_op_release(&request->op.op);
    end(request, from, status);
}

static void read_join(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_store_read_cursors *op = &request->op.cursors;

    memset(&request->op, 0, sizeof request->op);
    op->user = request->user->name;
    op->device = slice_str(MARK_JOIN);
    op->conversations = &request->conversation;
    op->count = 1;
    op->limit = 1;
    request_op_begin(request, join_read);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

/* Another node owns it: until the store has the joining, it can't tell what may be shown. */
static void head_read(struct request *request, int status)
{
    if (!status && request->op.heads.ret_heads[0].member_version < request->visible.since_version)
        status = CC_EUNAVAILABLE;
    cc_op_release(&request->op.op);
    if (status)
        end(request, 0, status);
    else
        read_join(request);
}

static void checked(struct request *request, const struct access *access, int status)
{
    if (status) {
        end(request, 0, status);
    } else if (request_engine(request)->history_for_joiners || access->kind == CC_KIND_DIRECT) {
        end(request, 0, 0);
    } else if (access->conversation) {
        /* The store does not know yet of who joined a moment ago. */
        request->visible.joined =
            conversation_unflushed_join(access->conversation, request->user->name);
        read_join(request);
    } else {
        request->visible.since_version = access->since_version;
        request_read_head(request, head_read);
    }
}

void visible_from(struct request *request,
                  void (*done)(struct request *request, uint64_t from, int status))
{
    request->visible.done = done;
    request->visible.joined = 0;
    access_check(request, checked);
}
