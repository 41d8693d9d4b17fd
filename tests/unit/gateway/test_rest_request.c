/*
 * Requests into commands: where each field comes from, and that none can be given twice.
 */
#include "gateway/rest_request.h"

#include "chatcore/error.h"
#include "support/test.h"

struct fixture {
    struct wire_decoder decoder;
    struct buffer joined;
    struct http_exchange *exchange;
    struct wire_item item;
};

static int setup(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    wire_decoder_init(&fixture.decoder, cc_allocator_default());
    buffer_init(&fixture.joined, cc_allocator_default());
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    wire_decoder_deinit(&fixture->decoder);
    buffer_deinit(&fixture->joined);
    http_exchange_free(fixture->exchange);
    return 0;
}

/* `path` is as libwebsockets has decoded it. */
static const struct cc_command *ask(struct fixture *fixture, const char *method, const char *path,
                                    const char *query, const char *body)
{
    struct http_headers headers = {0};
    struct cc_http_request request = {
        .method = slice_str(method), .path = slice_str(path), .query = slice_str(query)};
    struct rest_match match;

    if (strstr(query, "key:") == query) {
        headers.idempotency_key = slice_str(query + 4);
        request.query = slice_of(NULL, 0);
    }
    http_exchange_free(fixture->exchange);
    fixture->exchange = http_exchange_new(cc_allocator_default(), &request, &headers);
    assert_non_null(fixture->exchange);
    buffer_append(&fixture->exchange->body, body, strlen(body));
    rest_match(request.method, request.path, &match);
    assert_non_null(match.route);
    rest_decode(&fixture->decoder, fixture->exchange, &match, &fixture->joined, &fixture->item);
    return &fixture->item.command;
}

#define assert_slice(slice, text) assert_true(slice_equal(slice, slice_str(text)))

static void fields_come_from_path_query_and_body(void **state)
{
    struct fixture *fixture = *state;
    const struct cc_command *command =
        ask(fixture, "GET", "/v1/conversations/g/messages", "after=0&limit=7", "");

    assert_int_equal(fixture->item.error, 0);
    assert_int_equal(command->type, CC_COMMAND_HISTORY);
    assert_slice(command->conversation, "g");
    assert_true(command->has_after && command->after == 0);
    assert_int_equal(command->limit, 7);
    command = ask(fixture, "POST", "/v1/conversations/g/messages", "",
                  " { \"text\":\"hi\",\"client_id\":\"c\"}\n");
    assert_int_equal(fixture->item.error, 0);
    assert_slice(command->conversation, "g");
    assert_slice(command->text, "hi");
    assert_slice(command->client_id, "c");
    command = ask(fixture, "POST", "/v1/users/bob/messages", "key:c-1", "{\"text\":\"hi\"}");
    assert_int_equal(fixture->item.error, 0);
    assert_slice(command->user, "bob");
    assert_slice(command->client_id, "c-1");
    command = ask(fixture, "POST", "/v1/conversations/g/leave", "", "");
    assert_int_equal(fixture->item.error, 0);
    assert_slice(command->conversation, "g");
    command = ask(fixture, "POST", "/v1/conversations/g/leave", "", "{}");
    assert_int_equal(fixture->item.error, 0);
}

static void a_route_may_set_a_field(void **state)
{
    static const char path[] =
        "/v1/conversations/g/messages/01234567-89ab-7def-8123-456789abcdef/reactions/+1";
    struct fixture *fixture = *state;

    assert_true(ask(fixture, "PUT", path, "", "")->on);
    assert_int_equal(fixture->item.error, 0);
    assert_slice(fixture->item.command.emoji, "+1");
    assert_false(ask(fixture, "DELETE", path, "", "")->on);
    assert_int_equal(fixture->item.error, 0);
}

