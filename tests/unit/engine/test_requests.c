/*
 * Sessions for requests only: they act as their user does, and are not there otherwise.
 */
#include "chatcore/error.h"
#include "support/engine_fixture.h"
#include "support/test.h"

static void relate(struct client *client, enum cc_command_type type, const char *user)
{
    client_do(client, (struct cc_command){.type = type, .user = text_slice(user)});
    client_forget(client);
}

static void it_acts_and_is_pushed_nothing(void **state)
{
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *alice = client_open_for_requests(*state, "alice");

    client_expect(alice, "connect ok\n");
    client_create(alice, "g", "bob");
    client_say(alice, "g", "hi");
    client_say(bob, "g", "hello");
    client_say_to(bob, "alice", "you");
    assert_null(strstr(client_text(alice), "message"));
    assert_null(strstr(client_text(alice), "conversation"));
    assert_non_null(strstr(client_text(bob), "message g 2 alice hi"));
}

static void its_user_is_not_online(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *alice;

    relate(bob, CC_COMMAND_ADD_CONTACT, "alice");
    alice = client_open_for_requests(fixture, "alice");
    client_say_to(alice, "bob", "hi");
    client_forget(bob);
    client_name_users(bob, CC_COMMAND_PRESENCE, NULL, "alice");
    client_expect(bob, "presence ok\n  alice offline\n");
    client_close(alice);
    fixture_advance(fixture, 60000);
    client_expect(bob, "");
}

/* What was said while only requests were made is still new to the first device that comes. */
static void it_moves_no_device_cursor(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_create(bob, "g", "alice");
    client_close(alice);
    alice = client_open_for_requests(fixture, "alice");
    client_say(bob, "g", "one");
    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_HISTORY, .conversation = text_slice("g")});
    alice = client_open(fixture, "alice", "phone");
    assert_non_null(strstr(client_text(alice), "message g 2 bob one"));
}

static void its_read_mark_is_the_users(void **state)
{
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *alice = client_open_for_requests(*state, "alice");

    client_create(bob, "g", "alice");
    client_say(bob, "g", "one");
    client_forget(bob);
    client_do(alice, (struct cc_command){
                         .type = CC_COMMAND_READ, .conversation = text_slice("g"), .seq = 2});
    client_expect(alice, "connect ok\nread ok\n");
    assert_non_null(strstr(client_text(bob), "receipt g alice"));
}

static void a_device_is_named_by_the_command(void **state)
{
    struct client *alice = client_open_for_requests(*state, "alice");
    struct cc_command device = {
        .type = CC_COMMAND_DEVICE, .provider = text_slice("fcm"), .token = text_slice("t")};

    client_forget(alice);
    client_do(alice, device);
    client_expect(alice, "device CC_EINVAL\n");
    device.device = text_slice("phone");
    client_do(alice, device);
    client_expect(alice, "device ok\n");
}

/* As many as one likes: they are not among those that max_user_sessions counts. */
static void it_takes_no_place_of_a_device(void **state)
{
    struct fixture *fixture = *state;
    struct client *phone = client_connect(fixture, "alice", "phone");

    for (int i = 0; i < 40; i++)
        client_open_for_requests(fixture, "alice");
    assert_false(phone->is_closed);
    client_say_to(phone, "bob", "hi");
    assert_non_null(strstr(client_text(phone), "send ok"));
}

/* Slow consumers, lost feeds: whatever makes sessions catch up must not find it. */
static void it_ends_with_the_engine(void **state)
{
    struct client *alice = client_open_for_requests(*state, "alice");

    cc_engine_stop(alice->fixture->engine, CC_CLOSE_DRAINING);
    fixture_settle(alice->fixture);
    assert_true(alice->is_closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_acts_and_is_pushed_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(its_user_is_not_online, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(it_moves_no_device_cursor, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(its_read_mark_is_the_users, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_device_is_named_by_the_command, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(it_takes_no_place_of_a_device, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(it_ends_with_the_engine, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
