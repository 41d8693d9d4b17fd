/*
 * Client ids that come again, when their first is no longer in the window: in a partition that
 * began empty, after a restart, and after the filter has let older ones go.
 */
#include "engine/dedup.h"
#include "engine/partition.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

#define MESSAGES 200
#define WINDOW   8

/* A window, a filter and a memory so small that a test fills them. */
static void make_small(struct fixture *fixture, size_t filter_ids)
{
    struct dedup *dedup = &fixture->engine->partitions[0].dedup;

    dedup->window = WINDOW;
    dedup->loaded_max = WINDOW;
    dedup->filter.capacity = filter_ids;
}

static void send_range(struct client *client, int from, int to)
{
    for (int i = from; i < to; i++) {
        char client_id[16];

        snprintf(client_id, sizeof client_id, "id-%d", i);
        client_do(client, (struct cc_command){.type = CC_COMMAND_SEND,
                                              .conversation = text_slice("g"),
                                              .client_id = text_slice(client_id),
                                              .text = text_slice("hello")});
        if (i % 10 == 9)
            fixture_advance(client->fixture, 300); /* into the store */
    }
    client_forget(client);
}

static uint64_t duplicates(const struct fixture *fixture)
{
    struct cc_engine_stats stats = {.size = sizeof stats};

    cc_engine_get_stats(fixture->engine, &stats);
    return stats.duplicates;
}

/* All of them come again, the oldest first; then the same ids from somebody else. */
static void check_retries(struct fixture *fixture, struct client *alice, struct client *bob)
{
    uint64_t before = duplicates(fixture);

    send_range(alice, 0, MESSAGES);
    assert_int_equal(duplicates(fixture) - before, MESSAGES);
    send_range(bob, 0, MESSAGES);
    assert_int_equal(duplicates(fixture) - before, MESSAGES);
}

static void begin(struct fixture *fixture, size_t filter_ids, struct client **ret_alice,
                  struct client **ret_bob)
{
    *ret_alice = client_connect(fixture, "alice", "phone");
    *ret_bob = client_connect(fixture, "bob", "phone");
    make_small(fixture, filter_ids);
    client_create(*ret_alice, "g", "bob");
    send_range(*ret_alice, 0, MESSAGES);
    assert_int_equal(duplicates(fixture), 0);
    assert_true(fixture->engine->partitions[0].dedup.covers_from > 100);
}

static void test_in_a_partition_that_began_empty(void **state)
{
    struct client *alice;
    struct client *bob;

    begin(*state, 10000, &alice, &bob);
    check_retries(*state, alice, bob);
}

static void test_when_the_filter_has_let_them_go(void **state)
{
    struct client *alice;
    struct client *bob;

    begin(*state, 32, &alice, &bob);
    check_retries(*state, alice, bob);
}

static void test_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice;
    struct client *bob;

    begin(fixture, 10000, &alice, &bob);
    fixture_restart(fixture, NULL);
    alice = client_connect(fixture, "alice", "phone");
    bob = client_connect(fixture, "bob", "phone");
    make_small(fixture, 10000);
    send_range(alice, MESSAGES, MESSAGES + 20);
    send_range(bob, MESSAGES, MESSAGES + 20); /* alice's entries leave the memory */
    check_retries(fixture, alice, bob);
}

/* What is new costs a sender one reading of the store, however much is sent. */
static void test_a_sender_is_loaded_once(void **state)
{
    struct fixture *fixture = *state;
    struct dedup_sender *loaded;
    struct client *alice;
    struct client *bob;

    begin(fixture, 10000, &alice, &bob);
    assert_null(fixture->engine->partitions[0].dedup.senders);
    fixture_restart(fixture, NULL);
    alice = client_connect(fixture, "alice", "phone");
    make_small(fixture, 10000);
    send_range(alice, MESSAGES, MESSAGES + 1);
    loaded = fixture->engine->partitions[0].dedup.senders;
    assert_non_null(loaded);
    send_range(alice, MESSAGES + 1, 3 * MESSAGES);
    assert_ptr_equal(fixture->engine->partitions[0].dedup.senders, loaded);
    assert_true(fixture->engine->partitions[0].dedup.loaded_entries <= MESSAGES + 1);
    assert_int_equal(duplicates(fixture), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_in_a_partition_that_began_empty),
        TEST(test_when_the_filter_has_let_them_go),
        TEST(test_after_a_restart),
        TEST(test_a_sender_is_loaded_once),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
