/*
 * From a reply to a REST answer: the status, the headers, the reply's object as the body. An error
 * of any origin has one form: {"error":{…}} as in the protocol, with its code as the status.
 *
 * Each function ends with http_done(): the exchange may be gone after it.
 */
#ifndef CC_GATEWAY_REST_ANSWER_H
#define CC_GATEWAY_REST_ANSWER_H

#include "chatcore/event.h"
#include "gateway/http.h"
#include "gateway/rest_routes.h"

/* `status` is that of success. */
void rest_answer(struct http_exchange *exchange, int status, const struct cc_reply *reply);

void rest_answer_error(struct http_exchange *exchange, int error, struct cc_slice text);

/* 404, or 405 with the methods that there are. */
void rest_answer_no_route(struct http_exchange *exchange, const struct rest_match *match);

#endif
