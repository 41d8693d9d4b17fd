/*
 * The few things of libsodium that more than one folder needs. libsodium is included in crypto.c
 * alone.
 */
#ifndef CC_BASE_CRYPTO_H
#define CC_BASE_CRYPTO_H

#include "base/buffer.h"

#include <stdalign.h>

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

/* HMAC-SHA256 of the parts, one after the other. */
void crypto_hmac_sha256(struct cc_slice key, const struct cc_slice *parts, size_t count,
                        uint8_t ret_mac[32]);

/* Base64 with padding. `text` has room for 4 characters for each 3 bytes begun, and one more. */
void crypto_base64(const uint8_t *bytes, size_t size, char *text, size_t room);

/* False for what is no base64, or more than `room` bytes. */
bool crypto_base64_read(struct cc_slice text, uint8_t *bytes, size_t room, size_t *ret_size);

/* True when both are the same; takes as long whatever they hold. */
bool crypto_equal(const void *a, const void *b, size_t size);

#define CRYPTO_KEY_BYTES    32
#define CRYPTO_SHA256_BYTES 32

/* HMAC-SHA-256 of the bytes under a key of CRYPTO_KEY_BYTES. */
void crypto_hmac(const uint8_t *key, struct cc_slice bytes,
                 uint8_t ret_digest[CRYPTO_SHA256_BYTES]);

/* SHA-256 of bytes that come piece by piece. */
struct crypto_sha256 {
    alignas(8) uint8_t state[104]; /* libsodium's own */
};

void crypto_sha256_init(struct crypto_sha256 *sha256);
void crypto_sha256_update(struct crypto_sha256 *sha256, struct cc_slice bytes);
void crypto_sha256_final(struct crypto_sha256 *sha256, uint8_t ret_digest[CRYPTO_SHA256_BYTES]);

/* Appends the bytes as base64url without padding (RFC 4648, 5). */
void crypto_base64url(struct buffer *out, struct cc_slice bytes);

/* Appends what the base64url says; false (nothing is appended) when it is none, or without memory.
 */
bool crypto_base64url_read(struct cc_slice text, struct buffer *out);

/* Writes 2 * size lowercase hexadecimal digits, without a terminator. */
void crypto_hex(const uint8_t *bytes, size_t size, char *text);

/* False when the text is not 2 * size hexadecimal digits. */
bool crypto_hex_read(struct cc_slice text, uint8_t *ret_bytes, size_t size);

#endif
