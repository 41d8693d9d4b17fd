/*
 * The order of those who answer.
 */
#include "gateway/dispatch.h"

#include "gateway/rest.h"
#include "gateway/rest_routes.h"

static bool is_rest(struct cc_slice path)
{
    size_t size = sizeof REST_PREFIX - 1;

    return path.size > size && memcmp(path.data, REST_PREFIX, size) == 0;
}

void dispatch(struct worker *worker, struct http_exchange *exchange)
{
    exchange->state = HTTP_WAITING;
    exchange->closes = exchange->closes || worker->is_draining;
    if (http_run(&worker->gateway->router, exchange)) {
        http_done(exchange);
    } else if (is_rest(exchange->request.path)) {
        rest_start(worker->rest, exchange);
    } else {
        http_error(&exchange->response, 404);
        http_done(exchange);
    }
}
