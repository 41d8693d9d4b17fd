/*
 * HTTP routes and answers.
 */
#include "gateway/http.h"

#include "chatcore/error.h"

#include <stdio.h>
#include <strings.h>

/* --- routes ----------------------------------------------------------------------------------- */

void http_router_init(struct http_router *router, const struct cc_allocator *allocator)
{
    memset(router, 0, sizeof *router);
    router->allocator = allocator;
}

void http_router_deinit(struct http_router *router)
{
    for (size_t i = 0; i < router->count; i++)
        mem_free(router->allocator, (void *)router->routes[i].method);
    mem_free(router->allocator, router->routes);
}

int http_router_add(struct http_router *router, const struct cc_http_route *route)
{
    void *routes = router->routes;
    size_t method_size;
    char *text;
    int r;

    if (!route->method || !route->path || route->path[0] != '/' || !route->handle)
        return CC_EINVAL;
    r = mem_reserve(router->allocator, &routes, &router->capacity, router->count + 1,
                    sizeof *router->routes);
    if (r)
        return r;
    router->routes = routes;
    method_size = strlen(route->method) + 1;
    text = mem_alloc(router->allocator, method_size + strlen(route->path) + 1);
    if (!text)
        return CC_ENOMEM;
    strcpy(text, route->method);
    strcpy(text + method_size, route->path);
    router->routes[router->count] = *route;
    router->routes[router->count].method = text;
    router->routes[router->count++].path = text + method_size;
    return 0;
}

/* HEAD is answered by GET's route. `ret_status` is what to answer when there is no route. */
static const struct cc_http_route *
find_route(const struct http_router *router, const struct cc_http_request *request, int *ret_status)
{
    bool is_head = slice_equal(request->method, slice_str("HEAD"));
    struct cc_slice method = is_head ? slice_str("GET") : request->method;

    *ret_status = 404;
    for (size_t i = 0; i < router->count; i++) {
        const struct cc_http_route *route = &router->routes[i];

        if (!slice_equal(request->path, slice_str(route->path)))
            continue;
        if (slice_equal(method, slice_str(route->method)))
            return route;
        *ret_status = 405;
    }
    return NULL;
}

/* --- exchanges -------------------------------------------------------------------------------- */

/* Into the arena: what a socket tells lives only as long as its call. */
static int copy_slices(struct http_exchange *exchange)
{
    struct cc_http_request *request = &exchange->request;
    struct http_headers *headers = &exchange->headers;
    struct cc_slice *slices[] = {
        &request->method,          &request->path,        &request->query,
        &request->authorization,   &request->address,     &request->if_none_match,
        &request->accept_encoding, &headers->origin,      &headers->wanted_method,
        &headers->idempotency_key, &headers->acting_user,
    };
    int r = 0;

    for (size_t i = 0; i < sizeof slices / sizeof *slices && !r; i++)
        r = arena_copy(&exchange->arena, *slices[i], slices[i]);
    return r;
}

struct http_exchange *http_exchange_new(const struct cc_allocator *allocator,
                                        const struct cc_http_request *request,
                                        const struct http_headers *headers)
{
    struct http_exchange *exchange = mem_zalloc(allocator, 1, sizeof *exchange);

    if (!exchange)
        return NULL;
    arena_init(&exchange->arena, allocator);
    buffer_init(&exchange->body, allocator);
    buffer_init(&exchange->response.headers, allocator);
    buffer_init(&exchange->response.body, allocator);
    exchange->response.status = 200;
    exchange->response.type = "text/plain; charset=utf-8";
    exchange->request = *request;
    exchange->headers = *headers;
    if (!copy_slices(exchange))
        return exchange;
    http_exchange_free(exchange);
    return NULL;
}

void http_exchange_free(struct http_exchange *exchange)
{
    const struct cc_allocator *allocator;

    if (!exchange)
        return;
    if (exchange->state == HTTP_WAITING && exchange->abandoned)
        exchange->abandoned(exchange);
    allocator = exchange->arena.allocator;
    arena_deinit(&exchange->arena);
    buffer_deinit(&exchange->body);
    buffer_deinit(&exchange->response.headers);
    buffer_deinit(&exchange->response.body);
    mem_free(allocator, exchange);
}

void http_done(struct http_exchange *exchange)
{
    exchange->state = HTTP_READY;
    if (exchange->done)
        exchange->done(exchange);
}

/* --- answers ---------------------------------------------------------------------------------- */

struct status {
    int status;
    const char *text;
    const char *name; /* of the protocol's error, if it is one */
};

static const struct status *status_of(int status)
{
    static const struct status known[] = {
        {200, "OK", ""},
        {201, "Created", ""},
        {204, "No Content", ""},
        {206, "Partial Content", ""},
        {302, "Found", ""},
        {304, "Not Modified", ""},
        {400, "Bad Request", "bad_request"},
        {401, "Unauthorized", "unauthorized"},
        {403, "Forbidden", "forbidden"},
        {404, "Not Found", "not_found"},
        {405, "Method Not Allowed", "method_not_allowed"},
        {409, "Conflict", "conflict"},
        {411, "Length Required", "length_required"},
        {413, "Content Too Large", "too_large"},
        {414, "URI Too Long", "uri_too_long"},
        {415, "Unsupported Media Type", "unsupported_type"},
        {416, "Range Not Satisfiable", "no_such_range"},
        {422, "Unprocessable Content", "rejected"},
        {426, "Upgrade Required", "upgrade_required"},
        {429, "Too Many Requests", "rate_limited"},
        {431, "Request Header Fields Too Large", "headers_too_large"},
        {500, "Internal Server Error", "internal"},
        {503, "Service Unavailable", "unavailable"},
        {507, "Insufficient Storage", "no_space"},
    };
    static const struct status unknown = {0, "Error", "internal"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status)
            return &known[i];
    return &unknown;
}

