/*
 * Links by which the owner of a mail address says that it is his: a token holds user, device,
 * address and the link's end, signed. What it is good for is decided by the engine, which knows
 * whether the device still asks for that address.
 */
#ifndef CC_BASE_VERIFICATION_H
#define CC_BASE_VERIFICATION_H

#include "base/buffer.h"

/* Of an address (RFC 5321). */
#define VERIFICATION_ADDRESS_MAX 254

struct verification {
    struct cc_slice user;
    struct cc_slice device;
    struct cc_slice address;
    int64_t until;                                          /* wall ms */
    char bytes[2 * CC_NAME_MAX + VERIFICATION_ADDRESS_MAX]; /* where they stand, once read */
};

/* Appends the token; without memory, or for what is none, `out` has failed. `key` is of
 * CRYPTO_KEY_BYTES. */
void verification_sign(const uint8_t *key, const struct verification *verification,
                       struct buffer *out);

/* False for a token that the key did not sign, and without memory. Its end is not looked at. */
bool verification_read(const struct cc_allocator *allocator, const uint8_t *key,
                       struct cc_slice token, struct verification *ret_verification);

#endif
