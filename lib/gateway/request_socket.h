/*
 * What libwebsockets has read of an HTTP request. Slices are in the worker's arena for headers, and
 * live until that is cleared for the next request.
 *
 * Owner: the worker's thread.
 */
#ifndef CC_GATEWAY_REQUEST_SOCKET_H
#define CC_GATEWAY_REQUEST_SOCKET_H

#include "gateway/connection.h"
#include "gateway/http.h"

#include <libwebsockets.h>

/* The most that a request's headers may have: the longest token, and the usual rest. libwebsockets
 * closes the connection of one with more, and leaves no moment to answer it. */
#define REQUEST_HEADERS_MAX (WIRE_TOKEN_MAX + 4096)

/* It cuts off, however long it is: a path, or a part of a query, here (414); and any other header
 * that has a token there (431). Each leaves the usual rest its place. */
#define REQUEST_TARGET_MAX 8000
#define REQUEST_HEADER_MAX (WIRE_TOKEN_MAX + 64)

struct request_method {
    const char *name;
    enum lws_token_indexes token;
    bool has_body; /* if no length is told, one is expected by libwebsockets */
};

/* Fills in where libwebsockets cuts. */
void request_limits(struct lws_token_limits *limits);

/* 0, or what to refuse a request with of which something was cut off. */
int request_is_cut(struct lws *wsi);

/* NULL for one that is not known. */
const struct request_method *request_method(struct lws *wsi);

/* A header, several of a name joined; empty if it is not there. */
struct cc_slice request_header(struct lws *wsi, enum lws_token_indexes token);

/* The query as it was sent, but for escapes that are not needed. In `query`. */
struct cc_slice request_query(struct lws *wsi, struct buffer *query);

/* All but query and body. */
void request_fill(struct lws *wsi, const struct request_method *method, struct cc_http_request *to,
                  struct http_headers *headers);

/* The traceparent of the request. */
struct cc_slice request_trace_parent(struct lws *wsi);

/* A body's size, REQUEST_BODY_UNTOLD, or below that: malformed, or in chunks. */
#define REQUEST_BODY_UNTOLD (-1)
long long request_body_size(struct lws *wsi);

/* A body that is packed is not unpacked: what is small packed can be huge. */
bool request_is_packed(struct lws *wsi);

/* A proxy may see another end of such a request than this gateway, and so another next one. */
bool request_is_ambiguous(struct lws *wsi);

/* Some clients send a large body only when they are told to, or after a while. `scratch` is
 * overwritten. 0, or the socket is dead. */
int request_invite_body(struct lws *wsi, struct buffer *scratch);

#endif
