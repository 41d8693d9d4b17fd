/*
 * The memory world: what the in-memory ports of one process share.
 *
 * Each port's file keeps its own shared state, makes it with memory_…_new() and knows alone what
 * is in it; the world owns it and frees it last. Ports point to the world and are freed before it.
 * Nothing here reads a clock or draws a random number: a run is the same every time, as long as the
 * ports are called in the same order.
 *
 * A node of a simulation may crash: its ports are freed while long polls are held. They are
 * dropped, never completed, and the state shared with other nodes forgets them.
 */
#ifndef CC_BACKENDS_MEMORY_WORLD_H
#define CC_BACKENDS_MEMORY_WORLD_H

#include "base/memory.h"
#include "chatcore/backend/memory.h"

/* The most log partitions of a world: an array of this many is small, and no test needs more. */
#define MEMORY_PARTITIONS_MAX 1024

struct memory_log;
struct memory_store;
struct memory_directory;
struct memory_cluster;

struct cc_memory_world {
    struct cc_allocator allocator; /* a copy */
    struct cc_time now;            /* as last told */
    uint32_t partitions;
    struct memory_log *log;
    struct memory_store *store;
    struct memory_directory *directory;
    struct memory_cluster *cluster;
};

/*
 * What each port's file offers to the world. `new` answers NULL when out of memory; the world (and
 * so its allocator, partitions and time) outlives what it makes. `free` takes NULL too.
 */
struct memory_log *memory_log_new(struct cc_memory_world *world);
void memory_log_free(struct memory_log *log);
struct memory_store *memory_store_new(struct cc_memory_world *world);
void memory_store_free(struct memory_store *store);
struct memory_directory *memory_directory_new(const struct cc_allocator *allocator);
void memory_directory_free(struct memory_directory *directory);
struct memory_cluster *memory_cluster_new(struct cc_memory_world *world);
void memory_cluster_free(struct memory_cluster *cluster);

/* The world's time has moved: what has expired goes. */
void memory_cluster_tick(struct memory_cluster *cluster);

#endif
