/*
 * The memory cluster when allocations fail, at its bounds, and when a node goes while it holds a
 * receive.
 */
#include "backends/memory/cluster.h"
#include "chatcore/error.h"
#include "support/failing_allocator.h"
#include "support/test.h"

struct fixture {
    struct failing_allocator memory;
    struct cc_allocator allocator;
    struct cc_memory_world *world;
    struct cc_cluster a;
    struct cc_cluster b;
    struct cc_mailbox mailbox;
    int completions;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    fixture->allocator = failing_allocator_of(&fixture->memory);
    assert_int_equal(cc_memory_world_new(&fixture->allocator, 2, &fixture->world), 0);
    assert_int_equal(cc_memory_cluster_open(fixture->world, slice_str("a"), &fixture->a), 0);
    assert_int_equal(cc_memory_cluster_open(fixture->world, slice_str("b"), &fixture->b), 0);
    fixture->mailbox.context = fixture;
    *state = fixture;
    return 0;
}

static void free_port(struct cc_cluster *port)
{
    if (port->vtable)
        port->vtable->free(port->self);
    port->vtable = NULL;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    free_port(&fixture->a);
    free_port(&fixture->b);
    cc_memory_world_free(fixture->world);
    assert_int_equal(fixture->memory.out, 0);
    free(fixture);
    return 0;
}

static void count_completion(struct cc_op *op)
{
    struct fixture *fixture = op->mailbox->context;

    fixture->completions++;
}

static void prepare(struct fixture *fixture, struct cc_op *op)
{
    fixture->completions = 0;
    op->mailbox = &fixture->mailbox;
    op->complete = count_completion;
    op->status = 0;
}

static bool is_over(struct fixture *fixture)
{
    cc_mailbox_drain(&fixture->mailbox);
    return fixture->completions == 1;
}

static void receive(struct fixture *fixture, struct cc_cluster_receive *op)
{
    prepare(fixture, &op->op);
    fixture->b.vtable->receive(fixture->b.self, op);
}

static int send_to_b(struct fixture *fixture, struct cc_slice data)
{
    return fixture->a.vtable->send(fixture->a.self, slice_str("b"), data);
}

/* --- out of memory --- */

/* Runs a function with another allocation failing each time, until none does. */
static void sweep(struct fixture *fixture, int (*run)(struct fixture *fixture))
{
    bool failed = true;
    long left;

    for (left = 0; failed; left++) {
        failing_allocator_arm(&fixture->memory, left, true);
        int r = run(fixture);

        failed = failing_allocator_disarm(&fixture->memory);
        assert_int_equal(r, failed ? CC_ENOMEM : 0);
    }
    assert_true(left > 1);
}

static int announce_two(struct fixture *fixture)
{
    struct cc_slice users[2] = {slice_str("alice"), slice_str("bob")};
    struct cc_cluster_announce op = {.users = users, .count = 2, .on = true, .ttl_ms = 1000};

    prepare(fixture, &op.op);
    fixture->a.vtable->announce(fixture->a.self, &op);
    assert_true(is_over(fixture));
    return op.op.status;
}

static int locate_two(struct fixture *fixture)
{
    struct cc_slice users[2] = {slice_str("alice"), slice_str("bob")};
    struct cc_cluster_locate op = {.users = users, .count = 2};

    prepare(fixture, &op.op);
    fixture->b.vtable->locate(fixture->b.self, &op);
    assert_true(is_over(fixture));
    if (!op.op.status) {
        assert_int_equal(op.ret_locations[0].node_count, 1);
        assert_int_equal(op.ret_locations[1].node_count, 1);
    }
    cc_op_release(&op.op);
    return op.op.status;
}

static int withdraw_stranger(struct fixture *fixture)
{
    struct cc_slice users[1] = {slice_str("stranger")};
    struct cc_cluster_announce op = {.users = users, .count = 1, .last_seen = 5};

    prepare(fixture, &op.op);
    fixture->a.vtable->announce(fixture->a.self, &op);
    assert_true(is_over(fixture));
    return op.op.status;
}

static int get_owner(struct fixture *fixture)
{
    struct cc_cluster_owner op = {.partition = 1, .ttl_ms = 1000};

    prepare(fixture, &op.op);
    fixture->a.vtable->owner_put(fixture->a.self, &op);
    assert_true(is_over(fixture));
    prepare(fixture, &op.op);
    fixture->b.vtable->owner_get(fixture->b.self, &op);
    assert_true(is_over(fixture));
    if (!op.op.status)
        assert_true(slice_equal(op.ret_node, slice_str("a")));
    cc_op_release(&op.op);
    return op.op.status;
}

static void test_every_slot_reports_it(void **state)
{
    struct fixture *fixture = *state;

    sweep(fixture, announce_two);
    sweep(fixture, locate_two);
    sweep(fixture, withdraw_stranger);
    sweep(fixture, get_owner);
}

