/*
 * The failing log.
 */
#include "backends/failing/failing.h"
#include "chatcore/error.h"

struct failing_log {
    struct failing failing;
    struct cc_log port;
};

/* X(slot, operation's type) */
#define LOG_SLOTS(X)                                                                               \
    X(append, cc_log_append)                                                                       \
    X(read, cc_log_read)                                                                           \
    X(bounds, cc_log_bounds)                                                                       \
    X(watch, cc_log_watch)                                                                         \
    X(commit, cc_log_position)                                                                     \
    X(committed, cc_log_position)                                                                  \
    X(forget, cc_log_position)                                                                     \
    X(trim, cc_log_trim)

#define LOG_FUNCTIONS(slot, type)                                                                  \
    static void forward_##slot(void *self, struct cc_op *op)                                       \
    {                                                                                              \
        struct failing_log *log = self;                                                            \
                                                                                                   \
        log->port.vtable->slot(log->port.self, (struct type *)(void *)op);                         \
    }                                                                                              \
                                                                                                   \
    static void port_##slot(void *self, struct type *op)                                           \
    {                                                                                              \
        failing_submit(self, "log." #slot, &op->op, sizeof *op, forward_##slot);                   \
    }

LOG_SLOTS(LOG_FUNCTIONS)

static uint32_t port_partitions(void *self)
{
    struct failing_log *log = self;

    return log->port.vtable->partitions(log->port.self);
}

static void port_cancel(void *self, struct cc_op *op)
{
    struct failing_log *log = self;
    struct cc_op *forwarded = failing_cancel(&log->failing, op);

    if (forwarded)
        log->port.vtable->cancel(log->port.self, forwarded);
}

static void port_free(void *self)
{
    struct failing_log *log = self;

    log->port.vtable->free(log->port.self);
    failing_free(&log->failing);
}

int cc_failing_log_open(const struct cc_allocator *allocator,
                        const struct cc_failing_options *options, struct cc_log port,
                        struct cc_log *ret_port)
{
#define LOG_MEMBER(slot, type) .slot = port_##slot,
    static const struct cc_log_vtable vtable = {
        .size = sizeof vtable,
        .partitions = port_partitions,
        .cancel = port_cancel,
        LOG_SLOTS(LOG_MEMBER).free = port_free,
    };
#undef LOG_MEMBER
    struct failing_log *log;
    int r = failing_new(allocator, options, sizeof *log, &log);

    if (r)
        return r;
    log->port = port;
    ret_port->vtable = &vtable;
    ret_port->self = log;
    return 0;
}

size_t cc_failing_log_resume(struct cc_log port)
{
    struct failing_log *log = port.self;
    size_t count = 0;

    while (failing_resume_one(&log->failing, NULL))
        count++;
    return count;
}
