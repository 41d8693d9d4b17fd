/*
 * base64url.
 */
#include "backends/auth/base64url.h"

#include "chatcore/error.h"

#define INVALID 64

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of each character, plus 1; 0 is not of the alphabet. */
static const uint8_t values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

static uint32_t sextet(char c, uint32_t *invalid)
{
    uint32_t value = (uint32_t)values[(uint8_t)c] - 1;

    *invalid |= value & INVALID; /* 0 - 1 has this bit, 0 … 63 don't */
    return value & 63;
}

bool base64url_decode(struct cc_slice text, uint8_t *to)
{
    const char *at = text.data;
    const char *end = at + text.size / 4 * 4;
    size_t rest = text.size % 4;
    uint32_t invalid = 0;
    uint32_t bits;

    for (; at < end; at += 4) {
        bits = sextet(at[0], &invalid) << 18 | sextet(at[1], &invalid) << 12 |
               sextet(at[2], &invalid) << 6 | sextet(at[3], &invalid);
        *to++ = (uint8_t)(bits >> 16);
        *to++ = (uint8_t)(bits >> 8);
        *to++ = (uint8_t)bits;
    }
    if (rest < 2)
        return rest == 0 && !invalid;
    bits = sextet(at[0], &invalid) << 18 | sextet(at[1], &invalid) << 12;
    if (rest == 3)
        bits |= sextet(at[2], &invalid) << 6;
    *to++ = (uint8_t)(bits >> 16);
    if (rest == 3)
        *to++ = (uint8_t)(bits >> 8);
    /* what doesn't fill a byte is zero */
    return !invalid && (bits & (rest == 3 ? 0xff : 0xffff)) == 0;
}

int base64url_bytes(struct cc_slice text, struct arena *arena, struct cc_slice *ret_bytes)
{
    size_t size = base64url_decoded_size(text.size);
    uint8_t *bytes;

    if (!text.size) {
        *ret_bytes = text;
        return 0;
    }
    bytes = arena_alloc(arena, size + 1); /* at least one, also for a text too short */
    if (!bytes)
        return CC_ENOMEM;
    if (!base64url_decode(text, bytes))
        return CC_EINVAL;
    *ret_bytes = slice_of(bytes, size);
    return 0;
}

char *base64url_encode(const void *bytes, size_t size, char *to)
{
    const uint8_t *at = size ? bytes : (const uint8_t *)"";
    size_t rest = size % 3;
    uint32_t bits;

    for (const uint8_t *end = at + (size - rest); at < end; at += 3) {
        bits = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        *to++ = alphabet[bits >> 6 & 63];
        *to++ = alphabet[bits & 63];
    }
    if (!rest)
        return to;
    bits = (uint32_t)at[0] << 16 | (rest == 2 ? (uint32_t)at[1] << 8 : 0);
    *to++ = alphabet[bits >> 18];
    *to++ = alphabet[bits >> 12 & 63];
    if (rest == 2)
        *to++ = alphabet[bits >> 6 & 63];
    return to;
}
