/*
 * Message ids as text: the 36 characters of RFC 9562.
 */
#ifndef CC_WIRE_UUID_H
#define CC_WIRE_UUID_H

#include "base/memory.h"

#define UUID_TEXT_BYTES 36

static inline bool uuid_is_none(const struct cc_id *id)
{
    static const struct cc_id none;

    return memcmp(id, &none, sizeof none) == 0;
}

/* Digits of either case; of any version: an id that was never given is simply not found. */
bool uuid_parse(struct cc_slice text, struct cc_id *ret_id);

/* Writes UUID_TEXT_BYTES characters, without a terminator. */
void uuid_format(const struct cc_id *id, char *text);

#endif
