/*
 * Receipts: forward only, durable, and told to whom it concerns.
 */
#include "engine/receipts.h"
#include "engine/unread.h"
#include "engine/user_privacy.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

static void mark(struct client *client, enum cc_command_type type, const char *conversation,
                 uint64_t seq)
{
    client_do(client, (struct cc_command){
                          .type = type, .conversation = text_slice(conversation), .seq = seq});
}

static const char *conversation_of(const struct client *client)
{
    static char id[CC_NAME_MAX + 1];

    memset(id, 0, sizeof id);
    memcpy(id, client->conversation, client->conversation_size);
    return id;
}

static void list(struct client *client)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_CONVERSATIONS});
}

static void test_direct(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *tablet = client_connect(*state, "bob", "tablet");
    const char *id;

    client_say_to(alice, "bob", "one");
    client_say_to(alice, "bob", "two");
    id = conversation_of(alice);
    client_forget(alice);
    client_forget(bob);
    client_forget(tablet);
    mark(bob, CC_COMMAND_DELIVERED, id, 2);
    client_expect(bob, "delivered ok\n");
    client_expect(tablet, "receipt ~ bob delivered=2\n");
    client_expect(alice, "receipt ~ bob delivered=2\n");
    mark(bob, CC_COMMAND_READ, id, 1);
    client_expect(alice, "receipt ~ bob read=1\n");
    client_expect(tablet, "receipt ~ bob delivered=2 read=1\n");
    mark(bob, CC_COMMAND_READ, id, 2);
    mark(bob, CC_COMMAND_READ, id, 1);
    mark(bob, CC_COMMAND_READ, id, 2);
    client_expect(alice, "receipt ~ bob read=2\n");
    client_expect(bob, "read ok\nread ok\nread ok\nread ok\n");
}

static void keep_private(struct client *client, enum cc_read_marks marks)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_PROFILE,
                                          .has_read_marks = true,
                                          .privacy = {.read_marks = marks}});
    client_forget(client);
}

/* Told to the user's own devices alone; what was delivered is told to all; and the other way, he
 * learns nothing of the other's reading. */
static void test_private(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *tablet = client_connect(fixture, "bob", "tablet");
    const char *id;

    keep_private(bob, CC_READ_MARKS_PRIVATE);
    client_say_to(alice, "bob", "one");
    client_say_to(bob, "alice", "two");
    id = conversation_of(alice);
    client_forget(alice);
    client_forget(bob);
    client_forget(tablet);
    mark(bob, CC_COMMAND_READ, id, 1);
    client_expect(bob, "read ok\n");
    client_expect(tablet, "receipt ~ bob delivered=1 read=1\n");
    client_expect(alice, "receipt ~ bob delivered=1\n");
    mark(bob, CC_COMMAND_DELIVERED, id, 2);
    client_expect(alice, "receipt ~ bob delivered=2\n");
    mark(bob, CC_COMMAND_READ, id, 2);
    client_expect(alice, "");
    client_forget(bob);
    client_forget(tablet);
    mark(alice, CC_COMMAND_DELIVERED, id, 1);
    client_expect(bob, "receipt ~ alice delivered=1\n");
    mark(alice, CC_COMMAND_READ, id, 1);
    client_expect(bob, "");
    mark(alice, CC_COMMAND_READ, id, 2);
    client_expect(bob, "receipt ~ alice delivered=2\n");
    client_expect(tablet, "receipt ~ alice delivered=1\nreceipt ~ alice delivered=2\n");
    fixture_restart(fixture, NULL);
    alice = client_connect(fixture, "alice", "phone");
    bob = client_connect(fixture, "bob", "phone");
    client_say_to(alice, "bob", "three");
    client_forget(alice);
    mark(bob, CC_COMMAND_READ, id, 3);
    client_expect(alice, "receipt ~ bob delivered=3\n");
    keep_private(bob, CC_READ_MARKS_PUBLIC);
    client_say_to(alice, "bob", "four");
    client_forget(alice);
    client_forget(bob);
    mark(bob, CC_COMMAND_READ, id, 4);
    client_expect(alice, "receipt ~ bob delivered=4 read=4\n");
    client_forget(bob);
    mark(alice, CC_COMMAND_READ, id, 4);
    client_expect(bob, "receipt ~ alice delivered=4 read=4\n");
}

