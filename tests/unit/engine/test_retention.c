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

/* --- of one conversation ------------------------------------------------------------------------
 */

static void allow_short(struct cc_engine_options *options)
{
    options->limits.retention_least_s = 10;
}

static void keep_all(struct cc_engine_options *options)
{
    allow_short(options);
    sqlite.no_thread = true;
    assert_int_equal(cc_search_sqlite_open(NULL, &sqlite, &options->search), 0);
}

static int setup_own(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture, keep_all);
    *state = &fixture;
    return 0;
}

static void retain(struct client *client, const char *conversation, uint64_t seconds,
                   const char *wanted)
{
    client_forget(client);
    client_do(client, (struct cc_command){.type = CC_COMMAND_UPDATE,
                                          .conversation = text_slice(conversation),
                                          .has_retention = true,
                                          .retention_s = seconds});
    client_expect(client, wanted);
}

/* The other conversation keeps all; a restart changes nothing; 0 ends it. */
static void test_a_conversations_own(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", NULL);
    client_create(bob, "other", NULL);
    client_say(bob, "g", "word old");
    client_say(bob, "other", "word kept");
    retain(bob, "g", 100,
           "message g 3 bob *retention* retention=100\nupdate ok seq=3\n"
           "conversation g group name=club owner members=1 head=3 read=0 delivered=0 unread=0\n");
    retain(bob, "g", 100, "update ok seq=3\n");
    fixture_restart(fixture, keep_all);
    bob = client_connect(fixture, "bob", "phone");
    fixture_advance(fixture, 60000);
    client_say(bob, "g", "word new");
    fixture_advance(fixture, 55000);
    history(bob, "history ok\n  4 bob word new client_id=c3\n");
    search(bob, "word",
           "search ok\n  4 bob word new client_id=c3\n  2 bob word kept client_id=c2\n");
    client_forget(bob);
    retain(bob, "g", 0,
           "message g 5 bob *retention* retention=0\nupdate ok seq=5\n"
           "conversation g group name=club owner members=1 head=5 read=0 delivered=0 unread=0\n");
    fixture_advance(fixture, 4000000);
    history(bob, "history ok\n  4 bob word new client_id=c3\n  5 bob *retention* retention=0\n");
}

static void test_who_may_set_it_to_what(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_create(bob, "g", "alice");
    retain(alice, "g", 100, "update CC_EFORBIDDEN\n");
    retain(bob, "g", 9, "update CC_EINVAL\n");
    retain(bob, "g", UINT64_C(1) << 53, "update CC_EINVAL\n");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_UPDATE, .conversation = text_slice("g")});
    client_expect(bob, "update CC_EINVAL\n");
}

/* Either of the two sets it for both; whom the other has blocked, and others, do not. */
static void test_between_two(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *eve = client_connect(fixture, "eve", "phone");
    char direct[CC_NAME_MAX + 1] = "";

    client_say_to(bob, "alice", "word old");
    memcpy(direct, bob->conversation, bob->conversation_size);
    client_forget(bob);
    retain(alice, direct, 100,
           "message ~ 2 alice *retention* retention=100\nupdate ok seq=2\n"
           "conversation ~ direct peer=bob member members=2 head=2 read=0 delivered=0 unread=1\n");
    client_expect(bob,
                  "message ~ 2 alice *retention* retention=100\n"
                  "conversation ~ direct peer=alice member members=2 head=2 read=0 delivered=0 "
                  "unread=0\n");
    retain(eve, direct, 0, "update CC_ENOTFOUND\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_BLOCK, .user = text_slice("bob")});
    retain(bob, direct, 0, "update CC_EBLOCKED\n");
    fixture_advance(fixture, 120000);
    search(alice, "word", "search ok\n");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_UPDATE,
                                       .conversation = text_slice(direct),
                                       .name = text_slice("ours"),
                                       .has_name = true,
                                       .has_retention = true});
    client_expect(bob, "update CC_EINVAL\n");
}

/* Both in one change, of one seq. */
static void test_with_a_new_name(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", NULL);
    client_forget(bob);
    client_do(bob, (struct cc_command){.type = CC_COMMAND_UPDATE,
                                       .conversation = text_slice("g"),
                                       .name = text_slice("new"),
                                       .has_name = true,
                                       .has_retention = true,
                                       .retention_s = 50});
    client_expect(bob, "message g 2 bob *renamed* name=new retention=50\nupdate ok seq=2\n"
                       "conversation g group name=new owner members=1 head=2 read=0 delivered=0 "
                       "unread=0\n");
}

/* The server's own is the ceiling: here 100 s. */
static void test_under_the_servers(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", NULL);
    client_say(bob, "g", "old");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_UPDATE,
                                       .conversation = text_slice("g"),
                                       .has_retention = true,
                                       .retention_s = 1000000});
    fixture_advance(fixture, 120000);
    history(bob, "history ok\n");
}

/* The node that has to remove is another one than the one that was told, also after it has gone. */
static void test_on_several_nodes(void **state)
{
    static struct fixture nodes[2];
    struct client *bob;

    (void)state;
    fixture_init_cluster(nodes, 2, 4, allow_short);
    fixture_advance(nodes, 3000);
    bob = client_connect(&nodes[0], "bob", "phone");
    for (int i = 0; i < 6; i++) {
        char name[] = {(char)('a' + i), 0};

        client_create(bob, name, NULL);
        client_say(bob, name, "old");
        client_do(bob, (struct cc_command){.type = CC_COMMAND_UPDATE,
                                           .conversation = text_slice(name),
                                           .has_retention = true,
                                           .retention_s = 30});
    }
    fixture_advance(&nodes[0], 45000);
    for (int i = 0; i < 6; i++) {
        char name[] = {(char)('a' + i), 0};

        client_forget(bob);
        client_do(
            bob, (struct cc_command){.type = CC_COMMAND_HISTORY, .conversation = text_slice(name)});
        client_expect(bob, "history ok\n");
    }
    fixture_deinit(&nodes[0]);
}

int main(void)
{
#define TEST(name)     cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
#define TEST_OWN(name) cmocka_unit_test_setup_teardown(name, setup_own, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_old_messages_vanish),
        TEST(test_coming_online_behind_it),
        TEST(test_editing_behind_it),
        TEST(test_under_the_servers),
        TEST_OWN(test_a_conversations_own),
        TEST_OWN(test_who_may_set_it_to_what),
        TEST_OWN(test_between_two),
        TEST_OWN(test_with_a_new_name),
        cmocka_unit_test(test_on_several_nodes),
    };
#undef TEST
#undef TEST_OWN

    return cmocka_run_group_tests(tests, NULL, NULL);
}
