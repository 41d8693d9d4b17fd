/*
 * Reading traceparent: the rules of W3C's Trace Context.
 */
#include "base/trace_parent.h"
#include "support/test.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define GOOD   "00-" TRACE "-" PARENT "-01"

static bool reads(const char *text)
{
    return trace_parent_is_valid(slice_str(text));
}

static void the_usual_one_is_valid(void **state)
{
    (void)state;
    assert_true(reads(GOOD));
    assert_true(slice_equal(trace_parent_of(slice_str(GOOD)), slice_str(GOOD)));
    assert_int_equal(trace_parent_of(slice_str("00")).size, 0);
}

static void later_versions_may_add_fields(void **state)
{
    (void)state;
    assert_true(reads("cc-" TRACE "-" PARENT "-01"));
    assert_true(reads("cc-" TRACE "-" PARENT "-01-what-the-future-brings"));
    assert_false(reads("cc-" TRACE "-" PARENT "-01.what"));
    assert_false(reads("00-" TRACE "-" PARENT "-01-what"));
}

static void what_is_malformed_is_no_trace(void **state)
{
    static const char *const bad[] = {
        "",
        "00",
        "ff-" TRACE "-" PARENT "-01",
        "0g-" TRACE "-" PARENT "-01",
        "00-" TRACE "-" PARENT "-0",
        "00-" TRACE "-" PARENT "-0G",
        "00-" TRACE "-" PARENT "-01 ",
        "00_" TRACE "-" PARENT "-01",
        "00-" TRACE "_" PARENT "-01",
        "00-" TRACE "-" PARENT "_01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (reads(bad[i]))
            fail_msg("taken: %s", bad[i]);
}

/* No byte beyond a header's end is looked at: a sanitizer sees it. */
static void a_header_may_end_anywhere(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof GOOD - 1; size++) {
        char *copy = test_malloc(size + 1);

        memcpy(copy, GOOD, size);
        assert_false(trace_parent_is_valid(slice_of(copy, size)));
        test_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_one_is_valid),
        cmocka_unit_test(later_versions_may_add_fields),
        cmocka_unit_test(what_is_malformed_is_no_trace),
        cmocka_unit_test(a_header_may_end_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
