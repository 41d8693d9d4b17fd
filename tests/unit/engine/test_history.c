/*
 * History and lists: pages, what joiners see, memory and store together.
 */
#include "engine/history.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

static void say_numbers(struct client *client, const char *conversation, int from, int to)
{
    char text[16];

    for (int i = from; i <= to; i++) {
        snprintf(text, sizeof text, "%d", i);
        client_say(client, conversation, text);
    }
    client_forget(client);
}

static void history(struct client *client, struct cc_command range)
{
    range.type = CC_COMMAND_HISTORY;
    range.conversation = text_slice("g");
    client_do(client, range);
}

/* Only what the store has, as after a restart, or also what the memory has: the same pages. */
static void check_pages(struct client *alice)
{
    history(alice, (struct cc_command){.limit = 2});
    client_expect(alice, "history ok\n  5 bob 5\n  6 bob 6 more\n");
    history(alice, (struct cc_command){.limit = 3, .before = 5});
    client_expect(alice, "history ok\n  2 bob 2\n  3 bob 3\n  4 bob 4 more\n");
    history(alice, (struct cc_command){.limit = 2, .before = 2});
    client_expect(alice, "history ok\n  1 bob *created* alice name=club\n");
    history(alice, (struct cc_command){.limit = 2, .has_after = true});
    client_expect(alice, "history ok\n  1 bob *created* alice name=club\n  2 bob 2 more\n");
    history(alice, (struct cc_command){.limit = 4, .after = 2, .has_after = true});
    client_expect(alice, "history ok\n  3 bob 3\n  4 bob 4\n  5 bob 5\n  6 bob 6\n");
    history(alice, (struct cc_command){.limit = 4, .after = 3, .has_after = true, .before = 5});
    client_expect(alice, "history ok\n  4 bob 4\n");
    history(alice, (struct cc_command){.after = 6, .has_after = true});
    client_expect(alice, "history ok\n");
    history(alice, (struct cc_command){.after = UINT64_MAX, .has_after = true});
    client_expect(alice, "history ok\n");
    history(alice, (struct cc_command){.before = 1});
    client_expect(alice, "history ok\n");
}

static void test_pages_from_memory(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(bob, "g", "alice");
    say_numbers(bob, "g", 2, 6);
    client_forget(alice);
    check_pages(alice);
}

static void test_pages_from_the_store(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", "alice");
    say_numbers(bob, "g", 2, 6);
    fixture_restart(fixture, NULL);
    check_pages(client_connect(fixture, "alice", "phone"));
}

/* What is charged while messages wait for the store is given back when they stand there. */
static void test_unflushed_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct cc_engine_stats stats = {.size = sizeof stats};

    client_create(bob, "g", "alice");
    fixture_advance(fixture, 1000);
    say_numbers(bob, "g", 2, 6);
    cc_engine_get_stats(fixture->engine, &stats);
    assert_true(stats.unflushed_bytes > 5 * 100 && stats.unflushed_bytes < 5 * 2000);
    fixture_advance(fixture, 1000);
    cc_engine_get_stats(fixture->engine, &stats);
    assert_int_equal(stats.unflushed_bytes, 0);
}

/* Pages across the place where the memory begins have no gap and no double. */
static void test_pages_across(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", "alice");
    say_numbers(bob, "g", 2, 4);
    fixture_restart(fixture, NULL);
    bob = client_connect(fixture, "bob", "phone");
    say_numbers(bob, "g", 5, 6);
    check_pages(client_connect(fixture, "alice", "phone"));
}

static void little_memory(struct cc_engine_options *options)
{
    options->limits.max_recent_bytes = 1;
}

static void test_pages_without_memory(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob;

    fixture_restart(fixture, little_memory);
    bob = client_connect(fixture, "bob", "phone");
    client_create(bob, "g", "alice");
    say_numbers(bob, "g", 2, 4);
    fixture_advance(fixture, 1000);
    say_numbers(bob, "g", 5, 6);
    check_pages(client_connect(fixture, "alice", "phone"));
}

static void test_client_ids_are_the_senders(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(bob, "g", "alice");
    client_say(bob, "g", "hi");
    client_forget(alice);
    client_forget(bob);
    history(bob, (struct cc_command){.limit = 1});
    client_expect(bob, "history ok\n  2 bob hi client_id=c1 more\n");
    history(alice, (struct cc_command){.limit = 1});
    client_expect(alice, "history ok\n  2 bob hi more\n");
}

