/*
 * Memory as the layers above take it: through the allocator that the host gave, never aborting.
 */
#ifndef CC_BASE_MEMORY_H
#define CC_BASE_MEMORY_H

#include "chatcore/types.h"

#include <string.h>

static inline void *mem_alloc(const struct cc_allocator *allocator, size_t size)
{
    return allocator->alloc(allocator->context, size);
}

/* Zeroed; NULL also when count * size overflows. */
void *mem_zalloc(const struct cc_allocator *allocator, size_t count, size_t size);

/* Grows an array to at least `wanted` elements, doubling. 0 or CC_ENOMEM (the array stays as it
 * was). */
int mem_reserve(const struct cc_allocator *allocator, void **array, size_t *capacity, size_t wanted,
                size_t element_size);

static inline void mem_free(const struct cc_allocator *allocator, void *pointer)
{
    if (pointer)
        allocator->release(allocator->context, pointer);
}

static inline struct cc_slice slice_of(const void *data, size_t size)
{
    struct cc_slice slice = {(const char *)data, size};

    return slice;
}

static inline struct cc_slice slice_str(const char *text)
{
    return slice_of(text, strlen(text));
}

static inline bool slice_equal(struct cc_slice a, struct cc_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Bytewise, the shorter first: the order of every key in the stores. */
int slice_compare(struct cc_slice a, struct cc_slice b);

/* The index of `wanted` among slices that ascend; `count` when it is not there. */
size_t slice_find(const struct cc_slice *slices, size_t count, struct cc_slice wanted);

/* Copies into new memory. 0 or CC_ENOMEM. An empty slice needs no memory. */
int slice_copy(const struct cc_allocator *allocator, struct cc_slice from,
               struct cc_slice *ret_copy);

/* True for 1 to CC_NAME_MAX bytes of valid UTF-8 without control characters or spaces of any kind,
 * and without marks that turn the direction of text. */
bool name_is_valid(struct cc_slice name);

/* True for valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool utf8_is_valid(struct cc_slice text);

#endif
