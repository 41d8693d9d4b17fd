/*
 * The failing cluster. A bus message is lost, sent twice or held as a whole; a held one is kept as
 * bytes: the length of its node's name, the name, the data.
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

static int message_forward(struct failing_cluster *cluster, struct cc_slice node,
                           struct cc_slice data)
{
    return cluster->port.vtable->send(cluster->port.self, node, data);
}

static int message_hold(struct failing_cluster *cluster, struct cc_slice node, struct cc_slice data)
{
    const struct cc_allocator *allocator = &cluster->failing.allocator;
    char *bytes;
    int r;

    if (node.size > UINT8_MAX)
        return CC_EINVAL;
    bytes = mem_alloc(allocator, 1 + node.size + data.size);
    if (!bytes)
        return CC_ENOMEM;
    bytes[0] = (char)node.size;
    if (node.size)
        memcpy(bytes + 1, node.data, node.size);
    if (data.size)
        memcpy(bytes + 1 + node.size, data.data, data.size);
    r = failing_hold_bytes(&cluster->failing, slice_of(bytes, 1 + node.size + data.size));
    mem_free(allocator, bytes);
    return r;
}

/* Nobody is left to be told of a failure: the message is lost then. */
static void message_resume(void *self, struct cc_slice bytes)
{
    size_t node = (uint8_t)bytes.data[0];

    message_forward(self, slice_of(bytes.data + 1, node),
                    slice_of(bytes.data + 1 + node, bytes.size - 1 - node));
}

static int port_send(void *self, struct cc_slice node, struct cc_slice data)
{
    struct failing_cluster *cluster = self;
    struct cc_failure failure = failing_decide(&cluster->failing, "cluster.send");
    int r;

    if (failure.kind == CC_FAILURE_BEFORE)
        return failure.status;
    if (failure.kind == CC_FAILURE_HOLD)
        return message_hold(cluster, node, data);
    if (failure.kind == CC_FAILURE_TWICE)
        message_forward(cluster, node, data);
    r = message_forward(cluster, node, data);
    return failure.kind == CC_FAILURE_AFTER ? failure.status : r;
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
