/*
 * Requests that are part of a trace: they came with a traceparent, as W3C's Trace Context has it,
 * and the host is told of them when they are answered. Pure, but for the clock in traced_now_us().
 *
 * A request without one costs a look for the header.
 */
#ifndef CC_GATEWAY_TRACED_H
#define CC_GATEWAY_TRACED_H

#include "gateway/http.h"

/* Reads a header's value into the two ids and the flag of a zeroed `traced`. False for what is
 * none. */
bool traced_read(struct cc_slice header, struct cc_gateway_traced *ret_traced);

/* A moment, for durations. */
uint64_t traced_now_us(void);

/* Tells the host of an exchange that has been answered, if it is part of a trace. */
void traced_answered(const struct cc_gateway_options *options,
                     const struct http_exchange *exchange);

/* Tells the host of a handshake: 101, or with what it was refused. */
void traced_handshake(const struct cc_gateway_options *options, struct cc_slice header,
                      struct cc_slice path, int status);

#endif
