/*
 * Signing and reading tokens of links.
 */
#include "base/link_token.h"

#include "base/crypto.h"

/* The longest of them: names of user and device, a mail address, a time. */
#define TOKEN_MAX 1024

static void digest(const uint8_t *key, struct cc_slice purpose, struct cc_slice payload,
                   uint8_t ret_digest[CRYPTO_SHA256_BYTES])
{
    const struct cc_slice parts[] = {purpose, payload};

    crypto_hmac_sha256(slice_of((const char *)key, CRYPTO_KEY_BYTES), parts, 2, ret_digest);
}

void link_token_sign(const uint8_t *key, struct cc_slice purpose, struct cc_slice payload,
                     struct buffer *out)
{
    char bytes[TOKEN_MAX];
    uint8_t signature[CRYPTO_SHA256_BYTES];

    if (payload.size > sizeof bytes - sizeof signature) {
        out->failed = true;
        return;
    }
    digest(key, purpose, payload, signature);
    memcpy(bytes, signature, sizeof signature);
    memcpy(bytes + sizeof signature, payload.data, payload.size);
    crypto_base64url(out, slice_of(bytes, sizeof signature + payload.size));
}

bool link_token_read(const uint8_t *key, struct cc_slice purpose, struct cc_slice token,
                     struct buffer *payload)
{
    uint8_t wanted[CRYPTO_SHA256_BYTES];
    size_t left;

    if (!token.size || token.size > TOKEN_MAX || !crypto_base64url_read(token, payload) ||
        payload->size <= sizeof wanted)
        return false;
    left = payload->size - sizeof wanted;
    digest(key, purpose, slice_of(payload->data + sizeof wanted, left), wanted);
    if (!crypto_equal(payload->data, wanted, sizeof wanted))
        return false;
    memmove(payload->data, payload->data + sizeof wanted, left);
    payload->size = left;
    return true;
}
