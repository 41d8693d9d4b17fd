/*
 * Notifications: who is told of what, and when, on virtual time with a notifier that notes it.
 */
#include "engine/notify.h"

#include "chatcore/error.h"
#include "notify_fixture.h"
#include "support/test.h"
#include "wire/pack.h"

#include <stdio.h>

static void say_many(struct client *client, const char *conversation, int count)
{
    for (int i = 0; i < count; i++)
        client_say(client, conversation, "hi");
}

static void test_a_direct_message_is_told_soon(void **state)
{
    struct client *alice = alice_and_bob(*state);

    client_say_to(alice, "bob", "hi");
    fixture_advance(*state, 2900);
    fake_expect(&notify_fake, "");
    fixture_advance(*state, 200);
    fake_expect(&notify_fake, "show bob/tok [alice] hi (1, badge 1, high)\n");
    fixture_advance(*state, 600000);
    fake_expect(&notify_fake, "");
}

static void say_traced(struct client *client, const char *client_id, const char *trace_parent)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_SEND,
                                          .user = text_slice("bob"),
                                          .client_id = text_slice(client_id),
                                          .text = text_slice("hi"),
                                          .trace_parent = text_slice(trace_parent)});
}

static void test_the_newest_messages_trace_is_told(void **state)
{
    static const char first[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    static const char second[] = "00-11111111111111111111111111111111-2222222222222222-00";
    struct client *alice = alice_and_bob(*state);

    say_traced(alice, "1", first);
    say_traced(alice, "2", second);
    fixture_advance(*state, 4000);
    assert_string_equal(notify_fake.last_trace, second);
    say_traced(alice, "3", "nonsense");
    fixture_advance(*state, 4000);
    assert_int_equal(notify_fake.pushes, 2);
    assert_string_equal(notify_fake.last_trace, "");
}

static void test_messages_are_gathered(void **state)
{
    struct client *alice = alice_and_bob(*state);

    client_create(alice, "g", "bob");
    settle_offline(*state);
    say_many(alice, "g", 5);
    fixture_advance(*state, 14000);
    fake_expect(&notify_fake, "");
    fixture_advance(*state, 1100);
    fake_expect(&notify_fake,
                "show bob/tok [club] 5 new messages in club / alice: hi (5, badge 5)\n");
    say_many(alice, "g", 1);
    fixture_advance(*state, 20000);
    fake_expect(&notify_fake,
                "show bob/tok [club] 6 new messages in club / alice: hi (6, badge 6)\n");
}

static void test_who_is_online_is_not_told(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct client *bob = client_connect(*state, "bob", "laptop");

    client_say_to(alice, "bob", "hi");
    fixture_advance(*state, 60000);
    fake_expect(&notify_fake, "");
    client_close(bob);
    settle_offline(*state);
    client_say_to(alice, "bob", "again");
    fixture_advance(*state, 2000);
    client_connect(*state, "bob", "laptop"); /* within the grace */
    fixture_advance(*state, 60000);
    fake_expect(&notify_fake, "");
}

static void test_the_sender_is_not_told(void **state)
{
    struct client *alice = alice_and_bob(*state);

    client_create(alice, "g", "bob carol");
    register_device(*state, "alice", "phone2", "alice-tok");
    client_say(alice, "g", "hi");
    client_close(alice);
    fixture_advance(*state, 60000);
    fake_expect(&notify_fake, "show bob/tok [club] alice: hi (1, badge 1)\n");
}

static void test_a_mention_is_told_soon(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct cc_slice bob = text_slice("bob");

    register_device(*state, "carol", "phone", "carol-tok");
    client_create(alice, "g", "bob carol");
    settle_offline(*state);
    client_say(alice, "g", "hi");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_SEND,
                                         .conversation = text_slice("g"),
                                         .client_id = text_slice("m1"),
                                         .text = text_slice("hey"),
                                         .users = &bob,
                                         .user_count = 1});
    fixture_advance(*state, 3500);
    fake_expect(&notify_fake,
                "show bob/tok [club] 2 new messages in club / alice mentioned you: hey "
                "(2, badge 2, high)\n");
    client_say(alice, "g", "more");
    fixture_advance(*state, 20000);
    fake_expect(&notify_fake,
                "show bob/tok [club] 3 new messages in club / alice: more (3, badge 3)\n"
                "show carol/carol-tok [club] 3 new messages in club / alice: more "
                "(3, badge 3)\n");
}

