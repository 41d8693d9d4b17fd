/*
 * The memory cluster's bus: queues of copies, one a node, in the order of sending.
 */
#include "backends/memory/cluster.h"
#include "chatcore/error.h"

/* --- receiving --- */

static void queue_pop(struct cluster_node *node)
{
    struct cluster_message *message = node->oldest;

    node->oldest = message->next;
    if (!node->oldest)
        node->newest_end = &node->oldest;
    node->queued--;
    node->queued_bytes -= message->data_size;
    mem_free(node->cluster->allocator, message);
}

static int receive_fill(const struct cluster_node *node, struct answer *answer,
                        struct cc_cluster_message *messages, size_t count)
{
    const struct cluster_message *message = node->oldest;
    int r = 0;

    for (size_t i = 0; !r && i < count; i++, message = message->next) {
        r = answer_copy(answer, slice_of(message->bytes, message->from_size), &messages[i].from);
        if (!r)
            r = answer_copy(answer,
                            slice_of(message->bytes + message->from_size, message->data_size),
                            &messages[i].data);
    }
    return r;
}

/* Completes a receive with what has come; when there is no memory for that, it stays queued. */
static void receive_complete(struct cluster_node *node, struct cc_cluster_receive *op)
{
    size_t count =
        node->queued < CLUSTER_RECEIVE_MESSAGES ? node->queued : CLUSTER_RECEIVE_MESSAGES;
    struct answer *answer = answer_new(node->cluster->allocator, 0);
    struct cc_cluster_message *messages =
        answer ? answer_array(answer, count, sizeof *messages) : NULL;
    int r = messages ? receive_fill(node, answer, messages, count) : CC_ENOMEM;

    if (!r) {
        op->ret_messages = messages;
        op->ret_count = count;
        for (size_t i = 0; i < count; i++)
            queue_pop(node);
    }
    answer_done(answer, &op->op, r);
}

void cluster_receive(void *self, struct cc_cluster_receive *op)
{
    struct cluster_node *node = self;

    if (node->receive)
        answer_done(NULL, &op->op, CC_EBUSY); /* one is held already */
    else if (node->queued)
        receive_complete(node, op);
    else
        node->receive = op;
}

void cluster_cancel(void *self, struct cc_op *op)
{
    struct cluster_node *node = self;

    if (!node->receive || &node->receive->op != op)
        return; /* it has completed */
    node->receive = NULL;
    answer_done(NULL, op, CC_ECANCELED);
}

/* --- sending --- */

static struct cluster_message *message_new(const struct cluster_node *from, struct cc_slice data)
{
    struct cc_slice name = from->node.key;
    struct cluster_message *message;

    if (data.size > CLUSTER_QUEUE_BYTES)
        return NULL;
    message = mem_alloc(from->cluster->allocator, sizeof *message + name.size + data.size);
    if (!message)
        return NULL;
    message->next = NULL;
    message->from_size = name.size;
    message->data_size = data.size;
    memcpy(message->bytes, name.data, name.size);
    if (data.size)
        memcpy(message->bytes + name.size, data.data, data.size);
    return message;
}

static int deliver(const struct cluster_node *from, struct cluster_node *to, struct cc_slice data)
{
    struct cc_cluster_receive *receive = to->receive;
    struct cluster_message *message;

    if (to->queued >= CLUSTER_QUEUE_MESSAGES || data.size > CLUSTER_QUEUE_BYTES ||
        to->queued_bytes > CLUSTER_QUEUE_BYTES - data.size)
        return CC_EBUSY;
    message = message_new(from, data);
    if (!message)
        return CC_ENOMEM;
    *to->newest_end = message;
    to->newest_end = &message->next;
    to->queued++;
    to->queued_bytes += data.size;
    to->receive = NULL;
    if (receive)
        receive_complete(to, receive);
    return 0;
}

int cluster_send(void *self, struct cc_slice node, struct cc_slice data)
{
    struct cluster_node *from = self;
    struct tree_node *found = tree_find(&from->cluster->nodes, node);

    /* A node that is not there is a lost message, which is no error here. */
    return found ? deliver(from, tree_owner(found, struct cluster_node, node), data) : 0;
}

void cluster_bus_leave(struct cluster_node *node)
{
    while (node->queued)
        queue_pop(node);
    node->receive = NULL;
}
