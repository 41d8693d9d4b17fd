/*
 * The few things of libsodium that more than one folder needs. libsodium is included in crypto.c
 * alone.
 */
#ifndef CC_BASE_CRYPTO_H
#define CC_BASE_CRYPTO_H

#include "chatcore/types.h"

/* BLAKE2b of the parts, each preceded by its length, cut to 16 bytes: collisions can't be made on
 * purpose. */
void crypto_digest16(const struct cc_slice *parts, size_t count, uint8_t ret_digest[16]);

/* True when the Ed25519 signature (64 bytes) of the message is by the key (32 bytes). */
bool crypto_ed25519_verify(const uint8_t *signature, struct cc_slice message, const uint8_t *key);

/* True when both are the same; takes as long whatever they hold. */
bool crypto_equal(const void *a, const void *b, size_t size);

#endif
