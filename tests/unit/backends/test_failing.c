/*
 * The failing directory and cluster: each kind of failure, what the wrapped port saw of it, and
 * that every operation completes exactly once.
 */
#include "base/memory.h"
#include "chatcore/backend/memory.h"
#include "chatcore/error.h"
#include "chatcore/testing/failing.h"
#include "support/test.h"

#include <string.h>

struct fixture {
    struct cc_memory_world *world;
    struct cc_directory plain; /* the same world's, never failing */
    struct cc_directory directory;
    struct cc_cluster cluster;
    struct cc_mailbox mailbox;
    const char *slot; /* to fail */
    struct cc_failure failure;
    int completions;
};

static struct cc_failure decide(void *context, const char *slot)
{
    struct fixture *fixture = context;
    struct cc_failure none = {CC_FAILURE_NONE, 0};

    return fixture->slot && strcmp(slot, fixture->slot) == 0 ? fixture->failure : none;
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct cc_failing_options options = {sizeof options, &fixture, decide};
    struct cc_directory directory;
    struct cc_cluster cluster;

    memset(&fixture, 0, sizeof fixture);
    assert_int_equal(cc_memory_world_new(NULL, 1, &fixture.world), 0);
    assert_int_equal(cc_memory_directory_open(fixture.world, &fixture.plain), 0);
    assert_int_equal(cc_memory_directory_open(fixture.world, &directory), 0);
    assert_int_equal(cc_memory_cluster_open(fixture.world, slice_str("n"), &cluster), 0);
    assert_int_equal(cc_failing_directory_open(NULL, &options, directory, &fixture.directory), 0);
    assert_int_equal(cc_failing_cluster_open(NULL, &options, cluster, &fixture.cluster), 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    fixture->directory.vtable->free(fixture->directory.self);
    fixture->plain.vtable->free(fixture->plain.self);
    fixture->cluster.vtable->free(fixture->cluster.self);
    cc_memory_world_free(fixture->world);
    return 0;
}

static void set_failure(struct fixture *fixture, const char *slot, enum cc_failure_kind kind,
                        int status)
{
    fixture->slot = slot;
    fixture->failure.kind = kind;
    fixture->failure.status = status;
}

static void complete(struct cc_op *op)
{
    struct fixture *fixture = (struct fixture *)op->mailbox->context;

    fixture->completions++;
}

static void prepare(struct fixture *fixture, struct cc_op *op)
{
    fixture->mailbox.context = fixture;
    fixture->completions = 0;
    op->mailbox = &fixture->mailbox;
    op->complete = complete;
}

static void drain(struct fixture *fixture)
{
    while (cc_mailbox_drain(&fixture->mailbox))
        ;
}

static void submit_create(struct fixture *fixture, struct cc_directory_create *op)
{
    memset(op, 0, sizeof *op);
    op->conversation = slice_str("room");
    op->kind = CC_KIND_GROUP;
    prepare(fixture, &op->op);
    fixture->directory.vtable->create(fixture->directory.self, op);
    drain(fixture);
}

static int status_of_room(struct fixture *fixture)
{
    struct cc_directory_conversation op = {.conversation = slice_str("room")};

    prepare(fixture, &op.op);
    fixture->plain.vtable->conversation(fixture->plain.self, &op);
    drain(fixture);
    cc_op_release(&op.op);
    return op.op.status;
}

static void test_before_nothing_is_done(void **state)
{
    struct fixture *fixture = *state;
    struct cc_directory_create op;

    set_failure(fixture, "directory.create", CC_FAILURE_BEFORE, CC_EUNAVAILABLE);
    submit_create(fixture, &op);
    assert_int_equal(fixture->completions, 1);
    assert_int_equal(op.op.status, CC_EUNAVAILABLE);
    assert_int_equal(status_of_room(fixture), CC_ENOTFOUND);
}

static void test_after_it_is_done_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct cc_directory_create op;

    set_failure(fixture, "directory.create", CC_FAILURE_AFTER, CC_ETIMEOUT);
    submit_create(fixture, &op);
    assert_int_equal(fixture->completions, 1);
    assert_int_equal(op.op.status, CC_ETIMEOUT);
    assert_int_equal(status_of_room(fixture), 0);
}

/* The answer of the copy must be freed: the leak checker looks. */
static void test_after_a_read_its_answer_is_freed(void **state)
{
    struct fixture *fixture = *state;
    struct cc_directory_create op;
    struct cc_directory_conversation read = {.conversation = slice_str("room")};

    submit_create(fixture, &op);
    set_failure(fixture, "directory.conversation", CC_FAILURE_AFTER, CC_EIO);
    prepare(fixture, &read.op);
    fixture->directory.vtable->conversation(fixture->directory.self, &read);
    drain(fixture);
    assert_int_equal(fixture->completions, 1);
    assert_int_equal(read.op.status, CC_EIO);
    assert_null(read.op.release);
}