/* In a group of those who are told each, and in a crowd, where authors alone are. */
static void test_private_in_groups(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *carol = client_connect(fixture, "carol", "phone");

    keep_private(bob, CC_READ_MARKS_PRIVATE);
    client_create(alice, "g", "bob carol");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CREATE,
                                         .kind = CC_KIND_CHANNEL,
                                         .conversation = text_slice("news"),
                                         .name = text_slice("news"),
                                         .users = (struct cc_slice[]){text_slice("bob")},
                                         .user_count = 1});
    client_say(alice, "g", "one");
    client_say(alice, "news", "one");
    client_forget(alice);
    client_forget(bob);
    client_forget(carol);
    mark(bob, CC_COMMAND_READ, "g", 2);
    mark(bob, CC_COMMAND_READ, "news", 2);
    fixture_advance(fixture, 2000);
    client_expect(alice, "receipt g bob delivered=2\n");
    client_forget(bob);
    mark(carol, CC_COMMAND_READ, "g", 2);
    fixture_advance(fixture, 2000);
    client_expect(alice, "receipt g carol delivered=2 read=2\n");
    client_expect(bob, "receipt g carol delivered=2\n");
}

/* Set on one node, it counts on the others within USER_PRIVACY_TTL_MS. */
static void test_private_on_several_nodes(void **state)
{
    static struct fixture nodes[2];
    struct client *alice;
    struct client *bob;
    struct client *there;
    const char *id;

    (void)state;
    fixture_init_cluster(nodes, 2, 2, NULL);
    fixture_advance(nodes, 3000);
    alice = client_connect(&nodes[1], "alice", "phone");
    bob = client_connect(&nodes[0], "bob", "phone");
    there = client_open_for_requests(&nodes[1], "bob");
    client_say_to(alice, "bob", "one");
    id = conversation_of(alice);
    fixture_advance(nodes, 1000);
    mark(bob, CC_COMMAND_READ, id, 1);
    keep_private(there, CC_READ_MARKS_PRIVATE);
    client_say_to(alice, "bob", "two");
    fixture_advance(nodes, USER_PRIVACY_TTL_MS);
    client_forget(alice);
    mark(bob, CC_COMMAND_READ, id, 2);
    fixture_advance(nodes, 1000);
    client_expect(alice, "receipt ~ bob delivered=2\n");
    client_forget(bob);
    mark(alice, CC_COMMAND_READ, id, 2);
    fixture_advance(nodes, 1000);
    client_expect(bob, "receipt ~ alice delivered=2\n");
    fixture_deinit(nodes);
}

/* Who has blocked, and who is blocked, learn nothing of each other; what was read is kept. */
static void test_blocked(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *tablet = client_connect(*state, "bob", "tablet");
    const char *id;

    client_say_to(alice, "bob", "one");
    client_say_to(bob, "alice", "two");
    id = conversation_of(alice);
    client_do(bob, (struct cc_command){.type = CC_COMMAND_BLOCK, .user = text_slice("alice")});
    client_forget(alice);
    client_forget(bob);
    client_forget(tablet);
    mark(bob, CC_COMMAND_READ, id, 1);
    mark(alice, CC_COMMAND_READ, id, 2);
    client_expect(alice, "read ok\n");
    client_expect(bob, "read ok\n");
    client_expect(tablet, "receipt ~ bob delivered=1 read=1\n");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_UNBLOCK, .user = text_slice("alice")});
    mark(bob, CC_COMMAND_READ, id, 2);
    client_expect(alice, "receipt ~ bob delivered=2 read=2\n");
}

static void test_clamps_and_refuses(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *eve = client_connect(*state, "eve", "phone");

    client_create(alice, "g", "bob");
    client_forget(alice);
    mark(alice, CC_COMMAND_READ, "g", 1000);
    list(alice);
    client_expect(alice,
                  "read ok\n"
                  "conversations ok\n"
                  "  g group name=club owner members=2 head=1 read=1 delivered=1 unread=0\n");
    mark(alice, CC_COMMAND_READ, "g", 0);
    client_expect(alice, "read CC_EINVAL\n");
    mark(alice, CC_COMMAND_READ, "nowhere", 1);
    client_expect(alice, "read CC_ENOTFOUND\n");
    mark(eve, CC_COMMAND_READ, "g", 1);
    client_expect(eve, "read CC_ENOTFOUND\n");
    mark(eve, CC_COMMAND_READ, "two words", 1);
    client_expect(eve, "read CC_EINVAL\n");
}

