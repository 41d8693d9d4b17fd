/*
 * Hash tables: uthash, with the two things that it leaves to its user.
 *
 * The hash function is keyed, so that a client who chooses names can't make them collide. The key
 * is 63 bits of the system's random source, drawn when the first table of the process is filled,
 * and stays for good: engines and backends made before and after each other agree on it. No result
 * depends on it, since uthash iterates in the order of adding: a simulation needs no fixed key.
 *
 * A table's memory comes from `hash_allocator`, which every function that adds has as a variable;
 * it must outlive the table. A failed allocation is an error and not an exit: after HASH_ADD…,
 * `element->hh.tbl == NULL` means "not added", and the caller checks it.
 */
#ifndef CC_BASE_HASH_H
#define CC_BASE_HASH_H

#include "chatcore/types.h"

/* Keyed: the same within a process only. Any thread. */
unsigned hash_bytes(const void *data, size_t size);

/* 64 bits, the same in every process and for ever: for what is stored (partitions, client ids). */
uint64_t hash_stable(struct cc_slice bytes);

/* Blocks of a table: they remember what they are from. NULL without memory. */
void *hash_block_new(const struct cc_allocator *allocator, size_t size);
void hash_block_free(void *block);

#define uthash_malloc(size)                  hash_block_new(hash_allocator, size)
#define uthash_free(block, size)             hash_block_free(block)
#define HASH_NONFATAL_OOM                    1
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = hash_bytes(keyptr, keylen))
#define uthash_nonfatal_oom(element)         ((void)(element))
#include <uthash.h>

#endif
