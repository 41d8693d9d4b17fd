/*
 * A whole engine on embedded backends. The parts are opened in order, and closed in the reverse
 * when one fails; the engine takes them all at once.
 */
#include "base/options.h"
#include "chatcore/backend/lmdb.h"
#include "chatcore/backend/memory.h"
#include "chatcore/error.h"
#include "host/host.h"

#include <limits.h>
#include <stdio.h>
#include <sys/random.h>

/* The options of the engine, with its ports, as they are opened. */
struct parts {
    struct cc_engine_options engine;
    struct cc_filter spam;
    struct cc_filter *filters;
};

static int open_lmdb(const char *path, const struct cc_embedded_options *options,
                     struct parts *parts)
{
    const struct cc_allocator *allocator = &parts->engine.allocator;
    struct cc_lmdb_options lmdb = CC_LMDB_OPTIONS_INIT;
    int r = 0;

    lmdb.path = path;
    lmdb.sync = !options->no_sync;
    lmdb.trace = options->trace;
    if (!options->log.vtable)
        r = cc_lmdb_log_open(allocator, &lmdb, &parts->engine.log);
    if (!r && !options->store.vtable)
        r = cc_lmdb_store_open(allocator, &lmdb, &parts->engine.store);
    if (!r && !options->directory.vtable)
        r = cc_lmdb_directory_open(allocator, &lmdb, &parts->engine.directory);
    return r;
}

static int open_memory(struct cc_host *host, const struct cc_embedded_options *options,
                       struct cc_slice node, struct parts *parts)
{
    int r = 0;

    if (!options->log.vtable)
        r = cc_memory_log_open(host->world, node, &parts->engine.log);
    if (!r && !options->store.vtable)
        r = cc_memory_store_open(host->world, &parts->engine.store);
    if (!r && !options->directory.vtable)
        r = cc_memory_directory_open(host->world, &parts->engine.directory);
    return r;
}

static int open_search(const char *path, const struct cc_embedded_options *options,
                       struct parts *parts)
{
    struct cc_search_sqlite_options sqlite = CC_SEARCH_SQLITE_OPTIONS_INIT;
    char file[PATH_MAX];

    if (options->search_off || options->search.vtable)
        return 0;
    if (path && (size_t)snprintf(file, sizeof file, "%s/search.db", path) >= sizeof file)
        return CC_EINVAL;
    sqlite.path = path ? file : NULL;
    sqlite.trace = options->trace;
    return cc_search_sqlite_open(&parts->engine.allocator, &sqlite, &parts->engine.search);
}

static uint32_t partitions_of(const struct cc_embedded_options *options)
{
    return options->log.vtable ? options->log.vtable->partitions(options->log.self) : 1;
}

/* A node's name must not come back after a restart: entries of its earlier life may still live. */
static int open_ports(const char *path, const struct cc_embedded_options *options,
                      struct cc_host *host, struct parts *parts)
{
    char node[2 * 16 + 1];
    uint64_t random[2];
    int r;

    if (getrandom(random, sizeof random, 0) != sizeof random)
        return CC_EIO;
    snprintf(node, sizeof node, "%016llx%016llx", (unsigned long long)random[0],
             (unsigned long long)random[1]);
    r = cc_memory_world_new(&parts->engine.allocator, partitions_of(options), &host->world);
    if (!r && !options->cluster.vtable)
        r = cc_memory_cluster_open(host->world, slice_str(node), &parts->engine.cluster);
    if (r)
        return r;
    r = path ? open_lmdb(path, options, parts) : open_memory(host, options, slice_str(node), parts);
    return r ? r : open_search(path, options, parts);
}

static int open_filters(const struct cc_embedded_options *options, struct parts *parts)
{
    struct cc_filter_spam_options spam = CC_FILTER_SPAM_OPTIONS_INIT;
    size_t count = options->filter_count;
    int r;

    if (!options->spam_off) {
        r = cc_filter_spam_new(&parts->engine.allocator,
                               options->spam.size ? &options->spam : &spam, &parts->spam);
        if (r)
            return r;
    }
    parts->filters = mem_zalloc(&parts->engine.allocator, count + 1, sizeof *parts->filters);
    if (!parts->filters)
        return CC_ENOMEM;
    for (size_t i = 0; i < count; i++)
        parts->filters[i] = options->filters[i];
    if (!options->spam_off)
        parts->filters[count++] = parts->spam;
    parts->engine.filters = parts->filters;
    parts->engine.filter_count = count;
    return 0;
}

/* Frees what was opened, but what the caller gave. */
static void close_parts(struct cc_host *host, const struct cc_embedded_options *given,
                        struct parts *parts)
{
    struct cc_engine_options *engine = &parts->engine;

    if (parts->spam.vtable)
        parts->spam.vtable->free(parts->spam.self);
    if (engine->search.vtable && !given->search.vtable)
        engine->search.vtable->free(engine->search.self);
    if (engine->cluster.vtable && !given->cluster.vtable)
        engine->cluster.vtable->free(engine->cluster.self);
    if (engine->directory.vtable && !given->directory.vtable)
        engine->directory.vtable->free(engine->directory.self);
    if (engine->store.vtable && !given->store.vtable)
        engine->store.vtable->free(engine->store.self);
    if (engine->log.vtable && !given->log.vtable)
        engine->log.vtable->free(engine->log.self);
    if (host->world)
        cc_memory_world_free(host->world);
    host->world = NULL;
}

static void parts_init(struct parts *parts, const struct cc_embedded_options *options,
                       struct cc_host *host)
{
    struct cc_engine_options engine = CC_ENGINE_OPTIONS_INIT;

    memset(parts, 0, sizeof *parts);
    engine.allocator = options->allocator.alloc ? options->allocator : *cc_allocator_default();
    engine.random = options->random;
    engine.trace = options->trace;
    engine.limits = options->limits;
    engine.auth = options->auth;
    engine.media = options->media;
    engine.presence_off = options->presence_off;
    engine.history_for_joiners = options->history_for_joiners;
    engine.notifiers = options->notifiers;
    engine.notifier_count = options->notifier_count;
    engine.notify = options->notify;
    engine.log = options->log;
    engine.store = options->store;
    engine.directory = options->directory;
    engine.cluster = options->cluster;
    engine.search = options->search;
    engine.wake = cc_host_wake;
    engine.wake_context = host;
    parts->engine = engine;
}

int cc_open_embedded(const char *path, const struct cc_embedded_options *options,
                     struct cc_host *host, struct cc_engine **ret_engine)
{
    struct cc_embedded_options given = CC_EMBEDDED_OPTIONS_INIT;
    struct parts parts;
    int r;

    if (!host || host->world || (options && options_read(&given, sizeof given, options)))
        return CC_EINVAL;
    parts_init(&parts, &given, host);
    r = open_ports(path, &given, host, &parts);
    if (!r)
        r = open_filters(&given, &parts);
    if (!r)
        r = cc_engine_new(&parts.engine, ret_engine);
    mem_free(&parts.engine.allocator, parts.filters);
    if (r)
        close_parts(host, &given, &parts);
    return r;
}
