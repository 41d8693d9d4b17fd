/*
 * Diagnostics.
 */
#include "base/trace.h"

#include <stdarg.h>
#include <stdio.h>

/* A line longer than this helps nobody. */
#define TRACE_LINE_BYTES 512

void trace_write(const struct cc_trace *trace, enum cc_trace_level level, const char *area,
                 const char *format, ...)
{
    char line[TRACE_LINE_BYTES];
    va_list arguments;

    if (!trace->write || level > trace->level)
        return;
    va_start(arguments, format);
    /* The analyzer loses sight of va_start() when it looks at several files in one run.
     * NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    trace->write(trace->context, level, area, line);
}
