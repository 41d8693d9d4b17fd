/*
 * What users of different nodes see of each other.
 */
#include "engine/presence.h"
#include "engine/receipts.h"
#include "engine/typing.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

/* Enough that each node owns some of what the tests use. */
#define PARTITIONS 4
#define NODES      3

static int setup(void **state)
{
    static struct fixture nodes[NODES];

    fixture_init_cluster(nodes, NODES, PARTITIONS, NULL);
    fixture_advance(nodes, 3000);
    *state = nodes;
    return 0;
}

/* The third node owns nothing, so that it can die and no partition waits for a new owner. */
static int setup_with_a_spare(void **state)
{
    static struct fixture nodes[NODES];

    fixture_init_cluster(nodes, NODES, NODES - 1, NULL);
    fixture_advance(nodes, 3000);
    *state = nodes;
    return 0;
}

/* Groups of these names are spread over the partitions, so over the owners. */
static const char *const groups[] = {"g1", "g2", "g3", "g4", "g5", "g6"};
#define GROUPS (sizeof groups / sizeof groups[0])

static const char *line(const char *format, const char *group)
{
    static char text[256];

    snprintf(text, sizeof text, format, group);
    return text;
}

static void test_groups(void **state)
{
    struct fixture *nodes = *state;
    struct client *alice = client_connect(&nodes[0], "alice", "phone");
    struct client *bob = client_connect(&nodes[1], "bob", "phone");
    struct client *carol = client_connect(&nodes[2], "carol", "phone");

    for (size_t i = 0; i < GROUPS; i++) {
        client_create(alice, groups[i], "bob");
        fixture_advance(nodes, 1000);
        client_forget(alice);
        assert_non_null(strstr(client_text(bob), line("message %s 1 alice *created*", groups[i])));
        assert_non_null(
            strstr(client_text(bob), line("conversation %s group name=club member", groups[i])));
        client_forget(bob);
        client_name_users(alice, CC_COMMAND_ADD, groups[i], "carol");
        fixture_advance(nodes, 1000);
        assert_non_null(strstr(client_text(alice), "add ok seq=2\n"));
        assert_non_null(strstr(client_text(carol),
                               line("conversation %s group name=club member members=3 head=2 "
                                    "read=0 delivered=0 unread=0\n",
                                    groups[i])));
        client_forget(carol);
        client_name_users(alice, CC_COMMAND_REMOVE, groups[i], "carol");
        fixture_advance(nodes, 1000);
        assert_non_null(
            strstr(client_text(carol), line("conversation %s group gone\n", groups[i])));
        client_forget(alice);
        client_forget(bob);
        client_forget(carol);
    }
}

static void test_receipts_and_typing(void **state)
{
    struct fixture *nodes = *state;
    struct client *alice = client_connect(&nodes[0], "alice", "phone");
    struct client *bob = client_connect(&nodes[1], "bob", "phone");
    struct client *tablet = client_connect(&nodes[2], "bob", "tablet");

    for (size_t i = 0; i < GROUPS; i++) {
        struct cc_slice group = text_slice(groups[i]);

        client_create(alice, groups[i], "bob");
        fixture_advance(nodes, 1000);
        client_forget(alice);
        client_forget(tablet);
        client_do(bob,
                  (struct cc_command){.type = CC_COMMAND_READ, .conversation = group, .seq = 1});
        fixture_advance(nodes, RECEIPTS_HOLD_MS);
        client_expect(alice, line("receipt %s bob delivered=1 read=1\n", groups[i]));
        client_expect(tablet, line("receipt %s bob delivered=1 read=1\n", groups[i]));
        client_do(
            bob, (struct cc_command){.type = CC_COMMAND_TYPING, .conversation = group, .on = true});
        fixture_advance(nodes, 100);
        client_expect(alice, line("typing %s bob on\n", groups[i]));
        fixture_advance(nodes, TYPING_TTL_MS);
        client_expect(alice, line("typing %s bob off\n", groups[i]));
    }
}

/* The same is unread on every node, whichever owns the group and whichever read it. */
static void test_unread(void **state)
{
    struct fixture *nodes = *state;
    struct client *alice = client_connect(&nodes[0], "alice", "phone");
    struct client *bob = client_connect(&nodes[1], "bob", "phone");

    for (size_t i = 0; i < GROUPS; i++) {
        client_create(alice, groups[i], "bob"); /* seq 1 */
        for (int n = 0; n < 4; n++)
            client_say(alice, groups[i], "text"); /* 2 to 5 */
        fixture_advance(nodes, 1000);
        client_do(bob, (struct cc_command){.type = CC_COMMAND_READ,
                                           .conversation = text_slice(groups[i]),
                                           .seq = 3});
        fixture_advance(nodes, 1000);
    }
    for (size_t n = 0; n < NODES; n++) {
        struct client *client = client_open_for_requests(&nodes[n], "bob");
        const char *text;

        client_do(client, (struct cc_command){.type = CC_COMMAND_CONVERSATIONS});
        fixture_advance(nodes, 100);
        text = client_text(client);
        for (size_t i = 0; i < GROUPS; i++)
            assert_non_null(strstr(text, line("  %s group name=club member members=2 head=5 "
                                              "read=3 delivered=3 unread=2\n",
                                              groups[i])));
    }
}

