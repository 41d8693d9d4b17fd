/*
 * The in-memory backends: for tests, simulation and programs that need no durability.
 *
 * A "world" is shared by the nodes of one process: its log, store, directory and cluster outlive
 * the ports opened on it, so a node can crash and start again on it, and several virtual nodes can
 * share it. A world and its ports belong to one thread.
 */
#ifndef CHATCORE_BACKEND_MEMORY_H
#define CHATCORE_BACKEND_MEMORY_H

#include "chatcore/backend/cluster.h"
#include "chatcore/backend/directory.h"
#include "chatcore/backend/log.h"
#include "chatcore/backend/store.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_memory_world;

/* Makes a world with so many log partitions (1 to 1,024). Any thread. Errors: CC_EINVAL, CC_ENOMEM.
 */
int cc_memory_world_new(const struct cc_allocator *allocator, uint32_t partitions,
                        struct cc_memory_world **ret_world);

/* Frees the world; its ports must have been freed before. World's thread. Errors: none. */
void cc_memory_world_free(struct cc_memory_world *world);

/* Tells the world the time: entries of the session map expire by it. World's thread. Errors: none.
 */
void cc_memory_world_set_time(struct cc_memory_world *world, struct cc_time now);

/*
 * Open the ports for the node called `node`. Partitions are shared out evenly among the nodes that
 * hold a log port open, and move when one opens or is freed. World's thread. Errors: CC_EINVAL,
 * CC_ENOMEM.
 */
int cc_memory_log_open(struct cc_memory_world *world, struct cc_slice node, struct cc_log *ret_log);
int cc_memory_store_open(struct cc_memory_world *world, struct cc_store *ret_store);
int cc_memory_directory_open(struct cc_memory_world *world, struct cc_directory *ret_directory);
int cc_memory_cluster_open(struct cc_memory_world *world, struct cc_slice node,
                           struct cc_cluster *ret_cluster);

#ifdef __cplusplus
}
#endif
#endif
