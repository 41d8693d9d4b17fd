/*
 * An arena: many small allocations that are freed together. Blocks are kept for the next round
 * by arena_clear().
 */
#ifndef CC_BASE_ARENA_H
#define CC_BASE_ARENA_H

#include "base/memory.h"

struct arena_block;

struct arena {
    const struct cc_allocator *allocator;
    struct arena_block *blocks; /* the newest, being filled, first */
    struct arena_block *spare;
    size_t used;  /* of the newest block */
    size_t total; /* bytes handed out since the last clear */
};

void arena_init(struct arena *arena, const struct cc_allocator *allocator);
void arena_deinit(struct arena *arena);

/* Aligned for any type; not zeroed; NULL when there is no memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* Copies a slice. 0 or CC_ENOMEM. */
int arena_copy(struct arena *arena, struct cc_slice from, struct cc_slice *ret_copy);

/* Frees all that was handed out; keeps one block of the usual size. */
void arena_clear(struct arena *arena);

#endif