static void lists_are_repeated(void **state)
{
    struct fixture *fixture = *state;
    const struct cc_command *command =
        ask(fixture, "DELETE", "/v1/conversations/g/members", "users=a&x=y&users=b%26c+d%2", "");

    assert_int_equal(fixture->item.error, CC_EINVAL); /* a name has no space */
    command = ask(fixture, "DELETE", "/v1/conversations/g/members", "users=a&x=y&users=b%26c", "");
    assert_int_equal(fixture->item.error, 0);
    assert_int_equal(command->user_count, 2);
    assert_slice(command->users[0], "a");
    assert_slice(command->users[1], "b&c");
    command = ask(fixture, "DELETE", "/v1/conversations/g/members", "", "{\"users\":[\"z\"]}");
    assert_int_equal(fixture->item.error, 0);
    assert_slice(command->users[0], "z");
}

/* Text may hold whatever it likes: it stays inside its string. */
static void values_cannot_break_out(void **state)
{
    struct fixture *fixture = *state;
    const struct cc_command *command =
        ask(fixture, "GET", "/v1/search", "text=%22,%22conversation%22:%22g%5C", "");

    assert_int_equal(fixture->item.error, 0);
    assert_slice(command->text, "\",\"conversation\":\"g\\");
    assert_int_equal(command->conversation.size, 0);
    ask(fixture, "PUT", "/v1/contacts/a\x01z", "", "");
    assert_int_equal(fixture->item.error, CC_EINVAL);
    ask(fixture, "PUT", "/v1/contacts/\xff", "", "");
    assert_int_equal(fixture->item.error, CC_EINVAL);
}

static void a_slash_is_encoded_twice(void **state)
{
    struct fixture *fixture = *state;

    assert_slice(ask(fixture, "PUT", "/v1/contacts/a%2Fb%2fc", "", "")->user, "a/b/c");
    assert_slice(ask(fixture, "PUT", "/v1/contacts/%252F%2", "", "")->user, "%2F%2");
    assert_slice(ask(fixture, "PUT", "/v1/contacts/100%", "", "")->user, "100%");
}

static void nothing_is_given_twice(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *method, *path, *query, *body;
    } bad[] = {
        {"POST", "/v1/conversations/g/messages", "", "{\"conversation\":\"h\"}"},
        {"POST", "/v1/conversations/g/messages", "key:c", "{\"text\":\"a\",\"client_id\":\"d\"}"},
        {"GET", "/v1/contacts", "limit=1&limit=2", ""},
        {"PUT", "/v1/contacts/bob", "", "{\"user\":\"eve\"}"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ask(fixture, bad[i].method, bad[i].path, bad[i].query, bad[i].body);
        assert_int_equal(fixture->item.error, CC_EINVAL);
    }
}

static void wrong_values_are_named(void **state)
{
    static const char *const bad[] = {"limit=",
                                      "limit=-1",
                                      "limit=01",
                                      "limit=1e3",
                                      "limit=%22",
                                      "limit=true",
                                      "limit=99999999999999999999"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ask(fixture, "GET", "/v1/contacts", bad[i], "");
        assert_int_equal(fixture->item.error, CC_EINVAL);
        assert_memory_equal(fixture->item.error_text.data, "limit: ", 7);
    }
}

/* Only what a route takes from the query is taken, and a GET's body is nothing. */
static void the_rest_is_not_looked_at(void **state)
{
    struct fixture *fixture = *state;
    const struct cc_command *command =
        ask(fixture, "GET", "/v1/profile", "user=eve&name=x", "{\"user\":\"eve\"}");

    assert_int_equal(fixture->item.error, 0);
    assert_int_equal(command->user.size, 0);
    assert_false(command->has_name);
}

static void a_body_is_one_object(void **state)
{
    static const char *const bad[] = {"[]",
                                      "1",
                                      "\"a\"",
                                      "{",
                                      "{}{}",
                                      "{},",
                                      "nothing",
                                      "{,}",
                                      "}",
                                      "{\"text\":\"a\"}}",
                                      "\xef\xbb\xbf{}"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ask(fixture, "POST", "/v1/conversations/g/leave", "", bad[i]);
        assert_int_equal(fixture->item.error, CC_EPROTOCOL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_come_from_path_query_and_body, setup, teardown),
        cmocka_unit_test_setup_teardown(a_route_may_set_a_field, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_are_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(values_cannot_break_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slash_is_encoded_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_given_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_values_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rest_is_not_looked_at, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_is_one_object, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
