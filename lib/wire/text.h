/*
 * Scanning text eight bytes at a time: how far it needs no look at the single byte.
 */
#ifndef CC_WIRE_TEXT_H
#define CC_WIRE_TEXT_H

#include "base/memory.h"

#define TEXT_ONES  0x0101010101010101u
#define TEXT_HIGHS 0x8080808080808080u

/* The high bit of each byte of `word` that is zero (and maybe of bytes above the first such). */
static inline uint64_t text_zero_bytes(uint64_t word)
{
    return (word - TEXT_ONES) & ~word & TEXT_HIGHS;
}

/* The same for bytes that JSON doesn't write as they are: quote, backslash, below 0x20. */
static inline uint64_t text_special_bytes(uint64_t word)
{
    return text_zero_bytes(word ^ TEXT_ONES * '"') | text_zero_bytes(word ^ TEXT_ONES * '\\') |
           ((word - TEXT_ONES * 0x20) & ~word & TEXT_HIGHS);
}

static inline bool text_is_special(char c)
{
    return c == '"' || c == '\\' || (uint8_t)c < 0x20;
}

static inline uint64_t text_load(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

/* The length of the run at `at` without special bytes. */
static inline size_t text_plain_run(const char *at, const char *end)
{
    const char *start = at;

    while (end - at >= 8 && !text_special_bytes(text_load(at)))
        at += 8;
    while (at < end && !text_is_special(*at))
        at++;
    return (size_t)(at - start);
}

/* Valid UTF-8 without NUL, which no storage and no C host takes well. Quick for ASCII. */
static inline bool text_is_valid(struct cc_slice text)
{
    size_t at = 0;

    while (text.size - at >= 8) {
        uint64_t word = text_load(text.data + at);

        if ((word & TEXT_HIGHS) || text_zero_bytes(word))
            break;
        at += 8;
    }
    while (at < text.size && (int8_t)text.data[at] > 0)
        at++;
    if (at == text.size)
        return true;
    return !memchr(text.data + at, 0, text.size - at) &&
           utf8_is_valid(slice_of(text.data + at, text.size - at));
}

#endif
