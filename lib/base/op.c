/*
 * Operations and their mailbox: a stack that many threads push to and one takes whole. Taking
 * it reverses it, so completions run in the order in which they came.
 */
#include "chatcore/backend/op.h"

#include <stdatomic.h>

/* The public struct is plain C99; all access to `head` goes through these. */
static struct cc_op *_Atomic *mailbox_head(struct cc_mailbox *mailbox)
{
    return (struct cc_op * _Atomic *)&mailbox->head;
}

void cc_op_done(struct cc_op *op, int status)
{
    struct cc_mailbox *mailbox = op->mailbox;
    void (*wake)(void *) = mailbox->wake;
    void *context = mailbox->context;
    struct cc_op *_Atomic *head = mailbox_head(mailbox);
    struct cc_op *newest = atomic_load_explicit(head, memory_order_relaxed);

    op->status = status;
    do
        op->next = newest;
    while (!atomic_compare_exchange_weak_explicit(head, &newest, op, memory_order_release,
                                                  memory_order_relaxed));
    /* From here on the operation belongs to the drain. */
    if (!newest && wake)
        wake(context);
}

void cc_op_release(struct cc_op *op)
{
    void (*release)(struct cc_op *) = op->release;

    op->release = NULL;
    if (release)
        release(op);
}

size_t cc_mailbox_drain(struct cc_mailbox *mailbox)
{
    struct cc_op *op = atomic_exchange_explicit(mailbox_head(mailbox), NULL, memory_order_acquire);
    struct cc_op *oldest = NULL;
    size_t count = 0;

    while (op) {
        struct cc_op *next = op->next;

        op->next = oldest;
        oldest = op;
        op = next;
    }
    for (; oldest; count++) {
        op = oldest;
        oldest = op->next;
        op->next = NULL;
        op->complete(op);
    }
    return count;
}

bool cc_mailbox_has_mail(const struct cc_mailbox *mailbox)
{
    return atomic_load_explicit(mailbox_head((struct cc_mailbox *)mailbox), memory_order_acquire) !=
           NULL;
}