static void test_limits(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *eve = client_connect(fixture, "eve", "phone");

    client_create(bob, "g", NULL);
    for (int i = 0; i < 3; i++) {
        say_numbers(bob, "g", 1, 80);
        fixture_advance(fixture, 10000);
    }
    history(bob, (struct cc_command){.limit = 10000});
    assert_non_null(strstr(client_text(bob), "history ok\n  42 bob"));
    client_forget(bob);
    history(bob, (struct cc_command){.limit = 0});
    assert_non_null(strstr(client_text(bob), "history ok\n  192 bob"));
    history(eve, (struct cc_command){.limit = 1});
    client_expect(eve, "history CC_ENOTFOUND\n");
}

/* Before the joining nothing is shown, whether the store knows of it yet or not. */
static void test_joiners(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", NULL);
    say_numbers(bob, "g", 2, 3);
    client_name_users(bob, CC_COMMAND_ADD, "g", "alice");
    client_say(bob, "g", "welcome");
    client_forget(alice);
    for (int i = 0; i < 2; i++) {
        history(alice, (struct cc_command){.limit = 10});
        client_expect(alice, "history ok\n  4 bob *added* member alice\n  5 bob welcome\n");
        history(alice, (struct cc_command){.limit = 1, .has_after = true});
        client_expect(alice, "history ok\n  4 bob *added* member alice more\n");
        fixture_advance(fixture, 1000);
    }
    fixture_restart(fixture, NULL);
    alice = client_connect(fixture, "alice", "phone");
    history(alice, (struct cc_command){.before = 5});
    client_expect(alice, "history ok\n  4 bob *added* member alice\n");
}

/* A device that connects just after the joining is not pushed what was said before, either. */
static void test_joiners_coming_online(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *alice;

    client_create(bob, "g", NULL);
    say_numbers(bob, "g", 2, 3);
    client_name_users(bob, CC_COMMAND_ADD, "g", "alice");
    alice = client_open(fixture, "alice", "phone");
    client_expect(alice, "connect ok\nmessage g 4 bob *added* member alice\nsynced\n");
}

static void show_joiners(struct cc_engine_options *options)
{
    options->history_for_joiners = true;
}

static void test_joiners_may_see(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice;
    struct client *bob;

    fixture_restart(fixture, show_joiners);
    alice = client_connect(fixture, "alice", "phone");
    bob = client_connect(fixture, "bob", "phone");
    client_create(bob, "g", NULL);
    say_numbers(bob, "g", 2, 2);
    client_name_users(bob, CC_COMMAND_ADD, "g", "alice");
    client_forget(alice);
    history(alice, (struct cc_command){.limit = 2, .before = 3});
    client_expect(alice, "history ok\n  1 bob *created* name=club\n  2 bob 2\n");
}

/* --- lists -------------------------------------------------------------------------------------
 */

static void test_conversations(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "x", "alice");
    say_numbers(bob, "x", 2, 4);
    client_create(bob, "y", NULL);
    say_numbers(bob, "y", 2, 3);
    client_name_users(bob, CC_COMMAND_ADD, "y", "alice");
    client_say_to(bob, "alice", "hi");
    client_do(alice, (struct cc_command){
                         .type = CC_COMMAND_READ, .conversation = text_slice("x"), .seq = 3});
    for (int i = 0; i < 2; i++) {
        client_forget(alice);
        client_do(alice, (struct cc_command){.type = CC_COMMAND_CONVERSATIONS, .limit = 2});
        assert_non_null(strstr(client_text(alice),
                               "  ~ direct peer=bob member members=2 head=1 read=0 "
                               "delivered=0 unread=1"));
        assert_non_null(strstr(client_text(alice),
                               "  x group name=club member members=2 head=4 read=3 "
                               "delivered=3 unread=1"));
        assert_non_null(strstr(client_text(alice), " more\n"));
        client_forget(alice);
        client_do(alice, (struct cc_command){.type = CC_COMMAND_CONVERSATIONS,
                                             .after_name = text_slice("x")});
        client_expect(alice, "conversations ok\n"
                             "  y group name=club member members=2 head=4 read=0 delivered=0 "
                             "unread=0\n");
        fixture_restart(fixture, NULL);
        alice = client_connect(fixture, "alice", "phone");
    }
    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_CONVERSATIONS, .after_name = text_slice("y")});
    client_expect(alice, "conversations ok\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CONVERSATIONS,
                                         .after_name = text_slice("a b")});
    client_expect(alice, "conversations CC_EINVAL\n");
}

