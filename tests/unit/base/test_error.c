/*
 * The table of errors: numbers are for ever, and every number has an answer.
 */
#include "support/test.h"

#include "chatcore/error.h"

#include <limits.h>
#include <string.h>

static const int all[] = {
#define NUMBER(name, number, code, pname, temporary, text) name,
    CC_ERROR_TABLE(NUMBER)
#undef NUMBER
};

static void numbers_are_contiguous(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        assert_int_equal(all[i], -(int)(i + 1));
}

/* Programs are compiled with these numbers. */
static void numbers_do_not_change(void **state)
{
    (void)state;
    assert_int_equal(CC_EINVAL, -1);
    assert_int_equal(CC_ENOTFOUND, -7);
    assert_int_equal(CC_ENOMEM, -14);
    assert_int_equal(CC_ENOTSUP, -26);
}

static void every_error_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_string_not_equal(cc_error_name(all[i]), "CC_E?");
        assert_true(strlen(cc_strerror(all[i])) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(cc_error_name(all[i]), cc_error_name(all[j]));
    }
}

static void one_protocol_name_goes_with_one_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(
                cc_error_code(all[i]) == cc_error_code(all[j]),
                strcmp(cc_error_protocol_name(all[i]), cc_error_protocol_name(all[j])) == 0);
}

static void only_what_may_pass_is_retriable(void **state)
{
    (void)state;
    assert_true(cc_error_is_retriable(CC_EUNAVAILABLE));
    assert_true(cc_error_is_retriable(CC_ERATELIMITED));
    assert_true(cc_error_is_retriable(CC_ENOSPACE));
    assert_false(cc_error_is_retriable(CC_EINVAL));
    assert_false(cc_error_is_retriable(CC_EVERSION));
    assert_false(cc_error_is_retriable(CC_OK));
}

static void other_numbers_are_unknown(void **state)
{
    const int others[] = {1, INT_MAX, INT_MIN, -1000, CC_ENOTSUP - 1};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_string_equal(cc_error_name(others[i]), "CC_E?");
        assert_int_equal(cc_error_code(others[i]), 500);
    }
    assert_int_equal(cc_error_code(CC_OK), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_contiguous),
        cmocka_unit_test(numbers_do_not_change),
        cmocka_unit_test(every_error_has_a_name_of_its_own),
        cmocka_unit_test(one_protocol_name_goes_with_one_code),
        cmocka_unit_test(only_what_may_pass_is_retriable),
        cmocka_unit_test(other_numbers_are_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
