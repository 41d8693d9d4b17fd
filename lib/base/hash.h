/*
 * Hash tables: uthash, with the two things that it leaves to its user. A failed allocation is an
 * error and not an exit, and the hash function is keyed, so that a client who chooses names
 * can't make them collide (the key is the table's address mixed with the build's: see hash_seed).
 *
 * HASH_ADD… with HASH_NONFATAL_OOM calls uthash_nonfatal_oom(element): every element type
 * that is added sets its own check: after HASH_ADD, `element->hh.tbl == NULL` means "not added".
 */
#ifndef CC_BASE_HASH_H
#define CC_BASE_HASH_H

#include "chatcore/types.h"

/* Sets the key once, before the first table is filled; a second call changes nothing. Any thread.
 */
void hash_seed_set(uint64_t seed);

unsigned hash_bytes(const void *data, size_t size);

/* 64 bits, the same in every process and for ever: for what is stored (partitions, client ids). */
uint64_t hash_stable(struct cc_slice bytes);

#define HASH_NONFATAL_OOM                    1
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = hash_bytes(keyptr, keylen))
#define uthash_nonfatal_oom(element)         ((void)(element))
#include <uthash.h>

#endif
