/*
 * Hash functions: XXH3, keyed for tables in memory, unkeyed for what is stored.
 */
#include "base/hash.h"

#include <stdatomic.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* The process's key: one for all engines, since a table may be read by more than one. */
static _Atomic uint64_t seed;

void hash_seed_set(uint64_t value)
{
    uint64_t unset = 0;

    atomic_compare_exchange_strong(&seed, &unset, value);
}

unsigned hash_bytes(const void *data, size_t size)
{
    return (unsigned)XXH3_64bits_withSeed(data, size,
                                          atomic_load_explicit(&seed, memory_order_relaxed));
}

uint64_t hash_stable(struct cc_slice bytes)
{
    return XXH3_64bits(bytes.data, bytes.size);
}
