/*
 * Retention: what is older goes from history, memory, store and search, and does not come back;
 * seqs go on.
 */
#include "chatcore/error.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

#define RETENTION_S 100

static struct cc_search_sqlite_options sqlite = CC_SEARCH_SQLITE_OPTIONS_INIT;

static void keep_short(struct cc_engine_options *options)
{
    options->limits.retention_s = RETENTION_S;
    sqlite.no_thread = true;
    assert_int_equal(cc_search_sqlite_open(NULL, &sqlite, &options->search), 0);
}

static int setup(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture, keep_short);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_deinit(*state);
    return 0;
}

static void history(struct client *client, const char *wanted)
{
    client_forget(client);
    client_do(client,
              (struct cc_command){.type = CC_COMMAND_HISTORY, .conversation = text_slice("g")});
    client_expect(client, wanted);
}

static void search(struct client *client, const char *text, const char *wanted)
{
    client_forget(client);
    client_do(client, (struct cc_command){.type = CC_COMMAND_SEARCH, .text = text_slice(text)});
    client_expect(client, wanted);
}

static void test_old_messages_vanish(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", "alice");
    client_say(bob, "g", "word old");
    fixture_advance(fixture, 60000);
    client_say(bob, "g", "word new");
    search(bob, "word",
           "search ok\n  3 bob word new client_id=c2\n  2 bob word old client_id=c1\n");
    fixture_advance(fixture, 60000);
    for (int i = 0; i < 2; i++) {
        history(bob, "history ok\n  3 bob word new client_id=c2\n");
        search(bob, "word", "search ok\n  3 bob word new client_id=c2\n");
        client_do(bob, (struct cc_command){.type = CC_COMMAND_HISTORY,
                                           .conversation = text_slice("g"),
                                           .before = 3});
        client_expect(bob, "history ok\n");
        fixture_restart(fixture, keep_short);
        bob = client_connect(fixture, "bob", "phone");
        fixture_advance(fixture, 5000);
    }
    fixture_advance(fixture, 120000);
    history(bob, "history ok\n");
    client_say(bob, "g", "word last");
    history(bob, "history ok\n  4 bob word last client_id=c3\n");
}

/* Who was away gets what is left; the gap is no fault. */
static void test_coming_online_behind_it(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *alice;
    char text[16];

    client_create(bob, "g", "alice");
    for (int i = 2; i <= 300; i++) {
        snprintf(text, sizeof text, "old %d", i);
        client_say(bob, "g", text);
        fixture_advance(fixture, 20);
    }
    fixture_advance(fixture, 90000);
    client_say(bob, "g", "left over");
    fixture_advance(fixture, 30000);
    alice = client_open(fixture, "alice", "phone");
    client_expect(alice, "connect ok\nmessage g 301 bob left over\nsynced\n");
    client_close(alice);
    fixture_advance(fixture, 200000);
    alice = client_open(fixture, "alice", "tablet");
    client_expect(alice, "connect ok\nsynced\n");
    client_say(bob, "g", "fresh");
    client_expect(alice, "message g 302 bob fresh\n");
}

/* Targets that are gone are not found; those that are left are. */
static void test_editing_behind_it(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct cc_id old;
    struct cc_id kept;

    client_create(bob, "g", NULL);
    for (int i = 0; i < 20; i++)
        client_say(bob, "g", "old");
    old = bob->last_message;
    fixture_advance(fixture, 60000);
    client_say(bob, "g", "kept");
    kept = bob->last_message;
    fixture_advance(fixture, 70000);
    fixture_restart(fixture, keep_short);
    bob = client_connect(fixture, "bob", "phone");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_EDIT,
                                       .conversation = text_slice("g"),
                                       .message = old,
                                       .text = text_slice("x")});
    client_expect(bob, "edit CC_ENOTFOUND\n");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_EDIT,
                                       .conversation = text_slice("g"),
                                       .message = kept,
                                       .text = text_slice("edited")});
    assert_non_null(strstr(client_text(bob), "edit ok"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_old_messages_vanish),
        TEST(test_coming_online_behind_it),
        TEST(test_editing_behind_it),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
