/*
 * The directory's suite on the memory backend.
 */
#include "chatcore/backend/memory.h"
#include "driver.h"

static void destroy(void *context)
{
    struct cc_memory_world **world = context;

    cc_memory_world_free(*world);
    *world = NULL;
}

static int make(void *context)
{
    destroy(context);
    return cc_memory_world_new(NULL, 1, context);
}

static int open_port(void *context, struct cc_directory *ret_directory)
{
    struct cc_memory_world **world = context;

    return cc_memory_directory_open(*world, ret_directory);
}

int main(int argc, char **argv)
{
    struct cc_memory_world *world = NULL;
    struct cc_conformance_options options = driver_options(argc, argv);
    struct cc_directory_factory factory = {sizeof factory, &world, make, open_port, destroy};

    return driver_end(cc_conformance_directory(&factory, &options));
}
