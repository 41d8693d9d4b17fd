/*
 * Who may upgrade to WebSocket, and what the others are told.
 */
#include "gateway/admission.h"

#include "chatcore/error.h"
#include "support/test.h"

#define S(text)                                                                                    \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct upgrade_request good = {
    .upgrade = S("websocket"),
    .path = S("/v1/ws"),
    .version = S("13"),
    .key = S("dGhlIHNhbXBsZSBub25jZQ=="),
    .host = S("chat.example.org:8080"),
    .is_get = true,
};

struct fixture {
    struct admission none;
    struct admission listed;
    struct admission any;
};

static int setup(void **state)
{
    static struct fixture fixture;
    static const char *const listed[] = {"https://a.example", "https://b.example:444"};
    static const char *const any[] = {"*"};
    const struct cc_allocator *allocator = cc_allocator_default();

    *state = &fixture;
    return admission_init(&fixture.none, allocator, NULL, 0, NULL, 0) ||
           admission_init(&fixture.listed, allocator, listed, 2, NULL, 0) ||
           admission_init(&fixture.any, allocator, any, 1, NULL, 0);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    admission_deinit(&fixture->none);
    admission_deinit(&fixture->listed);
    admission_deinit(&fixture->any);
    return 0;
}

#define assert_status(fixture, expected, ...)                                                      \
    do {                                                                                           \
        struct upgrade_request request = good;                                                     \
        __VA_ARGS__;                                                                               \
        assert_int_equal(admission_check(&(fixture)->none, &request), expected);                   \
    } while (0)

static void requests(void **state)
{
    struct fixture *fixture = *state;

    assert_status(fixture, 0, (void)0);
    assert_status(fixture, 0, request.upgrade = slice_str("WebSocket"));
    assert_status(fixture, 400, request.upgrade = slice_str("h2c"));
    assert_status(fixture, 400, request.is_get = false);
    assert_status(fixture, 404, request.path = slice_str("/v1/ws/"));
    assert_status(fixture, 404, request.path = slice_str("/"));
    assert_status(fixture, 426, request.version = slice_str("8"));
    assert_status(fixture, 426, request.version = slice_str(""));
    assert_status(fixture, 400, request.key = slice_str("short"));
    assert_status(fixture, 503, request.is_draining = true);
    assert_status(fixture, 503, request.is_over_limit = true);
}

static void subprotocols(void **state)
{
    struct fixture *fixture = *state;

    assert_status(fixture, 0, request.protocols = slice_str("chatcore.v1.json"));
    assert_status(fixture, 0, request.protocols = slice_str("other, chatcore.v1.msgpack"));
    assert_status(fixture, 0, request.protocols = slice_str("chatcore.v1.msgpack ,x"));
    assert_status(fixture, 400, request.protocols = slice_str("other"));
    assert_status(fixture, 400, request.protocols = slice_str("chatcore.v1.jso"));
    assert_status(fixture, 400, request.protocols = slice_str(",,"));
}

static int check_origin(const struct admission *admission, const char *origin)
{
    struct upgrade_request request = good;

    request.origin = slice_str(origin);
    return admission_check(admission, &request);
}

static void origins(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(check_origin(&fixture->none, "http://chat.example.org:8080"), 0);
    assert_int_equal(check_origin(&fixture->none, "https://CHAT.example.org:8080"), 0);
    assert_int_equal(check_origin(&fixture->none, "http://chat.example.org"), 0);
    assert_int_equal(check_origin(&fixture->none, "https://chat.example.org:1"), 0);
    assert_int_equal(check_origin(&fixture->none, "http://:8080"), 403);
    assert_int_equal(check_origin(&fixture->none, "http://chat.example.org:"), 403);
    assert_int_equal(check_origin(&fixture->none, "http://evil.example"), 403);
    assert_int_equal(check_origin(&fixture->none, "http://chat.example.org:8080.evil.example"),
                     403);
    assert_int_equal(check_origin(&fixture->none, "null"), 403);
    assert_int_equal(check_origin(&fixture->none, "chat.example.org:8080"), 403);
    assert_int_equal(check_origin(&fixture->listed, "https://a.example"), 0);
    assert_int_equal(check_origin(&fixture->listed, "https://b.example:444"), 0);
    assert_int_equal(check_origin(&fixture->listed, "http://a.example"), 403);
    assert_int_equal(check_origin(&fixture->listed, "http://chat.example.org:8080"), 403);
    assert_int_equal(check_origin(&fixture->listed, ""), 0);
    assert_int_equal(check_origin(&fixture->any, "http://evil.example"), 0);
}

static void lists_are_checked(void **state)
{
    static const char *const proxies[] = {"10.0.0.0/8", "not an address"};
    struct admission admission;

    (void)state;
    assert_int_equal(admission_init(&admission, cc_allocator_default(), NULL, 0, proxies, 2),
                     CC_EINVAL);
    admission_deinit(&admission);
    assert_int_equal(admission_init(&admission, cc_allocator_default(), NULL, 0, proxies, 1), 0);
    assert_int_equal(admission.trusted_count, 1);
    admission_deinit(&admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(subprotocols),
        cmocka_unit_test(origins),
        cmocka_unit_test(lists_are_checked),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
