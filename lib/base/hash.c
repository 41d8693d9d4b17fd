/*
 * Hash functions: XXH3, keyed for tables in memory, unkeyed for what is stored.
 */
#include "base/hash.h"

#include "base/crypto.h"
#include "base/memory.h"

#include <stdatomic.h>
#include <stddef.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* The process's key, 0 until it is first needed: the only state that this library keeps outside of
 * its handles. */
static _Atomic uint64_t process_key;

static uint64_t key_make(void)
{
    uint64_t unset = 0;
    uint64_t made;

    crypto_random(&made, sizeof made);
    made |= 1; /* 0 means unset */
    /* Two threads may come here at once: the first one's key is everybody's. */
    return atomic_compare_exchange_strong(&process_key, &unset, made) ? made : unset;
}

unsigned hash_bytes(const void *data, size_t size)
{
    uint64_t key = atomic_load_explicit(&process_key, memory_order_relaxed);

    return (unsigned)XXH3_64bits_withSeed(data, size, key ? key : key_make());
}

uint64_t hash_stable(struct cc_slice bytes)
{
    return XXH3_64bits(bytes.data, bytes.size);
}

/* In front of a block. */
union block_head {
    const struct cc_allocator *allocator;
    max_align_t aligned;
};

void *hash_block_new(const struct cc_allocator *allocator, size_t size)
{
    union block_head *head = mem_alloc(allocator, sizeof *head + size);

    if (!head)
        return NULL;
    head->allocator = allocator;
    return head + 1;
}

void hash_block_free(void *block)
{
    union block_head *head = (union block_head *)block - 1;

    mem_free(head->allocator, head);
}
