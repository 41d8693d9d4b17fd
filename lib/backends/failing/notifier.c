/*
 * The failing notifier. A push that fails afterwards has been sent all the same: its device sees
 * the notification again.
 */
#include "backends/failing/failing.h"

struct failing_notifier {
    struct failing failing;
    struct cc_notifier port;
};

static void forward_push(void *self, struct cc_op *op)
{
    struct failing_notifier *notifier = self;

    notifier->port.vtable->push(notifier->port.self, (struct cc_notifier_push *)(void *)op);
}

static void port_push(void *self, struct cc_notifier_push *op)
{
    failing_submit(self, "notifier.push", &op->op, sizeof *op, forward_push);
}

static void port_cancel(void *self, struct cc_op *op)
{
    struct failing_notifier *notifier = self;
    struct cc_op *forwarded = failing_cancel(&notifier->failing, op);

    if (forwarded)
        notifier->port.vtable->cancel(notifier->port.self, forwarded);
}

static void port_free(void *self)
{
    struct failing_notifier *notifier = self;

    notifier->port.vtable->free(notifier->port.self);
    failing_free(&notifier->failing);
}

int cc_failing_notifier_open(const struct cc_allocator *allocator,
                             const struct cc_failing_options *options, struct cc_notifier port,
                             struct cc_notifier *ret_port)
{
    static const struct cc_notifier_vtable vtable = {sizeof vtable, port_push, port_cancel,
                                                     port_free};
    struct failing_notifier *notifier;
    int r = failing_new(allocator, options, sizeof *notifier, &notifier);

    if (r)
        return r;
    notifier->port = port;
    *ret_port = port; /* of the same provider, with the same abilities */
    ret_port->vtable = &vtable;
    ret_port->self = notifier;
    return 0;
}

size_t cc_failing_notifier_resume(struct cc_notifier port)
{
    struct failing_notifier *notifier = port.self;
    size_t count = 0;

    while (failing_resume_one(&notifier->failing, NULL))
        count++;
    return count;
}
