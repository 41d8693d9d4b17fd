/*
 * A growable run of bytes for the test clients.
 *
 * These programs measure and judge a server; when they run out of memory there is nothing left to
 * judge, so growing ends the process with a message instead of answering an error (fail_memory).
 * Nothing here is part of libchatcore, on purpose: the clients must not share its mistakes.
 */
#ifndef WSCLIENT_BYTES_H
#define WSCLIENT_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed text, not terminated. */
struct wsc_slice {
    const char *data;
    size_t size;
};

/* All zero is an empty one. */
struct wsc_bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

/* malloc, calloc and realloc that end the process with exit code 2 when there is no memory. */
void *wsc_alloc(size_t size);
void *wsc_alloc_zeroed(size_t count, size_t size);
void *wsc_grow(void *pointer, size_t size);
char *wsc_copy_text(const char *data, size_t size);

/* Room for `more` bytes behind the end; answers where they go. `size` is the caller's to raise. */
uint8_t *wsc_bytes_reserve(struct wsc_bytes *bytes, size_t more);
void wsc_bytes_append(struct wsc_bytes *bytes, const void *data, size_t size);
void wsc_bytes_byte(struct wsc_bytes *bytes, uint8_t value);
/* Drops `count` bytes from the front. */
void wsc_bytes_consume(struct wsc_bytes *bytes, size_t count);
void wsc_bytes_free(struct wsc_bytes *bytes);

static inline struct wsc_slice wsc_text(const char *text)
{
    struct wsc_slice slice = {text, strlen(text)};
    return slice;
}

static inline int wsc_slice_is(struct wsc_slice slice, const char *text)
{
    return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

/* FNV-1a, 64 bits, finished by a multiply-shift so that low bits are good table indexes. */
uint64_t wsc_hash(const void *data, size_t size);

#endif
