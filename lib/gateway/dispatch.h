/*
 * Which part of the gateway answers an HTTP request: routes of whole paths, the host's before the
 * gateway's own; REST, for other paths that begin as it does. Owner: the worker's thread.
 */
#ifndef CC_GATEWAY_DISPATCH_H
#define CC_GATEWAY_DISPATCH_H

#include "gateway/worker.h"

/* The request has come whole: somebody answers it, now or later. */
void dispatch(struct worker *worker, struct http_exchange *exchange);

#endif
