/* Growable bytes and checked allocation: see bytes.h. */
#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>

static void *fail_memory(size_t size)
{
    fprintf(stderr, "out of memory (%zu bytes)\n", size);
    exit(2);
}

void *wsc_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    return memory ? memory : fail_memory(size);
}

void *wsc_alloc_zeroed(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    return memory ? memory : fail_memory(size);
}

void *wsc_grow(void *pointer, size_t size)
{
    void *memory = realloc(pointer, size ? size : 1);
    return memory ? memory : fail_memory(size);
}

char *wsc_copy_text(const char *data, size_t size)
{
    char *copy = wsc_alloc(size + 1);
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

uint8_t *wsc_bytes_reserve(struct wsc_bytes *bytes, size_t more)
{
    size_t capacity = bytes->capacity ? bytes->capacity : 256;
    while (capacity - bytes->size < more)
        capacity *= 2;
    if (capacity != bytes->capacity) {
        bytes->data = wsc_grow(bytes->data, capacity);
        bytes->capacity = capacity;
    }
    return bytes->data + bytes->size;
}

void wsc_bytes_append(struct wsc_bytes *bytes, const void *data, size_t size)
{
    if (!size)
        return;
    memcpy(wsc_bytes_reserve(bytes, size), data, size);
    bytes->size += size;
}

void wsc_bytes_byte(struct wsc_bytes *bytes, uint8_t value)
{
    *wsc_bytes_reserve(bytes, 1) = value;
    bytes->size++;
}

void wsc_bytes_consume(struct wsc_bytes *bytes, size_t count)
{
    bytes->size -= count;
    if (bytes->size)
        memmove(bytes->data, bytes->data + count, bytes->size);
}

void wsc_bytes_free(struct wsc_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct wsc_bytes){0};
}

uint64_t wsc_hash(const void *data, size_t size)
{
    const uint8_t *byte = data;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    return hash * 0x9e3779b97f4a7c15u;
}
