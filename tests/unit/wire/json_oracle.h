/*
 * The JSON scanner against jansson: both take the same texts and refuse the same, and what is taken
 * is the same tree, also after it was written again in either encoding.
 */
#ifndef CC_TEST_WIRE_JSON_ORACLE_H
#define CC_TEST_WIRE_JSON_ORACLE_H

#include "base/memory.h"

/* What differs for this text, static; NULL: nothing, or it may be nested too deep to compare. */
const char *json_difference(struct cc_slice text);

#endif
