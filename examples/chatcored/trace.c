/*
 * Writing lines of fields. A line that does not fit is cut: its end is not worth an allocation.
 */
#include "trace.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The library's texts have 512 bytes at most; six for each of them is what escaping can make. */
#define LINE_MAX_BYTES 4096

/* Kept for what ends a line. */
#define LINE_RESERVE 8

const char *const trace_levels[TRACE_LEVELS] = {"error", "warning", "info", "debug"};

static _Atomic int wanted = CC_TRACE_WARNING;
static _Atomic bool is_json;

struct line {
    char bytes[LINE_MAX_BYTES];
    size_t size;
    bool as_json;
};

static void add(struct line *line, const char *text, size_t size)
{
    if (size > sizeof line->bytes - LINE_RESERVE - line->size)
        return;
    memcpy(line->bytes + line->size, text, size);
    line->size += size;
}

static void add_text(struct line *line, const char *text)
{
    add(line, text, strlen(text));
}

static void add_escaped(struct line *line, unsigned char byte)
{
    char escaped[8];
    int size;

    if (byte == '"' || byte == '\\')
        size = snprintf(escaped, sizeof escaped, "\\%c", byte);
    else if (byte < ' ' || byte == 0x7f)
        size = snprintf(escaped, sizeof escaped, "\\u%04x", byte);
    else
        size = snprintf(escaped, sizeof escaped, "%c", byte);
    add(line, escaped, (size_t)size);
}

static bool needs_quotes(struct cc_slice value)
{
    for (size_t i = 0; i < value.size; i++)
        if ((unsigned char)value.data[i] <= ' ' || strchr("\"\\=\x7f", value.data[i]))
            return true;
    return value.size == 0;
}

static void add_field(struct line *line, const char *name, struct cc_slice value)
{
    bool quotes = line->as_json || needs_quotes(value);

    if (line->as_json) {
        add_text(line, line->size ? ",\"" : "{\"");
        add_text(line, name);
        add_text(line, "\":");
    } else {
        add_text(line, line->size ? " " : "");
        add_text(line, name);
        add_text(line, "=");
    }
    add_text(line, quotes ? "\"" : "");
    for (size_t i = 0; i < value.size; i++)
        add_escaped(line, (unsigned char)value.data[i]);
    /* from the reserve: a text that was cut is still closed */
    if (quotes)
        line->bytes[line->size++] = '"';
}

static struct cc_slice slice(const char *text)
{
    struct cc_slice slice = {text, strlen(text)};

    return slice;
}

static void add_time(struct line *line)
{
    struct timespec now;
    struct tm utc;
    char second[32], when[48];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(when, sizeof when, "%s.%03ldZ", second, now.tv_nsec / 1000000);
    add_field(line, "time", slice(when));
}

static void end(struct line *line)
{
    ssize_t written;

    if (line->as_json)
        line->bytes[line->size++] = '}';
    line->bytes[line->size++] = '\n';
    written = write(STDERR_FILENO, line->bytes, line->size);
    (void)written; /* there is nowhere to tell */
}

void trace_line(enum cc_trace_level level, const char *area, const char *message,
                const struct trace_field *fields, size_t count)
{
    struct line line = {.size = 0, .as_json = atomic_load(&is_json)};

    if ((int)level > atomic_load_explicit(&wanted, memory_order_relaxed))
        return;
    add_time(&line);
    add_field(&line, "level", slice(trace_levels[level]));
    add_field(&line, "area", slice(area));
    add_field(&line, "message", slice(message));
    for (size_t i = 0; i < count && line.size < sizeof line.bytes / 2; i++)
        add_field(&line, fields[i].name, fields[i].value);
    end(&line);
}

void trace_request(void *context, const struct cc_gateway_traced *request)
{
    char status[16], duration[24];

    (void)context;
    snprintf(status, sizeof status, "%d", request->status);
    snprintf(duration, sizeof duration, "%llu", (unsigned long long)request->duration_us);
    const struct trace_field fields[] = {
        {"trace_id", slice(request->trace_id)},
        {"parent_id", slice(request->parent_id)},
        {"method", request->method},
        {"path", request->path},
        {"status", slice(status)},
        {"duration_us", slice(duration)},
    };
    trace_line(request->is_sampled ? CC_TRACE_INFO : CC_TRACE_DEBUG, "request", "answered", fields,
               sizeof fields / sizeof *fields);
}

static void of_library(void *context, enum cc_trace_level level, const char *area, const char *text)
{
    (void)context;
    trace_line(level, area, text, NULL, 0);
}

void trace_set(enum cc_trace_level level, bool as_json)
{
    atomic_store(&wanted, (int)level);
    atomic_store(&is_json, as_json);
}

struct cc_trace trace_for_library(void)
{
    struct cc_trace trace = {.write = of_library, .level = CC_TRACE_DEBUG};

    return trace;
}
