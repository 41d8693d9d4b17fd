/*
 * What the failing ports share.
 */
#include "backends/failing/failing.h"

#include "chatcore/error.h"

#include <stdalign.h>

enum call_kind { CALL_HELD_OP, CALL_HELD_BYTES, CALL_COPY };

struct failing_call {
    struct failing_call *next;
    struct failing *failing;
    enum call_kind kind;
    struct cc_op *op;                  /* the submitter's */
    failing_forward forward;           /* of a held operation */
    int status;                        /* of a copy: what its submitter is told */
    size_t size;                       /* of the bytes */
    alignas(max_align_t) char bytes[]; /* the copy, or what is held instead of an operation */
};

int failing_new(const struct cc_allocator *allocator, const struct cc_failing_options *options,
                size_t size, void *ret_port)
{
    struct failing *failing;

    if (!options || options->size < sizeof *options || !options->decide)
        return CC_EINVAL;
    if (!allocator)
        allocator = cc_allocator_default();
    failing = mem_zalloc(allocator, 1, size);
    if (!failing)
        return CC_ENOMEM;
    failing->allocator = *allocator;
    failing->options = *options;
    memcpy(ret_port, &failing, sizeof failing);
    return 0;
}

void failing_free(struct failing *failing)
{
    struct cc_allocator allocator = failing->allocator;

    while (failing->calls) {
        struct failing_call *call = failing->calls;

        failing->calls = call->next;
        mem_free(&allocator, call);
    }
    mem_free(&allocator, failing);
}

struct cc_failure failing_decide(const struct failing *failing, const char *slot)
{
    return failing->options.decide(failing->options.context, slot);
}

/* --- calls --- */

static struct failing_call *call_add(struct failing *failing, enum call_kind kind, size_t size)
{
    struct failing_call *call = mem_zalloc(&failing->allocator, 1, sizeof *call + size);
    struct failing_call **end = &failing->calls;

    if (!call)
        return NULL;
    call->failing = failing;
    call->kind = kind;
    call->size = size;
    while (*end)
        end = &(*end)->next;
    *end = call;
    return call;
}

static void call_remove(struct failing_call *call)
{
    struct failing_call **at = &call->failing->calls;

    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    mem_free(&call->failing->allocator, call);
}

static struct failing_call *call_find(const struct failing *failing, const struct cc_op *op)
{
    struct failing_call *call = failing->calls;

    while (call && call->op != op)
        call = call->next;
    return call;
}

/* --- operations --- */

static void answer(struct cc_op *op, int status)
{
    op->release = NULL;
    cc_op_done(op, status);
}

/* The copy is over: whatever came of it, its submitter is told what was decided. */
static void copy_complete(struct cc_op *copy)
{
    struct failing_call *call =
        (struct failing_call *)(void *)((char *)copy - offsetof(struct failing_call, bytes));
    struct cc_op *op = call->op;
    int status = copy->status == CC_ECANCELED ? CC_ECANCELED : call->status;

    cc_op_release(copy);
    call_remove(call);
    answer(op, status);
}

static void submit_copy(struct failing *failing, struct cc_op *op, size_t size, int status,
                        failing_forward forward)
{
    struct failing_call *call = call_add(failing, CALL_COPY, size);
    struct cc_op *copy;

    if (!call) {
        answer(op, CC_ENOMEM);
        return;
    }
    call->op = op;
    call->status = status;
    copy = memcpy(call->bytes, op, size);
    copy->complete = copy_complete;
    forward(failing, copy);
}

static void hold(struct failing *failing, struct cc_op *op, failing_forward forward)
{
    struct failing_call *call = call_add(failing, CALL_HELD_OP, 0);

    if (!call) {
        answer(op, CC_ENOMEM);
        return;
    }
    call->op = op;
    call->forward = forward;
}

void failing_submit(struct failing *failing, const char *slot, struct cc_op *op, size_t size,
                    failing_forward forward)
{
    struct cc_failure failure = failing_decide(failing, slot);

    if (failure.kind == CC_FAILURE_HOLD)
        hold(failing, op, forward);
    else if (failure.kind == CC_FAILURE_BEFORE && failure.status)
        answer(op, failure.status);
    else if (failure.kind == CC_FAILURE_AFTER && failure.status)
        submit_copy(failing, op, size, failure.status, forward);
    else
        forward(failing, op);
}

struct cc_op *failing_cancel(struct failing *failing, struct cc_op *op)
{
    struct failing_call *call = call_find(failing, op);

    if (!call)
        return op;
    if (call->kind == CALL_COPY)
        return (struct cc_op *)(void *)call->bytes;
    call_remove(call);
    answer(op, CC_ECANCELED);
    return NULL;
}

/* --- holding --- */

int failing_hold_bytes(struct failing *failing, struct cc_slice bytes)
{
    struct failing_call *call = call_add(failing, CALL_HELD_BYTES, bytes.size);

    if (!call)
        return CC_ENOMEM;
    if (bytes.size)
        memcpy(call->bytes, bytes.data, bytes.size);
    return 0;
}

bool failing_resume_one(struct failing *failing,
                        void (*forward_bytes)(void *self, struct cc_slice bytes))
{
    struct failing_call *call = failing->calls;
    struct cc_op *op;
    failing_forward forward;

    while (call && call->kind == CALL_COPY)
        call = call->next;
    if (!call)
        return false;
    if (call->kind == CALL_HELD_BYTES) {
        forward_bytes(failing, slice_of(call->bytes, call->size));
        call_remove(call);
        return true;
    }
    op = call->op;
    forward = call->forward;
    call_remove(call);
    forward(failing, op);
    return true;
}
