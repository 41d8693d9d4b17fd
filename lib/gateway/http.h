/*
 * HTTP without sockets: routes, requests being received, and the bytes of an answer.
 *
 * A router is made once and then only read, by all threads. An exchange is one request and its
 * answer, on one connection; it belongs to that connection's thread.
 */
#ifndef CC_GATEWAY_HTTP_H
#define CC_GATEWAY_HTTP_H

#include "base/arena.h"
#include "base/buffer.h"
#include "chatcore/gateway.h"

struct http_router {
    const struct cc_allocator *allocator;
    struct cc_http_route *routes; /* methods and paths are the router's own copies */
    size_t count;
    size_t capacity;
};

void http_router_init(struct http_router *router, const struct cc_allocator *allocator);
void http_router_deinit(struct http_router *router);

/* 0, CC_EINVAL (the path does not begin with a slash, or something is missing), CC_ENOMEM. */
int http_router_add(struct http_router *router, const struct cc_http_route *route);

struct cc_http_response {
    int status;
    const char *type;
    struct buffer headers;
    struct buffer body;
};

struct http_exchange {
    struct arena arena;
    struct cc_http_request request; /* its slices are in the arena, but the body */
    struct buffer body;
};

/* Copies a request (without its body). NULL without memory. */
struct http_exchange *http_exchange_new(const struct cc_allocator *allocator,
                                        const struct cc_http_request *request);
void http_exchange_free(struct http_exchange *exchange);

/* Appends the answer of the request, with its body as received, to `answer`: by its route, or 404,
 * or 405. Sets answer->failed without memory. */
void http_answer(const struct http_router *router, struct http_exchange *exchange,
                 struct buffer *answer);

/* Appends an answer that closes the connection: an error that needs no route. `extra` is header
 * lines, each with its CRLF, or empty. */
void http_refuse(int status, const char *extra, struct buffer *answer);

/* The text of a status, "Error" for an unknown one. */
const char *http_status_text(int status);

#endif
