/*
 * Replies as HTTP.
 */
#include "gateway/rest_answer.h"

#include "chatcore/error.h"
#include "wire/encode.h"

#include <stdio.h>

static int status_of(int success, const struct cc_reply *reply)
{
    if (reply->error)
        return cc_error_code(reply->error);
    return reply->duplicate ? 200 : success; /* a retry has created nothing */
}

/* Whole seconds, rounded up; what may be tried again at once, not before the gateway's own time. */
static void add_retry(struct http_exchange *exchange, const struct cc_reply *reply)
{
    uint32_t seconds = reply->retry_after_ms / 1000 + (reply->retry_after_ms % 1000 != 0);
    char text[16];

    if (!reply->error || !cc_error_is_retriable(reply->error))
        return;
    if (!seconds)
        seconds = exchange->retry_after_s;
    snprintf(text, sizeof text, "%u", seconds);
    cc_http_response_header(&exchange->response, "Retry-After", text);
}

/* RFC 9110, 11.6.1: who is refused for want of a token is told which kind is wanted. */
static void add_challenge(struct http_exchange *exchange, const struct cc_reply *reply)
{
    if (reply->error && cc_error_code(reply->error) == 401)
        cc_http_response_header(&exchange->response, "WWW-Authenticate",
                                "Bearer realm=\"chatcore\"");
}

static void write_body(struct buffer *body, const struct cc_reply *reply)
{
    static const char before[] = "{\"error\":";

    if (reply->error)
        buffer_append(body, before, sizeof before - 1);
    if (wire_encode_body(body, reply, WIRE_JSON))
        body->failed = true;
    if (reply->error)
        buffer_append_byte(body, '}');
    buffer_append_byte(body, '\n');
}

void rest_answer(struct http_exchange *exchange, int status, const struct cc_reply *reply)
{
    struct cc_http_response *response = &exchange->response;

    response->status = status_of(status, reply);
    response->type = HTTP_TYPE_JSON;
    add_retry(exchange, reply);
    add_challenge(exchange, reply);
    if (exchange->said && !reply->error) {
        response->type = "text/plain; charset=utf-8";
        buffer_append_slice(&response->body, slice_str(exchange->said));
    } else {
        write_body(&response->body, reply);
    }
    http_done(exchange);
}

void rest_answer_error(struct http_exchange *exchange, int error, struct cc_slice text)
{
    struct cc_reply reply = {.error = error, .error_text = text};

    rest_answer(exchange, 0, &reply);
}

void rest_answer_no_route(struct http_exchange *exchange, const struct rest_match *match)
{
    char methods[64];

    http_error(&exchange->response, match->is_path ? 405 : 404);
    if (match->is_path) {
        rest_methods(exchange->request.path, methods, sizeof methods);
        cc_http_response_header(&exchange->response, "Allow", methods);
    }
    http_done(exchange);
}
