/*
 * A socket from a trusted proxy, from accepting on until its PROXY header is read: then it is
 * served, TLS and all, as one of the client that the header names. It counts as a connection in its
 * handshake meanwhile, has that much time (handshake_ms), and is closed when it begins with
 * anything else.
 *
 * Owner: its worker's thread; it is on the worker's list.
 */
#ifndef CC_GATEWAY_PROXY_WAIT_H
#define CC_GATEWAY_PROXY_WAIT_H

#include "gateway/worker.h"

/* Whether connections from there begin with a header. */
bool proxy_wait_is_for(const struct worker *worker, const struct address *peer);

/* Takes `fd`. Closes it when it can't be waited for. */
void proxy_wait_start(struct worker *worker, int fd, const struct address *peer);

/* Closes all. */
void proxy_waits_end(struct worker *worker);

#endif
