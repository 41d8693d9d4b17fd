/*
 * The Prometheus text of /metrics (exposition format 0.0.4).
 */
#ifndef CC_GATEWAY_METRICS_H
#define CC_GATEWAY_METRICS_H

#include "base/buffer.h"
#include "chatcore/gateway.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_write(const struct cc_gateway_stats *gateway, const struct cc_engine_stats *engine,
                   struct buffer *text);

#endif
