/*
 * Reading traceparent, and telling of requests.
 */
#include "gateway/traced.h"

#include <time.h>

/* version - trace id - parent id - flags, each in hexadecimal digits. */
#define VERSION_AT 0
#define TRACE_AT   3
#define PARENT_AT  36
#define FLAGS_AT   53
#define SIZE       55

static bool is_hex(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    return true;
}

static bool is_zero(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != '0')
            return false;
    return true;
}

/* Versions to come may add fields at the end; ff is none. */
static bool is_shaped(struct cc_slice header)
{
    const char *text = header.data;

    if (header.size < SIZE || text[TRACE_AT - 1] != '-' || text[PARENT_AT - 1] != '-' ||
        text[FLAGS_AT - 1] != '-' || !memcmp(text + VERSION_AT, "ff", 2))
        return false;
    if (header.size > SIZE && (!memcmp(text + VERSION_AT, "00", 2) || text[SIZE] != '-'))
        return false;
    return is_hex(text + VERSION_AT, 2) && is_hex(text + FLAGS_AT, 2);
}

static bool id_read(const char *text, size_t size, char *ret_id)
{
    if (!is_hex(text, size) || is_zero(text, size))
        return false;
    memcpy(ret_id, text, size);
    ret_id[size] = '\0';
    return true;
}

bool traced_read(struct cc_slice header, struct cc_gateway_traced *ret_traced)
{
    const char *text = header.data;
    char flags;

    if (!is_shaped(header) ||
        !id_read(text + TRACE_AT, sizeof ret_traced->trace_id - 1, ret_traced->trace_id) ||
        !id_read(text + PARENT_AT, sizeof ret_traced->parent_id - 1, ret_traced->parent_id))
        return false;
    flags = text[FLAGS_AT + 1];
    ret_traced->is_sampled = ((flags >= 'a' ? flags - 'a' + 10 : flags - '0') & 1) != 0;
    return true;
}

uint64_t traced_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void traced_answered(const struct cc_gateway_options *options, const struct http_exchange *exchange)
{
    struct cc_gateway_traced traced = {.method = exchange->request.method,
                                       .path = exchange->request.path,
                                       .status = exchange->response.status};

    if (!exchange->trace_parent.size || !traced_read(exchange->trace_parent, &traced))
        return;
    traced.duration_us = traced_now_us() - exchange->started_us;
    options->traced(options->traced_context, &traced);
}

void traced_handshake(const struct cc_gateway_options *options, struct cc_slice header,
                      struct cc_slice path, int status)
{
    struct cc_gateway_traced traced = {.method = slice_str("GET"), .path = path, .status = status};

    if (header.size && traced_read(header, &traced))
        options->traced(options->traced_context, &traced);
}