/* A message that was taken is not lost when there is no memory to hand it over. */
static int receive_one(struct fixture *fixture)
{
    struct cc_cluster_receive op = {.ret_count = 0};

    receive(fixture, &op);
    assert_true(is_over(fixture));
    if (!op.op.status) {
        assert_int_equal(op.ret_count, 1);
        assert_true(slice_equal(op.ret_messages[0].data, slice_str("kept")));
    }
    cc_op_release(&op.op);
    return op.op.status;
}

static void test_a_message_outlasts_it(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(send_to_b(fixture, slice_str("kept")), 0);
    sweep(fixture, receive_one);
}

/* --- bounds --- */

static void test_the_queue_has_a_bound_in_messages(void **state)
{
    struct fixture *fixture = *state;
    struct cc_cluster_receive op = {.ret_count = 0};
    size_t got = 0;

    for (size_t i = 0; i < CLUSTER_QUEUE_MESSAGES; i++)
        assert_int_equal(send_to_b(fixture, slice_str("m")), 0);
    assert_int_equal(send_to_b(fixture, slice_str("one more")), CC_EBUSY);
    while (got < CLUSTER_QUEUE_MESSAGES) {
        receive(fixture, &op);
        assert_true(is_over(fixture));
        assert_true(op.ret_count > 0 && op.ret_count <= CLUSTER_RECEIVE_MESSAGES);
        got += op.ret_count;
        cc_op_release(&op.op);
    }
    assert_int_equal(send_to_b(fixture, slice_str("again")), 0);
}

static void test_the_queue_has_a_bound_in_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct cc_slice large = {calloc(1, CLUSTER_QUEUE_BYTES / 4), CLUSTER_QUEUE_BYTES / 4};
    struct cc_slice too_large = {large.data, CLUSTER_QUEUE_BYTES + 1};

    assert_int_equal(send_to_b(fixture, too_large), CC_EBUSY);
    for (int i = 0; i < 4; i++)
        assert_int_equal(send_to_b(fixture, large), 0);
    assert_int_equal(send_to_b(fixture, slice_str("m")), CC_EBUSY);
    free((char *)large.data);
}

static void test_names_that_are_none_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char longer[CC_NAME_MAX + 1];
    struct cc_cluster port;

    memset(longer, 'x', sizeof longer);
    assert_int_equal(cc_memory_cluster_open(fixture->world, slice_str("a"), &port), CC_EINVAL);
    assert_int_equal(cc_memory_cluster_open(fixture->world, slice_str(""), &port), CC_EINVAL);
    assert_int_equal(cc_memory_cluster_open(fixture->world, slice_of(longer, sizeof longer), &port),
                     CC_EINVAL);
    assert_int_equal(cc_memory_cluster_open(fixture->world, slice_of(longer, CC_NAME_MAX), &port),
                     0);
    free_port(&port);
}

/* --- a crash --- */

static void test_a_node_that_goes_drops_its_receive(void **state)
{
    struct fixture *fixture = *state;
    struct cc_cluster_receive op = {.ret_count = 0};

    receive(fixture, &op);
    free_port(&fixture->b);
    assert_int_equal(send_to_b(fixture, slice_str("x")), 0);
    assert_false(is_over(fixture));
    assert_int_equal(fixture->completions, 0);
    assert_int_equal(cc_memory_cluster_open(fixture->world, slice_str("b"), &fixture->b), 0);
    receive(fixture, &op);
    assert_false(is_over(fixture)); /* what was sent meanwhile is lost */
    assert_int_equal(send_to_b(fixture, slice_str("y")), 0);
    assert_true(is_over(fixture));
    cc_op_release(&op.op);
}

static void test_a_node_that_goes_leaves_its_announcements(void **state)
{
    struct fixture *fixture = *state;
    struct cc_time later = {1000500, 500};

    assert_int_equal(announce_two(fixture), 0);
    free_port(&fixture->a);
    assert_int_equal(locate_two(fixture), 0); /* still both at "a" */
    cc_memory_world_set_time(fixture->world, later);
    assert_int_equal(locate_two(fixture), 0);
    assert_int_equal(cc_memory_cluster_open(fixture->world, slice_str("a"), &fixture->a), 0);
    assert_int_equal(announce_two(fixture), 0); /* prolongs what stands there */
    assert_int_equal(locate_two(fixture), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_slot_reports_it),
        TEST(test_a_message_outlasts_it),
        TEST(test_the_queue_has_a_bound_in_messages),
        TEST(test_the_queue_has_a_bound_in_bytes),
        TEST(test_names_that_are_none_are_refused),
        TEST(test_a_node_that_goes_drops_its_receive),
        TEST(test_a_node_that_goes_leaves_its_announcements),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
