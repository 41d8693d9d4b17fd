/*
 * Reading MessagePack: what is not worth inlining.
 */
#include "wire/pack.h"

enum pack_type unpack_type(const struct unpack *unpack)
{
    static const uint8_t by_head[32] = {
        PACK_TYPE_NIL,   PACK_TYPE_NONE,  PACK_TYPE_BOOL, PACK_TYPE_BOOL,  PACK_TYPE_BIN,
        PACK_TYPE_BIN,   PACK_TYPE_BIN,   PACK_TYPE_EXT,  PACK_TYPE_EXT,   PACK_TYPE_EXT,
        PACK_TYPE_FLOAT, PACK_TYPE_FLOAT, PACK_TYPE_UINT, PACK_TYPE_UINT,  PACK_TYPE_UINT,
        PACK_TYPE_UINT,  PACK_TYPE_INT,   PACK_TYPE_INT,  PACK_TYPE_INT,   PACK_TYPE_INT,
        PACK_TYPE_EXT,   PACK_TYPE_EXT,   PACK_TYPE_EXT,  PACK_TYPE_EXT,   PACK_TYPE_EXT,
        PACK_TYPE_STR,   PACK_TYPE_STR,   PACK_TYPE_STR,  PACK_TYPE_ARRAY, PACK_TYPE_ARRAY,
        PACK_TYPE_MAP,   PACK_TYPE_MAP,
    };
    unsigned head = unpack_peek(unpack);

    if (head < 0x80)
        return PACK_TYPE_UINT;
    if (head < 0x90)
        return PACK_TYPE_MAP;
    if (head < 0xa0)
        return PACK_TYPE_ARRAY;
    if (head < 0xc0)
        return PACK_TYPE_STR;
    if (head >= 0xe0)
        return PACK_TYPE_INT;
    return (enum pack_type)by_head[head - 0xc0];
}

static int64_t sign_extend(uint64_t value, size_t size)
{
    unsigned unused = (unsigned)(64 - 8 * size);

    return (int64_t)(value << unused) >> unused;
}

uint64_t unpack_uint(struct unpack *unpack)
{
    unsigned head = unpack_peek(unpack);
    int64_t value;

    if (head < 0x80) {
        unpack->at++;
        return head;
    }
    if (head - 0xccu < 4) {
        unpack->at++;
        return unpack_big(unpack, (size_t)1 << (head - 0xccu));
    }
    /* a signed form may hold it, too */
    value = unpack_int(unpack);
    if (value < 0)
        unpack_fail(unpack);
    return value < 0 ? 0 : (uint64_t)value;
}

int64_t unpack_int(struct unpack *unpack)
{
    unsigned head = unpack_peek(unpack);
    uint64_t value;
    size_t size;

    if (head - 0xd0u < 4) {
        size = (size_t)1 << (head - 0xd0u);
        unpack->at++;
        return sign_extend(unpack_big(unpack, size), size);
    }
    if (head >= 0xe0) {
        unpack->at++;
        return (int64_t)head - 256;
    }
    if (head >= 0x80 && head - 0xccu >= 4) {
        unpack_fail(unpack);
        return 0;
    }
    value = unpack_uint(unpack);
    if (value > INT64_MAX)
        unpack_fail(unpack);
    return value > INT64_MAX ? 0 : (int64_t)value;
}

bool unpack_bool(struct unpack *unpack)
{
    unsigned head = unpack_peek(unpack);

    if (head != PACK_TRUE && head != PACK_FALSE) {
        unpack_fail(unpack);
        return false;
    }
    unpack->at++;
    return head == PACK_TRUE;
}

double unpack_double(struct unpack *unpack)
{
    unsigned head = unpack_peek(unpack);
    double value = 0;
    float single = 0;
    uint64_t bits;
    uint32_t bits32;

    if (head != 0xca && head != 0xcb) {
        unpack_fail(unpack);
        return 0;
    }
    unpack->at++;
    bits = unpack_big(unpack, head == 0xca ? 4 : 8);
    if (head == 0xcb) {
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    bits32 = (uint32_t)bits;
    memcpy(&single, &bits32, sizeof single);
    return (double)single;
}

/* Of a container's head: `fix` is the short form's first byte, `wide` that of the 16-bit form. */
static uint32_t container(struct unpack *unpack, unsigned fix, unsigned wide, size_t each)
{
    unsigned head = unpack_peek(unpack);
    uint64_t count;

    if (head - fix < 16) {
        unpack->at++;
        count = head & 15u;
    } else if (head - wide < 2) {
        unpack->at++;
        count = unpack_big(unpack, (size_t)2 << (head - wide));
    } else {
        unpack_fail(unpack);
        return 0;
    }
    if (count * each > unpack_left(unpack)) {
        unpack_fail(unpack);
        return 0;
    }
    return (uint32_t)count;
}

uint32_t unpack_array(struct unpack *unpack)
{
    return container(unpack, 0x90, 0xdc, 1);
}

uint32_t unpack_map(struct unpack *unpack)
{
    return container(unpack, 0x80, 0xde, 2);
}

/* The bytes behind the type byte of a value of fixed size, 0xc0 … 0xd8. */
static size_t fixed_size(unsigned head)
{
    if (head >= 0xca && head <= 0xcb)
        return (size_t)4 << (head - 0xca);
    if (head >= 0xcc && head <= 0xcf)
        return (size_t)1 << (head - 0xcc);
    if (head >= 0xd0 && head <= 0xd3)
        return (size_t)1 << (head - 0xd0);
    if (head >= 0xd4 && head <= 0xd8)
        return 1 + ((size_t)1 << (head - 0xd4));
    return 0;
}

static void skip_scalar(struct unpack *unpack, enum pack_type type)
{
    unsigned head = unpack_peek(unpack);

    if (type == PACK_TYPE_STR || type == PACK_TYPE_BIN) {
        unpack_bytes(unpack);
    } else if (type == PACK_TYPE_NONE) {
        unpack_fail(unpack);
    } else {
        unpack->at++;
        if (head >= 0xc7 && head <= 0xc9) /* ext: a size, a type byte, the bytes */
            unpack_take(unpack, unpack_big(unpack, (size_t)1 << (head - 0xc7)) + 1);
        else if (head >= 0xc0 && head < 0xe0)
            unpack_take(unpack, fixed_size(head));
    }
}

void unpack_skip(struct unpack *unpack)
{
    uint64_t wanted = 1; /* values still to take, of all levels: each declared one has a byte */

    while (wanted && !unpack->failed) {
        enum pack_type type = unpack_type(unpack);

        wanted--;
        if (type == PACK_TYPE_ARRAY)
            wanted += unpack_array(unpack);
        else if (type == PACK_TYPE_MAP)
            wanted += 2 * (uint64_t)unpack_map(unpack);
        else
            skip_scalar(unpack, type);
        if (wanted > unpack_left(unpack))
            unpack_fail(unpack);
    }
}

bool pack_is_map(struct cc_slice bytes)
{
    struct unpack unpack = unpack_of(bytes);

    if (unpack_type(&unpack) != PACK_TYPE_MAP)
        return false;
    unpack_skip(&unpack);
    return !unpack.failed && unpack_left(&unpack) == 0;
}
