/*
 * Where the conformance programs' backends stand.
 */
#include "places.h"

#include "chatcore/backend/lmdb.h"

/* Enough for every suite; the cluster's wants 4. */
#define PARTITIONS 4

/* --- folders --- */

void folder_place_destroy(void *context)
{
    struct folder_place *place = context;

    if (place->is_made)
        folder_remove(&place->folder);
    place->is_made = false;
}

int folder_place_make(void *context)
{
    struct folder_place *place = context;

    folder_place_destroy(context);
    folder_make(&place->folder);
    place->is_made = true;
    return 0;
}

/* --- memory --- */

static int64_t memory_pass_time(void *context, uint32_t ms)
{
    struct memory_place *place = context;

    place->now.mono_ms += ms;
    place->now.wall_ms += ms;
    cc_memory_world_set_time(place->world, place->now);
    return place->now.wall_ms;
}

static void memory_destroy(void *context)
{
    struct memory_place *place = context;

    cc_memory_world_free(place->world);
    place->world = NULL;
}

static int memory_make(void *context)
{
    struct memory_place *place = context;
    int r;

    memory_destroy(context);
    place->now.wall_ms = 1700000000000;
    place->now.mono_ms = 5000;
    r = cc_memory_world_new(NULL, PARTITIONS, &place->world);
    if (!r)
        memory_pass_time(context, 0);
    return r;
}

static int memory_open_directory(void *context, struct cc_directory *ret_directory)
{
    struct memory_place *place = context;

    return cc_memory_directory_open(place->world, ret_directory);
}

static int memory_open_cluster(void *context, struct cc_slice node, struct cc_cluster *ret_cluster)
{
    struct memory_place *place = context;

    return cc_memory_cluster_open(place->world, node, ret_cluster);
}

static int memory_open_log(void *context, struct cc_log *ret_log)
{
    struct memory_place *place = context;
    struct cc_slice node = {"node", 4};

    return cc_memory_log_open(place->world, node, ret_log);
}

static int memory_open_store(void *context, struct cc_store *ret_store)
{
    struct memory_place *place = context;

    return cc_memory_store_open(place->world, ret_store);
}

struct cc_directory_factory memory_directory_factory(struct memory_place *place)
{
    struct cc_directory_factory factory = {sizeof factory, place, memory_make,
                                           memory_open_directory, memory_destroy};

    return factory;
}

struct cc_cluster_factory memory_cluster_factory(struct memory_place *place)
{
    struct cc_cluster_factory factory = {
        sizeof factory, place, memory_make, memory_open_cluster, memory_pass_time, memory_destroy};

    return factory;
}

struct cc_log_factory memory_log_factory(struct memory_place *place)
{
    struct cc_log_factory factory = {sizeof factory, place, memory_make, memory_open_log,
                                     memory_destroy};

    return factory;
}

struct cc_store_factory memory_store_factory(struct memory_place *place)
{
    struct cc_store_factory factory = {sizeof factory, place, memory_make, memory_open_store,
                                       memory_destroy};

    return factory;
}

/* --- failing --- */

static struct cc_failure decide_nothing(void *context, const char *slot)
{
    struct cc_failure none = {CC_FAILURE_NONE, 0};

    (void)context;
    (void)slot;
    return none;
}

struct cc_failing_options never_failing(void)
{
    struct cc_failing_options options = {sizeof options, NULL, decide_nothing};

    return options;
}

static int failing_open_directory(void *context, struct cc_directory *ret_directory)
{
    struct cc_failing_options options = never_failing();
    struct cc_directory port;
    int r = memory_open_directory(context, &port);

    return r ? r : cc_failing_directory_open(NULL, &options, port, ret_directory);
}

static int failing_open_cluster(void *context, struct cc_slice node, struct cc_cluster *ret_cluster)
{
    struct cc_failing_options options = never_failing();
    struct cc_cluster port;
    int r = memory_open_cluster(context, node, &port);

    return r ? r : cc_failing_cluster_open(NULL, &options, port, ret_cluster);
}