/* In a group one user's receipts are held back, so that the others get the newest of them. */
static void test_group(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", "bob");
    for (int i = 0; i < 5; i++)
        client_say(alice, "g", "text");
    fixture_advance(fixture, 1000);
    client_forget(alice);
    mark(bob, CC_COMMAND_READ, "g", 1);
    client_expect(alice, "receipt g bob delivered=1 read=1\n");
    mark(bob, CC_COMMAND_READ, "g", 2);
    mark(bob, CC_COMMAND_DELIVERED, "g", 5);
    mark(bob, CC_COMMAND_READ, "g", 4);
    client_expect(alice, "");
    fixture_advance(fixture, RECEIPTS_HOLD_MS - 1);
    client_expect(alice, "");
    fixture_advance(fixture, 1);
    client_expect(alice, "receipt g bob delivered=5 read=4\n");
    fixture_advance(fixture, 1000);
    client_expect(alice, "");
}

/* In a large group only authors are told, once a second, and of the furthest reader. */
static void test_crowd(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *carol = client_connect(fixture, "carol", "phone");
    struct client *dave = client_connect(fixture, "dave", "phone");
    struct cc_slice users[RECEIPTS_MEMBERS_MAX + 3];
    char names[RECEIPTS_MEMBERS_MAX][16];

    for (size_t i = 0; i < RECEIPTS_MEMBERS_MAX; i++)
        users[i] = slice_of(names[i], (size_t)snprintf(names[i], 16, "user%zu", i));
    users[RECEIPTS_MEMBERS_MAX] = text_slice("bob");
    users[RECEIPTS_MEMBERS_MAX + 1] = text_slice("carol");
    users[RECEIPTS_MEMBERS_MAX + 2] = text_slice("dave");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CREATE,
                                         .kind = CC_KIND_GROUP,
                                         .conversation = text_slice("g"),
                                         .users = users,
                                         .user_count = RECEIPTS_MEMBERS_MAX + 3});
    client_say(bob, "g", "from bob");
    client_say(dave, "g", "from dave");
    client_forget(alice);
    client_forget(bob);
    client_forget(carol);
    client_forget(dave);
    mark(carol, CC_COMMAND_DELIVERED, "g", 3);
    client_expect(bob, "");
    mark(carol, CC_COMMAND_READ, "g", 2);
    client_expect(bob, "receipt g carol read=2\n");
    client_expect(alice, "receipt g carol read=2\n");
    client_expect(dave, "");
    mark(alice, CC_COMMAND_READ, "g", 2); /* behind the furthest */
    mark(carol, CC_COMMAND_READ, "g", 3);
    client_expect(dave, "");
    fixture_advance(fixture, RECEIPTS_CROWD_MS);
    client_expect(dave, "receipt g carol read=3\n");
    client_expect(bob, "");
    client_expect(alice, "read ok\n");
}

static void test_durable(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_create(alice, "g", "bob");
    client_say(alice, "g", "text");
    mark(alice, CC_COMMAND_READ, "g", 1);
    mark(alice, CC_COMMAND_DELIVERED, "g", 2);
    fixture_restart(fixture, NULL);
    alice = client_connect(fixture, "alice", "phone");
    list(alice);
    client_expect(alice,
                  "conversations ok\n"
                  "  g group name=club owner members=2 head=2 read=1 delivered=2 unread=0\n");
    /* What is known from before the restart is not told anew. */
    mark(alice, CC_COMMAND_DELIVERED, "g", 1);
    client_expect(alice, "delivered ok\n");
}

/* Those that come while the store writes go together into the next write. */
static void test_gathered(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    const char *id;

    for (int i = 0; i < 4; i++)
        client_say_to(alice, "bob", "text");
    id = conversation_of(alice);
    mark(bob, CC_COMMAND_READ, id, 1);
    client_forget(alice);
    client_forget(bob);
    for (uint64_t seq = 2; seq <= 4; seq++)
        client_submit(bob, (struct cc_command){.type = CC_COMMAND_READ,
                                               .conversation = text_slice(id),
                                               .seq = seq});
    fixture_settle(fixture);
    client_expect(alice, "receipt ~ bob delivered=4 read=4\n");
    client_expect(bob, "read ok\nread ok\nread ok\n");
}

