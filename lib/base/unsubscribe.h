/*
 * Links that end a device's notifications: a token holds user and device, signed. Who has it may
 * end them without logging in, and nothing else; it does not expire, for a mail may be read late.
 */
#ifndef CC_BASE_UNSUBSCRIBE_H
#define CC_BASE_UNSUBSCRIBE_H

#include "base/buffer.h"

struct unsubscribe {
    struct cc_slice user;
    struct cc_slice device;
    char bytes[2 * CC_NAME_MAX]; /* where they stand, once read */
};

/* Appends the token; without memory, or for names that are none, `out` has failed. `key` is of
 * CRYPTO_KEY_BYTES. */
void unsubscribe_sign(const uint8_t *key, struct cc_slice user, struct cc_slice device,
                      struct buffer *out);

/* False for a token that the key did not sign, and without memory. */
bool unsubscribe_read(const struct cc_allocator *allocator, const uint8_t *key,
                      struct cc_slice token, struct unsubscribe *ret_unsubscribe);

#endif
