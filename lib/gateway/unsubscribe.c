/*
 * The page with the button, and what the button does.
 */
#include "gateway/unsubscribe.h"

#include "base/unsubscribe.h"
#include "chatcore/error.h"
#include "gateway/rest.h"
#include "gateway/rest_answer.h"

/* The form posts to the address that the page has. */
static const char page[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>Mails</title></head>\n"
    "<body><h1>Mails about missed messages</h1>\n"
    "<form method=\"post\"><button>Get no more of these mails</button></form></body></html>\n";

static const char policy[] = "default-src 'none'; form-action 'self'; frame-ancestors 'none'";

static bool is_method(const struct http_exchange *exchange, const char *method)
{
    return slice_equal(exchange->request.method, slice_str(method));
}

/* The query is "token=…", as the link has it. */
static struct cc_slice token_of(struct cc_slice query)
{
    static const char name[] = "token=";
    size_t size = sizeof name - 1;

    if (query.size < size || memcmp(query.data, name, size) != 0)
        return slice_of(NULL, 0);
    return slice_of(query.data + size, query.size - size);
}

static void show_page(struct http_exchange *exchange)
{
    struct cc_http_response *response = &exchange->response;

    response->type = "text/html; charset=utf-8";
    cc_http_response_header(response, "Content-Security-Policy", policy);
    cc_http_response_header(response, "Referrer-Policy", "no-referrer");
    buffer_append(&response->body, page, sizeof page - 1);
    http_done(exchange);
}

static void end_mails(struct worker *worker, struct http_exchange *exchange,
                      const struct unsubscribe *who)
{
    struct cc_command command = {
        .type = CC_COMMAND_DEVICE, .device = who->device, .provider = slice_str("email")};

    exchange->said = "You get no more of these mails.\n";
    rest_act_for(worker->rest, exchange, who->user, &command);
}

bool unsubscribe_is_for(const struct worker *worker, const struct http_exchange *exchange)
{
    return worker->gateway->can_unsubscribe &&
           slice_equal(exchange->request.path, slice_str(CC_UNSUBSCRIBE_PATH));
}

void unsubscribe_start(struct worker *worker, struct http_exchange *exchange)
{
    struct unsubscribe who;

    if (!unsubscribe_read(worker->allocator, worker->gateway->unsubscribe_key,
                          token_of(exchange->request.query), &who)) {
        rest_answer_error(exchange, CC_EFORBIDDEN, slice_str("the link is not whole"));
    } else if (is_method(exchange, "POST")) {
        end_mails(worker, exchange, &who);
    } else if (is_method(exchange, "GET") || is_method(exchange, "HEAD")) {
        show_page(exchange);
    } else {
        http_error(&exchange->response, 405);
        cc_http_response_header(&exchange->response, "Allow", "GET, POST");
        http_done(exchange);
    }
}
