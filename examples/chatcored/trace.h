/*
 * The trace: one line of fields on standard error for each event, as logfmt or JSON. A line is one
 * write, so lines of different threads don't mix. Level and format may change at any time.
 */
#ifndef CHATCORED_TRACE_H
#define CHATCORED_TRACE_H

#include <chatcore/gateway.h>

#define TRACE_LEVELS 4

extern const char *const trace_levels[TRACE_LEVELS];

/* Until it is set: warnings, as logfmt. Any thread. */
void trace_set(enum cc_trace_level level, bool as_json);

/* For the library: everything comes here, and what is not wanted ends here, so that the level can
 * be set while it runs. */
struct cc_trace trace_for_library(void);

/* A field beyond time, level, area and message. */
struct trace_field {
    const char *name;
    struct cc_slice value;
};

/* Any thread. */
void trace_line(enum cc_trace_level level, const char *area, const char *message,
                const struct trace_field *fields, size_t count);

/* A line for a request that is part of a trace: `info` where the trace is recorded, else `debug`. A
 * gateway's `traced`. Any thread. */
void trace_request(void *context, const struct cc_gateway_traced *request);

#endif
