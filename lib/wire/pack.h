/*
 * MessagePack bytes, inline: what the hot codecs need and nothing else.
 *
 * Writing: pack_put_…() writes at a pointer and returns the end. The caller has reserved the room:
 * each needs at most PACK_HEAD_MAX bytes and what it copies. The shortest form is written.
 *
 * Reading: a `struct unpack` goes over borrowed bytes and never beyond them. The first thing that
 * is malformed, cut off or of another type sets `failed`; from then on every read gives zero, so a
 * reader checks once at its end. Nothing is allocated for what a header merely declares.
 */
#ifndef CC_WIRE_PACK_H
#define CC_WIRE_PACK_H

#include "base/memory.h"

/* The longest head of a value: a type byte and a 64-bit number. */
#define PACK_HEAD_MAX 9

#define PACK_NIL   0xc0u
#define PACK_FALSE 0xc2u
#define PACK_TRUE  0xc3u

/* --- writing ------------------------------------------------------------------------------------
 */

static inline char *pack_put_byte(char *at, unsigned byte)
{
    *at = (char)(uint8_t)byte;
    return at + 1;
}

static inline char *pack_put_big16(char *at, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static inline char *pack_put_big32(char *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static inline char *pack_put_big64(char *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static inline char *pack_put_nil(char *at)
{
    return pack_put_byte(at, PACK_NIL);
}

static inline char *pack_put_bool(char *at, bool value)
{
    return pack_put_byte(at, value ? PACK_TRUE : PACK_FALSE);
}

static inline char *pack_put_uint(char *at, uint64_t value)
{
    if (value < 0x80)
        return pack_put_byte(at, (unsigned)value);
    if (value <= UINT8_MAX)
        return pack_put_byte(pack_put_byte(at, 0xcc), (unsigned)value);
    if (value <= UINT16_MAX)
        return pack_put_big16(pack_put_byte(at, 0xcd), (uint16_t)value);
    if (value <= UINT32_MAX)
        return pack_put_big32(pack_put_byte(at, 0xce), (uint32_t)value);
    return pack_put_big64(pack_put_byte(at, 0xcf), value);
}

static inline char *pack_put_int(char *at, int64_t value)
{
    if (value >= 0)
        return pack_put_uint(at, (uint64_t)value);
    if (value >= -32)
        return pack_put_byte(at, (unsigned)(uint8_t)value);
    if (value >= INT8_MIN)
        return pack_put_byte(pack_put_byte(at, 0xd0), (unsigned)(uint8_t)value);
    if (value >= INT16_MIN)
        return pack_put_big16(pack_put_byte(at, 0xd1), (uint16_t)value);
    if (value >= INT32_MIN)
        return pack_put_big32(pack_put_byte(at, 0xd2), (uint32_t)value);
    return pack_put_big64(pack_put_byte(at, 0xd3), (uint64_t)value);
}

static inline char *pack_put_double(char *at, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return pack_put_big64(pack_put_byte(at, 0xcb), bits);
}

/* The heads; sizes and counts are below 2^32 (the callers bound what they write). */
static inline char *pack_put_str_head(char *at, uint32_t size)
{
    if (size < 32)
        return pack_put_byte(at, 0xa0u | size);
    if (size <= UINT8_MAX)
        return pack_put_byte(pack_put_byte(at, 0xd9), size);
    if (size <= UINT16_MAX)
        return pack_put_big16(pack_put_byte(at, 0xda), (uint16_t)size);
    return pack_put_big32(pack_put_byte(at, 0xdb), size);
}

static inline char *pack_put_bin_head(char *at, uint32_t size)
{
    if (size <= UINT8_MAX)
        return pack_put_byte(pack_put_byte(at, 0xc4), size);
    if (size <= UINT16_MAX)
        return pack_put_big16(pack_put_byte(at, 0xc5), (uint16_t)size);
    return pack_put_big32(pack_put_byte(at, 0xc6), size);
}

static inline char *pack_put_array_head(char *at, uint32_t count)
{
    if (count < 16)
        return pack_put_byte(at, 0x90u | count);
    if (count <= UINT16_MAX)
        return pack_put_big16(pack_put_byte(at, 0xdc), (uint16_t)count);
    return pack_put_big32(pack_put_byte(at, 0xdd), count);
}

static inline char *pack_put_map_head(char *at, uint32_t count)
{
    if (count < 16)
        return pack_put_byte(at, 0x80u | count);
    if (count <= UINT16_MAX)
        return pack_put_big16(pack_put_byte(at, 0xde), (uint16_t)count);
    return pack_put_big32(pack_put_byte(at, 0xdf), count);
}

static inline char *pack_put_bytes(char *at, const void *data, size_t size)
{
    if (size)
        memcpy(at, data, size);
    return at + size;
}

static inline char *pack_put_str(char *at, struct cc_slice text)
{
    return pack_put_bytes(pack_put_str_head(at, (uint32_t)text.size), text.data, text.size);
}

static inline char *pack_put_bin(char *at, struct cc_slice bytes)
{
    return pack_put_bytes(pack_put_bin_head(at, (uint32_t)bytes.size), bytes.data, bytes.size);
}

/* --- reading ------------------------------------------------------------------------------------
 */

enum pack_type {
    PACK_TYPE_NONE, /* the end, or a byte that begins no value */
    PACK_TYPE_NIL,
    PACK_TYPE_BOOL,
    PACK_TYPE_UINT,
    PACK_TYPE_INT, /* negative */
    PACK_TYPE_FLOAT,
    PACK_TYPE_STR,
    PACK_TYPE_BIN,
    PACK_TYPE_ARRAY,
    PACK_TYPE_MAP,
    PACK_TYPE_EXT
};

struct unpack {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct unpack unpack_of(struct cc_slice bytes)
{
    const uint8_t *start = (const uint8_t *)(bytes.size ? bytes.data : "");
    struct unpack unpack = {start, start + bytes.size, false};

    return unpack;
}

static inline size_t unpack_left(const struct unpack *unpack)
{
    return (size_t)(unpack->end - unpack->at);
}

static inline void unpack_fail(struct unpack *unpack)
{
    unpack->at = unpack->end;
    unpack->failed = true;
}

/* The type byte of the next value, or the unused 0xc1 at the end. Takes nothing. */
static inline unsigned unpack_peek(const struct unpack *unpack)
{
    return unpack->at < unpack->end ? *unpack->at : 0xc1u;
}

/* The type of the next value. Takes nothing. */
enum pack_type unpack_type(const struct unpack *unpack);

/* Takes a nil if one is next. */
static inline bool unpack_nil(struct unpack *unpack)
{
    if (unpack_peek(unpack) != PACK_NIL)
        return false;
    unpack->at++;
    return true;
}

/* A big-endian number of 1, 2, 4 or 8 bytes. */
static inline uint64_t unpack_big(struct unpack *unpack, size_t size)
{
    uint64_t value = 0;

    if (unpack_left(unpack) < size) {
        unpack_fail(unpack);
        return 0;
    }
    for (size_t i = 0; i < size; i++)
        value = value << 8 | unpack->at[i];
    unpack->at += size;
    return value;
}

static inline struct cc_slice unpack_take(struct unpack *unpack, uint64_t size)
{
    struct cc_slice slice = {(const char *)unpack->at, (size_t)size};

    if (unpack_left(unpack) < size) {
        unpack_fail(unpack);
        return slice_of(NULL, 0);
    }
    unpack->at += size;
    return slice;
}

/* A str or bin. */
static inline struct cc_slice unpack_bytes(struct unpack *unpack)
{
    unsigned head = unpack_peek(unpack);

    if (head - 0xa0u < 32) {
        unpack->at++;
        return unpack_take(unpack, head & 31u);
    }
    if (head - 0xd9u < 3) {
        unpack->at++;
        return unpack_take(unpack, unpack_big(unpack, (size_t)1 << (head - 0xd9u)));
    }
    if (head - 0xc4u < 3) {
        unpack->at++;
        return unpack_take(unpack, unpack_big(unpack, (size_t)1 << (head - 0xc4u)));
    }
    unpack_fail(unpack);
    return slice_of(NULL, 0);
}

/* An integer that isn't negative. */
uint64_t unpack_uint(struct unpack *unpack);

/* An integer of the signed 64-bit range. */
int64_t unpack_int(struct unpack *unpack);

bool unpack_bool(struct unpack *unpack);

/* A float 32 or 64. */
double unpack_double(struct unpack *unpack);

/* The count of an array's elements. Fails when the bytes left can't hold so many. */
uint32_t unpack_array(struct unpack *unpack);

/* The count of a map's pairs. Fails when the bytes left can't hold so many. */
uint32_t unpack_map(struct unpack *unpack);

/* Takes the next value, of any type and depth, in bounded stack and time linear in its bytes. */
void unpack_skip(struct unpack *unpack);

/* True for exactly one map, whole, and nothing behind it. */
bool pack_is_map(struct cc_slice bytes);

#endif
