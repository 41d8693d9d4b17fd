/*
 * traceparent, as W3C's Trace Context has it: version, trace id, parent id and flags, in lower-case
 * hexadecimal digits with hyphens between them.
 */
#ifndef CC_BASE_TRACE_PARENT_H
#define CC_BASE_TRACE_PARENT_H

#include "base/memory.h"

#define TRACE_PARENT_SIZE   55
#define TRACE_PARENT_TRACE  3 /* where the trace id stands, and how long it is */
#define TRACE_ID_SIZE       32
#define TRACE_PARENT_PARENT 36
#define PARENT_ID_SIZE      16
#define TRACE_PARENT_FLAGS  53

/* True for one of this size, or of a later version with more behind it. A malformed one is to be
 * treated as if it were not there. */
bool trace_parent_is_valid(struct cc_slice text);

/* The first TRACE_PARENT_SIZE bytes of a valid one; empty for what is none. */
struct cc_slice trace_parent_of(struct cc_slice text);

#endif
