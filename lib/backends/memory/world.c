/*
 * The memory world.
 */
#include "backends/memory/world.h"

#include "chatcore/error.h"

static bool parts_new(struct cc_memory_world *world)
{
    world->log = memory_log_new(world);
    world->store = memory_store_new(world);
    world->directory = memory_directory_new(&world->allocator);
    world->cluster = memory_cluster_new(world);
    return world->log && world->store && world->directory && world->cluster;
}

int cc_memory_world_new(const struct cc_allocator *allocator, uint32_t partitions,
                        struct cc_memory_world **ret_world)
{
    struct cc_memory_world *world;

    if (!allocator)
        allocator = cc_allocator_default();
    if (partitions < 1 || partitions > MEMORY_PARTITIONS_MAX)
        return CC_EINVAL;
    world = mem_zalloc(allocator, 1, sizeof *world);
    if (!world)
        return CC_ENOMEM;
    world->allocator = *allocator;
    world->partitions = partitions;
    if (!parts_new(world)) {
        cc_memory_world_free(world);
        return CC_ENOMEM;
    }
    *ret_world = world;
    return 0;
}

void cc_memory_world_free(struct cc_memory_world *world)
{
    struct cc_allocator allocator;

    if (!world)
        return;
    memory_log_free(world->log);
    memory_store_free(world->store);
    memory_directory_free(world->directory);
    memory_cluster_free(world->cluster);
    allocator = world->allocator;
    mem_free(&allocator, world);
}

void cc_memory_world_set_time(struct cc_memory_world *world, struct cc_time now)
{
    world->now = now;
    memory_cluster_tick(world->cluster);
}
