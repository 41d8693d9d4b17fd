/*
 * Option structs of programs that are older or newer than the library.
 */
#include "support/test.h"

#include "base/options.h"

struct options {
    size_t size;
    int first;
    int second;
};

static void an_older_programs_struct_is_shorter(void **state)
{
    struct options given = {offsetof(struct options, second), 1, 99};
    struct options read;

    (void)state;
    assert_int_equal(options_read(&read, sizeof read, &given), 0);
    assert_int_equal(read.first, 1);
    assert_int_equal(read.second, 0);
}

static void a_newer_programs_struct_is_longer(void **state)
{
    struct {
        struct options known;
        int unknown[8];
    } given = {{sizeof given, 1, 2}, {3}};
    struct {
        struct options options;
        int behind;
    } read = {.behind = 7};

    (void)state;
    assert_int_equal(options_read(&read.options, sizeof read.options, &given), 0);
    assert_int_equal(read.options.second, 2);
    assert_int_equal(read.behind, 7);
}

static void one_that_nobody_initialised_is_refused(void **state)
{
    struct options given = {0, 1, 2};
    struct options read = {.first = 7};

    (void)state;
    assert_int_equal(options_read(&read, sizeof read, &given), CC_EINVAL);
    assert_int_equal(read.first, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_programs_struct_is_shorter),
        cmocka_unit_test(a_newer_programs_struct_is_longer),
        cmocka_unit_test(one_that_nobody_initialised_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
