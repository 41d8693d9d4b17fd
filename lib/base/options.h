/*
 * Reading option structs, which only grow at their end: an older program's is shorter, a newer
 * program's longer than the one this library was built with.
 */
#ifndef CC_BASE_OPTIONS_H
#define CC_BASE_OPTIONS_H

#include <stddef.h>
#include <string.h>

/* Fills `to` (zeroed, of `size` bytes) from a struct that begins with its size. */
static inline void options_read(void *to, size_t size, const void *from)
{
    size_t given;

    memcpy(&given, from, sizeof given);
    memset(to, 0, size);
    memcpy(to, from, given < size ? given : size);
}

#endif
