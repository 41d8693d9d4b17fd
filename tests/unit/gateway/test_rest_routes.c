/*
 * Finding routes: methods, parameters, paths that are none.
 */
#include "gateway/rest_routes.h"

#include "support/test.h"

static struct rest_match match(const char *method, const char *path)
{
    struct rest_match found;

    rest_match(slice_str(method), slice_str(path), &found);
    return found;
}

#define assert_slice(slice, text) assert_true(slice_equal(slice, slice_str(text)))

static void a_route_is_found_by_method_and_path(void **state)
{
    (void)state;
    assert_int_equal(match("GET", "/v1/conversations").route->command, CC_COMMAND_CONVERSATIONS);
    assert_int_equal(match("HEAD", "/v1/conversations").route->command, CC_COMMAND_CONVERSATIONS);
    assert_int_equal(match("POST", "/v1/conversations").route->command, CC_COMMAND_CREATE);
    assert_int_equal(match("DELETE", "/v1/conversations/g/members").route->command,
                     CC_COMMAND_REMOVE);
}

static void parameters_are_taken(void **state)
{
    struct rest_match found =
        match("PUT", "/v1/conversations/g/messages/0123/reactions/\xf0\x9f\x91\x8d");

    (void)state;
    assert_int_equal(found.parameter_count, 3);
    assert_slice(found.parameters[0].key, "conversation");
    assert_slice(found.parameters[0].value, "g");
    assert_slice(found.parameters[1].key, "message");
    assert_slice(found.parameters[1].value, "0123");
    assert_slice(found.parameters[2].key, "emoji");
    assert_slice(found.parameters[2].value, "\xf0\x9f\x91\x8d");
}

/* A literal segment is no parameter of another route, and a parameter takes it as any other. */
static void names_may_look_like_segments(void **state)
{
    struct rest_match found = match("GET", "/v1/conversations/members/members");

    (void)state;
    assert_int_equal(found.route->command, CC_COMMAND_MEMBERS);
    assert_slice(found.parameters[0].value, "members");
}

static void what_is_no_path_is_told_from_a_wrong_method(void **state)
{
    struct rest_match found = match("PUT", "/v1/conversations");
    static const char *const nowhere[] = {"/v1/",
                                          "/v1",
                                          "",
                                          "/",
                                          "/v1/conversation",
                                          "/v1/conversations/",
                                          "/v1/conversations//members",
                                          "/v1/conversations/a/b/c/d/e/f/g",
                                          "/v1/contacts/a/",
                                          "v1/conversations"};

    (void)state;
    assert_null(found.route);
    assert_true(found.is_path);
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        found = match("GET", nowhere[i]);
        assert_null(found.route);
        assert_false(found.is_path);
    }
}

static void methods_are_told(void **state)
{
    char text[64];
    char tiny[6];

    (void)state;
    rest_methods(slice_str("/v1/conversations/g/members"), text, sizeof text);
    assert_string_equal(text, "GET, POST, DELETE");
    rest_methods(slice_str("/v1/nothing"), text, sizeof text);
    assert_string_equal(text, "");
    rest_methods(slice_str("/v1/conversations/g/members"), tiny, sizeof tiny);
    assert_string_equal(tiny, "GET, ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_is_found_by_method_and_path),
        cmocka_unit_test(parameters_are_taken),
        cmocka_unit_test(names_may_look_like_segments),
        cmocka_unit_test(what_is_no_path_is_told_from_a_wrong_method),
        cmocka_unit_test(methods_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