static void test_members(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *eve = client_connect(*state, "eve", "phone");
    struct cc_command members = {
        .type = CC_COMMAND_MEMBERS, .conversation = text_slice("g"), .limit = 2};

    client_create(alice, "g", "carol bob");
    client_forget(alice);
    client_do(alice, members);
    client_expect(alice, "members ok alice:owner bob:member more\n");
    members.after_name = text_slice("bob");
    client_do(alice, members);
    client_expect(alice, "members ok carol:member\n");
    client_do(eve, members);
    client_expect(eve, "members CC_ENOTFOUND\n");
}

#define BIG_TEXT 60000
#define BIG_MANY 20

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;

    while ((text = strstr(text, what)) != NULL) {
        count++;
        text++;
    }
    return count;
}

/* A page of the largest messages ends before its limit, at the end that it counts away from. */
static void test_bytes(void **state)
{
    static char big[BIG_TEXT + 1];
    struct client *alice = client_connect(*state, "alice", "phone");
    const char *page;

    memset(big, 'x', BIG_TEXT);
    client_create(alice, "g", "bob");
    for (int i = 0; i < BIG_MANY; i++) {
        client_say(alice, "g", big);
        client_forget(alice);
    }
    history(alice, (struct cc_command){.limit = 100});
    page = client_text(alice);
    assert_int_equal(count_of(page, " alice xxx"), HISTORY_BYTES_MAX / BIG_TEXT);
    assert_non_null(strstr(page, " more\n"));
    assert_non_null(strstr(page, "  21 alice"));
    client_forget(alice);
    history(alice, (struct cc_command){.limit = 100, .has_after = true});
    page = client_text(alice);
    assert_non_null(strstr(page, "  1 alice"));
    assert_null(strstr(page, "  21 alice"));
    assert_non_null(strstr(page, " more\n"));
}

/* Who asks for what is not there yet is answered when it comes, or when the time is up. */
static void test_waiting(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", "bob");
    client_forget(bob);
    history(bob, (struct cc_command){.after = 1, .has_after = true, .wait_s = 5});
    client_expect(bob, "");
    fixture_advance(fixture, 4000);
    client_expect(bob, "");
    fixture_advance(fixture, 2000);
    client_expect(bob, "history ok\n");
    history(bob, (struct cc_command){.after = 1, .before = 2, .has_after = true, .wait_s = 5});
    client_expect(bob, "history ok\n");
    history(bob, (struct cc_command){.after = 1, .has_after = true, .wait_s = UINT64_MAX});
    fixture_advance(fixture, 31000);
    client_expect(bob, "history ok\n");
    history(bob, (struct cc_command){.after = 1, .has_after = true, .wait_s = 5});
    client_say(alice, "g", "now");
    assert_non_null(strstr(client_text(bob), "history ok\n  2 alice now\n"));
    client_forget(bob);
}

/* Rights are those of the answer's time; and a session that goes leaves nothing behind. */
static void test_waiting_and_removed(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", "bob carol");
    client_forget(bob);
    history(bob, (struct cc_command){.after = 1, .has_after = true, .wait_s = 5});
    client_name_users(alice, CC_COMMAND_REMOVE, "g", "bob");
    client_say(alice, "g", "behind his back");
    assert_non_null(strstr(client_text(bob), "history CC_ENOTFOUND"));
    client_forget(bob);
    history(alice, (struct cc_command){.after = 50, .has_after = true, .wait_s = 30});
    client_close(alice);
    fixture_advance(fixture, 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_pages_from_memory),
        TEST(test_pages_from_the_store),
        TEST(test_unflushed_bytes),
        TEST(test_pages_across),
        TEST(test_pages_without_memory),
        TEST(test_client_ids_are_the_senders),
        TEST(test_limits),
        TEST(test_bytes),
        TEST(test_waiting),
        TEST(test_waiting_and_removed),
        TEST(test_joiners),
        TEST(test_joiners_coming_online),
        TEST(test_joiners_may_see),
        TEST(test_conversations),
        TEST(test_members),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
