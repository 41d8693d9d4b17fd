/*
 * Arenas.
 */
#include "base/arena.h"

#include "chatcore/error.h"

#include <stdalign.h>

/* The usual size of a block: large enough that a batch of commands needs few. */
#define ARENA_BLOCK_BYTES 16384

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *arena, const struct cc_allocator *allocator)
{
    memset(arena, 0, sizeof *arena);
    arena->allocator = allocator;
}

static void blocks_free(struct arena *arena, struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;

        mem_free(arena->allocator, block);
        block = next;
    }
}

void arena_deinit(struct arena *arena)
{
    blocks_free(arena, arena->blocks);
    blocks_free(arena, arena->spare);
    arena_init(arena, arena->allocator);
}

static struct arena_block *block_new(struct arena *arena, size_t size)
{
    size_t capacity = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
    struct arena_block *block = arena->spare;

    if (block && block->capacity >= size) {
        arena->spare = block->next;
    } else {
        if (size > SIZE_MAX - sizeof *block)
            return NULL;
        block = mem_alloc(arena->allocator, sizeof *block + capacity);
        if (!block)
            return NULL;
        block->capacity = capacity;
    }
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used = 0;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t aligned = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct arena_block *block = arena->blocks;
    void *pointer;

    if (aligned < size)
        return NULL;
    if (!block || block->capacity - arena->used < aligned)
        block = block_new(arena, aligned);
    if (!block)
        return NULL;
    pointer = block->bytes + arena->used;
    arena->used += aligned;
    arena->total += aligned;
    return pointer;
}

int arena_copy(struct arena *arena, struct cc_slice from, struct cc_slice *ret_copy)
{
    char *bytes = NULL;

    if (from.size) {
        bytes = arena_alloc(arena, from.size);
        if (!bytes)
            return CC_ENOMEM;
        memcpy(bytes, from.data, from.size);
    }
    *ret_copy = slice_of(bytes, from.size);
    return 0;
}

void arena_clear(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    arena->blocks = NULL;
    arena->used = 0;
    arena->total = 0;
    while (block) {
        struct arena_block *next = block->next;

        if (!arena->spare && block->capacity == ARENA_BLOCK_BYTES) {
            block->next = NULL;
            arena->spare = block;
        } else {
            mem_free(arena->allocator, block);
        }
        block = next;
    }
}
