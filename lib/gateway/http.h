/*
 * HTTP without sockets: routes, exchanges, and the bytes of an answer.
 *
 * A router is made once and then only read, by all threads. An exchange is one request and its
 * answer, on one connection; it belongs to that connection's thread:
 *
 *   RECEIVING  the body is coming
 *   WAITING    somebody is at work on the answer, and calls http_done()
 *   READY      the answer stands in `response`; socket.c writes it and frees the exchange
 *
 * An exchange may go at any time, because its connection does: `abandoned` tells who is at work.
 */
#ifndef CC_GATEWAY_HTTP_H
#define CC_GATEWAY_HTTP_H

#include "base/arena.h"
#include "base/buffer.h"
#include "chatcore/gateway.h"

#define HTTP_TYPE_JSON "application/json"

struct connection;

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
    bool may_be_kept;      /* its Cache-Control is among the headers */
    struct buffer headers; /* lines, each with its CRLF */
    struct buffer body;
};

/* Headers that only the gateway's own routes look at; empty ones are not there. */
struct http_headers {
    struct cc_slice origin;
    struct cc_slice wanted_method; /* of a browser that asks before it asks: a preflight */
    struct cc_slice idempotency_key;
    struct cc_slice acting_user; /* X-Chatcore-User */
};

enum http_state { HTTP_RECEIVING, HTTP_WAITING, HTTP_READY };

struct http_exchange {
    struct arena arena;
    struct cc_http_request request; /* its slices are in the arena, but the body */
    struct http_headers headers;    /* likewise */
    struct buffer body;
    struct cc_http_response response;
    enum http_state state;
    bool closes;                    /* the connection ends with the answer */
    struct cc_slice allowed_origin; /* may read the answer (cors.h); empty: none has to be told */
    size_t charged;                 /* of the body: see connection_charge() */
    struct cc_slice trace_parent;   /* in the arena; empty: it is part of no trace (traced.h) */
    uint64_t started_us;            /* of one that is */
    uint32_t retry_after_s;         /* told with a 503 that tells nothing better */
    const char *said;               /* a text for people in the place of an empty reply, or NULL */
    /* Set by socket.c: the answer is ready. */
    void (*done)(struct http_exchange *exchange);
    struct connection *connection;
    /* Set by who is at work on it while WAITING: it is about to be freed. */
    void (*abandoned)(struct http_exchange *exchange);
    void *worker_data;
};

/* Copies a request (without its body). NULL without memory. */
struct http_exchange *http_exchange_new(const struct cc_allocator *allocator,
                                        const struct cc_http_request *request,
                                        const struct http_headers *headers);
void http_exchange_free(struct http_exchange *exchange);

/* True if the path has a route: then the response is filled in, with a 405 if the method has
 * none. */
bool http_run(const struct http_router *router, struct http_exchange *exchange);

/* The response is filled in. The exchange may be gone after this. */
void http_done(struct http_exchange *exchange);

/* A WAITING exchange has waited long enough: it is answered with 503. */
void http_give_up(struct http_exchange *exchange);

/* Makes the response an error of HTTP's own: the protocol's error object. What was in the response
 * before goes. */
void http_error(struct cc_http_response *response, int status);

/* The protocol's error object for a status; 192 bytes are enough. */
void http_error_text(int status, char *text, size_t size);

/* Appends a READY exchange's answer to `answer`. Sets answer->failed without memory. */
void http_write(struct http_exchange *exchange, struct buffer *answer);

/* Appends an answer that closes the connection: an error that needs no exchange. `extra` is header
 * lines, each with its CRLF, or empty. */
void http_refuse(int status, const char *extra, struct buffer *answer);

/* The text of a status, "Error" for an unknown one. */
const char *http_status_text(int status);

#endif