static int failing_open_log(void *context, struct cc_log *ret_log)
{
    struct cc_failing_options options = never_failing();
    struct cc_log port;
    int r = memory_open_log(context, &port);

    return r ? r : cc_failing_log_open(NULL, &options, port, ret_log);
}

static int failing_open_store(void *context, struct cc_store *ret_store)
{
    struct cc_failing_options options = never_failing();
    struct cc_store port;
    int r = memory_open_store(context, &port);

    return r ? r : cc_failing_store_open(NULL, &options, port, ret_store);
}

struct cc_directory_factory failing_directory_factory(struct memory_place *place)
{
    struct cc_directory_factory factory = memory_directory_factory(place);

    factory.open = failing_open_directory;
    return factory;
}

struct cc_cluster_factory failing_cluster_factory(struct memory_place *place)
{
    struct cc_cluster_factory factory = memory_cluster_factory(place);

    factory.open = failing_open_cluster;
    return factory;
}

struct cc_log_factory failing_log_factory(struct memory_place *place)
{
    struct cc_log_factory factory = memory_log_factory(place);

    factory.open = failing_open_log;
    return factory;
}

struct cc_store_factory failing_store_factory(struct memory_place *place)
{
    struct cc_store_factory factory = memory_store_factory(place);

    factory.open = failing_open_store;
    return factory;
}

/* --- LMDB --- */

static struct cc_lmdb_options lmdb_options(const struct folder_place *place)
{
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;

    options.path = place->folder.path;
    options.partitions = PARTITIONS;
    options.sync = false;
    options.map_bytes = 1 << 20; /* so that it grows on the way */
    return options;
}

static int lmdb_open_directory(void *context, struct cc_directory *ret_directory)
{
    struct cc_lmdb_options options = lmdb_options(context);

    return cc_lmdb_directory_open(NULL, &options, ret_directory);
}

static int lmdb_open_log(void *context, struct cc_log *ret_log)
{
    struct cc_lmdb_options options = lmdb_options(context);

    return cc_lmdb_log_open(NULL, &options, ret_log);
}

static int lmdb_open_store(void *context, struct cc_store *ret_store)
{
    struct cc_lmdb_options options = lmdb_options(context);

    return cc_lmdb_store_open(NULL, &options, ret_store);
}

struct cc_directory_factory lmdb_directory_factory(struct folder_place *place)
{
    struct cc_directory_factory factory = {sizeof factory, place, folder_place_make,
                                           lmdb_open_directory, folder_place_destroy};

    return factory;
}

struct cc_log_factory lmdb_log_factory(struct folder_place *place)
{
    struct cc_log_factory factory = {sizeof factory, place, folder_place_make, lmdb_open_log,
                                     folder_place_destroy};

    return factory;
}

struct cc_store_factory lmdb_store_factory(struct folder_place *place)
{
    struct cc_store_factory factory = {sizeof factory, place, folder_place_make, lmdb_open_store,
                                       folder_place_destroy};

    return factory;
}

/* --- SQLite --- */

static int search_open(void *context, struct cc_search *ret_search)
{
    const struct folder_place *place = context;
    struct cc_search_sqlite_options options = CC_SEARCH_SQLITE_OPTIONS_INIT;

    options.path = folder_path(&place->folder, "search.db");
    return cc_search_sqlite_open(NULL, &options, ret_search);
}

static int failing_search_open(void *context, struct cc_search *ret_search)
{
    struct cc_failing_options options = never_failing();
    struct cc_search port;
    int r = search_open(context, &port);

    return r ? r : cc_failing_search_open(NULL, &options, port, ret_search);
}

struct cc_search_factory sqlite_search_factory(struct folder_place *place)
{
    struct cc_search_factory factory = {sizeof factory, place, folder_place_make, search_open,
                                        folder_place_destroy};

    return factory;
}

struct cc_search_factory failing_search_factory(struct folder_place *place)
{
    struct cc_search_factory factory = sqlite_search_factory(place);

    factory.open = failing_search_open;
    return factory;
}