/* --- unread ------------------------------------------------------------------------------------
 */

static void check_unread(struct client *client, unsigned expected, int line)
{
    const char *found;

    client_forget(client);
    list(client);
    found = strstr(client_text(client), "unread=");
    assert_non_null(found);
    if (strtoul(found + strlen("unread="), NULL, 10) != expected)
        fail_msg("line %d: expected unread=%u, found %.20s", line, expected, found);
}

#define CHECK_UNREAD(client, expected) check_unread(client, expected, __LINE__)

static void about(struct client *client, enum cc_command_type type, struct cc_id message)
{
    client_do(client, (struct cc_command){.type = type,
                                          .conversation = text_slice("g"),
                                          .message = message,
                                          .text = text_slice("new"),
                                          .emoji = text_slice("+1"),
                                          .on = true});
}

/* Asked of memory, then of the store, then of an engine that begins again. */
static void check_everywhere(struct fixture *fixture, unsigned alice, unsigned bob)
{
    CHECK_UNREAD(client_open_for_requests(fixture, "alice"), alice);
    CHECK_UNREAD(client_open_for_requests(fixture, "bob"), bob);
    fixture_advance(fixture, 1000);
    CHECK_UNREAD(client_open_for_requests(fixture, "alice"), alice);
    CHECK_UNREAD(client_open_for_requests(fixture, "bob"), bob);
    fixture_restart(fixture, NULL);
    CHECK_UNREAD(client_open_for_requests(fixture, "alice"), alice);
    CHECK_UNREAD(client_open_for_requests(fixture, "bob"), bob);
}

/* Others' messages count: not one's own, nor what is done to messages or told of members. */
static void test_unread_is_what_others_said(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct cc_id first;

    client_create(alice, "g", "bob");
    client_say(alice, "g", "one");
    first = alice->last_message;
    client_say(alice, "g", "two");
    about(alice, CC_COMMAND_EDIT, first);
    about(alice, CC_COMMAND_REACT, first);
    about(alice, CC_COMMAND_DELETE, first);
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    check_everywhere(fixture, 0, 2);
}

static void test_unread_ends_where_one_read(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", "bob"); /* seq 1 */
    for (int i = 0; i < 5; i++)
        client_say(alice, "g", "text");                  /* 2 to 6 */
    about(alice, CC_COMMAND_REACT, alice->last_message); /* 7 */
    mark(bob, CC_COMMAND_DELIVERED, "g", 7);
    CHECK_UNREAD(bob, 5);
    mark(bob, CC_COMMAND_READ, "g", 1);
    CHECK_UNREAD(bob, 5);
    mark(bob, CC_COMMAND_READ, "g", 3);
    CHECK_UNREAD(bob, 3);
    mark(bob, CC_COMMAND_READ, "g", 2); /* no way back */
    check_everywhere(fixture, 0, 3);
    /* What is behind is now in the store alone. */
    bob = client_connect(fixture, "bob", "phone");
    mark(bob, CC_COMMAND_READ, "g", 4);
    check_everywhere(fixture, 0, 2);
    bob = client_connect(fixture, "bob", "phone");
    mark(bob, CC_COMMAND_READ, "g", 6);
    check_everywhere(fixture, 0, 0);
}

/* Who answers has read what stands before, but tells nobody so. */
static void test_unread_ends_where_one_spoke(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", "bob");
    client_say(alice, "g", "one");
    client_say(alice, "g", "two");
    about(bob, CC_COMMAND_REACT, alice->last_message); /* a reaction is no answer */
    CHECK_UNREAD(bob, 2);
    client_say(bob, "g", "three");
    client_forget(bob);
    list(bob);
    client_expect(bob, "conversations ok\n"
                       "  g group name=club member members=2 head=5 read=0 delivered=0 unread=0\n");
    client_say(alice, "g", "four");
    client_say(alice, "g", "five");
    check_everywhere(fixture, 0, 2);
}

static void test_unread_begins_where_one_joined(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_create(alice, "g", NULL);
    client_say(alice, "g", "before");
    client_say(alice, "g", "before");
    client_name_users(alice, CC_COMMAND_ADD, "g", "bob");
    check_everywhere(fixture, 0, 0);
    alice = client_connect(fixture, "alice", "phone");
    client_say(alice, "g", "after");
    client_name_users(alice, CC_COMMAND_REMOVE, "g", "bob");
    client_say(alice, "g", "without him");
    client_name_users(alice, CC_COMMAND_ADD, "g", "bob");
    client_say(alice, "g", "back");
    check_everywhere(fixture, 0, 1);
}

