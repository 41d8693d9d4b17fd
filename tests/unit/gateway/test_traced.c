/*
 * Requests that are part of a trace: what is read, and who is told of what.
 */
#include "gateway/traced.h"
#include "support/test.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define GOOD   "00-" TRACE "-" PARENT "-01"

static void ids_and_the_flag_are_read(void **state)
{
    struct cc_gateway_traced traced = {0};

    (void)state;
    assert_true(traced_read(slice_str(GOOD), &traced));
    assert_string_equal(traced.trace_id, TRACE);
    assert_string_equal(traced.parent_id, PARENT);
    assert_true(traced.is_sampled);
    assert_true(traced_read(slice_str("00-" TRACE "-" PARENT "-00"), &traced));
    assert_false(traced.is_sampled);
    assert_true(traced_read(slice_str("00-" TRACE "-" PARENT "-0b"), &traced));
    assert_true(traced.is_sampled);
}

static void what_is_none_is_not_read(void **state)
{
    struct cc_gateway_traced traced = {0};

    (void)state;
    assert_false(traced_read(slice_of(NULL, 0), &traced));
    assert_false(traced_read(slice_str("00-" TRACE "-0000000000000000-01"), &traced));
}

static void take(void *context, const struct cc_gateway_traced *request)
{
    *(struct cc_gateway_traced *)context = *request;
}

static void the_host_is_told_of_traced_requests_alone(void **state)
{
    struct cc_gateway_traced told = {.status = -1};
    struct cc_gateway_options options = CC_GATEWAY_OPTIONS_INIT;
    struct http_exchange exchange = {.response = {.status = 201}};

    (void)state;
    options.traced = take;
    options.traced_context = &told;
    traced_answered(&options, &exchange);
    exchange.trace_parent = slice_str("nonsense");
    traced_answered(&options, &exchange);
    assert_int_equal(told.status, -1);
    exchange.trace_parent = slice_str(GOOD);
    exchange.started_us = traced_now_us();
    traced_answered(&options, &exchange);
    assert_int_equal(told.status, 201);
    assert_string_equal(told.trace_id, TRACE);
    traced_handshake(&options, slice_of(NULL, 0), slice_str("/v1/ws"), 101);
    assert_int_equal(told.status, 201);
    traced_handshake(&options, slice_str(GOOD), slice_str("/v1/ws"), 101);
    assert_int_equal(told.status, 101);
    assert_true(slice_equal(told.path, slice_str("/v1/ws")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_the_flag_are_read),
        cmocka_unit_test(what_is_none_is_not_read),
        cmocka_unit_test(the_host_is_told_of_traced_requests_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
