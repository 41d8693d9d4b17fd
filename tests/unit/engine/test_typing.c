/*
 * Typing: told while it lasts, ended by itself, and never to too many.
 */
#include "engine/typing.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

static void type(struct client *client, const char *conversation, bool on)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_TYPING,
                                          .conversation = text_slice(conversation),
                                          .on = on});
}

static const char *conversation_of(const struct client *client)
{
    static char id[CC_NAME_MAX + 1];

    memset(id, 0, sizeof id);
    memcpy(id, client->conversation, client->conversation_size);
    return id;
}

static void test_on_and_off(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", "bob");
    client_forget(alice);
    client_forget(bob);
    type(alice, "g", true);
    client_expect(alice, "typing ok\n");
    client_expect(bob, "typing g alice on\n");
    type(alice, "g", false);
    client_expect(bob, "typing g alice off\n");
    type(alice, "g", false);
    client_expect(bob, "");
}

static void test_expires(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", "bob");
    client_forget(bob);
    type(alice, "g", true);
    fixture_advance(fixture, 2000);
    type(alice, "g", true);
    client_expect(bob, "typing g alice on\ntyping g alice on\n");
    fixture_advance(fixture, TYPING_TTL_MS - 1);
    client_expect(bob, "");
    fixture_advance(fixture, 1);
    client_expect(bob, "typing g alice off\n");
    fixture_advance(fixture, 10000);
    client_expect(bob, "");
}

/* However fast a client says it, the others hear it once a second. */
static void test_coalesced(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", "bob");
    client_forget(bob);
    for (int i = 0; i < 10; i++) {
        type(alice, "g", true);
        fixture_advance(fixture, 100);
    }
    client_expect(bob, "typing g alice on\n");
    type(alice, "g", true);
    client_expect(bob, "typing g alice on\n");
}

static void test_refuses(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *eve = client_connect(*state, "eve", "phone");

    client_create(alice, "g", "bob");
    type(eve, "g", true);
    client_expect(eve, "typing CC_ENOTFOUND\n");
    type(eve, "nowhere", true);
    client_expect(eve, "typing CC_ENOTFOUND\n");
    type(eve, "two words", true);
    client_expect(eve, "typing CC_EINVAL\n");
}

static void test_readers_of_a_channel_do_not_type(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct cc_slice members = text_slice("bob");

    client_do(alice, (struct cc_command){.type = CC_COMMAND_CREATE,
                                         .kind = CC_KIND_CHANNEL,
                                         .conversation = text_slice("news"),
                                         .users = &members,
                                         .user_count = 1});
    client_forget(alice);
    client_forget(bob);
    type(bob, "news", true);
    client_expect(bob, "typing CC_EFORBIDDEN\n");
    type(alice, "news", true);
    client_expect(bob, "typing news alice on\n");
}

static void test_blocked_is_not_seen(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    const char *id;

    client_say_to(alice, "bob", "hi");
    id = conversation_of(alice);
    client_forget(alice);
    client_forget(bob);
    type(alice, id, true);
    client_expect(bob, "typing ~ alice on\n");
    type(alice, id, false);
    client_do(bob, (struct cc_command){.type = CC_COMMAND_BLOCK, .user = text_slice("alice")});
    client_forget(alice);
    client_forget(bob);
    type(alice, id, true);
    client_expect(alice, "typing ok\n");
    client_expect(bob, "");
}

static void test_not_in_crowds(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct cc_slice users[TYPING_MEMBERS_MAX];
    char names[TYPING_MEMBERS_MAX][16];

    for (size_t i = 1; i < TYPING_MEMBERS_MAX; i++)
        users[i] = slice_of(names[i], (size_t)snprintf(names[i], 16, "user%zu", i));
    users[0] = text_slice("bob");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CREATE,
                                         .kind = CC_KIND_GROUP,
                                         .conversation = text_slice("g"),
                                         .users = users,
                                         .user_count = TYPING_MEMBERS_MAX - 1});
    client_forget(bob);
    type(alice, "g", true);
    client_expect(bob, "typing g alice on\n");
    client_name_users(alice, CC_COMMAND_ADD, "g", "zoe");
    client_forget(bob);
    type(alice, "g", true);
    client_expect(bob, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_on_and_off),
        TEST(test_expires),
        TEST(test_coalesced),
        TEST(test_refuses),
        TEST(test_readers_of_a_channel_do_not_type),
        TEST(test_blocked_is_not_seen),
        TEST(test_not_in_crowds),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
