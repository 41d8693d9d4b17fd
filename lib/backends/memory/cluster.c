/*
 * The memory cluster: making and freeing it, and the port of one node.
 */
#include "backends/memory/cluster.h"

#include "chatcore/error.h"

struct memory_cluster *memory_cluster_new(struct cc_memory_world *world)
{
    struct memory_cluster *cluster;

    cluster = mem_zalloc(&world->allocator, 1,
                         sizeof *cluster + world->partitions * sizeof cluster->owners[0]);
    if (!cluster)
        return NULL;
    cluster->world = world;
    cluster->allocator = &world->allocator;
    timers_init(&cluster->timers, cluster->allocator);
    return cluster;
}

void memory_cluster_free(struct memory_cluster *cluster)
{
    if (!cluster)
        return;
    cluster_sessions_free(cluster);
    timers_deinit(&cluster->timers);
    mem_free(cluster->allocator, cluster);
}

void memory_cluster_tick(struct memory_cluster *cluster)
{
    timers_run(&cluster->timers, cluster->world->now.mono_ms, cluster);
}

static struct cc_slice port_node(void *self)
{
    return ((struct cluster_node *)self)->node.key;
}

static void port_free(void *self)
{
    struct cluster_node *node = self;
    struct memory_cluster *cluster = node->cluster;

    cluster_bus_leave(node);
    tree_remove(&cluster->nodes, &node->node);
    mem_free(cluster->allocator, node);
}

static struct cluster_node *node_new(struct memory_cluster *cluster, struct cc_slice name)
{
    struct cluster_node *node = mem_zalloc(cluster->allocator, 1, sizeof *node + name.size);

    if (!node)
        return NULL;
    memcpy(node->name, name.data, name.size);
    node->cluster = cluster;
    node->newest_end = &node->oldest;
    tree_insert(&cluster->nodes, &node->node, slice_of(node->name, name.size));
    return node;
}

int cc_memory_cluster_open(struct cc_memory_world *world, struct cc_slice node,
                           struct cc_cluster *ret_cluster)
{
    static const struct cc_cluster_vtable vtable = {
        .size = sizeof vtable,
        .node = port_node,
        .announce = cluster_announce,
        .locate = cluster_locate,
        .owner_put = cluster_owner_put,
        .owner_get = cluster_owner_get,
        .send = cluster_send,
        .receive = cluster_receive,
        .cancel = cluster_cancel,
        .free = port_free,
    };
    struct cluster_node *port;

    if (!world || !ret_cluster || !node.size || node.size > CC_NAME_MAX ||
        tree_find(&world->cluster->nodes, node))
        return CC_EINVAL;
    port = node_new(world->cluster, node);
    if (!port)
        return CC_ENOMEM;
    ret_cluster->vtable = &vtable;
    ret_cluster->self = port;
    return 0;
}
