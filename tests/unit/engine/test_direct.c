/*
 * Direct conversations: made by the first message, refused to who is blocked.
 */
#include "support/engine_fixture.h"
#include "support/test.h"

static void relate(struct client *client, enum cc_command_type type, const char *user)
{
    client_do(client, (struct cc_command){.type = type, .user = text_slice(user)});
    client_forget(client);
}

/* The conversation of the client's newest reply, terminated. */
static const char *conversation_of(const struct client *client)
{
    static char id[CC_NAME_MAX + 1];

    memset(id, 0, sizeof id);
    memcpy(id, client->conversation, client->conversation_size);
    return id;
}

static void test_first_message(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_say_to(alice, "bob", "hi");
    client_expect(alice, "message ~ 1 alice hi client_id=c1\n"
                         "send ok ~\n"
                         "conversation ~ direct peer=bob member members=2 head=1 read=0 "
                         "delivered=0 unread=0\n");
    client_expect(bob, "message ~ 1 alice hi\n"
                       "conversation ~ direct peer=alice member members=2 head=1 read=0 "
                       "delivered=0 unread=1\n");
    client_say_to(bob, "alice", "you?");
    client_expect(alice, "message ~ 2 bob you?\n");
}

static void test_both_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct cc_command send = {.type = CC_COMMAND_SEND, .client_id = text_slice("1")};

    send.user = text_slice("bob");
    send.text = text_slice("from alice");
    client_submit(alice, send);
    send.user = text_slice("alice");
    send.text = text_slice("from bob");
    client_submit(bob, send);
    fixture_settle(fixture);
    client_say_to(alice, "bob", "third");
    assert_non_null(strstr(client_text(bob), "message ~ 1 alice from alice\n"));
    assert_non_null(strstr(client_text(bob), "message ~ 2 bob from bob client_id=1\n"));
    assert_non_null(strstr(client_text(bob), "message ~ 3 alice third\n"));
}

/* Many at once into a conversation that does not exist yet: all arrive, in their order. */
static void test_burst(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    static const char *const ids[] = {"a", "b", "c"};

    for (size_t i = 0; i < 3; i++)
        client_submit(alice, (struct cc_command){.type = CC_COMMAND_SEND,
                                                 .user = text_slice("bob"),
                                                 .client_id = text_slice(ids[i]),
                                                 .text = text_slice(ids[i])});
    fixture_settle(fixture);
    client_expect(bob, "message ~ 1 alice a\n"
                       "message ~ 2 alice b\n"
                       "message ~ 3 alice c\n"
                       "conversation ~ direct peer=alice member members=2 head=3 read=0 "
                       "delivered=0 unread=3\n");
}

static void test_refuses(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");

    client_say_to(alice, "alice", "to myself");
    client_expect(alice, "send CC_EINVAL\n");
    client_say_to(alice, "two words", "hi");
    client_expect(alice, "send CC_EINVAL\n");
}

static void test_block(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    const char *id;

    client_say_to(alice, "bob", "hi");
    client_forget(alice);
    client_forget(bob);
    relate(bob, CC_COMMAND_BLOCK, "alice");
    client_say_to(alice, "bob", "hello?");
    client_expect(alice, "send CC_EBLOCKED\n");
    id = conversation_of(alice);
    client_say(alice, id, "by the id");
    client_expect(alice, "send CC_EBLOCKED\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_REACT,
                                         .conversation = text_slice(id),
                                         .message = alice->last_message,
                                         .emoji = text_slice("x"),
                                         .on = true});
    client_expect(alice, "react CC_EBLOCKED\n");
    client_expect(bob, "");
    relate(bob, CC_COMMAND_UNBLOCK, "alice");
    client_say_to(alice, "bob", "again");
    client_expect(bob, "message ~ 2 alice again\n");
}

/* Another node's block is seen at the latest when what is known of the pair has grown old. */
static void test_block_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct cc_directory directory;
    struct cc_mailbox mailbox = {0};
    struct cc_directory_relate block = {.user = text_slice("bob"),
                                        .other = text_slice("alice"),
                                        .relation = CC_RELATION_BLOCKED,
                                        .on = true};

    client_say_to(alice, "bob", "hi");
    assert_int_equal(cc_memory_directory_open(fixture->world, &directory), 0);
    block.op.mailbox = &mailbox;
    directory.vtable->relate(directory.self, &block);
    client_forget(alice);
    client_say_to(alice, "bob", "still kept");
    assert_non_null(strstr(client_text(alice), "send ok"));
    fixture_advance(fixture, 2000);
    client_forget(alice);
    client_say_to(alice, "bob", "too late");
    client_expect(alice, "send CC_EBLOCKED\n");
    directory.vtable->free(directory.self);
}

static void test_restart(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob;

    client_say_to(alice, "bob", "hi");
    fixture_restart(fixture, NULL);
    alice = client_connect(fixture, "alice", "phone");
    bob = client_connect(fixture, "bob", "phone");
    client_say_to(alice, "bob", "again");
    client_expect(bob, "message ~ 2 alice again\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_first_message), TEST(test_both_at_once), TEST(test_burst),
        TEST(test_refuses),       TEST(test_block),        TEST(test_block_elsewhere),
        TEST(test_restart),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
