/*
 * What the spam filter sees in a text: a fingerprint that stays the same when a sender varies what
 * costs nothing to vary, and how many links there are. Both are functions of the text alone.
 */
#ifndef CC_BACKENDS_FILTER_FINGERPRINT_H
#define CC_BACKENDS_FILTER_FINGERPRINT_H

#include "base/memory.h"

/*
 * The hash of the text without white space and characters that have no width, its letters in one
 * case (Latin, Greek, Cyrillic), every run of digits as one. 0 if nothing is left. Two texts agree
 * by chance once in four billion times; who makes them agree on purpose only counts against
 * himself.
 */
uint32_t spam_fingerprint(struct cc_slice text);

/* How often a word starts like a web address: with http://, https:// or www. */
uint32_t spam_links(struct cc_slice text);

#endif