static void test_a_mute_is_respected(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct client *bob = client_connect(*state, "bob", "laptop");
    struct cc_slice mention = text_slice("bob");

    client_create(alice, "g", "bob");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_MUTE,
                                       .conversation = text_slice("g"),
                                       .until = INT64_C(1800000000000)});
    client_close(bob);
    settle_offline(*state);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_SEND,
                                         .conversation = text_slice("g"),
                                         .client_id = text_slice("m1"),
                                         .text = text_slice("hey"),
                                         .users = &mention,
                                         .user_count = 1});
    fixture_advance(*state, 60000);
    fake_expect(&notify_fake, "");
    client_say_to(alice, "bob", "hi");
    fixture_advance(*state, 60000);
    /* the muted group does not count */
    fake_expect(&notify_fake, "show bob/tok [alice] hi (1, badge 1, high)\n");
}

/* {"notify": {"preview": false, "quiet": {"from": …, "to": …, "offset": …}}} */
static void set_preferences(struct client *client, uint32_t from, uint32_t to, int64_t offset)
{
    char meta[128];
    char *at = pack_put_map_head(meta, 1);

    at = pack_put_str(at, text_slice("notify"));
    at = pack_put_map_head(at, 2);
    at = pack_put_str(at, text_slice("preview"));
    at = pack_put_bool(at, false);
    at = pack_put_str(at, text_slice("quiet"));
    at = pack_put_map_head(at, 3);
    at = pack_put_str(at, text_slice("from"));
    at = pack_put_uint(at, from);
    at = pack_put_str(at, text_slice("to"));
    at = pack_put_uint(at, to);
    at = pack_put_str(at, text_slice("offset"));
    at = pack_put_int(at, offset);
    client_do(client, (struct cc_command){.type = CC_COMMAND_PROFILE,
                                          .has_meta = true,
                                          .meta = slice_of(meta, (size_t)(at - meta))});
}

/* Virtual time begins at 22:13 UTC. */
static void test_quiet_hours(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct client *bob = client_connect(*state, "bob", "laptop");
    struct cc_engine_stats stats = {.size = sizeof stats};

    set_preferences(bob, 23 * 60, 7 * 60, 60); /* 23:13 there */
    client_close(bob);
    settle_offline(*state);
    client_say_to(alice, "bob", "hi");
    fixture_advance(*state, 60000);
    fake_expect(&notify_fake, "");
    cc_engine_get_stats(alice->fixture->engine, &stats);
    assert_int_equal(stats.notifications_held_back, 1);
    bob = client_connect(*state, "bob", "laptop");
    set_preferences(bob, 23 * 60, 7 * 60, 0);
    client_close(bob);
    settle_offline(*state);
    client_say_to(alice, "bob", "again");
    fixture_advance(*state, 60000);
    fake_expect(&notify_fake, "show bob/tok [alice] 1 new message (1, badge 2, high)\n");
}

static void test_what_was_read_first_is_not_told(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct client *bob;

    client_create(alice, "g", "bob");
    settle_offline(*state);
    client_say(alice, "g", "hi");
    fixture_advance(*state, 1000);
    bob = client_connect(*state, "bob", "laptop");
    read_up_to(bob, "g", 2);
    client_close(bob);
    fixture_advance(*state, 60000);
    fake_expect(&notify_fake, "");
}

