/*
 * Growing buffers.
 */
#include "base/buffer.h"

void buffer_init(struct buffer *buffer, const struct cc_allocator *allocator)
{
    memset(buffer, 0, sizeof *buffer);
    buffer->allocator = allocator;
}

void buffer_deinit(struct buffer *buffer)
{
    mem_free(buffer->allocator, buffer->data);
    buffer_init(buffer, buffer->allocator);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
}

char *buffer_reserve(struct buffer *buffer, size_t size)
{
    void *data = buffer->data;

    if (buffer->failed || size > SIZE_MAX - buffer->size ||
        mem_reserve(buffer->allocator, &data, &buffer->capacity, buffer->size + size, 1) != 0) {
        buffer->failed = true;
        return NULL;
    }
    buffer->data = data;
    return buffer->data + buffer->size;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    char *end = size ? buffer_reserve(buffer, size) : NULL;

    if (!end)
        return;
    memcpy(end, data, size);
    buffer->size += size;
}
