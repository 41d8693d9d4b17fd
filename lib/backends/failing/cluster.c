/*
 * The failing cluster. A bus message is lost, sent twice or held as a whole; a held one is kept as
 * bytes: which of send and publish it was, the length of its target's name, the name, the data.
 */
#include "backends/failing/failing.h"
#include "chatcore/error.h"

struct failing_cluster {
    struct failing failing;
    struct cc_cluster port;
};

/* The slots that complete later. X(slot, operation's type) */
#define CLUSTER_SLOTS(X)                                                                           \
    X(announce, cc_cluster_announce)                                                               \
    X(locate, cc_cluster_locate)                                                                   \
    X(owner_put, cc_cluster_owner)                                                                 \
    X(owner_get, cc_cluster_owner)                                                                 \
    X(receive, cc_cluster_receive)

#define CLUSTER_FUNCTIONS(slot, type)                                                              \
    static void forward_##slot(void *self, struct cc_op *op)                                       \
    {                                                                                              \
        struct failing_cluster *cluster = self;                                                    \
                                                                                                   \
        cluster->port.vtable->slot(cluster->port.self, (struct type *)(void *)op);                 \
    }                                                                                              \
                                                                                                   \
    static void port_##slot(void *self, struct type *op)                                           \
    {                                                                                              \
        failing_submit(self, "cluster." #slot, &op->op, sizeof *op, forward_##slot);               \
    }

CLUSTER_SLOTS(CLUSTER_FUNCTIONS)

static struct cc_slice port_node(void *self)
{
    struct failing_cluster *cluster = self;

    return cluster->port.vtable->node(cluster->port.self);
}

/* --- bus messages --- */

static int message_forward(struct failing_cluster *cluster, bool is_publish, struct cc_slice target,
                           struct cc_slice data)
{
    const struct cc_cluster_vtable *vtable = cluster->port.vtable;

    if (is_publish)
        return vtable->publish(cluster->port.self, target, data);
    return vtable->send(cluster->port.self, target, data);
}

static int message_hold(struct failing_cluster *cluster, bool is_publish, struct cc_slice target,
                        struct cc_slice data)
{
    const struct cc_allocator *allocator = &cluster->failing.allocator;
    char *bytes;
    int r;

    if (target.size > UINT8_MAX)
        return CC_EINVAL;
    bytes = mem_alloc(allocator, 2 + target.size + data.size);
    if (!bytes)
        return CC_ENOMEM;
    bytes[0] = is_publish;
    bytes[1] = (char)target.size;
    if (target.size)
        memcpy(bytes + 2, target.data, target.size);
    if (data.size)
        memcpy(bytes + 2 + target.size, data.data, data.size);
    r = failing_hold_bytes(&cluster->failing, slice_of(bytes, 2 + target.size + data.size));
    mem_free(allocator, bytes);
    return r;
}

/* Nobody is left to be told of a failure: the message is lost then. */
static void message_resume(void *self, struct cc_slice bytes)
{
    size_t target = (uint8_t)bytes.data[1];

    message_forward(self, bytes.data[0], slice_of(bytes.data + 2, target),
                    slice_of(bytes.data + 2 + target, bytes.size - 2 - target));
}

static int message_submit(struct failing_cluster *cluster, bool is_publish, struct cc_slice target,
                          struct cc_slice data)
{
    struct cc_failure failure =
        failing_decide(&cluster->failing, is_publish ? "cluster.publish" : "cluster.send");

    if (failure.kind == CC_FAILURE_BEFORE)
        return failure.status;
    if (failure.kind == CC_FAILURE_HOLD)
        return message_hold(cluster, is_publish, target, data);
    if (failure.kind == CC_FAILURE_TWICE)
        message_forward(cluster, is_publish, target, data);
    int r = message_forward(cluster, is_publish, target, data);

    return failure.kind == CC_FAILURE_AFTER ? failure.status : r;
}

static int port_send(void *self, struct cc_slice node, struct cc_slice data)
{
    return message_submit(self, false, node, data);
}

static int port_publish(void *self, struct cc_slice channel, struct cc_slice data)
{
    return message_submit(self, true, channel, data);
}

/* --- subscriptions: they answer at once, so they cannot be held --- */

static int subscription(struct failing_cluster *cluster, const char *slot,
                        int (*forward)(void *self, struct cc_slice channel),
                        struct cc_slice channel)
{
    struct cc_failure failure = failing_decide(&cluster->failing, slot);
    int r;

    if (failure.kind == CC_FAILURE_BEFORE && failure.status)
        return failure.status;
    r = forward(cluster->port.self, channel);
    return failure.kind == CC_FAILURE_AFTER && failure.status ? failure.status : r;
}

static int port_subscribe(void *self, struct cc_slice channel)
{
    struct failing_cluster *cluster = self;

    return subscription(cluster, "cluster.subscribe", cluster->port.vtable->subscribe, channel);
}

static int port_unsubscribe(void *self, struct cc_slice channel)
{
    struct failing_cluster *cluster = self;

    return subscription(cluster, "cluster.unsubscribe", cluster->port.vtable->unsubscribe, channel);
}

/* --- the port --- */

static void port_cancel(void *self, struct cc_op *op)
{
    struct failing_cluster *cluster = self;
    struct cc_op *forwarded = failing_cancel(&cluster->failing, op);

    if (forwarded)
        cluster->port.vtable->cancel(cluster->port.self, forwarded);
}

static void port_free(void *self)
{
    struct failing_cluster *cluster = self;

    cluster->port.vtable->free(cluster->port.self);
    failing_free(&cluster->failing);
}

int cc_failing_cluster_open(const struct cc_allocator *allocator,
                            const struct cc_failing_options *options, struct cc_cluster port,
                            struct cc_cluster *ret_port)
{
#define CLUSTER_MEMBER(slot, type) .slot = port_##slot,
    static const struct cc_cluster_vtable vtable = {
        .size = sizeof vtable,
        .node = port_node,
        .send = port_send,
        .publish = port_publish,
        .subscribe = port_subscribe,
        .unsubscribe = port_unsubscribe,
        .cancel = port_cancel,
        CLUSTER_SLOTS(CLUSTER_MEMBER).free = port_free,
    };
#undef CLUSTER_MEMBER
    struct failing_cluster *cluster;
    int r = failing_new(allocator, options, sizeof *cluster, &cluster);

    if (r)
        return r;
    cluster->port = port;
    ret_port->vtable = &vtable;
    ret_port->self = cluster;
    return 0;
}

size_t cc_failing_cluster_resume(struct cc_cluster port)
{
    struct failing_cluster *cluster = port.self;
    size_t count = 0;

    while (failing_resume_one(&cluster->failing, message_resume))
        count++;
    return count;
}