static void test_what_is_shown_is_taken_back(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct client *bob;
    char key[64];

    client_create(alice, "g", "bob");
    say_many(alice, "g", 2);
    fixture_advance(*state, 20000);
    fake_expect(&notify_fake,
                "show bob/tok [club] 2 new messages in club / alice: hi (2, badge 2)\n");
    memcpy(key, notify_fake.last_key, sizeof key);
    bob = client_connect(*state, "bob", "laptop");
    read_up_to(bob, "g", 2);
    fake_expect(&notify_fake, "");
    read_up_to(bob, "g", 3);
    fake_expect(&notify_fake, "cancel bob/tok (badge 0)\n");
    assert_memory_equal(key, notify_fake.last_key, sizeof key);
    client_close(bob);
    settle_offline(*state);
    client_say(alice, "g", "hi");
    fixture_advance(*state, 20000);
    fake_expect(&notify_fake, "show bob/tok [club] alice: hi (1, badge 1)\n");
}

/* After a restart, the mark tells that there is something to take back; once. */
static void test_what_was_shown_before_a_restart_is_taken_back(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct client *bob;

    client_create(alice, "g", "bob");
    client_say(alice, "g", "hi");
    fixture_advance(*state, 20000);
    fake_expect(&notify_fake, "show bob/tok [club] alice: hi (1, badge 1)\n");
    fixture_restart(*state, notify_configure);
    bob = client_connect(*state, "bob", "laptop");
    read_up_to(bob, "g", 2);
    fake_expect(&notify_fake, "cancel bob/tok (badge 0)\n");
    fixture_restart(*state, notify_configure);
    bob = client_connect(*state, "bob", "laptop");
    read_up_to(bob, "g", 2);
    fake_expect(&notify_fake, "");
}

static void test_what_failed_is_repeated(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct cc_engine_stats stats = {.size = sizeof stats};
    struct cc_id first;

    notify_fake.answer = CC_NOTIFIER_LATER;
    client_say_to(alice, "bob", "hi");
    fixture_advance(*state, 3100);
    assert_int_equal(notify_fake.pushes, 1);
    first = notify_fake.last_id;
    fixture_advance(*state, 10000);
    assert_true(notify_fake.pushes >= 3 && notify_fake.pushes <= 6);
    assert_memory_equal(&first, &notify_fake.last_id, sizeof first);
    notify_fake.retry_after_ms = 600000;
    fixture_advance(*state, 30000);
    notify_fake.pushes = 0;
    fixture_advance(*state, 500000);
    assert_int_equal(notify_fake.pushes, 0);
    notify_fake.answer = CC_NOTIFIER_SENT;
    fixture_advance(*state, 100000);
    assert_int_equal(notify_fake.pushes, 1);
    cc_engine_get_stats(alice->fixture->engine, &stats);
    assert_int_equal(stats.notifications_sent, 1);
    assert_int_equal(stats.notifications_waiting, 0);
}

static void test_what_is_too_old_is_given_up(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct cc_engine_stats stats = {.size = sizeof stats};

    notify_fake.answer = CC_NOTIFIER_LATER;
    client_say_to(alice, "bob", "hi");
    fixture_advance(*state, 3700000);
    cc_engine_get_stats(alice->fixture->engine, &stats);
    assert_int_equal(stats.notifications_dropped, 1);
    assert_int_equal(stats.notifications_waiting, 0);
    assert_true(notify_fake.pushes < 40);
}

/* A newer notification of the conversation takes the place of the one that waits. */
static void test_what_waits_is_replaced(void **state)
{
    struct client *alice = alice_and_bob(*state);

    notify_fake.answer = CC_NOTIFIER_LATER;
    notify_fake.retry_after_ms = 30000;
    client_say_to(alice, "bob", "hi");
    fixture_advance(*state, 3100);
    client_say_to(alice, "bob", "you");
    fixture_advance(*state, 3100);
    fake_expect(&notify_fake, "show bob/tok [alice] hi (1, badge 1, high)\n");
    notify_fake.answer = CC_NOTIFIER_SENT;
    fixture_advance(*state, 40000);
    fake_expect(&notify_fake, "show bob/tok [alice] 2 new messages / you (2, badge 2, high)\n");
}

