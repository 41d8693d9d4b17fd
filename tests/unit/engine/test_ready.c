/*
 * Whether an engine says that sends can work: not before the log is replayed, and not while a port
 * that they need fails.
 */
#include "chatcore/error.h"
#include "chatcore/testing/failing.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <string.h>

/* A refusal is forgotten after so long: see propose.h. */
#define FORGOTTEN_MS 5000

static struct cc_failure failure;
static const char *failing_slot;
static struct cc_log held_log;

static struct cc_failure decide(void *context, const char *slot)
{
    static const struct cc_failure none = {CC_FAILURE_NONE, 0};

    (void)context;
    return failing_slot && strcmp(slot, failing_slot) == 0 ? failure : none;
}

static void configure(struct cc_engine_options *options)
{
    const struct cc_allocator *allocator = cc_allocator_default();
    struct cc_failing_options failing = {.size = sizeof failing, .decide = decide};

    assert_int_equal(cc_failing_log_open(allocator, &failing, options->log, &held_log), 0);
    options->log = held_log;
    assert_int_equal(cc_failing_store_open(allocator, &failing, options->store, &options->store),
                     0);
}

static void fail_from_now_on(const char *slot, enum cc_failure_kind kind, int status)
{
    failing_slot = slot;
    failure = (struct cc_failure){kind, status};
}

static int setup(void **state)
{
    static struct fixture fixture;

    failing_slot = NULL;
    fixture_init(&fixture, configure);
    fixture_settle(&fixture);
    *state = &fixture;
    return 0;
}

static void test_a_new_engine_is_ready_once_it_has_run(void **state)
{
    const struct fixture *fixture = *state;

    assert_true(cc_engine_is_ready(fixture->engine));
}

static void test_not_while_the_log_refuses(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    fail_from_now_on("log.append", CC_FAILURE_BEFORE, CC_ENOSPACE);
    client_say_to(alice, "bob", "lost");
    client_expect(alice, "send CC_ENOSPACE\n");
    assert_false(cc_engine_is_ready(fixture->engine));
    fixture_advance(fixture, FORGOTTEN_MS - 1);
    assert_false(cc_engine_is_ready(fixture->engine));
    client_say_to(alice, "bob", "lost again");
    fixture_advance(fixture, FORGOTTEN_MS - 1);
    assert_false(cc_engine_is_ready(fixture->engine));
    failing_slot = NULL;
    fixture_advance(fixture, 2);
    assert_true(cc_engine_is_ready(fixture->engine));
}

static void test_not_when_the_log_gives_no_answer(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    fail_from_now_on("log.append", CC_FAILURE_HOLD, 0);
    client_say_to(alice, "bob", "waits");
    assert_true(cc_engine_is_ready(fixture->engine));
    fixture_advance(fixture, 10000);
    client_expect(alice, "send CC_ETIMEOUT\n");
    assert_false(cc_engine_is_ready(fixture->engine));
    failing_slot = NULL;
    cc_failing_log_resume(held_log);
    fixture_advance(fixture, FORGOTTEN_MS + 1);
    assert_true(cc_engine_is_ready(fixture->engine));
}

static void test_not_while_the_store_refuses(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    fail_from_now_on("store.write", CC_FAILURE_BEFORE, CC_ENOSPACE);
    client_say_to(alice, "bob", "in the log");
    assert_true(cc_engine_is_ready(fixture->engine));
    fixture_advance(fixture, 1000);
    assert_false(cc_engine_is_ready(fixture->engine));
    fixture_advance(fixture, 60000);
    assert_false(cc_engine_is_ready(fixture->engine));
    failing_slot = NULL;
    fixture_advance(fixture, 1000);
    assert_true(cc_engine_is_ready(fixture->engine));
}

static void test_not_while_the_log_cannot_be_read(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    fail_from_now_on("log.read", CC_FAILURE_BEFORE, CC_EIO);
    client_say_to(alice, "bob", "hello");
    fixture_advance(fixture, 1000);
    assert_false(cc_engine_is_ready(fixture->engine));
    failing_slot = NULL;
    fixture_advance(fixture, 1000);
    assert_true(cc_engine_is_ready(fixture->engine));
}

static void test_not_while_it_stops(void **state)
{
    struct fixture *fixture = *state;

    cc_engine_stop(fixture->engine, CC_CLOSE_NORMAL);
    fixture_settle(fixture);
    assert_false(cc_engine_is_ready(fixture->engine));
}

/* The store refuses for ever: stopping waits for it, until it is given up. */
static void test_a_stop_can_be_given_up(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    fail_from_now_on("store.write", CC_FAILURE_BEFORE, CC_EIO);
    client_say_to(alice, "bob", "in the log");
    cc_engine_stop(fixture->engine, CC_CLOSE_NORMAL);
    fixture_advance(fixture, 60000);
    assert_false(fixture->is_stopped);
    cc_engine_give_up(fixture->engine);
    fixture_advance(fixture, 1000);
    assert_true(fixture->is_stopped);
}

/* What was given up is read from the log by the next engine. */
static void test_what_was_given_up_is_there_again(void **state)
{
    struct fixture *fixture = *state;
    struct client *client = client_connect(fixture, "alice", "phone");

    fail_from_now_on("store.write", CC_FAILURE_BEFORE, CC_EIO);
    client_say_to(client, "bob", "in the log");
    cc_engine_give_up(fixture->engine);
    fixture_restart(fixture, NULL);
    client = client_open(fixture, "bob", "phone");
    assert_non_null(strstr(client_text(client), "in the log"));
}

/* One partition for two nodes: the one that owns none takes sends as well. */
static void test_a_node_without_partitions_is_ready(void **state)
{
    struct fixture nodes[2];

    (void)state;
    fixture_init_cluster(nodes, 2, 1, NULL);
    fixture_settle(&nodes[0]);
    assert_true(cc_engine_is_ready(nodes[0].engine));
    assert_true(cc_engine_is_ready(nodes[1].engine));
    fixture_deinit(&nodes[0]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_new_engine_is_ready_once_it_has_run),
        CASE(test_not_while_the_log_refuses),
        CASE(test_not_when_the_log_gives_no_answer),
        CASE(test_not_while_the_store_refuses),
        CASE(test_not_while_the_log_cannot_be_read),
        CASE(test_not_while_it_stops),
        CASE(test_a_stop_can_be_given_up),
        CASE(test_what_was_given_up_is_there_again),
        cmocka_unit_test(test_a_node_without_partitions_is_ready),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
