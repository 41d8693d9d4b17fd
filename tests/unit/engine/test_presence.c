/*
 * Presence: who is told of whom, when, and who may ask.
 */
#include "engine/presence.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

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
    client_expect(alice, "presence bob offline\n");
    client_close(bob);
    fixture_advance(fixture, 10000);
    bob = client_connect(fixture, "bob", "phone");
    client_expect(alice, "");
    ask(alice, "bob");
    client_expect(alice, "presence ok\n");
    relate(bob, CC_COMMAND_UNBLOCK, "alice");
    client_expect(alice, "presence bob online\n");
}

/* --- who may see it -----------------------------------------------------------------------------
 */

static void show_to(struct client *client, enum cc_audience audience)
{
    client_forget(client);
    client_do(client, (struct cc_command){.type = CC_COMMAND_PROFILE,
                                          .has_presence = true,
                                          .privacy = {.presence = audience}});
    assert_non_null(strstr(client_text(client), "profile ok"));
}

static void test_shown_to_contacts(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *carol = client_connect(fixture, "carol", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    relate(carol, CC_COMMAND_ADD_CONTACT, "bob");
    relate(bob, CC_COMMAND_ADD_CONTACT, "carol");
    client_expect(carol, ""); /* who sees him anyway is told nothing */
    show_to(bob, CC_AUDIENCE_CONTACTS);
    client_expect(alice, "presence bob offline\n");
    client_expect(carol, "presence bob online\n");
    ask(alice, "alice bob");
    client_expect(alice, "presence ok\n  alice online\n");
    ask(carol, "bob");
    client_expect(carol, "presence ok\n  bob online\n");
    client_close(bob);
    fixture_advance(fixture, 10000);
    client_expect(alice, "");
    client_expect(carol, "presence bob offline last_seen=1700000000000\n");
    bob = client_connect(fixture, "bob", "phone");
    client_expect(alice, "");
    client_expect(carol, "presence bob online\n");
    relate(bob, CC_COMMAND_ADD_CONTACT, "alice");
    client_expect(alice, "presence bob online\n");
    relate(bob, CC_COMMAND_REMOVE_CONTACT, "alice");
    client_expect(alice, "presence bob offline\n");
    ask(alice, "bob");
    client_expect(alice, "presence ok\n");
}

static void test_shown_to_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_open_for_requests(fixture, "bob");

    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    relate(bob, CC_COMMAND_ADD_CONTACT, "alice");
    client_create(bob, "g", "alice");
    client_forget(alice);
    show_to(bob, CC_AUDIENCE_NOBODY); /* he is offline: nobody is told */
    client_expect(alice, "");
    bob = client_connect(fixture, "bob", "phone");
    client_expect(alice, "");
    ask(alice, "bob");
    client_expect(alice, "presence ok\n");
    ask(bob, "bob");
    client_expect(bob, "presence ok\n  bob online\n");
    fixture_restart(fixture, NULL);
    alice = client_connect(fixture, "alice", "phone");
    bob = client_connect(fixture, "bob", "phone");
    client_expect(alice, "");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_PROFILE});
    client_expect(bob, "profile ok bob name= avatar= meta=0 presence=nobody\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_PROFILE, .user = text_slice("bob")});
    client_expect(alice, "profile ok bob name= avatar= meta=0\n");
    show_to(bob, CC_AUDIENCE_EVERYONE);
    client_expect(alice, "presence bob online\n");
    show_to(bob, CC_AUDIENCE_NOBODY);
    client_expect(alice, "presence bob offline\n");
    client_close(bob);
    fixture_advance(fixture, 10000);
    client_expect(alice, "");
}

/* He is on one node, changes it on another, is watched and asked about on a third. */
static void test_shown_on_several_nodes(void **state)
{
    static struct fixture nodes[3];
    struct client *alice;
    struct client *bob;
    struct client *there;

    (void)state;
    fixture_init_cluster(nodes, 3, 3, NULL);
    fixture_advance(nodes, 3000);
    alice = client_connect(&nodes[2], "alice", "phone");
    bob = client_connect(&nodes[0], "bob", "phone");
    there = client_open_for_requests(&nodes[1], "bob");
    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    show_to(there, CC_AUDIENCE_NOBODY);
    fixture_advance(nodes, 100);
    client_expect(alice, "presence bob offline\n");
    ask(alice, "bob");
    client_expect(alice, "presence ok\n");
    client_close(bob);
    fixture_advance(nodes, 10000);
    bob = client_connect(&nodes[0], "bob", "phone");
    fixture_advance(nodes, 100);
    client_expect(alice, "");
    show_to(there, CC_AUDIENCE_EVERYONE);
    fixture_advance(nodes, 100);
    client_expect(alice, "presence bob online\n");
    client_close(bob);
    show_to(there, CC_AUDIENCE_CONTACTS); /* before he is gone */
    fixture_advance(nodes, 10000);
    client_expect(alice, "presence bob offline\n");
    fixture_deinit(nodes);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_contacts_are_told),
        TEST(test_reconnecting_shows_nothing),
        TEST(test_blocked_is_not_told),
        TEST(test_shown_to_contacts),
        TEST(test_shown_to_nobody),
        cmocka_unit_test(test_shown_on_several_nodes),
        TEST(test_asking),
        TEST(test_lasts),
        TEST(test_switched_off),
        TEST(test_herd),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
