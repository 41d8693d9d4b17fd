/*
 * Cross-origin resource sharing: which web pages, of other origins than the gateway's, may read
 * what REST answers. A browser asks before it sends (a preflight), and looks at the answer's
 * headers. None is allowed unless the host names it. Tokens come in a header that no page sends by
 * itself, so this is no protection of the server, but of a user's browser. Pure.
 */
#ifndef CC_GATEWAY_CORS_H
#define CC_GATEWAY_CORS_H

#include "gateway/http.h"

struct cors {
    const struct cc_allocator *allocator;
    struct cc_slice *origins; /* "*": all */
    size_t count;
};

/* 0 or CC_ENOMEM. To be freed in any case. */
int cors_init(struct cors *cors, const struct cc_allocator *allocator, const char *const *origins,
              size_t count);
void cors_deinit(struct cors *cors);

/* Has the answer tell that the request's origin may read it, if it may. */
void cors_allow(const struct cors *cors, struct http_exchange *exchange);

/* Answers a preflight, and is true if it is one. Ends with http_done() then. */
bool cors_preflight(struct http_exchange *exchange);

#endif
