/*
 * libsodium, wrapped.
 */
#include "base/crypto.h"

#include <assert.h>
#include <sodium.h>

static void random_fill(void *context, void *bytes, size_t size)
{
    (void)context;
    randombytes_buf(bytes, size);
}

const struct cc_random *cc_random_default(void)
{
    static const struct cc_random random = {random_fill, NULL};

    return sodium_init() < 0 ? NULL : &random;
}

void crypto_random(void *bytes, size_t size)
{
    /* The first call makes randombytes_buf() safe for threads; it fails only where a mutex can't be
     * locked, and the bytes are as good then. */
    int already = sodium_init();

    (void)already;
    randombytes_buf(bytes, size);
}

void crypto_digest16(const struct cc_slice *parts, size_t count, uint8_t ret_digest[16])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, 16);
    for (size_t i = 0; i < count; i++) {
        uint8_t length[8];

        for (int byte = 0; byte < 8; byte++)
            length[byte] = (uint8_t)((uint64_t)parts[i].size >> (8 * byte));
        crypto_generichash_update(&state, length, sizeof length);
        crypto_generichash_update(&state, (const uint8_t *)parts[i].data, parts[i].size);
    }
    crypto_generichash_final(&state, ret_digest, 16);
}

bool crypto_ed25519_verify(const uint8_t *signature, struct cc_slice message, const uint8_t *key)
{
    return crypto_sign_ed25519_verify_detached(signature, (const uint8_t *)message.data,
                                               message.size, key) == 0;
}

void crypto_hmac_sha256(struct cc_slice key, const struct cc_slice *parts, size_t count,
                        uint8_t ret_mac[32])
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const uint8_t *)key.data, key.size);
    for (size_t i = 0; i < count; i++)
        crypto_auth_hmacsha256_update(&state, (const uint8_t *)parts[i].data, parts[i].size);
    crypto_auth_hmacsha256_final(&state, ret_mac);
}

void crypto_base64(const uint8_t *bytes, size_t size, char *text, size_t room)
{
    sodium_bin2base64(text, room, bytes, size, sodium_base64_VARIANT_ORIGINAL);
}

bool crypto_base64_read(struct cc_slice text, uint8_t *bytes, size_t room, size_t *ret_size)
{
    return sodium_base642bin(bytes, room, text.data, text.size, NULL, ret_size, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0;
}

bool crypto_equal(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

void crypto_hmac(const uint8_t *key, struct cc_slice bytes, uint8_t ret_digest[CRYPTO_SHA256_BYTES])
{
    crypto_auth_hmacsha256(ret_digest, (const uint8_t *)bytes.data, bytes.size, key);
}

/* --- SHA-256 ---------------------------------------------------------------------------------- */

static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct crypto_sha256),
              "libsodium's state has grown");

static crypto_hash_sha256_state *state_of(struct crypto_sha256 *sha256)
{
    return (crypto_hash_sha256_state *)(void *)sha256->state;
}

void crypto_sha256_init(struct crypto_sha256 *sha256)
{
    crypto_hash_sha256_init(state_of(sha256));
}

void crypto_sha256_update(struct crypto_sha256 *sha256, struct cc_slice bytes)
{
    crypto_hash_sha256_update(state_of(sha256), (const uint8_t *)bytes.data, bytes.size);
}

void crypto_sha256_final(struct crypto_sha256 *sha256, uint8_t ret_digest[CRYPTO_SHA256_BYTES])
{
    crypto_hash_sha256_final(state_of(sha256), ret_digest);
}

/* --- bytes as text ---------------------------------------------------------------------------- */

void crypto_base64url(struct buffer *out, struct cc_slice bytes)
{
    /* with the terminator, which is not counted */
    size_t size = sodium_base64_ENCODED_LEN(bytes.size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = buffer_reserve(out, size);

    if (!text)
        return;
    sodium_bin2base64(text, size, (const uint8_t *)bytes.data, bytes.size,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    out->size += size - 1;
}

bool crypto_base64url_read(struct cc_slice text, struct buffer *out)
{
    char *bytes = buffer_reserve(out, text.size + 1);
    const char *end;
    size_t size;

    if (!bytes || sodium_base642bin((uint8_t *)bytes, text.size + 1, text.data, text.size, NULL,
                                    &size, &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING))
        return false;
    if (end != text.data + text.size)
        return false;
    out->size += size;
    return true;
}

void crypto_hex(const uint8_t *bytes, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
}

bool crypto_hex_read(struct cc_slice text, uint8_t *ret_bytes, size_t size)
{
    size_t got;
    const char *end;

    return text.size == 2 * size &&
           sodium_hex2bin(ret_bytes, size, text.data, text.size, NULL, &got, &end) == 0 &&
           got == size && end == text.data + text.size;
}
