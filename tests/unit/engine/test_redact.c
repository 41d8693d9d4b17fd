/*
 * What an edit or a deletion takes back is gone: from what memory gives, from the store's rows, and
 * after a restart.
 */
#include "engine/redact.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

static struct cc_command about(enum cc_command_type type, struct cc_id message, const char *text)
{
    return (struct cc_command){.type = type,
                               .conversation = text_slice("g"),
                               .message = message,
                               .text = text_slice(text),
                               .emoji = text_slice("+1"),
                               .on = true};
}

static void edit(struct client *client, struct cc_id message, const char *text)
{
    client_do(client, about(CC_COMMAND_EDIT, message, text));
}

static void take_back(struct client *client, struct cc_id message)
{
    client_do(client, about(CC_COMMAND_DELETE, message, ""));
}

static void expect_history_at(struct fixture *fixture, const char *expected, int line)
{
    struct client *reader = client_open_for_requests(fixture, "bob");

    client_forget(reader);
    client_do(reader, (struct cc_command){.type = CC_COMMAND_HISTORY,
                                          .conversation = text_slice("g"),
                                          .after = 1,
                                          .has_after = true});
    client_expect_at(reader, expected, __FILE__, line);
}

static void op_ignore(struct cc_op *op)
{
    (void)op;
}

static bool has_bytes(struct cc_slice bytes, const char *text)
{
    size_t size = strlen(text);

    for (size_t at = 0; at + size <= bytes.size; at++)
        if (memcmp(bytes.data + at, text, size) == 0)
            return true;
    return false;
}

static void check_rows(struct fixture *fixture)
{
    struct cc_mailbox mailbox = {0};
    struct cc_store_read_rows read = {.op = {.mailbox = &mailbox, .complete = op_ignore},
                                      .conversation = text_slice("g"),
                                      .from = 1,
                                      .to = UINT64_MAX,
                                      .limit = SIZE_MAX};
    struct cc_store store;

    assert_int_equal(cc_memory_store_open(fixture->world, &store), 0);
    store.vtable->read_rows(store.self, &read);
    cc_mailbox_drain(&mailbox);
    assert_true(read.ret_count > 0);
    for (size_t i = 0; i < read.ret_count; i++)
        assert_false(has_bytes(read.ret_rows[i].body, "secret"));
    cc_op_release(&read.op);
    store.vtable->free(store.self);
}

/* From memory; from the store, where no secret may be in any byte; and after a restart. */
static void check_everywhere(struct fixture *fixture, const char *expected, int line)
{
    expect_history_at(fixture, expected, line);
    fixture_advance(fixture, 1000);
    check_rows(fixture);
    expect_history_at(fixture, expected, line);
    fixture_restart(fixture, NULL);
    expect_history_at(fixture, expected, line);
}

#define CHECK_EVERYWHERE(fixture, expected) check_everywhere(fixture, expected, __LINE__)

/* A group with a message, which stands in the store already or in memory alone. */
static struct client *begin(struct fixture *fixture, const char *text, bool is_stored)
{
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_create(alice, "g", "bob"); /* seq 1 */
    client_say(alice, "g", text);     /* 2 */
    if (is_stored)
        fixture_advance(fixture, 1000);
    return alice;
}

static void test_deleted(void **state)
{
    struct client *alice = begin(*state, "secret", false);

    take_back(alice, alice->last_message);
    CHECK_EVERYWHERE(*state, "history ok\n  2 alice \n  3 alice *delete*\n");
}

static void test_deleted_when_stored(void **state)
{
    struct client *alice = begin(*state, "secret", true);

    take_back(alice, alice->last_message);
    CHECK_EVERYWHERE(*state, "history ok\n  2 alice \n  3 alice *delete*\n");
}

static void test_deleted_after_a_restart(void **state)
{
    struct client *alice = begin(*state, "secret", true);
    struct cc_id message = alice->last_message;

    fixture_restart(*state, NULL);
    alice = client_connect(*state, "alice", "phone");
    take_back(alice, message);
    fixture_advance(*state, 1000); /* what memory doesn't have goes with the next flush */
    CHECK_EVERYWHERE(*state, "history ok\n  2 alice \n  3 alice *delete*\n");
}

static void test_edited(void **state)
{
    struct client *alice = begin(*state, "secret", false);

    edit(alice, alice->last_message, "fine");
    CHECK_EVERYWHERE(*state, "history ok\n  2 alice fine\n  3 alice *edit* fine\n");
}

static void test_edited_often(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = begin(fixture, "secret", false);
    struct cc_id message = alice->last_message;

    edit(alice, message, "secret too");
    edit(alice, message, "secret as well");
    fixture_advance(fixture, 1000);
    edit(alice, message, "fine");
    CHECK_EVERYWHERE(fixture, "history ok\n  2 alice fine\n  3 alice *edit* \n"
                              "  4 alice *edit* \n  5 alice *edit* fine\n");
}

static void test_edited_and_deleted(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = begin(fixture, "secret", true);
    struct cc_id message = alice->last_message;

    edit(alice, message, "secret too");
    take_back(alice, message);
    client_forget(alice);
    edit(alice, message, "again");
    client_expect(alice, "edit CC_ENOTFOUND\n");
    client_do(alice, about(CC_COMMAND_REACT, message, ""));
    client_expect(alice, "react CC_ENOTFOUND\n");
    take_back(alice, message); /* as a client does that did not get the answer */
    client_expect(alice, "message g 5 alice *delete*\ndelete ok seq=5\n");
    CHECK_EVERYWHERE(fixture, "history ok\n  2 alice \n  3 alice *edit* \n"
                              "  4 alice *delete*\n  5 alice *delete*\n");
}

/* The edit was let in before the deletion was applied: the deletion stands. */
static void test_edited_too_late(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = begin(fixture, "secret", false);
    struct cc_id message = alice->last_message;

    client_submit(alice, about(CC_COMMAND_DELETE, message, ""));
    client_submit(alice, about(CC_COMMAND_EDIT, message, "secret too"));
    fixture_settle(fixture);
    fixture_advance(fixture, 1000);
    check_rows(fixture);
    fixture_restart(fixture, NULL);
    expect_history_at(fixture, "history ok\n  2 alice \n  3 alice *delete*\n  4 alice *edit* \n",
                      __LINE__);
}

/* More than a window of changes in one batch. */
static void test_many(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = begin(fixture, "fine", false);
    struct cc_id ids[REDACT_WINDOW + 10];

    for (size_t i = 0; i < REDACT_WINDOW + 10; i++) {
        client_say(alice, "g", "secret");
        ids[i] = alice->last_message;
    }
    fixture_advance(fixture, 3000);
    for (size_t i = 0; i < REDACT_WINDOW + 10; i++)
        take_back(alice, ids[i]);
    fixture_advance(fixture, 1000);
    check_rows(fixture);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_deleted),
        TEST(test_deleted_when_stored),
        TEST(test_deleted_after_a_restart),
        TEST(test_edited),
        TEST(test_edited_often),
        TEST(test_edited_and_deleted),
        TEST(test_edited_too_late),
        TEST(test_many),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