static void test_what_is_held_goes_on_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct cc_directory_create first;
    struct cc_directory_create second;

    set_failure(fixture, "directory.create", CC_FAILURE_HOLD, 0);
    submit_create(fixture, &first);
    submit_create(fixture, &second);
    assert_int_equal(fixture->completions, 0);
    assert_int_equal(status_of_room(fixture), CC_ENOTFOUND);
    fixture->completions = 0;
    assert_int_equal(cc_failing_directory_resume(fixture->directory), 2);
    assert_int_equal(cc_failing_directory_resume(fixture->directory), 0);
    drain(fixture);
    assert_int_equal(fixture->completions, 2);
    assert_int_equal(first.op.status, 0);
    assert_int_equal(second.op.status, CC_EEXISTS);
}

static void test_what_is_held_is_dropped_with_the_port(void **state)
{
    struct fixture *fixture = *state;
    struct cc_directory_create op;

    set_failure(fixture, "directory.create", CC_FAILURE_HOLD, 0);
    submit_create(fixture, &op);
    assert_int_equal(fixture->completions, 0); /* and teardown frees the port */
}

/* --- the bus --- */

static void submit_receive(struct fixture *fixture, struct cc_cluster_receive *op)
{
    memset(op, 0, sizeof *op);
    prepare(fixture, &op->op);
    fixture->cluster.vtable->receive(fixture->cluster.self, op);
    drain(fixture);
}

static int send_to_self(struct fixture *fixture, const char *data)
{
    return fixture->cluster.vtable->send(fixture->cluster.self, slice_str("n"), slice_str(data));
}

/* What waits for the node, as one text; nothing held is left behind. */
static const char *received(struct fixture *fixture)
{
    static char text[64];
    struct cc_cluster_receive op;

    text[0] = 0;
    submit_receive(fixture, &op);
    if (!fixture->completions) {
        fixture->cluster.vtable->cancel(fixture->cluster.self, &op.op);
        drain(fixture);
        assert_int_equal(op.op.status, CC_ECANCELED);
        return text;
    }
    for (size_t i = 0; i < op.ret_count; i++)
        strncat(text, op.ret_messages[i].data.data, op.ret_messages[i].data.size);
    cc_op_release(&op.op);
    return text;
}

static void test_messages_are_lost_doubled_and_late(void **state)
{
    struct fixture *fixture = *state;

    set_failure(fixture, "cluster.send", CC_FAILURE_BEFORE, 0);
    assert_int_equal(send_to_self(fixture, "lost"), 0);
    set_failure(fixture, "cluster.send", CC_FAILURE_BEFORE, CC_EBUSY);
    assert_int_equal(send_to_self(fixture, "refused"), CC_EBUSY);
    assert_string_equal(received(fixture), "");
    set_failure(fixture, "cluster.send", CC_FAILURE_TWICE, 0);
    assert_int_equal(send_to_self(fixture, "ab"), 0);
    assert_string_equal(received(fixture), "abab");
    set_failure(fixture, "cluster.send", CC_FAILURE_HOLD, 0);
    assert_int_equal(send_to_self(fixture, "late"), 0);
    set_failure(fixture, NULL, CC_FAILURE_NONE, 0);
    assert_int_equal(send_to_self(fixture, "soon,"), 0);
    assert_int_equal(cc_failing_cluster_resume(fixture->cluster), 1);
    assert_string_equal(received(fixture), "soon,late");
}

/* A receive that is held here, one that the wrapped port holds, and a copy that it holds. */
static void test_each_receive_can_be_cancelled(void **state)
{
    static const enum cc_failure_kind kinds[] = {CC_FAILURE_HOLD, CC_FAILURE_NONE,
                                                 CC_FAILURE_AFTER};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct cc_cluster_receive op;

        set_failure(fixture, "cluster.receive", kinds[i], CC_EIO);
        submit_receive(fixture, &op);
        assert_int_equal(fixture->completions, 0);
        fixture->cluster.vtable->cancel(fixture->cluster.self, &op.op);
        drain(fixture);
        assert_int_equal(fixture->completions, 1);
        assert_int_equal(op.op.status, CC_ECANCELED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_before_nothing_is_done, setup, teardown),
        cmocka_unit_test_setup_teardown(test_after_it_is_done_all_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_after_a_read_its_answer_is_freed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_held_goes_on_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_held_is_dropped_with_the_port, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_messages_are_lost_doubled_and_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_receive_can_be_cancelled, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
