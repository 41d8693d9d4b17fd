/*
 * Operations: how the engine asks a port for something, and how the answer comes back.
 *
 * The engine fills in an operation (a struct whose first member is a `struct cc_op`) and submits
 * it to a slot of the port. The operation and all it points to belong to the engine and stay
 * valid and unchanged until it completes. The backend works, on whatever thread it likes, writes
 * the `ret_…` members, and calls cc_op_done() exactly once: inside the slot for a synchronous
 * backend, from another thread for an asynchronous one. The completion never runs inside
 * cc_op_done(): it waits in the operation's mailbox until the engine's thread drains it.
 *
 * What `ret_…` members point to belongs to the backend and lives until the engine calls
 * cc_op_release() in the completion or later; the backend sets `release` if it has something to
 * free. When status is not 0, the `ret_…` members are not set.
 *
 * Long polls (reading the log's end, a watch, a bus receive) stay with the backend until there is
 * something, or until the port's `cancel` slot is called: then they complete with CC_ECANCELED.
 */
#ifndef CHATCORE_BACKEND_OP_H
#define CHATCORE_BACKEND_OP_H

#include "chatcore/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_mailbox;

struct cc_op {
    struct cc_op *next;                 /* for whoever holds the operation at the moment */
    struct cc_mailbox *mailbox;         /* set by the submitter: where the completion goes */
    void (*complete)(struct cc_op *op); /* set by the submitter: runs in the drain */
    void (*release)(struct cc_op *op);  /* set by the backend, or NULL */
    void *backend;                      /* the backend's own while it holds the operation */
    int status;                         /* 0 or a CC_E… */
};

/* Completes an operation, once. Any thread. Wakes the mailbox's owner if the box was empty. Errors:
 * none. */
void cc_op_done(struct cc_op *op, int status);

/* Frees what the backend gave with a completed operation; may be called twice. Submitter's thread.
 * Errors: none. */
void cc_op_release(struct cc_op *op);

/* A box of completed operations: many writers, one reader. Needs no lock. */
struct cc_mailbox {
    struct cc_op *head;          /* newest first; written atomically */
    void (*wake)(void *context); /* called by the writer that finds the box empty; may be NULL */
    void *context;
};

/* Runs the completions that have come, in their order; answers how many. Owner's thread. Errors:
 * none. */
size_t cc_mailbox_drain(struct cc_mailbox *mailbox);

/* True when a completion waits. Owner's thread. Errors: none. */
bool cc_mailbox_has_mail(const struct cc_mailbox *mailbox);

#ifdef __cplusplus
}
#endif
#endif
