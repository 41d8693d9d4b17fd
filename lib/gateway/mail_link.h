/*
 * What the links of mails do: end a device's mails, or say that an address is one's own.
 *
 * POST does it, as a mail program does on one click (RFC 8058): it is answered once the directory
 * has taken it. GET changes nothing, for scanners of mails follow every link: it shows a person a
 * button that posts. The link's token says who it is for; there is no other log-in.
 *
 * Owner: the worker's thread.
 */
#ifndef CC_GATEWAY_MAIL_LINK_H
#define CC_GATEWAY_MAIL_LINK_H

#include "gateway/worker.h"

/* True for a request of CC_UNSUBSCRIBE_PATH or CC_VERIFY_PATH, where there is a key. */
bool mail_link_is_for(const struct worker *worker, const struct http_exchange *exchange);

/* Begins to answer it: http_done() follows, maybe inside. */
void mail_link_start(struct worker *worker, struct http_exchange *exchange);

#endif
