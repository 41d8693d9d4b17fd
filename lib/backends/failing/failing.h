/*
 * What the failing ports share: deciding what becomes of an operation, and keeping those that are
 * held or that will be answered otherwise than they end.
 *
 * An operation that goes through is the wrapped port's alone. One that fails afterwards is done by
 * a copy of it, so that the wrapped port's answer never reaches its submitter. A call stands for an
 * operation of either sort that is not over; the list of them is in the order of coming.
 */
#ifndef CC_BACKENDS_FAILING_FAILING_H
#define CC_BACKENDS_FAILING_FAILING_H

#include "base/memory.h"
#include "chatcore/backend/op.h"
#include "chatcore/testing/failing.h"

struct failing_call;

/* The first member of each failing port. */
struct failing {
    struct cc_allocator allocator;
    struct cc_failing_options options;
    struct failing_call *calls; /* the oldest first */
};

/* Hands an operation to the wrapped port: `self` is the failing port. */
typedef void (*failing_forward)(void *self, struct cc_op *op);

/* A zeroed port of `size` bytes whose first member is a struct failing. 0, CC_EINVAL, CC_ENOMEM. */
int failing_new(const struct cc_allocator *allocator, const struct cc_failing_options *options,
                size_t size, void *ret_port);

/* Drops what is held and frees the port; the wrapped one must have been freed. */
void failing_free(struct failing *failing);

struct cc_failure failing_decide(const struct failing *failing, const char *slot);

/* Submits an operation of `size` bytes, as decided. */
void failing_submit(struct failing *failing, const char *slot, struct cc_op *op, size_t size,
                    failing_forward forward);

/*
 * Looks for what has to be cancelled in the wrapped port: NULL when the operation was held here,
 * and has now completed; the operation, or the copy that does its work, when the wrapped port has
 * it.
 */
struct cc_op *failing_cancel(struct failing *failing, struct cc_op *op);

/*
 * Takes the oldest held call, hands its operation on, or the bytes that were held instead of one to
 * `forward_bytes`, and frees it. False when nothing is held.
 */
bool failing_resume_one(struct failing *failing,
                        void (*forward_bytes)(void *self, struct cc_slice bytes));

/* Holds bytes in place of an operation. 0 or CC_ENOMEM. */
int failing_hold_bytes(struct failing *failing, struct cc_slice bytes);

#endif