static void test_a_device_that_hangs_holds_up_no_other(void **state)
{
    struct client *alice = alice_and_bob(*state);

    register_device(*state, "bob", "tablet", "hangs");
    register_device(*state, "carol", "phone", "carol-tok");
    settle_offline(*state);
    notify_fake.odd_token = "hangs";
    client_say_to(alice, "bob", "hi");
    client_say_to(alice, "carol", "hi");
    fixture_advance(*state, 4000);
    client_say_to(alice, "bob", "you");
    fixture_advance(*state, 4000);
    fake_expect(&notify_fake, "show bob/tok [alice] hi (1, badge 1, high)\n"
                              "show bob/hangs [alice] hi (1, badge 1, high)\n"
                              "show carol/carol-tok [alice] hi (1, badge 1, high)\n"
                              "show bob/tok [alice] 2 new messages / you (2, badge 2, high)\n");
    fake_let_go(&notify_fake);
    fixture_advance(*state, 1000);
    fake_expect(&notify_fake, "show bob/hangs [alice] 2 new messages / you (2, badge 2, high)\n");
    fake_let_go(&notify_fake);
}

static void test_a_dead_token_is_removed(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct cc_engine_stats stats = {.size = sizeof stats};

    notify_fake.answer = CC_NOTIFIER_GONE;
    client_say_to(alice, "bob", "hi");
    fixture_advance(*state, 5000);
    assert_int_equal(notify_fake.pushes, 1);
    notify_fake.answer = CC_NOTIFIER_SENT;
    client_say_to(alice, "bob", "you");
    fixture_advance(*state, 5000);
    assert_int_equal(notify_fake.pushes, 1);
    cc_engine_get_stats(alice->fixture->engine, &stats);
    assert_int_equal(stats.notification_tokens_gone, 1);
}

static void test_what_is_refused_is_not_repeated(void **state)
{
    struct client *alice = alice_and_bob(*state);

    notify_fake.answer = CC_NOTIFIER_REFUSED;
    client_say_to(alice, "bob", "hi");
    fixture_advance(*state, 600000);
    assert_int_equal(notify_fake.pushes, 1);
}

static void test_nothing_is_told_twice_over_a_restart(void **state)
{
    struct client *alice = alice_and_bob(*state);

    client_create(alice, "g", "bob");
    say_many(alice, "g", 3);
    fixture_advance(*state, 20000);
    assert_int_equal(notify_fake.pushes, 1);
    fixture_restart(*state, notify_configure);
    fixture_advance(*state, 60000);
    assert_int_equal(notify_fake.pushes, 1);
}

static void test_what_was_not_told_is_told_after_a_restart(void **state)
{
    struct client *alice = alice_and_bob(*state);

    client_create(alice, "g", "bob");
    say_many(alice, "g", 3);
    fixture_restart(*state, notify_configure);
    fixture_advance(*state, 60000);
    fake_expect(&notify_fake,
                "show bob/tok [club] 3 new messages in club / alice: hi (3, badge 3)\n");
}

/* One of two has been told when the engine stops: the log gives both again, the mark keeps one. */
static void test_a_held_push_is_told_again_alone(void **state)
{
    struct client *alice = alice_and_bob(*state);

    register_device(*state, "carol", "phone", "hangs");
    client_create(alice, "g", "bob carol");
    settle_offline(*state);
    notify_fake.odd_token = "hangs";
    client_say(alice, "g", "hi");
    fixture_advance(*state, 20000);
    fake_expect(&notify_fake, "show bob/tok [club] alice: hi (1, badge 1)\n"
                              "show carol/hangs [club] alice: hi (1, badge 1)\n");
    fixture_restart(*state, notify_configure);
    notify_fake.odd_token = NULL;
    fixture_advance(*state, 60000);
    fake_expect(&notify_fake, "show carol/hangs [club] alice: hi (1, badge 1)\n");
}

static void test_what_was_deleted_is_not_shown(void **state)
{
    struct client *alice = alice_and_bob(*state);

    client_create(alice, "g", "bob");
    client_say(alice, "g", "secret");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_DELETE,
                                         .conversation = text_slice("g"),
                                         .message = alice->last_message});
    fixture_advance(*state, 20000);
    fake_expect(&notify_fake, "show bob/tok [club] 1 new message in club (1, badge 1)\n");
}

