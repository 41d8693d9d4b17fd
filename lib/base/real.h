/*
 * Reals from and to text, the same in every locale of the process.
 */
#ifndef CC_BASE_REAL_H
#define CC_BASE_REAL_H

#include "chatcore/types.h"

#define REAL_TEXT_MAX 32

/* Longer texts than this many bytes are no number that anyone means. */
#define REAL_PARSE_MAX 128

/* The nearest double to a decimal number as JSON writes it: infinite when it is too large, not a
 * number when the text is too long or there is no memory. Any thread. */
double real_parse(struct cc_slice text);

/* Writes a finite number so that it reads back as the same, always with a point or an exponent. The
 * size, or 0 when there is no memory. Any thread. */
size_t real_format(double value, char text[REAL_TEXT_MAX]);

#endif
