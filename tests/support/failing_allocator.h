/*
 * An allocator that fails on command and counts what is out. Thread-safe.
 */
#ifndef CC_TESTS_FAILING_ALLOCATOR_H
#define CC_TESTS_FAILING_ALLOCATOR_H

#include "chatcore/types.h"

#include <stdatomic.h>
#include <stdlib.h>

struct failing_allocator {
    _Atomic long left;     /* allocations that still succeed */
    _Atomic bool is_armed; /* without it all of them do */
    _Atomic bool once;     /* only one fails, then it is disarmed */
    _Atomic bool has_failed;
    _Atomic long out; /* allocated and not released */
};

/* The allocation after `left` others fails: it alone, or all from there on. */
static inline void failing_allocator_arm(struct failing_allocator *allocator, long left, bool once)
{
    allocator->left = left;
    allocator->once = once;
    allocator->has_failed = false;
    allocator->is_armed = true;
}

/* Answers whether anything failed since it was armed. */
static inline bool failing_allocator_disarm(struct failing_allocator *allocator)
{
    allocator->is_armed = false;
    return allocator->has_failed;
}

static inline void *failing_allocator_realloc(void *context, void *pointer, size_t size)
{
    struct failing_allocator *allocator = context;
    void *grown;

    if (allocator->is_armed && atomic_fetch_sub(&allocator->left, 1) <= 0) {
        allocator->has_failed = true;
        if (allocator->once)
            allocator->is_armed = false;
        return NULL;
    }
    grown = realloc(pointer, size ? size : 1);
    if (grown && !pointer)
        allocator->out++;
    return grown;
}

static inline void *failing_allocator_alloc(void *context, size_t size)
{
    return failing_allocator_realloc(context, NULL, size);
}

static inline void failing_allocator_release(void *context, void *pointer)
{
    ((struct failing_allocator *)context)->out--;
    free(pointer);
}

static inline struct cc_allocator failing_allocator_of(struct failing_allocator *allocator)
{
    struct cc_allocator functions = {failing_allocator_alloc, failing_allocator_realloc,
                                     failing_allocator_release, allocator};

    return functions;
}

#endif
