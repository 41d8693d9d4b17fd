/*
 * The pages with the buttons, and what the buttons do.
 */
#include "gateway/mail_link.h"

#include "base/unsubscribe.h"
#include "base/verification.h"
#include "chatcore/error.h"
#include "gateway/rest.h"
#include "gateway/rest_answer.h"

/* The form posts to the address that the page has. */
#define PAGE(title, button)                                                                        \
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"                            \
    "<meta name=\"viewport\" content=\"width=device-width\"><title>Mails</title></head>\n"         \
    "<body><h1>" title "</h1>\n"                                                                   \
    "<form method=\"post\"><button>" button "</button></form></body></html>\n"

static const char policy[] = "default-src 'none'; form-action 'self'; frame-ancestors 'none'";

struct mail_link {
    const char *path;
    const char *page;
    const char *said; /* when it is done */
    /* Begins to do it, or only looks at the token. False for one that is not whole. */
    bool (*follow)(struct worker *worker, struct http_exchange *exchange, bool acts);
};

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

static bool end_mails(struct worker *worker, struct http_exchange *exchange, bool acts)
{
    struct cc_command command = {.type = CC_COMMAND_DEVICE, .provider = slice_str("email")};
    struct unsubscribe who;

    if (!unsubscribe_read(worker->allocator, worker->gateway->unsubscribe_key,
                          token_of(exchange->request.query), &who))
        return false;
    command.device = who.device;
    if (acts)
        rest_act_for(worker->rest, exchange, who.user, &command);
    return true;
}

static bool verify_address(struct worker *worker, struct http_exchange *exchange, bool acts)
{
    struct cc_command command = {.type = CC_COMMAND_DEVICE, .provider = slice_str("email")};
    struct verification who;

    if (!verification_read(worker->allocator, worker->gateway->unsubscribe_key,
                           token_of(exchange->request.query), &who))
        return false;
    command.device = who.device;
    command.token = who.address;
    command.verified_until = who.until;
    if (acts)
        rest_act_for(worker->rest, exchange, who.user, &command);
    return true;
}

static const struct mail_link links[] = {
    {CC_UNSUBSCRIBE_PATH, PAGE("Mails about missed messages", "Get no more of these mails"),
     "You get no more of these mails.\n", end_mails},
    {CC_VERIFY_PATH, PAGE("Mails about missed messages", "Send them to this address"),
     "Mails come to this address from now on.\n", verify_address},
};

static const struct mail_link *link_of(const struct worker *worker,
                                       const struct http_exchange *exchange)
{
    for (size_t i = 0; worker->gateway->can_unsubscribe && i < sizeof links / sizeof *links; i++)
        if (slice_equal(exchange->request.path, slice_str(links[i].path)))
            return &links[i];
    return NULL;
}

static void show_page(struct http_exchange *exchange, const char *page)
{
    struct cc_http_response *response = &exchange->response;

    response->type = "text/html; charset=utf-8";
    cc_http_response_header(response, "Content-Security-Policy", policy);
    cc_http_response_header(response, "Referrer-Policy", "no-referrer");
    buffer_append(&response->body, page, strlen(page));
    http_done(exchange);
}

bool mail_link_is_for(const struct worker *worker, const struct http_exchange *exchange)
{
    return link_of(worker, exchange) != NULL;
}

void mail_link_start(struct worker *worker, struct http_exchange *exchange)
{
    const struct mail_link *link = link_of(worker, exchange);
    bool acts = is_method(exchange, "POST");

    exchange->said = acts ? link->said : NULL;
    if (!link->follow(worker, exchange, acts)) {
        rest_answer_error(exchange, CC_EFORBIDDEN, slice_str("the link is not whole"));
    } else if (is_method(exchange, "GET") || is_method(exchange, "HEAD")) {
        show_page(exchange, link->page);
    } else if (!acts) {
        http_error(&exchange->response, 405);
        cc_http_response_header(&exchange->response, "Allow", "GET, POST");
        http_done(exchange);
    }
}
