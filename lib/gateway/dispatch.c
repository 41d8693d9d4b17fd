/*
 * The order of those who answer.
 */
#include "gateway/dispatch.h"

#include "gateway/cors.h"
#include "gateway/mail_link.h"
#include "gateway/rest.h"
#include "gateway/rest_routes.h"

static bool is_rest(struct cc_slice path)
{
    size_t size = sizeof REST_PREFIX - 1;

    return path.size > size && memcmp(path.data, REST_PREFIX, size) == 0;
}

static void answer_not_found(struct http_exchange *exchange)
{
    http_error(&exchange->response, 404);
    http_done(exchange);
}

/* The WebSocket's address, asked without an upgrade. */
static bool answer_upgrade(struct http_exchange *exchange)
{
    if (!slice_equal(exchange->request.path, slice_str(ADMISSION_PATH)))
        return false;
    http_error(&exchange->response, 426);
    cc_http_response_header(&exchange->response, "Upgrade", "websocket");
    http_done(exchange);
    return true;
}

static void dispatch_rest(struct worker *worker, struct http_exchange *exchange)
{
    cors_allow(&worker->gateway->cors, exchange);
    if (cors_preflight(exchange) || answer_upgrade(exchange))
        return;
    if (http_run(&worker->gateway->router, exchange))
        http_done(exchange);
    else if (mail_link_is_for(worker, exchange))
        mail_link_start(worker, exchange);
    else
        rest_start(worker->rest, exchange);
}

void dispatch(struct worker *worker, struct http_exchange *exchange)
{
    exchange->state = HTTP_WAITING;
    exchange->closes = exchange->closes || worker->is_draining;
    if (is_rest(exchange->request.path))
        dispatch_rest(worker, exchange);
    else if (http_run(&worker->gateway->router, exchange))
        http_done(exchange);
    else
        answer_not_found(exchange);
}
