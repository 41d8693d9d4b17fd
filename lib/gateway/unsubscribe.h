/*
 * Ending a device's mails by the link that they have.
 *
 * POST ends them, as a mail program does on one click (RFC 8058): it is answered once the directory
 * has taken it. GET changes nothing, for scanners of mails follow every link: it shows a person a
 * button that posts. The link's token says who it is for; there is no other log-in.
 *
 * Owner: the worker's thread.
 */
#ifndef CC_GATEWAY_UNSUBSCRIBE_H
#define CC_GATEWAY_UNSUBSCRIBE_H

#include "gateway/worker.h"

/* True for a request of CC_UNSUBSCRIBE_PATH, where there is a key. */
bool unsubscribe_is_for(const struct worker *worker, const struct http_exchange *exchange);

/* Begins to answer it: http_done() follows, maybe inside. */
void unsubscribe_start(struct worker *worker, struct http_exchange *exchange);

#endif
