/*
 * What holds of any frame whatever: shared by the targets of the two encodings. Aborts where it
 * does not hold.
 */
#ifndef CC_FUZZ_WIRE_FRAME_H
#define CC_FUZZ_WIRE_FRAME_H

#include "wire/format.h"

#include <stddef.h>
#include <stdint.h>

/* Decodes the frame, reads all that the items point to, and checks what the decoder promises. */
void frame_check(const uint8_t *data, size_t size, enum wire_format format);

#endif
