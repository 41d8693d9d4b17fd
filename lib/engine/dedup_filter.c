/*
 * The filter of client ids: a Bloom filter in blocks of a cache line, so that an id costs one look.
 */
#include "engine/dedup_filter.h"

#define BITS_PER_ID 16
#define BLOCK_WORDS 8 /* 512 bits: a cache line */
#define BLOCK_BITS  512

/* The bits that an id sets in its block; each is chosen by 9 bits of a 64-bit number. */
#define BITS_SET 7

void dedup_filter_init(struct dedup_filter *filter, const struct cc_allocator *allocator)
{
    memset(filter, 0, sizeof *filter);
    filter->allocator = allocator;
    filter->capacity = DEDUP_FILTER_IDS;
}

void dedup_filter_deinit(struct dedup_filter *filter)
{
    for (int i = 0; i < 2; i++)
        mem_free(filter->allocator, filter->bits[i]);
    memset(filter, 0, sizeof *filter);
}

static size_t block_count(const struct dedup_filter *filter)
{
    return filter->capacity * BITS_PER_ID / BLOCK_BITS + 1;
}

static size_t block_of(const struct dedup_filter *filter, uint64_t hash)
{
    return (size_t)((hash >> 32) * block_count(filter) >> 32) * BLOCK_WORDS;
}

/* Which bits of the block; independent of what chose the block. */
static uint64_t bits_of(uint64_t hash)
{
    uint64_t mixed = (hash ^ hash >> 29) * 0x9e3779b97f4a7c15u;

    return mixed ^ mixed >> 32;
}

static void rotate(struct dedup_filter *filter)
{
    uint64_t *older = filter->bits[1];

    filter->bits[1] = filter->bits[0];
    filter->bits[0] = older;
    if (older)
        memset(older, 0, block_count(filter) * BLOCK_WORDS * sizeof *older);
    filter->count = 0;
    filter->generation++;
}

void dedup_filter_add(struct dedup_filter *filter, uint64_t hash)
{
    uint64_t chosen = bits_of(hash);
    uint64_t *block;

    if (filter->count >= filter->capacity)
        rotate(filter);
    if (!filter->bits[0])
        filter->bits[0] =
            mem_zalloc(filter->allocator, block_count(filter), BLOCK_WORDS * sizeof(uint64_t));
    if (!filter->bits[0]) {
        filter->generation += 2;
        return;
    }
    block = filter->bits[0] + block_of(filter, hash);
    for (int i = 0; i < BITS_SET; i++, chosen >>= 9)
        block[chosen / 64 % BLOCK_WORDS] |= (uint64_t)1 << chosen % 64;
    filter->count++;
}

static bool block_has(const uint64_t *block, uint64_t chosen)
{
    for (int i = 0; i < BITS_SET; i++, chosen >>= 9)
        if (!(block[chosen / 64 % BLOCK_WORDS] >> chosen % 64 & 1))
            return false;
    return true;
}

bool dedup_filter_may_have(const struct dedup_filter *filter, uint64_t hash)
{
    size_t block = block_of(filter, hash);

    for (int i = 0; i < 2; i++)
        if (filter->bits[i] && block_has(filter->bits[i] + block, bits_of(hash)))
            return true;
    return false;
}
