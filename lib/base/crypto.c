/*
 * libsodium, wrapped.
 */
#include "base/crypto.h"

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

bool crypto_equal(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}
