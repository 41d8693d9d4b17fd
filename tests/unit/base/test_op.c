/*
 * Operations and mailboxes: each completes once, in the drain, in the order of its writer, whatever
 * the number of writing threads; the owner is woken whenever the box was empty.
 */
#include "support/test.h"

#include "chatcore/backend/op.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { WRITERS = 4, EACH = 20000 };

struct work {
    struct cc_op op; /* first */
    int writer;
    int number;
    int completed;
};

static struct work work[WRITERS][EACH];
static struct cc_mailbox box;
static int next_of[WRITERS];
static _Atomic unsigned wakes;

static void check_order(struct cc_op *op)
{
    struct work *done = (struct work *)op;

    assert_int_equal(done->op.status, done->number);
    assert_int_equal(done->number, next_of[done->writer]++);
    assert_int_equal(done->completed++, 0);
}

static void count_wake(void *context)
{
    assert_ptr_equal(context, &box);
    wakes++;
}

static void *write_all(void *context)
{
    struct work *mine = context;

    for (int i = 0; i < EACH; i++)
        cc_op_done(&mine[i].op, i);
    return NULL;
}

static int set_up(void **state)
{
    (void)state;
    memset(work, 0, sizeof work);
    memset(next_of, 0, sizeof next_of);
    memset(&box, 0, sizeof box);
    wakes = 0;
    box.wake = count_wake;
    box.context = &box;
    for (int writer = 0; writer < WRITERS; writer++) {
        for (int i = 0; i < EACH; i++) {
            work[writer][i].op.mailbox = &box;
            work[writer][i].op.complete = check_order;
            work[writer][i].writer = writer;
            work[writer][i].number = i;
        }
    }
    return 0;
}

static void nothing_completes_outside_the_drain(void **state)
{
    (void)state;
    assert_false(cc_mailbox_has_mail(&box));
    cc_op_done(&work[0][0].op, 0);
    cc_op_done(&work[0][1].op, 1);
    assert_int_equal(work[0][0].completed, 0);
    assert_true(cc_mailbox_has_mail(&box));
    assert_int_equal(wakes, 1);
    assert_int_equal(cc_mailbox_drain(&box), 2);
    assert_int_equal(work[0][1].completed, 1);
    assert_false(cc_mailbox_has_mail(&box));
    assert_int_equal(cc_mailbox_drain(&box), 0);
}

static void complete_and_submit_more(struct cc_op *op)
{
    (void)op;
    cc_op_done(&work[0][0].op, 0);
}

static void what_completes_in_a_completion_waits_for_the_next_drain(void **state)
{
    (void)state;
    work[1][0].op.complete = complete_and_submit_more;
    cc_op_done(&work[1][0].op, 0);
    assert_int_equal(cc_mailbox_drain(&box), 1);
    assert_int_equal(work[0][0].completed, 0);
    assert_int_equal(wakes, 2);
    assert_int_equal(cc_mailbox_drain(&box), 1);
}

static void many_threads_write_and_each_operation_arrives_once(void **state)
{
    pthread_t threads[WRITERS];
    size_t drained = 0;

    (void)state;
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_all, work[i]), 0);
    while (drained < (size_t)WRITERS * EACH)
        drained += cc_mailbox_drain(&box);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(cc_mailbox_drain(&box), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(next_of[i], EACH);
    assert_true(wakes >= 1);
}

static int releases;

static void count_release(struct cc_op *op)
{
    (void)op;
    releases++;
}

static void a_release_runs_once(void **state)
{
    struct cc_op op = {.release = count_release};

    (void)state;
    cc_op_release(&op);
    cc_op_release(&op);
    assert_int_equal(releases, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_completes_outside_the_drain, set_up),
        cmocka_unit_test_setup(what_completes_in_a_completion_waits_for_the_next_drain, set_up),
        cmocka_unit_test_setup(many_threads_write_and_each_operation_arrives_once, set_up),
        cmocka_unit_test(a_release_runs_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
