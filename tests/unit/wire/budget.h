/*
 * An allocator that counts what is out and has no memory after so many allocations or bytes.
 */
#ifndef CC_TEST_WIRE_BUDGET_H
#define CC_TEST_WIRE_BUDGET_H

#include "base/memory.h"

#include <stdlib.h>

struct budget {
    int allocations; /* still allowed */
    size_t bytes;    /* handed out in all */
    int out;
};

static inline void *budget_realloc(void *context, void *pointer, size_t size)
{
    struct budget *budget = context;

    if (budget->allocations-- <= 0)
        return NULL;
    budget->bytes += size;
    budget->out += pointer == NULL;
    return realloc(pointer, size ? size : 1);
}

static inline void *budget_alloc(void *context, size_t size)
{
    return budget_realloc(context, NULL, size);
}

static inline void budget_release(void *context, void *pointer)
{
    ((struct budget *)context)->out--;
    free(pointer);
}

static inline struct cc_allocator budget_allocator(struct budget *budget)
{
    struct cc_allocator allocator = {budget_alloc, budget_realloc, budget_release, budget};

    return allocator;
}

#endif
