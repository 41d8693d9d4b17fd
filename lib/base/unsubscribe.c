/*
 * Tokens that unsubscribe: base64url of a digest, then of what is signed: a byte with the size of
 * the user's name, the name, the device.
 */
#include "base/unsubscribe.h"

#include "base/crypto.h"

#define TOKEN_MAX 512

/* The key may sign other things: none of them begins so. */
static const char purpose[] = "unsubscribe";

static void digest(const uint8_t *key, struct cc_slice names,
                   uint8_t ret_digest[CRYPTO_SHA256_BYTES])
{
    const struct cc_slice parts[] = {slice_of(purpose, sizeof purpose), names};

    crypto_hmac_sha256(slice_of((const char *)key, CRYPTO_KEY_BYTES), parts, 2, ret_digest);
}

void unsubscribe_sign(const uint8_t *key, struct cc_slice user, struct cc_slice device,
                      struct buffer *out)
{
    char bytes[CRYPTO_SHA256_BYTES + 1 + 2 * CC_NAME_MAX];
    char *names = bytes + CRYPTO_SHA256_BYTES;
    size_t size = 1 + user.size + device.size;
    uint8_t signature[CRYPTO_SHA256_BYTES];

    if (!name_is_valid(user) || !name_is_valid(device)) {
        out->failed = true;
        return;
    }
    names[0] = (char)user.size;
    memcpy(names + 1, user.data, user.size);
    memcpy(names + 1 + user.size, device.data, device.size);
    digest(key, slice_of(names, size), signature);
    memcpy(bytes, signature, sizeof signature);
    crypto_base64url(out, slice_of(bytes, sizeof signature + size));
}

static bool take(const uint8_t *key, struct cc_slice bytes, struct unsubscribe *unsubscribe)
{
    struct cc_slice names =
        slice_of(bytes.data + CRYPTO_SHA256_BYTES, bytes.size - CRYPTO_SHA256_BYTES);
    uint8_t wanted[CRYPTO_SHA256_BYTES];
    size_t user = (unsigned char)names.data[0];

    digest(key, names, wanted);
    if (!crypto_equal(bytes.data, wanted, sizeof wanted) || user > CC_NAME_MAX ||
        user >= names.size || names.size - 1 > sizeof unsubscribe->bytes)
        return false;
    memcpy(unsubscribe->bytes, names.data + 1, names.size - 1);
    unsubscribe->user = slice_of(unsubscribe->bytes, user);
    unsubscribe->device = slice_of(unsubscribe->bytes + user, names.size - 1 - user);
    return true;
}

bool unsubscribe_read(const struct cc_allocator *allocator, const uint8_t *key,
                      struct cc_slice token, struct unsubscribe *ret_unsubscribe)
{
    struct buffer bytes;
    bool is_good;

    buffer_init(&bytes, allocator);
    is_good = token.size && token.size <= TOKEN_MAX && crypto_base64url_read(token, &bytes) &&
              bytes.size > CRYPTO_SHA256_BYTES + 1 &&
              take(key, buffer_slice(&bytes), ret_unsubscribe);
    buffer_deinit(&bytes);
    return is_good;
}
