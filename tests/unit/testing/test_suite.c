/*
 * The suites themselves: a backend that breaks the rules of operations does not pass.
 */
#include "testing/suite.h"

#include "chatcore/backend/memory.h"
#include "support/test.h"

#include <stdio.h>

struct reports {
    unsigned passed;
    unsigned failed;
    char failure[SUITE_FAILURE_BYTES]; /* the last one */
};

static void report(void *context, const char *suite, const char *name, const char *failure)
{
    struct reports *reports = context;

    (void)suite;
    (void)name;
    if (failure)
        snprintf(reports->failure, sizeof reports->failure, "%s", failure);
    *(failure ? &reports->failed : &reports->passed) += 1;
}

static struct cc_conformance_options options_of(struct reports *reports)
{
    struct cc_conformance_options options = CC_CONFORMANCE_OPTIONS_INIT;

    options.context = reports;
    options.report = report;
    return options;
}

/* --- a store that completes its reads of an offset twice, at once --- */

static struct cc_memory_world *world;
static struct cc_store_vtable twice;
static void (*once)(void *self, struct cc_store_read_offset *op);

static int make(void *context)
{
    (void)context;
    cc_memory_world_free(world);
    world = NULL;
    return cc_memory_world_new(NULL, 4, &world);
}

static void destroy(void *context)
{
    (void)context;
    cc_memory_world_free(world);
    world = NULL;
}

static void read_offset_twice(void *self, struct cc_store_read_offset *op)
{
    once(self, op);
    cc_op_done(&op->op, 0);
}

static int open_twice(void *context, struct cc_store *ret_store)
{
    int r = cc_memory_store_open(world, ret_store);

    (void)context;
    if (r)
        return r;
    twice = *ret_store->vtable;
    once = twice.read_offset;
    twice.read_offset = read_offset_twice;
    ret_store->vtable = &twice;
    return 0;
}

static void test_a_store_that_answers_twice(void **state)
{
    struct cc_store_factory factory = {
        .size = sizeof factory, .make = make, .open = open_twice, .destroy = destroy};
    struct reports reports = {0};
    struct cc_conformance_options options = options_of(&reports);

    (void)state;
    assert_true(cc_conformance_store(&factory, &options) > 0);
    assert_true(reports.failed > 0 && reports.passed > 0);
    assert_non_null(strstr(reports.failure, "completed twice"));
}

/* --- an operation that completes again later --- */

static void complete(struct suite *suite, const void *factory)
{
    static struct cc_op op;

    (void)factory;
    SUITE_CASE(suite, "once", {
        suite_submit(suite, &op);
        assert_false(suite_is_done(&op));
        cc_op_done(&op, 0);
        assert_int_equal(suite_wait(suite, &op), 0);
        assert_true(suite_is_done(&op));
    });
    SUITE_CASE(suite, "later again", cc_op_done(&op, 0));
    SUITE_CASE(suite, "once more", {
        suite_submit(suite, &op);
        cc_op_done(&op, 0);
        assert_int_equal(suite_wait(suite, &op), 0);
    });
}

static void test_again_later(void **state)
{
    struct reports reports = {0};
    struct cc_conformance_options options = options_of(&reports);

    (void)state;
    assert_int_equal(suite_run("nothing", &options, complete, NULL), 1);
    assert_int_equal(reports.passed, 2);
    assert_non_null(strstr(reports.failure, "completed twice"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_store_that_answers_twice),
        cmocka_unit_test(test_again_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
