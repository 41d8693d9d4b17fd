/*
 * Points in time as PASETO writes them: ISO 8601 in the form of RFC 3339, "2026-01-31T23:59:59Z".
 */
#ifndef CC_BACKENDS_AUTH_ISO8601_H
#define CC_BACKENDS_AUTH_ISO8601_H

#include "base/memory.h"

/* Milliseconds since the Unix epoch, years 0 to 9999; further digits are cut off. False for
 * anything else than a whole, valid date and time with its offset. */
bool iso8601_parse(struct cc_slice text, int64_t *ret_ms);

#endif
