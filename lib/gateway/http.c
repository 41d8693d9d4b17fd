/*
 * HTTP routes and answers.
 */
#include "gateway/http.h"

#include "chatcore/error.h"

#include <stdio.h>

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

static int copy_request(struct http_exchange *exchange, const struct cc_http_request *from)
{
    struct cc_http_request *to = &exchange->request;
    int r = arena_copy(&exchange->arena, from->method, &to->method);

    if (!r)
        r = arena_copy(&exchange->arena, from->path, &to->path);
    if (!r)
        r = arena_copy(&exchange->arena, from->query, &to->query);
    if (!r)
        r = arena_copy(&exchange->arena, from->authorization, &to->authorization);
    if (!r)
        r = arena_copy(&exchange->arena, from->address, &to->address);
    return r;
}

struct http_exchange *http_exchange_new(const struct cc_allocator *allocator,
                                        const struct cc_http_request *request)
{
    struct http_exchange *exchange = mem_zalloc(allocator, 1, sizeof *exchange);

    if (!exchange)
        return NULL;
    arena_init(&exchange->arena, allocator);
    buffer_init(&exchange->body, allocator);
    if (!copy_request(exchange, request))
        return exchange;
    http_exchange_free(exchange);
    return NULL;
}

void http_exchange_free(struct http_exchange *exchange)
{
    const struct cc_allocator *allocator;

    if (!exchange)
        return;
    allocator = exchange->arena.allocator;
    arena_deinit(&exchange->arena);
    buffer_deinit(&exchange->body);
    mem_free(allocator, exchange);
}

/* --- answers ---------------------------------------------------------------------------------- */

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Error";
}

static void append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

/* What every answer carries: browsers must not guess types, nobody keeps answers. */
static void append_head(struct buffer *answer, int status, const char *type, size_t size)
{
    char line[96];

    snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n", status,
             http_status_text(status), size);
    append_text(answer, line);
    append_text(answer, "Content-Type: ");
    append_text(answer, type);
    append_text(answer, "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n");
}

void http_refuse(int status, const char *extra, struct buffer *answer)
{
    const char *text = http_status_text(status);

    append_head(answer, status, "text/plain", strlen(text) + 1);
    append_text(answer, extra);
    append_text(answer, "Connection: close\r\n\r\n");
    append_text(answer, text);
    append_text(answer, "\n");
}

static void run_route(const struct http_router *router, const struct cc_http_request *request,
                      struct cc_http_response *response)
{
    int status;
    const struct cc_http_route *route = find_route(router, request, &status);

    if (route) {
        route->handle(route->context, request, response);
        return;
    }
    response->status = status;
    append_text(&response->body, http_status_text(status));
    append_text(&response->body, "\n");
}

void http_answer(const struct http_router *router, struct http_exchange *exchange,
                 struct buffer *answer)
{
    struct cc_http_request *request = &exchange->request;
    struct cc_http_response response = {.status = 200, .type = "text/plain; charset=utf-8"};

    buffer_init(&response.headers, answer->allocator);
    buffer_init(&response.body, answer->allocator);
    request->body = buffer_slice(&exchange->body);
    run_route(router, request, &response);
    if (response.headers.failed || response.body.failed) {
        http_refuse(503, "", answer);
    } else {
        append_head(answer, response.status, response.type, response.body.size);
        buffer_append_slice(answer, buffer_slice(&response.headers));
        append_text(answer, "\r\n");
        if (!slice_equal(request->method, slice_str("HEAD")))
            buffer_append_slice(answer, buffer_slice(&response.body));
    }
    buffer_deinit(&response.headers);
    buffer_deinit(&response.body);
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
    append_text(&response->headers, name);
    append_text(&response->headers, ": ");
    append_text(&response->headers, value);
    append_text(&response->headers, "\r\n");
}

void cc_http_response_write(struct cc_http_response *response, struct cc_slice bytes)
{
    buffer_append_slice(&response->body, bytes);
}
