/*
 * Unsigned numbers as decimal digits, in what clients are given to bring back.
 */
#ifndef CC_WIRE_DECIMAL_H
#define CC_WIRE_DECIMAL_H

#include "base/memory.h"

/* As many as any 64-bit number needs. */
#define DECIMAL_DIGITS_MAX 20

/* Writes the digits to `to`, which has room for DECIMAL_DIGITS_MAX, and tells how many. */
static inline size_t decimal_put(char *to, uint64_t number)
{
    char digits[DECIMAL_DIGITS_MAX];
    size_t count = 0;

    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    for (size_t i = 0; i < count; i++)
        to[i] = digits[count - 1 - i];
    return count;
}

/* Takes the digits that `text` begins with; false where there are none, or too many. */
static inline bool decimal_take(struct cc_slice *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t at = 0;

    for (; at < text->size && text->data[at] >= '0' && text->data[at] <= '9'; at++) {
        uint64_t digit = (uint64_t)(text->data[at] - '0');

        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (!at)
        return false;
    *text = slice_of(text->data + at, text->size - at);
    *ret_number = number;
    return true;
}

#endif
