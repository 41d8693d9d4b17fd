/*
 * Writing diagnostics through the host's trace.
 */
#ifndef CC_BASE_TRACE_H
#define CC_BASE_TRACE_H

#include "chatcore/types.h"

/* One line; cut at 512 bytes. Costs nothing when the level is not wanted. */
void trace_write(const struct cc_trace *trace, enum cc_trace_level level, const char *area,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
