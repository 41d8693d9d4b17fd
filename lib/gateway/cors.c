/*
 * Origins and preflights.
 */
#include "gateway/cors.h"

#include "gateway/origin.h"

/* How long a browser needs not ask again: ten minutes, as no browser keeps it for much longer. */
#define CORS_MAX_AGE "600"

int cors_init(struct cors *cors, const struct cc_allocator *allocator, const char *const *origins,
              size_t count)
{
    int r = origins_copy(allocator, origins, count, &cors->origins);

    cors->allocator = allocator;
    cors->count = r ? 0 : count;
    return r;
}

void cors_deinit(struct cors *cors)
{
    origins_free(cors->allocator, cors->origins, cors->count);
}

void cors_allow(const struct cors *cors, struct http_exchange *exchange)
{
    struct cc_slice none = {NULL, 0};

    if (cors->count && exchange->headers.origin.size &&
        origin_is_allowed(exchange->headers.origin, none, cors->origins, cors->count))
        exchange->allowed_origin = exchange->headers.origin;
}

bool cors_preflight(struct http_exchange *exchange)
{
    struct cc_http_response *response = &exchange->response;

    if (!exchange->allowed_origin.size || !exchange->headers.wanted_method.size ||
        !slice_equal(exchange->request.method, slice_str("OPTIONS")))
        return false;
    response->status = 204;
    cc_http_response_header(response, "Access-Control-Allow-Methods",
                            "GET, HEAD, POST, PUT, PATCH, DELETE");
    cc_http_response_header(response, "Access-Control-Allow-Headers",
                            "Authorization, Content-Type, Idempotency-Key, X-Chatcore-User");
    cc_http_response_header(response, "Access-Control-Max-Age", CORS_MAX_AGE);
    http_done(exchange);
    return true;
}