/* Far behind: of more than UNREAD_ROWS_MAX messages after the mark all others count as one each. */
static void test_unread_far_behind(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob;
    struct cc_id first;

    client_create(alice, "g", "bob"); /* seq 1 */
    client_say(alice, "g", "text");   /* 2 */
    first = alice->last_message;
    for (unsigned i = 0; i < UNREAD_ROWS_MAX + 10; i++) {
        about(alice, CC_COMMAND_REACT, first);
        fixture_advance(fixture, 100); /* within the rate */
    }
    client_say(alice, "g", "text");
    fixture_restart(fixture, NULL);
    bob = client_connect(fixture, "bob", "phone");
    CHECK_UNREAD(bob, 2);
    mark(bob, CC_COMMAND_READ, "g", 5);
    CHECK_UNREAD(bob, 2); /* the head's two, as eight that were not looked at may count */
    mark(bob, CC_COMMAND_READ, "g", 14);
    CHECK_UNREAD(bob, 1);
}

static void members(struct client *client, const char *conversation)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_MEMBERS,
                                          .conversation = text_slice(conversation)});
}

/* Whoever was not there when it was told finds it in the list of members. */
static void test_members_have_marks(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", "bob carol");
    client_say(alice, "g", "text");
    mark(bob, CC_COMMAND_DELIVERED, "g", 2);
    mark(bob, CC_COMMAND_READ, "g", 1);
    alice = client_connect(*state, "alice", "tablet");
    client_forget(alice);
    members(alice, "g");
    client_expect(alice, "members ok alice:owner bob:member:2/1 carol:member\n");
}

static void test_members_hide_private_marks(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", "bob");
    keep_private(bob, CC_READ_MARKS_PRIVATE);
    mark(alice, CC_COMMAND_READ, "g", 1);
    mark(bob, CC_COMMAND_READ, "g", 1);
    client_forget(alice);
    client_forget(bob);
    members(alice, "g");
    client_expect(alice, "members ok alice:owner:1/1 bob:member:1/0\n");
    members(bob, "g");
    client_expect(bob, "members ok alice:owner:1/0 bob:member:1/1\n");
}

static void test_members_of_a_blocked_pair(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    const char *id;

    client_say_to(alice, "bob", "one");
    id = conversation_of(alice);
    mark(bob, CC_COMMAND_READ, id, 1);
    client_forget(alice);
    members(alice, id);
    client_expect(alice, "members ok alice:member bob:member:1/1\n");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_BLOCK, .user = text_slice("alice")});
    members(alice, id);
    client_expect(alice, "members ok alice:member bob:member\n");
    client_forget(bob);
    members(bob, id);
    client_expect(bob, "members ok alice:member bob:member\n");
}

/* In a channel readers are not told of each other. */
static void test_members_of_a_channel(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    const struct cc_slice users[] = {text_slice("bob")};

    client_do(alice, (struct cc_command){.type = CC_COMMAND_CREATE,
                                         .kind = CC_KIND_CHANNEL,
                                         .conversation = text_slice("c"),
                                         .users = users,
                                         .user_count = 1});
    mark(bob, CC_COMMAND_READ, "c", 1);
    client_forget(alice);
    members(alice, "c");
    client_expect(alice, "members ok alice:owner bob:member\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_direct),
        TEST(test_blocked),
        TEST(test_private),
        TEST(test_private_in_groups),
        cmocka_unit_test(test_private_on_several_nodes),
        TEST(test_members_have_marks),
        TEST(test_members_hide_private_marks),
        TEST(test_members_of_a_blocked_pair),
        TEST(test_members_of_a_channel),
        TEST(test_clamps_and_refuses),
        TEST(test_group),
        TEST(test_crowd),
        TEST(test_durable),
        TEST(test_gathered),
        TEST(test_unread_is_what_others_said),
        TEST(test_unread_ends_where_one_read),
        TEST(test_unread_ends_where_one_spoke),
        TEST(test_unread_begins_where_one_joined),
        TEST(test_unread_far_behind),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
