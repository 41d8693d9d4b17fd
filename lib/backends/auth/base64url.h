/*
 * base64url without padding (RFC 4648, 5; RFC 7515, 2), as tokens and JSON Web Keys write bytes.
 *
 * Decoding is strict: no padding, no white space, no bits left over. So bytes have exactly one
 * text, and a token can't be written in a second way.
 */
#ifndef CC_BACKENDS_AUTH_BASE64URL_H
#define CC_BACKENDS_AUTH_BASE64URL_H

#include "base/arena.h"

/* The bytes that a text of this size gives, if it is well-formed. */
static inline size_t base64url_decoded_size(size_t size)
{
    return size / 4 * 3 + (size % 4 ? size % 4 - 1 : 0);
}

static inline size_t base64url_encoded_size(size_t size)
{
    return size / 3 * 4 + (size % 3 ? size % 3 + 1 : 0);
}

/* `to` has room for base64url_decoded_size(text.size) bytes; it is filled in any case. */
bool base64url_decode(struct cc_slice text, uint8_t *to);

/* The same into the arena. 0, CC_EINVAL or CC_ENOMEM. */
int base64url_bytes(struct cc_slice text, struct arena *arena, struct cc_slice *ret_bytes);

/* `to` has room for base64url_encoded_size(size) characters; answers their end. */
char *base64url_encode(const void *bytes, size_t size, char *to);

#endif
