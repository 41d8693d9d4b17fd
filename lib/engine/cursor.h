/*
 * The cursor that clients keep: "1" and then, for each partition with something in it, its number
 * and the log offset wanted next, all joined by dots. It is opaque to clients.
 */
#ifndef CC_ENGINE_CURSOR_H
#define CC_ENGINE_CURSOR_H

#include "base/buffer.h"

/* Appends the cursor's text. */
void cursor_write(struct buffer *out, const uint64_t *positions, uint32_t partitions);

/* Fills positions (0 where the cursor says nothing). False when it is no cursor of so many
 * partitions. */
bool cursor_read(struct cc_slice text, uint64_t *positions, uint32_t partitions);

#endif
