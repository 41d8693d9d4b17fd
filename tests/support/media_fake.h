/*
 * A media port without bytes, for tests of the engine: it notes what was signed, and a test says
 * when it has arrived. One for the process; what is in it outlives engines, until
 * media_fake_reset().
 */
#ifndef CC_TESTS_MEDIA_FAKE_H
#define CC_TESTS_MEDIA_FAKE_H

#include "chatcore/backend/media.h"

/* The port. Freeing it changes nothing. */
struct cc_media media_fake(void);

void media_fake_reset(void);

/* What was signed last has been uploaded. */
void media_fake_arrive(void);

/* All that arrive from now on are images of this size, with thumbnails; 0: are none. */
void media_fake_size(uint32_t width, uint32_t height);

/* How many objects are there. */
size_t media_fake_count(void);

/* The number of `list` operations so far. */
unsigned media_fake_lists(void);

#endif
