/*
 * The few things of libsodium that more than one folder needs. libsodium is included in crypto.c
 * alone.
 */
#ifndef CC_BASE_CRYPTO_H
#define CC_BASE_CRYPTO_H

#include "chatcore/types.h"

/* Unpredictable bytes from the system. Any thread. */
void crypto_random(void *bytes, size_t size);

/*
 * BLAKE2b of 16 bytes of the parts, each preceded by its length. Nobody can make parts that give
 * the digest of others' parts (2^128 attempts); somebody who chooses all of them can, in years of
 * many machines (2^64), find two of their own that agree.
 */
void crypto_digest16(const struct cc_slice *parts, size_t count, uint8_t ret_digest[16]);

/* True when the Ed25519 signature (64 bytes) of the message is by the key (32 bytes). */
bool crypto_ed25519_verify(const uint8_t *signature, struct cc_slice message, const uint8_t *key);

/* True when both are the same; takes as long whatever they hold. */
bool crypto_equal(const void *a, const void *b, size_t size);

#endif
