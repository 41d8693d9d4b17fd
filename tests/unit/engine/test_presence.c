/*
 * Presence: who is told of whom, when, and who may ask.
 */
#include "engine/presence.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

static int setup(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture, NULL);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_deinit(*state);
    return 0;
}

static void relate(struct client *client, enum cc_command_type type, const char *user)
{
    client_do(client, (struct cc_command){.type = type, .user = text_slice(user)});
    client_forget(client);
}

static void ask(struct client *client, const char *users)
{
    client_name_users(client, CC_COMMAND_PRESENCE, NULL, users);
}

static void test_contacts_are_told(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *carol = client_connect(fixture, "carol", "phone");
    struct client *bob;
    struct client *tablet;

    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    bob = client_connect(fixture, "bob", "phone");
    client_expect(alice, "presence bob online\n");
    client_expect(carol, "");
    tablet = client_connect(fixture, "bob", "tablet");
    client_close(bob);
    fixture_advance(fixture, 10000);
    client_expect(alice, "");
    client_close(tablet);
    fixture_advance(fixture, PRESENCE_LINGER_MS - 1);
    client_expect(alice, "");
    fixture_advance(fixture, 1);
    client_expect(alice, "presence bob offline last_seen=1700000010000\n");
    relate(alice, CC_COMMAND_REMOVE_CONTACT, "bob");
    client_connect(fixture, "bob", "phone");
    client_expect(alice, "");
}

static void test_reconnecting_shows_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob;

    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    bob = client_connect(fixture, "bob", "phone");
    client_forget(alice);
    for (int i = 0; i < 5; i++) {
        client_close(bob);
        fixture_advance(fixture, PRESENCE_LINGER_MS / 2);
        bob = client_connect(fixture, "bob", "phone");
    }
    fixture_advance(fixture, 10000);
    client_expect(alice, "");
}

static void test_blocked_is_not_told(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    relate(bob, CC_COMMAND_BLOCK, "alice");
    client_close(bob);
    fixture_advance(fixture, 10000);
    client_connect(fixture, "bob", "phone");
    client_expect(alice, "");
    ask(alice, "bob");
    client_expect(alice, "presence ok\n");
}

static void test_asking(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *carol = client_connect(fixture, "carol", "phone");

    client_connect(fixture, "eve", "phone");
    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    relate(alice, CC_COMMAND_ADD_CONTACT, "nobody");
    client_create(carol, "g", "alice dave");
    client_forget(alice);
    ask(alice, "eve dave carol bob nobody alice");
    client_expect(alice, "presence ok\n"
                         "  alice online\n"
                         "  bob online\n"
                         "  carol online\n"
                         "  dave offline\n"
                         "  nobody offline\n");
    client_close(bob);
    fixture_advance(fixture, 1000);
    ask(alice, "bob");
    client_expect(alice, "presence ok\n  bob online\n");
    fixture_advance(fixture, 2000);
    client_forget(alice);
    ask(alice, "bob");
    client_expect(alice, "presence ok\n  bob offline last_seen=1700000000000\n");
    ask(alice, NULL);
    client_expect(alice, "presence CC_EINVAL\n");
    ask(alice, "bob\x02");
    client_expect(alice, "presence CC_EINVAL\n");
}

/* The session map's entries are said again before they expire. */
static void test_lasts(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_connect(fixture, "bob", "phone");
    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    for (int i = 0; i < 20; i++) {
        fixture_advance(fixture, 30000);
        ask(alice, "bob");
        client_expect(alice, "presence ok\n  bob online\n");
    }
}

static void switch_off(struct cc_engine_options *options)
{
    options->presence_off = true;
}

static void test_switched_off(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice;

    fixture_restart(fixture, switch_off);
    alice = client_connect(fixture, "alice", "phone");
    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    client_close(client_connect(fixture, "bob", "phone"));
    fixture_advance(fixture, 10000);
    client_expect(alice, "");
    ask(alice, "bob");
    client_expect(alice, "presence CC_ENOTSUP: presence is switched off\n");
}

/* Many come and go at once: everybody is told of in the end. */
static void test_herd(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *herd[100];
    char names[100][16];

    for (size_t i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "user%02zu", i);
        relate(alice, CC_COMMAND_ADD_CONTACT, names[i]);
    }
    for (size_t i = 0; i < 100; i++)
        herd[i] = client_connect(fixture, names[i], "phone");
    for (size_t i = 0; i < 100; i++)
        cc_session_close(herd[i]->session);
    client_forget(alice);
    fixture_advance(fixture, 5000);
    for (size_t i = 0; i < 100; i++) {
        char line[64];

        snprintf(line, sizeof line, "presence %.15s offline last_seen=1700000000000\n", names[i]);
        assert_non_null(strstr(client_text(alice), line));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_contacts_are_told),
        TEST(test_reconnecting_shows_nothing),
        TEST(test_blocked_is_not_told),
        TEST(test_asking),
        TEST(test_lasts),
        TEST(test_switched_off),
        TEST(test_herd),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
