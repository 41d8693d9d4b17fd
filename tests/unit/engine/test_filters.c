/*
 * Filters and refusals: what they are asked, what a refused message leaves behind, and that a retry
 * of what is durable is never refused.
 */
#include "chatcore/error.h"
#include "support/engine_fixture.h"
#include "support/test.h"

/* A filter that the test commands. */
static struct {
    enum cc_filter_verdict verdict;
    unsigned asked;
    bool first_contact; /* of the last check */
} filter;

static void filter_check(void *self, struct cc_filter_check *check)
{
    (void)self;
    filter.asked++;
    filter.first_contact = check->first_contact;
    check->ret_verdict = filter.verdict;
    cc_op_done(&check->op, 0);
}

static void filter_free(void *self)
{
    (void)self;
}

static const struct cc_filter_vtable filter_vtable = {
    .size = sizeof filter_vtable, .check = filter_check, .free = filter_free};

static void configure(struct cc_engine_options *options)
{
    static const struct cc_filter one = {.vtable = &filter_vtable};

    options->filters = &one;
    options->filter_count = 1;
}

static int setup(void **state)
{
    static struct fixture fixture;

    memset(&filter, 0, sizeof filter);
    fixture_init(&fixture, configure);
    *state = &fixture;
    return 0;
}

static void send_as(struct client *client, const char *client_id, const char *conversation)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_SEND,
                                          .conversation = text_slice(conversation),
                                          .client_id = text_slice(client_id),
                                          .text = text_slice("hi")});
}

static void test_retry(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_create(alice, "g", "bob");
    client_forget(alice);
    send_as(alice, "1", "g");
    client_expect(alice, "message g 2 alice hi client_id=1\nsend ok g\n");
    filter.verdict = CC_FILTER_REJECT;
    filter.asked = 0;
    send_as(alice, "1", "g");
    client_expect(alice, "send ok g duplicate\n");
    assert_int_equal(filter.asked, 0);
    send_as(alice, "2", "g");
    client_expect(alice, "send CC_EREJECTED\n");
}

/* After a restart memory knows nothing of it: the filter is asked, and its answer not told. */
static void test_retry_after_restart(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_create(alice, "g", "bob");
    send_as(alice, "1", "g");
    fixture_advance(fixture, 1000);
    fixture_restart(fixture, configure);
    filter.verdict = CC_FILTER_REJECT;
    alice = client_connect(fixture, "alice", "phone");
    send_as(alice, "1", "g");
    client_expect(alice, "send ok g duplicate\n");
    send_as(alice, "2", "g");
    client_expect(alice, "send CC_EREJECTED\n");
}

static void test_retry_of_removed(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", "bob");
    send_as(bob, "1", "g");
    client_name_users(alice, CC_COMMAND_REMOVE, "g", "bob");
    client_forget(bob);
    send_as(bob, "1", "g");
    client_expect(bob, "send ok g duplicate\n");
    send_as(bob, "2", "g");
    client_expect(bob, "send CC_ENOTFOUND\n");
    send_as(bob, "2", "nowhere");
    client_expect(bob, "send CC_ENOTFOUND\n");
}

static void test_first_direct_message(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    filter.verdict = CC_FILTER_REJECT;
    client_say_to(alice, "bob", "buy");
    client_expect(alice, "send CC_EREJECTED\n");
    assert_true(filter.first_contact);
    fixture_advance(fixture, 1000);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CONVERSATIONS});
    client_expect(alice, "conversations ok\n");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_CONVERSATIONS});
    client_expect(bob, "conversations ok\n");
    filter.verdict = CC_FILTER_PASS;
    client_say_to(alice, "bob", "sorry");
    assert_true(filter.first_contact);
    assert_non_null(strstr(client_text(bob), "message ~ 1 alice sorry\n"));
    client_say_to(alice, "bob", "again");
    assert_false(filter.first_contact);
    assert_non_null(strstr(client_text(bob), "message ~ 2 alice again\n"));
}

static void test_first_message_to_a_friend(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_do(bob,
              (struct cc_command){.type = CC_COMMAND_ADD_CONTACT, .user = text_slice("alice")});
    client_say_to(alice, "bob", "hi");
    assert_int_equal(filter.asked, 1);
    assert_false(filter.first_contact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"a retry that memory knows is answered, and no filter asked", test_retry, setup,
         fixture_teardown, NULL},
        {"a retry that the store knows is not rejected", test_retry_after_restart, setup,
         fixture_teardown, NULL},
        {"a retry of who was removed since is not forbidden", test_retry_of_removed, setup,
         fixture_teardown, NULL},
        {"a rejected first message leaves no conversation", test_first_direct_message, setup,
         fixture_teardown, NULL},
        {"a first message to who has the sender as contact is no first contact",
         test_first_message_to_a_friend, setup, fixture_teardown, NULL},
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
