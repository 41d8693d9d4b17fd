/*
 * HTTP answers: routes, methods, headers that can't be forged.
 */
#include "gateway/http.h"

#include "chatcore/error.h"
#include "support/test.h"

#include <stdlib.h>

static void echo(void *context, const struct cc_http_request *request,
                 struct cc_http_response *response)
{
    cc_http_response_status(response, 201);
    cc_http_response_type(response, "application/json");
    cc_http_response_header(response, "X-Context", context);
    cc_http_response_write(response, request->query);
    cc_http_response_write(response, request->body);
}

static void forge(void *context, const struct cc_http_request *request,
                  struct cc_http_response *response)
{
    (void)context;
    (void)request;
    cc_http_response_header(response, "X-A", "b\r\nSet-Cookie: evil=1");
    cc_http_response_header(response, "X-A\r\nX-B", "c");
    cc_http_response_type(response, "text/html\r\n\r\n<script>");
}

/* What a browser may keep; the same again is told without the body. */
static void keep(void *context, const struct cc_http_request *request,
                 struct cc_http_response *response)
{
    (void)context;
    cc_http_response_header(response, "cache-control", "no-cache");
    cc_http_response_write(response, request->if_none_match);
    cc_http_response_write(response, request->accept_encoding);
    if (request->if_none_match.size)
        cc_http_response_status(response, 304);
}

struct fixture {
    struct http_router router;
    struct buffer answer;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct cc_http_route post = {"POST", "/v1/echo", echo, "one"};
    struct cc_http_route get = {"GET", "/v1/echo", echo, "two"};
    struct cc_http_route forged = {"GET", "/forge", forge, NULL};
    struct cc_http_route kept = {"GET", "/keep", keep, NULL};

    http_router_init(&fixture->router, cc_allocator_default());
    buffer_init(&fixture->answer, cc_allocator_default());
    *state = fixture;
    return http_router_add(&fixture->router, &post) || http_router_add(&fixture->router, &get) ||
           http_router_add(&fixture->router, &forged) || http_router_add(&fixture->router, &kept);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    http_router_deinit(&fixture->router);
    buffer_deinit(&fixture->answer);
    free(fixture);
    return 0;
}

/* The answer, terminated. */
static const char *ask_request(struct fixture *fixture, const struct cc_http_request *request,
                               const char *body)
{
    struct http_headers headers = {0};
    struct http_exchange *exchange = http_exchange_new(cc_allocator_default(), request, &headers);

    assert_non_null(exchange);
    buffer_append(&exchange->body, body, strlen(body));
    buffer_clear(&fixture->answer);
    if (!http_run(&fixture->router, exchange))
        http_error(&exchange->response, 404);
    http_write(exchange, &fixture->answer);
    buffer_append_byte(&fixture->answer, 0);
    http_exchange_free(exchange);
    assert_false(fixture->answer.failed);
    return fixture->answer.data;
}

static const char *ask(struct fixture *fixture, const char *method, const char *path,
                       const char *body)
{
    struct cc_http_request request = {
        .method = slice_str(method), .path = slice_str(path), .query = slice_str("q=1;")};

    return ask_request(fixture, &request, body);
}

#define assert_begins(text, beginning) assert_memory_equal(text, beginning, strlen(beginning))

static void routes(void **state)
{
    const char *answer = ask(*state, "POST", "/v1/echo", "body");

    assert_begins(answer, "HTTP/1.1 201 Created\r\nContent-Length: 8\r\n");
    assert_non_null(strstr(answer, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(answer, "\r\nX-Context: one\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\nq=1;body");
    answer = ask(*state, "GET", "/v1/echo", "");
    assert_non_null(strstr(answer, "\r\nX-Context: two\r\n"));
}

static void unknown(void **state)
{
    assert_begins(ask(*state, "GET", "/v1/ech", ""), "HTTP/1.1 404 Not Found\r\n");
    assert_begins(ask(*state, "GET", "/v1/echo/", ""), "HTTP/1.1 404 Not Found\r\n");
    assert_begins(ask(*state, "DELETE", "/v1/echo", ""), "HTTP/1.1 405 Method Not Allowed\r\n");
    assert_begins(ask(*state, "HEAD", "/nothing", ""), "HTTP/1.1 404 Not Found\r\n");
}

static void head_has_no_body(void **state)
{
    const char *answer = ask(*state, "HEAD", "/v1/echo", "");

    assert_begins(answer, "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void answers_are_kept_if_they_say_so(void **state)
{
    struct cc_http_request request = {.method = slice_str("GET"),
                                      .path = slice_str("/keep"),
                                      .accept_encoding = slice_str("gzip")};
    const char *answer = ask(*state, "POST", "/v1/echo", "");

    assert_non_null(strstr(answer, "\r\nCache-Control: no-store\r\n"));
    answer = ask_request(*state, &request, "");
    assert_null(strstr(answer, "no-store"));
    assert_non_null(strstr(answer, "\r\ncache-control: no-cache\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\ngzip");
    request.if_none_match = slice_str("\"a\"");
    answer = ask_request(*state, &request, "");
    assert_begins(answer, "HTTP/1.1 304 Not Modified\r\n");
    assert_null(strstr(answer, "Content-Length"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void headers_cannot_be_forged(void **state)
{
    const char *answer = ask(*state, "GET", "/forge", "");

    assert_null(strstr(answer, "Set-Cookie"));
    assert_null(strstr(answer, "X-B"));
    assert_null(strstr(answer, "<script>"));
    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
}

static void routes_are_checked(void **state)
{
    struct fixture *fixture = *state;
    struct cc_http_route relative = {"GET", "v1", echo, NULL};
    struct cc_http_route without_method = {NULL, "/v1", echo, NULL};
    struct cc_http_route without_handler = {"GET", "/v1", NULL, NULL};

    assert_int_equal(http_router_add(&fixture->router, &relative), CC_EINVAL);
    assert_int_equal(http_router_add(&fixture->router, &without_method), CC_EINVAL);
    assert_int_equal(http_router_add(&fixture->router, &without_handler), CC_EINVAL);
}

static void refusals_close(void **state)
{
    struct fixture *fixture = *state;

    http_refuse(503, "Retry-After: 5\r\n", &fixture->answer);
    buffer_append_byte(&fixture->answer, 0);
    assert_begins(fixture->answer.data, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_non_null(
        strstr(fixture->answer.data, "\r\nRetry-After: 5\r\nConnection: close\r\n\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(head_has_no_body, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_are_kept_if_they_say_so, setup, teardown),
        cmocka_unit_test_setup_teardown(headers_cannot_be_forged, setup, teardown),
        cmocka_unit_test_setup_teardown(routes_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_close, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