/* A group above the bound of inboxes, with a few devices in it. */
static void test_a_large_group_is_paged(void **state)
{
    struct client *alice = alice_and_bob(*state);
    char names[256][CC_NAME_MAX];
    struct cc_slice users[256];

    for (size_t i = 0; i < 256; i++) {
        snprintf(names[i], sizeof names[i], "user%03zu", i);
        users[i] = text_slice(names[i]);
    }
    client_create(alice, "g", "bob");
    for (size_t i = 0; i < 256; i += 64)
        client_do(alice, (struct cc_command){.type = CC_COMMAND_ADD,
                                             .conversation = text_slice("g"),
                                             .users = users + i,
                                             .user_count = 64});
    register_device(*state, "user000", "phone", "first");
    register_device(*state, "user255", "phone", "last");
    settle_offline(*state);
    client_say(alice, "g", "hi");
    fixture_advance(*state, 20000);
    assert_int_equal(notify_fake.pushes, 3);
}

static void test_a_device_queue_is_bounded(void **state)
{
    struct client *alice = alice_and_bob(*state);
    struct cc_engine_stats stats = {.size = sizeof stats};
    char name[CC_NAME_MAX];

    notify_fake.odd_token = "tok";
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "g%d", i);
        client_create(alice, name, "bob");
        client_say(alice, name, "hi");
    }
    fixture_advance(*state, 60000);
    cc_engine_get_stats(alice->fixture->engine, &stats);
    assert_int_equal(stats.notifications_dropped, 40 - 1 - 32);
    assert_int_equal(stats.notifications_waiting, 33);
    notify_fake.odd_token = NULL;
    fake_let_go(&notify_fake);
    fixture_advance(*state, 1000);
    assert_int_equal(notify_fake.pushes, 33);
}

static void test_topics_are_bounded(void **state)
{
    struct client *alice = alice_and_bob(*state);
    char name[CC_NAME_MAX];

    notify_options.max_topics = 4;
    fixture_restart(*state, notify_configure);
    alice = client_connect(*state, "alice", "phone");
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "g%d", i);
        client_create(alice, name, "bob");
        client_say(alice, name, "hi");
    }
    fixture_advance(*state, 600000);
    assert_int_equal(notify_fake.pushes, 20);
}

static void test_a_provider_of_the_hosts_own(void **state)
{
    struct cc_slice fcm = text_slice("fcm");

    assert_true(notify_has_provider(((struct fixture *)*state)->engine, fcm));
    assert_false(notify_has_provider(((struct fixture *)*state)->engine, text_slice("pigeon")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, notify_setup, notify_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_a_direct_message_is_told_soon),
        TEST(test_messages_are_gathered),
        TEST(test_the_newest_messages_trace_is_told),
        TEST(test_who_is_online_is_not_told),
        TEST(test_the_sender_is_not_told),
        TEST(test_a_mention_is_told_soon),
        TEST(test_a_mute_is_respected),
        TEST(test_quiet_hours),
        TEST(test_what_was_read_first_is_not_told),
        TEST(test_what_is_shown_is_taken_back),
        TEST(test_what_was_shown_before_a_restart_is_taken_back),
        TEST(test_what_failed_is_repeated),
        TEST(test_what_is_too_old_is_given_up),
        TEST(test_what_waits_is_replaced),
        TEST(test_a_device_that_hangs_holds_up_no_other),
        TEST(test_a_dead_token_is_removed),
        TEST(test_what_is_refused_is_not_repeated),
        TEST(test_nothing_is_told_twice_over_a_restart),
        TEST(test_what_was_not_told_is_told_after_a_restart),
        TEST(test_a_held_push_is_told_again_alone),
        TEST(test_what_was_deleted_is_not_shown),
        TEST(test_a_large_group_is_paged),
        TEST(test_a_device_queue_is_bounded),
        TEST(test_topics_are_bounded),
        TEST(test_a_provider_of_the_hosts_own),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
