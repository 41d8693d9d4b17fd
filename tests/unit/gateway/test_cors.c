/*
 * Cross-origin requests: who may read, and what a preflight is told.
 */
#include "gateway/cors.h"

#include "support/test.h"

static struct http_exchange *request(const char *method, const char *origin, const char *wanted)
{
    struct cc_http_request request = {.method = slice_str(method), .path = slice_str("/v1/x")};
    struct http_headers headers = {.origin = slice_str(origin), .wanted_method = slice_str(wanted)};
    struct http_exchange *exchange = http_exchange_new(cc_allocator_default(), &request, &headers);

    assert_non_null(exchange);
    return exchange;
}

static bool is_allowed(const char *const *origins, size_t count, const char *origin)
{
    struct http_exchange *exchange = request("GET", origin, "");
    struct cors cors;
    bool allowed;

    assert_int_equal(cors_init(&cors, cc_allocator_default(), origins, count), 0);
    cors_allow(&cors, exchange);
    allowed = exchange->allowed_origin.size > 0;
    http_exchange_free(exchange);
    cors_deinit(&cors);
    return allowed;
}

static void origins_are_those_named(void **state)
{
    static const char *const one[] = {"https://a.example"};
    static const char *const all[] = {"*"};

    (void)state;
    assert_true(is_allowed(one, 1, "https://a.example"));
    assert_false(is_allowed(one, 1, "https://a.example.evil.example"));
    assert_false(is_allowed(one, 1, "http://a.example"));
    assert_false(is_allowed(one, 1, ""));
    assert_true(is_allowed(all, 1, "https://b.example"));
    assert_false(is_allowed(NULL, 0, "https://a.example"));
}

static void only_an_allowed_preflight_is_one(void **state)
{
    struct http_exchange *exchange = request("OPTIONS", "https://a.example", "PUT");

    (void)state;
    assert_false(cors_preflight(exchange));
    exchange->allowed_origin = exchange->headers.origin;
    assert_true(cors_preflight(exchange));
    assert_int_equal(exchange->response.status, 204);
    http_exchange_free(exchange);
    exchange = request("OPTIONS", "https://a.example", "");
    exchange->allowed_origin = exchange->headers.origin;
    assert_false(cors_preflight(exchange));
    http_exchange_free(exchange);
    exchange = request("PUT", "https://a.example", "PUT");
    exchange->allowed_origin = exchange->headers.origin;
    assert_false(cors_preflight(exchange));
    http_exchange_free(exchange);
}

static void answers_tell_the_origin(void **state)
{
    struct http_exchange *exchange = request("GET", "https://a.example", "");
    struct buffer answer;

    (void)state;
    buffer_init(&answer, cc_allocator_default());
    exchange->allowed_origin = exchange->headers.origin;
    http_error(&exchange->response, 404);
    http_write(exchange, &answer);
    buffer_append_byte(&answer, 0);
    assert_false(answer.failed);
    assert_non_null(strstr(answer.data, "\r\nAccess-Control-Allow-Origin: https://a.example\r\n"));
    assert_non_null(strstr(answer.data, "\r\nVary: Origin\r\n"));
    buffer_deinit(&answer);
    http_exchange_free(exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins_are_those_named),
        cmocka_unit_test(only_an_allowed_preflight_is_one),
        cmocka_unit_test(answers_tell_the_origin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
