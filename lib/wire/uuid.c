/*
 * Ids from and to text.
 */
#include "wire/uuid.h"

#include "chatcore/backend/media.h"
#include "wire/hex.h"

/* Dashes stand before the bytes 4, 6, 8 and 10. */
static bool is_behind_dash(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool uuid_parse(struct cc_slice text, struct cc_id *ret_id)
{
    struct cc_id id;
    const char *at = text.data;

    if (text.size != UUID_TEXT_BYTES)
        return false;
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        int high;
        int low;

        if (is_behind_dash(i) && *at++ != '-')
            return false;
        high = hex_digit(*at++);
        low = hex_digit(*at++);
        if (high < 0 || low < 0)
            return false;
        id.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret_id = id;
    return true;
}

void uuid_format(const struct cc_id *id, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof id->bytes; i++) {
        if (is_behind_dash(i))
            *text++ = '-';
        *text++ = digits[id->bytes[i] >> 4];
        *text++ = digits[id->bytes[i] & 15];
    }
}

/* The version stands in the high half of byte 6. */
struct cc_id cc_media_thumbnail_id(struct cc_id id)
{
    id.bytes[6] ^= 0x70 ^ 0x80;
    return id;
}
