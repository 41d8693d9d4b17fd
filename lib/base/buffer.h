/*
 * A growing run of bytes. Appending never fails in the middle: after the first failed allocation
 * the buffer stays `failed` and ignores what is appended, so a writer checks once at its end.
 */
#ifndef CC_BASE_BUFFER_H
#define CC_BASE_BUFFER_H

#include "base/memory.h"

struct buffer {
    const struct cc_allocator *allocator;
    char *data;
    size_t size;
    size_t capacity;
    bool failed;
};

void buffer_init(struct buffer *buffer, const struct cc_allocator *allocator);
void buffer_deinit(struct buffer *buffer);

/* Empties it and clears `failed`; keeps the memory. */
void buffer_clear(struct buffer *buffer);

/* Room for `size` more bytes at the end, to be filled and then counted by adding to `size`; NULL
 * when it failed. */
char *buffer_reserve(struct buffer *buffer, size_t size);

void buffer_append(struct buffer *buffer, const void *data, size_t size);

static inline void buffer_append_slice(struct buffer *buffer, struct cc_slice slice)
{
    buffer_append(buffer, slice.data, slice.size);
}

static inline void buffer_append_byte(struct buffer *buffer, char byte)
{
    if (buffer->size < buffer->capacity)
        buffer->data[buffer->size++] = byte;
    else
        buffer_append(buffer, &byte, 1);
}

static inline struct cc_slice buffer_slice(const struct buffer *buffer)
{
    return slice_of(buffer->data, buffer->size);
}

#endif
