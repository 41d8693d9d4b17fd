/*
 * Reading option structs, which only grow at their end: an older program's is shorter, a newer
 * program's longer than the one this library was built with.
 */
#ifndef CC_BASE_OPTIONS_H
#define CC_BASE_OPTIONS_H

#include "chatcore/error.h"

#include <stddef.h>
#include <string.h>

/* Fills `to`, of `size` bytes, from a struct that begins with its size; what that one does not have
 * becomes 0. CC_EINVAL for one that nobody has initialised. */
static inline int options_read(void *to, size_t size, const void *from)
{
    size_t given;

    memcpy(&given, from, sizeof given);
    if (given <= sizeof given)
        return CC_EINVAL;
    memset(to, 0, size);
    memcpy(to, from, given < size ? given : size);
    memcpy(to, &size, sizeof size);
    return 0;
}

#endif
