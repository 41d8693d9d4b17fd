/*
 * The cluster's suite on the memory backend, on virtual time.
 */
#include "chatcore/backend/memory.h"
#include "driver.h"

struct place {
    struct cc_memory_world *world;
    struct cc_time now;
};

static void destroy(void *context)
{
    struct place *place = context;

    cc_memory_world_free(place->world);
    place->world = NULL;
}

static int64_t pass_time(void *context, uint32_t ms)
{
    struct place *place = context;

    place->now.mono_ms += ms;
    place->now.wall_ms += ms;
    cc_memory_world_set_time(place->world, place->now);
    return place->now.wall_ms;
}

static int make(void *context)
{
    struct place *place = context;
    int r;

    destroy(context);
    r = cc_memory_world_new(NULL, 4, &place->world);
    if (!r)
        pass_time(context, 0);
    return r;
}

static int open_port(void *context, struct cc_slice node, struct cc_cluster *ret_cluster)
{
    struct place *place = context;

    return cc_memory_cluster_open(place->world, node, ret_cluster);
}

int main(int argc, char **argv)
{
    struct place place = {.world = NULL, .now = {1700000000000, 5000}};
    struct cc_conformance_options options = driver_options(argc, argv);
    struct cc_cluster_factory factory = {sizeof factory, &place,    make,
                                         open_port,      pass_time, destroy};

    return driver_end(cc_conformance_cluster(&factory, &options));
}
