/*
 * Tokens that verify: 8 bytes of the end, the highest first; a byte each with the sizes of user and
 * device; user, device, address.
 */
#include "base/verification.h"

#include "base/link_token.h"

#define UNTIL_BYTES 8
#define HEAD_BYTES  (UNTIL_BYTES + 2)

static const char purpose[] = "verify";

static bool is_valid(const struct verification *verification)
{
    return name_is_valid(verification->user) && name_is_valid(verification->device) &&
           verification->address.size && verification->address.size <= VERIFICATION_ADDRESS_MAX;
}

static size_t put(char *at, struct cc_slice slice)
{
    memcpy(at, slice.data, slice.size);
    return slice.size;
}

void verification_sign(const uint8_t *key, const struct verification *verification,
                       struct buffer *out)
{
    char bytes[HEAD_BYTES + sizeof verification->bytes];
    size_t size = HEAD_BYTES;

    if (!is_valid(verification)) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < UNTIL_BYTES; i++)
        bytes[i] = (char)((uint64_t)verification->until >> (8 * (UNTIL_BYTES - 1 - i)));
    bytes[UNTIL_BYTES] = (char)verification->user.size;
    bytes[UNTIL_BYTES + 1] = (char)verification->device.size;
    size += put(bytes + size, verification->user);
    size += put(bytes + size, verification->device);
    size += put(bytes + size, verification->address);
    link_token_sign(key, slice_of(purpose, sizeof purpose), slice_of(bytes, size), out);
}

static bool take(struct cc_slice signed_, struct verification *verification)
{
    const unsigned char *head = (const unsigned char *)signed_.data;
    uint64_t until = 0;
    size_t user, device, left;

    if (signed_.size <= HEAD_BYTES)
        return false;
    for (size_t i = 0; i < UNTIL_BYTES; i++)
        until = until << 8 | head[i];
    user = head[UNTIL_BYTES];
    device = head[UNTIL_BYTES + 1];
    left = signed_.size - HEAD_BYTES;
    if (user + device > left || left > sizeof verification->bytes)
        return false;
    memcpy(verification->bytes, signed_.data + HEAD_BYTES, left);
    verification->user = slice_of(verification->bytes, user);
    verification->device = slice_of(verification->bytes + user, device);
    verification->address = slice_of(verification->bytes + user + device, left - user - device);
    verification->until = (int64_t)until;
    return is_valid(verification);
}

bool verification_read(const struct cc_allocator *allocator, const uint8_t *key,
                       struct cc_slice token, struct verification *ret_verification)
{
    struct buffer bytes;
    bool is_good;

    buffer_init(&bytes, allocator);
    is_good = link_token_read(key, slice_of(purpose, sizeof purpose), token, &bytes) &&
              take(buffer_slice(&bytes), ret_verification);
    buffer_deinit(&bytes);
    return is_good;
}
