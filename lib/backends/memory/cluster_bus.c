/*
 * The memory cluster's bus: queues of copies, one a node, in the order of sending.
 */
#include "backends/memory/cluster.h"
#include "chatcore/error.h"

struct channel {
    struct tree_node node;   /* of the cluster's channels */
    struct tree subscribers; /* by node */
    char name[];
};

struct subscription {
    struct tree_node by_channel; /* of a node's subscriptions */
    struct tree_node by_node;    /* of a channel's subscribers */
    struct channel *channel;
    struct cluster_node *subscriber;
};

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

int cluster_publish(void *self, struct cc_slice channel, struct cc_slice data)
{
    struct cluster_node *from = self;
    struct tree_node *found = tree_find(&from->cluster->channels, channel);
    struct tree_node *node =
        found ? tree_first(&tree_owner(found, struct channel, node)->subscribers) : NULL;
    int first_error = 0;

    for (; node; node = tree_next(node)) {
        int r = deliver(from, tree_owner(node, struct subscription, by_node)->subscriber, data);

        if (!first_error)
            first_error = r;
    }
    return first_error;
}

/* --- channels --- */

static struct channel *channel_get(struct memory_cluster *cluster, struct cc_slice name)
{
    struct tree_node *node = tree_find(&cluster->channels, name);
    struct channel *channel;

    if (node)
        return tree_owner(node, struct channel, node);
    channel = mem_zalloc(cluster->allocator, 1, sizeof *channel + name.size);
    if (!channel)
        return NULL;
    if (name.size)
        memcpy(channel->name, name.data, name.size);
    tree_insert(&cluster->channels, &channel->node, slice_of(channel->name, name.size));
    return channel;
}

/* Frees a channel that nobody subscribes to. */
static void channel_collect(struct memory_cluster *cluster, struct channel *channel)
{
    if (channel->subscribers.count)
        return;
    tree_remove(&cluster->channels, &channel->node);
    mem_free(cluster->allocator, channel);
}

int cluster_subscribe(void *self, struct cc_slice name)
{
    struct cluster_node *node = self;
    struct memory_cluster *cluster = node->cluster;
    struct subscription *subscription;
    struct channel *channel;

    if (tree_find(&node->subscriptions, name))
        return 0;
    channel = channel_get(cluster, name);
    if (!channel)
        return CC_ENOMEM;
    subscription = mem_zalloc(cluster->allocator, 1, sizeof *subscription);
    if (!subscription) {
        channel_collect(cluster, channel);
        return CC_ENOMEM;
    }
    subscription->channel = channel;
    subscription->subscriber = node;
    tree_insert(&node->subscriptions, &subscription->by_channel, channel->node.key);
    tree_insert(&channel->subscribers, &subscription->by_node, node->node.key);
    return 0;
}

static void subscription_end(struct tree_node *found)
{
    struct subscription *subscription = tree_owner(found, struct subscription, by_channel);
    struct channel *channel = subscription->channel;
    struct memory_cluster *cluster = subscription->subscriber->cluster;

    tree_remove(&subscription->subscriber->subscriptions, &subscription->by_channel);
    tree_remove(&channel->subscribers, &subscription->by_node);
    mem_free(cluster->allocator, subscription);
    channel_collect(cluster, channel);
}

int cluster_unsubscribe(void *self, struct cc_slice name)
{
    struct cluster_node *node = self;
    struct tree_node *found = tree_find(&node->subscriptions, name);

    if (found)
        subscription_end(found);
    return 0;
}

void cluster_bus_leave(struct cluster_node *node)
{
    struct tree_node *found;

    while ((found = tree_first(&node->subscriptions)) != NULL)
        subscription_end(found);
    while (node->queued)
        queue_pop(node);
    node->receive = NULL;
}
