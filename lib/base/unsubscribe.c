/*
 * Tokens that unsubscribe: a byte with the size of the user's name, the name, the device.
 */
#include "base/unsubscribe.h"

#include "base/link_token.h"

static const char purpose[] = "unsubscribe";

void unsubscribe_sign(const uint8_t *key, struct cc_slice user, struct cc_slice device,
                      struct buffer *out)
{
    char names[1 + 2 * CC_NAME_MAX];

    if (!name_is_valid(user) || !name_is_valid(device)) {
        out->failed = true;
        return;
    }
    names[0] = (char)user.size;
    memcpy(names + 1, user.data, user.size);
    memcpy(names + 1 + user.size, device.data, device.size);
    link_token_sign(key, slice_of(purpose, sizeof purpose),
                    slice_of(names, 1 + user.size + device.size), out);
}

static bool take(struct cc_slice names, struct unsubscribe *unsubscribe)
{
    size_t user = (unsigned char)names.data[0];

    if (user > CC_NAME_MAX || user >= names.size || names.size - 1 > sizeof unsubscribe->bytes)
        return false;
    memcpy(unsubscribe->bytes, names.data + 1, names.size - 1);
    unsubscribe->user = slice_of(unsubscribe->bytes, user);
    unsubscribe->device = slice_of(unsubscribe->bytes + user, names.size - 1 - user);
    return true;
}

bool unsubscribe_read(const struct cc_allocator *allocator, const uint8_t *key,
                      struct cc_slice token, struct unsubscribe *ret_unsubscribe)
{
    struct buffer names;
    bool is_good;

    buffer_init(&names, allocator);
    is_good = link_token_read(key, slice_of(purpose, sizeof purpose), token, &names) &&
              take(buffer_slice(&names), ret_unsubscribe);
    buffer_deinit(&names);
    return is_good;
}
