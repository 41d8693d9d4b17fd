/*
 * Answers: what they hold stays apart, aligned and valid until the release; out of memory is an
 * error that frees everything.
 */
#include "backends/answer.h"

#include "chatcore/error.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* An allocator that counts what is out, and fails after so many. */
struct budget {
    int allowed;
    int out;
};

static void *budget_alloc(void *context, size_t size)
{
    struct budget *budget = context;

    if (budget->allowed-- <= 0)
        return NULL;
    budget->out++;
    return malloc(size);
}

static void budget_release(void *context, void *pointer)
{
    ((struct budget *)context)->out--;
    free(pointer);
}

static struct cc_allocator budget_allocator(struct budget *budget)
{
    struct cc_allocator allocator = {budget_alloc, NULL, budget_release, budget};

    return allocator;
}

static void ignore_completion(struct cc_op *op)
{
    (void)op;
}

static void test_allocations_are_apart_and_aligned(void **state)
{
    struct answer *answer = answer_new(cc_allocator_default(), 0);
    char *pointers[200];

    (void)state;
    assert_non_null(answer);
    for (size_t i = 0; i < 200; i++) {
        pointers[i] = answer_alloc(answer, i);
        assert_non_null(pointers[i]);
        assert_int_equal((uintptr_t)pointers[i] % alignof(max_align_t), 0);
        memset(pointers[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal((unsigned char)pointers[i][j], i);
    answer_free(answer);
}

static void test_a_huge_size_is_refused(void **state)
{
    struct answer *answer = answer_new(cc_allocator_default(), 0);

    (void)state;
    assert_null(answer_new(cc_allocator_default(), SIZE_MAX));
    assert_null(answer_alloc(answer, SIZE_MAX));
    assert_null(answer_array(answer, SIZE_MAX / 2, 4));
    answer_free(answer);
}

static void test_the_operation_takes_it_over(void **state)
{
    struct budget budget = {10, 0};
    struct cc_allocator allocator = budget_allocator(&budget);
    struct cc_mailbox mailbox = {0};
    struct cc_op op = {.mailbox = &mailbox, .complete = ignore_completion};

    (void)state;
    answer_done(answer_new(&allocator, 0), &op, 0);
    memset(&allocator, 0, sizeof allocator); /* the port may be gone by now */
    assert_int_equal(cc_mailbox_drain(&mailbox), 1);
    assert_int_equal(budget.out, 1);
    cc_op_release(&op);
    cc_op_release(&op);
    assert_int_equal(budget.out, 0);
}

static void test_a_failure_frees_it(void **state)
{
    struct budget budget = {1, 0};
    struct cc_allocator allocator = budget_allocator(&budget);
    struct cc_mailbox mailbox = {0};
    struct cc_op op = {.mailbox = &mailbox, .complete = ignore_completion};
    struct answer *answer = answer_new(&allocator, 0);

    (void)state;
    assert_null(answer_alloc(answer, 4096));
    answer_done(answer, &op, CC_ENOMEM);
    assert_int_equal(op.status, CC_ENOMEM);
    assert_null(op.release);
    assert_int_equal(budget.out, 0);
}

static void test_a_list_keeps_what_it_has_while_it_grows(void **state)
{
    struct answer *answer = answer_new(cc_allocator_default(), 0);
    struct answer_list list = {0};

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        size_t *item = answer_list_add(answer, &list, sizeof *item);

        assert_non_null(item);
        assert_int_equal(*item, 0);
        *item = i;
    }
    assert_int_equal(list.count, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(((size_t *)list.items)[i], i);
    answer_free(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations_are_apart_and_aligned),
        cmocka_unit_test(test_a_huge_size_is_refused),
        cmocka_unit_test(test_a_list_keeps_what_it_has_while_it_grows),
        cmocka_unit_test(test_the_operation_takes_it_over),
        cmocka_unit_test(test_a_failure_frees_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