/* The author is told whichever node owns the group, the author's or the reader's. */
static void test_crowds(void **state)
{
    struct fixture *nodes = *state;
    struct client *alice = client_connect(&nodes[0], "alice", "phone");
    struct client *bob = client_connect(&nodes[1], "bob", "phone");
    struct cc_slice users[RECEIPTS_MEMBERS_MAX + 1];
    char names[RECEIPTS_MEMBERS_MAX][32];

    users[0] = text_slice("bob");
    for (size_t i = 0; i < RECEIPTS_MEMBERS_MAX; i++)
        users[i + 1] = slice_of(names[i], (size_t)snprintf(names[i], 32, "user%zu", i));
    for (size_t i = 0; i < GROUPS; i++) {
        client_do(alice, (struct cc_command){.type = CC_COMMAND_CREATE,
                                             .kind = CC_KIND_GROUP,
                                             .conversation = text_slice(groups[i]),
                                             .users = users,
                                             .user_count = RECEIPTS_MEMBERS_MAX + 1});
        fixture_advance(nodes, 1000);
        client_forget(alice);
        client_do(bob, (struct cc_command){.type = CC_COMMAND_READ,
                                           .conversation = text_slice(groups[i]),
                                           .seq = 1});
        fixture_advance(nodes, 100);
        client_expect(alice, line("receipt %s bob read=1\n", groups[i]));
    }
}

/* Also where the owner is another node a joiner is shown nothing older. */
static void test_joiners(void **state)
{
    struct fixture *nodes = *state;
    struct client *alice = client_connect(&nodes[0], "alice", "phone");
    struct client *bob = client_connect(&nodes[1], "bob", "phone");

    for (size_t i = 0; i < GROUPS; i++) {
        client_create(alice, groups[i], NULL);
        fixture_advance(nodes, 1000); /* the store has what is older, and not the joining */
        client_name_users(alice, CC_COMMAND_ADD, groups[i], "bob");
        for (int ms = 0; ms < 1000; ms += 50) {
            client_forget(bob);
            client_do(bob, (struct cc_command){.type = CC_COMMAND_HISTORY,
                                               .conversation = text_slice(groups[i])});
            assert_null(strstr(client_text(bob), "*created*"));
            fixture_advance(nodes, 50);
        }
        client_expect(bob, "history ok\n  2 alice *added* member bob\n");
    }
}

static void test_presence(void **state)
{
    struct fixture *nodes = *state;
    struct client *alice = client_connect(&nodes[0], "alice", "phone");
    struct client *bob;

    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_ADD_CONTACT, .user = text_slice("bob")});
    client_forget(alice);
    bob = client_connect(&nodes[1], "bob", "phone");
    fixture_advance(nodes, 100);
    client_expect(alice, "presence bob online\n");
    client_name_users(alice, CC_COMMAND_PRESENCE, NULL, "bob");
    client_expect(alice, "presence ok\n  bob online\n");
    client_close(bob);
    fixture_advance(nodes, PRESENCE_LINGER_MS + 100);
    assert_non_null(strstr(client_text(alice), "presence bob offline last_seen="));
}

/* A node's death shows its users offline when their entries would have expired, and not before. */
static void test_presence_after_a_death(void **state)
{
    struct fixture *nodes = *state;
    struct client *alice = client_connect(&nodes[0], "alice", "phone");
    struct client *carol = client_connect(&nodes[1], "carol", "phone");

    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_ADD_CONTACT, .user = text_slice("bob")});
    client_do(carol,
              (struct cc_command){.type = CC_COMMAND_ADD_CONTACT, .user = text_slice("bob")});
    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_ADD_CONTACT, .user = text_slice("dave")});
    client_connect(&nodes[2], "bob", "phone");
    client_connect(&nodes[2], "dave", "phone");
    fixture_advance(nodes, 1000);
    client_forget(alice);
    client_forget(carol);
    nodes[2].is_frozen = true;
    fixture_advance(nodes, 10000);
    client_connect(&nodes[0], "dave", "phone");
    client_expect(alice, "presence dave online\n");
    fixture_advance(nodes, 30000);
    client_expect(alice, "");
    fixture_advance(nodes, 60000);
    assert_non_null(strstr(client_text(alice), "presence bob offline last_seen="));
    assert_null(strstr(client_text(alice), "dave"));
    assert_non_null(strstr(client_text(carol), "presence bob offline last_seen="));
    client_forget(alice);
    client_connect(&nodes[0], "bob", "phone");
    client_expect(alice, "presence bob online\n");
}

static void test_direct(void **state)
{
    struct fixture *nodes = *state;
    struct client *alice = client_connect(&nodes[0], "alice", "phone");
    static const char *const peers[] = {"bob", "carol", "dave", "erin", "frank"};

    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        struct client *peer = client_connect(&nodes[1 + i % 2], peers[i], "phone");

        client_say_to(alice, peers[i], "hi");
        client_say_to(peer, "alice", "hello");
        fixture_advance(nodes, 1000);
        assert_non_null(strstr(client_text(peer), "message ~ 1 alice hi\n"));
        assert_non_null(strstr(client_text(peer), "conversation ~ direct peer=alice"));
        assert_non_null(strstr(client_text(alice), line("message ~ 2 %s hello\n", peers[i])));
        client_forget(alice);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_groups),
        TEST(test_receipts_and_typing),
        TEST(test_unread),
        TEST(test_crowds),
        TEST(test_joiners),
        TEST(test_presence),
        cmocka_unit_test_setup_teardown(test_presence_after_a_death, setup_with_a_spare,
                                        fixture_teardown),
        TEST(test_direct),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
