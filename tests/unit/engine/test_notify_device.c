/*
 * Devices that gather: what is told of one user's conversations goes as one, when its time comes.
 */
#include "engine/notify.h"

#include "notify_fixture.h"
#include "support/test.h"

static int setup(void **state)
{
    return notify_setup_gathering(state, 60000);
}

static void say_in_three(struct client *alice)
{
    client_say(alice, "g", "in g");
    client_say(alice, "h", "in h");
    client_say(alice, "g", "in g again");
    fixture_advance(alice->fixture, 20000);
    client_say_to(alice, "bob", "to bob");
}

static struct client *alice_and_bob_in_groups(struct fixture *fixture)
{
    struct client *alice = alice_and_bob(fixture);

    client_create(alice, "g", "bob");
    client_create(alice, "h", "bob");
    settle_offline(fixture);
    return alice;
}

/* Direct messages first, whenever they came. */
static void test_conversations_are_gathered(void **state)
{
    struct client *alice = alice_and_bob_in_groups(*state);

    say_in_three(alice);
    fixture_advance(*state, 50000);
    fake_expect(&notify_fake, "");
    fixture_advance(*state, 20000);
    fake_expect(&notify_fake,
                "show bob/tok [alice] to bob (1, badge 4, high)\n"
                "+ show bob/tok [club] 2 new messages in club / alice: in g again (2, badge 3)\n"
                "+ show bob/tok [club] alice: in h (1, badge 3)\n");
    fixture_advance(*state, 100000);
    fake_expect(&notify_fake, "");
}

static void test_what_was_read_is_not_gathered(void **state)
{
    struct client *alice = alice_and_bob_in_groups(*state);
    struct client *bob;

    say_in_three(alice);
    fixture_advance(*state, 20000);
    bob = client_connect(*state, "bob", "laptop");
    read_up_to(bob, "g", 3);
    client_do(bob, (struct cc_command){
                       .type = CC_COMMAND_DELIVERED, .conversation = text_slice("h"), .seq = 2});
    client_close(bob);
    settle_offline(*state);
    fixture_advance(*state, 40000);
    fake_expect(&notify_fake, "show bob/tok [alice] to bob (1, badge 4, high)\n");
}

static void test_who_came_back_gets_nothing_gathered(void **state)
{
    struct client *alice = alice_and_bob_in_groups(*state);
    struct cc_engine_stats stats = {.size = sizeof stats};

    say_in_three(alice);
    fixture_advance(*state, 20000);
    client_connect(*state, "bob", "laptop");
    fixture_advance(*state, 100000);
    fake_expect(&notify_fake, "");
    cc_engine_get_stats(alice->fixture->engine, &stats);
    assert_int_equal(stats.notifications_waiting, 0);
}

/* Together, with what came meanwhile, and in the same order. */
static void test_what_was_gathered_and_failed_is_repeated(void **state)
{
    struct client *alice = alice_and_bob_in_groups(*state);

    notify_fake.answer = CC_NOTIFIER_LATER;
    notify_fake.retry_after_ms = 60000;
    client_say(alice, "g", "in g");
    client_say_to(alice, "bob", "to bob");
    fixture_advance(*state, 70000);
    fake_expect(&notify_fake, "show bob/tok [alice] to bob (1, badge 2, high)\n"
                              "+ show bob/tok [club] alice: in g (1, badge 2)\n");
    client_say(alice, "h", "in h");
    fixture_advance(*state, 20000);
    notify_fake.answer = CC_NOTIFIER_SENT;
    fixture_advance(*state, 60000);
    fake_expect(&notify_fake, "show bob/tok [alice] to bob (1, badge 2, high)\n"
                              "+ show bob/tok [club] alice: in g (1, badge 2)\n"
                              "+ show bob/tok [club] alice: in h (1, badge 3)\n");
}

static void test_a_dead_address_takes_all_with_it(void **state)
{
    struct client *alice = alice_and_bob_in_groups(*state);
    struct cc_engine_stats stats = {.size = sizeof stats};

    notify_fake.answer = CC_NOTIFIER_GONE;
    say_in_three(alice);
    fixture_advance(*state, 70000);
    assert_int_equal(notify_fake.pushes, 3);
    say_in_three(alice);
    fixture_advance(*state, 100000);
    assert_int_equal(notify_fake.pushes, 3);
    cc_engine_get_stats(alice->fixture->engine, &stats);
    assert_int_equal(stats.notification_tokens_gone, 1);
    assert_int_equal(stats.notifications_waiting, 0);
}

/* One user's conversations are not another's, though both have the address. */
static void test_users_of_one_address_are_told_apart(void **state)
{
    struct client *alice = alice_and_bob_in_groups(*state);

    register_device(*state, "carol", "phone", "tok");
    settle_offline(*state);
    client_say(alice, "g", "in g");
    client_say_to(alice, "carol", "to carol");
    client_say_to(alice, "bob", "to bob");
    fixture_advance(*state, 100000);
    fake_expect(&notify_fake, "show carol/tok [alice] to carol (1, badge 1, high)\n"
                              "show bob/tok [alice] to bob (1, badge 2, high)\n"
                              "+ show bob/tok [club] alice: in g (1, badge 2)\n");
}

static void test_what_was_gathered_is_told_after_a_restart(void **state)
{
    struct client *alice = alice_and_bob_in_groups(*state);

    say_in_three(alice);
    fixture_advance(*state, 20000);
    fixture_restart(*state, notify_configure);
    fake_expect(&notify_fake, "");
    fixture_advance(*state, 100000);
    assert_int_equal(notify_fake.pushes, 3);
    fixture_restart(*state, notify_configure);
    fixture_advance(*state, 100000);
    assert_int_equal(notify_fake.pushes, 3);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, notify_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_conversations_are_gathered),
        TEST(test_what_was_read_is_not_gathered),
        TEST(test_who_came_back_gets_nothing_gathered),
        TEST(test_what_was_gathered_and_failed_is_repeated),
        TEST(test_a_dead_address_takes_all_with_it),
        TEST(test_users_of_one_address_are_told_apart),
        TEST(test_what_was_gathered_is_told_after_a_restart),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
