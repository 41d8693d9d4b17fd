/*
 * Reading traceparent, and telling of requests.
 */
#include "gateway/traced.h"

#include "base/trace_parent.h"

#include <time.h>

bool traced_read(struct cc_slice header, struct cc_gateway_traced *ret_traced)
{
    const char *text = header.data;
    char flags;

    if (!trace_parent_is_valid(header))
        return false;
    memcpy(ret_traced->trace_id, text + TRACE_PARENT_TRACE, TRACE_ID_SIZE);
    memcpy(ret_traced->parent_id, text + TRACE_PARENT_PARENT, PARENT_ID_SIZE);
    flags = text[TRACE_PARENT_FLAGS + 1];
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

    if (!options->traced || !exchange->trace_parent.size ||
        !traced_read(exchange->trace_parent, &traced))
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