const char *http_status_text(int status)
{
    return status_of(status)->text;
}

static void append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

/* What every answer carries: browsers must not guess types. */
static void append_head(struct buffer *answer, int status, const char *type, size_t size)
{
    char line[96];

    snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", status, http_status_text(status));
    append_text(answer, line);
    if (status != 204 && status != 304) { /* RFC 9110, 8.6: such answers have none */
        snprintf(line, sizeof line, "Content-Length: %zu\r\n", size);
        append_text(answer, line);
    }
    append_text(answer, "Content-Type: ");
    append_text(answer, type);
    append_text(answer, "\r\nX-Content-Type-Options: nosniff\r\n");
}

/* Of answers that say nothing else: nobody keeps them. */
static void append_unkept(struct buffer *answer)
{
    append_text(answer, "Cache-Control: no-store\r\n");
}

/* {"error":{"code":404,"name":"not_found","message":"Not Found"}} */
void http_error_text(int status, char *text, size_t size)
{
    bool is_temporary = status == 429 || status == 503;

    snprintf(text, size, "{\"error\":{\"code\":%d,\"name\":\"%s\",\"message\":\"%s\"%s}}\n", status,
             status_of(status)->name, status_of(status)->text,
             is_temporary ? ",\"temporary\":true" : "");
}

static void append_error(struct buffer *body, int status)
{
    char text[192];

    http_error_text(status, text, sizeof text);
    append_text(body, text);
}

void http_error(struct cc_http_response *response, int status)
{
    buffer_clear(&response->body);
    buffer_clear(&response->headers);
    response->status = status;
    response->type = HTTP_TYPE_JSON;
    response->may_be_kept = false;
    append_error(&response->body, status);
}

void http_refuse(int status, const char *extra, struct buffer *answer)
{
    struct buffer body;

    buffer_init(&body, answer->allocator);
    append_error(&body, status);
    append_head(answer, status, HTTP_TYPE_JSON, body.size);
    append_unkept(answer);
    append_text(answer, extra);
    append_text(answer, "Connection: close\r\n\r\n");
    buffer_append_slice(answer, buffer_slice(&body));
    answer->failed = answer->failed || body.failed;
    buffer_deinit(&body);
}

void http_give_up(struct http_exchange *exchange)
{
    char seconds[16];

    if (exchange->abandoned)
        exchange->abandoned(exchange);
    exchange->abandoned = NULL;
    http_error(&exchange->response, 503);
    snprintf(seconds, sizeof seconds, "%u", exchange->retry_after_s);
    cc_http_response_header(&exchange->response, "Retry-After", seconds);
    http_done(exchange);
}

/* The methods that a path has. */
static void add_allow(const struct http_router *router, struct http_exchange *exchange)
{
    char text[96] = "";
    size_t used = 0;

    for (size_t i = 0; i < router->count && used < sizeof text; i++) {
        const struct cc_http_route *route = &router->routes[i];

        if (slice_equal(exchange->request.path, slice_str(route->path)))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "",
                                     route->method);
    }
    cc_http_response_header(&exchange->response, "Allow", text);
}

bool http_run(const struct http_router *router, struct http_exchange *exchange)
{
    int status;
    const struct cc_http_route *route = find_route(router, &exchange->request, &status);

    if (!route && status == 404)
        return false;
    exchange->request.body = buffer_slice(&exchange->body);
    if (route) {
        route->handle(route->context, &exchange->request, &exchange->response);
    } else {
        http_error(&exchange->response, status);
        add_allow(router, exchange);
    }
    return true;
}

/* Not of the response: it holds for errors of all kinds, too. */
static void append_origin(struct buffer *answer, struct cc_slice origin)
{
    if (!origin.size)
        return;
    append_text(answer, "Access-Control-Allow-Origin: ");
    buffer_append_slice(answer, origin);
    append_text(answer, "\r\nAccess-Control-Expose-Headers: Retry-After\r\nVary: Origin\r\n");
}

void http_write(struct http_exchange *exchange, struct buffer *answer)
{
    struct cc_http_response *response = &exchange->response;

    if (response->headers.failed || response->body.failed) {
        exchange->closes = true;
        http_refuse(503, "", answer);
        return;
    }
    append_head(answer, response->status, response->type, response->body.size);
    if (!response->may_be_kept)
        append_unkept(answer);
    buffer_append_slice(answer, buffer_slice(&response->headers));
    append_origin(answer, exchange->allowed_origin);
    append_text(answer, exchange->closes ? "Connection: close\r\n\r\n" : "\r\n");
    if (response->status != 304 && !slice_equal(exchange->request.method, slice_str("HEAD")))
        buffer_append_slice(answer, buffer_slice(&response->body));
}

/* --- what a handler calls --------------------------------------------------------------------- */

void cc_http_response_status(struct cc_http_response *response, int status)
{
    response->status = status;
}

/* A control character would end the header, and let a value write others. */
static bool is_header_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

void cc_http_response_type(struct cc_http_response *response, const char *type)
{
    if (is_header_text(type))
        response->type = type;
}

void cc_http_response_header(struct cc_http_response *response, const char *name, const char *value)
{
    if (!is_header_text(name) || !is_header_text(value))
        return;
    response->may_be_kept = response->may_be_kept || !strcasecmp(name, "Cache-Control");
    append_text(&response->headers, name);
    append_text(&response->headers, ": ");
    append_text(&response->headers, value);
    append_text(&response->headers, "\r\n");
}

void cc_http_response_write(struct cc_http_response *response, struct cc_slice bytes)
{
    buffer_append_slice(&response->body, bytes);
}
