/*
 * Grouping: names ascend as keys do, numbers ascend in each, nothing is lost, and of two that are
 * the same the first stays.
 */
#include "backends/lmdb/group.h"
#include "chatcore/backend/store.h"
#include "chatcore/error.h"
#include "support/failing_allocator.h"
#include "support/test.h"

#include <stdio.h>

static const struct group_layout layout = {sizeof(struct cc_store_row),
                                           offsetof(struct cc_store_row, conversation),
                                           offsetof(struct cc_store_row, seq)};

static struct failing_allocator failing;
static const struct cc_allocator allocator = {failing_allocator_alloc, failing_allocator_realloc,
                                              failing_allocator_release, &failing};

static int setup(void **state)
{
    static struct grouping grouping;

    memset(&failing, 0, sizeof failing);
    grouping_init(&grouping, &allocator);
    *state = &grouping;
    return 0;
}

static int teardown(void **state)
{
    grouping_deinit(*state);
    assert_int_equal(failing.out, 0);
    return 0;
}

/* What was grouped, as "name: number@index …; …". */
static const char *text_of(const struct grouping *grouping)
{
    static char text[512];
    size_t at = 0;

    text[0] = 0;
    for (size_t i = 0; i < grouping->group_count; i++) {
        const struct group *group = &grouping->groups[i];

        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s:", i ? "; " : "",
                               (int)group->name.size, group->name.data);
        for (size_t m = group->first; m < group->first + group->count; m++)
            at += (size_t)snprintf(text + at, sizeof text - at, " %llu@%u",
                                   (unsigned long long)grouping->members[m].number,
                                   grouping->members[m].index);
    }
    return text;
}

static void test_nothing(void **state)
{
    assert_int_equal(grouping_make(*state, NULL, 0, &layout), 0);
    assert_string_equal(text_of(*state), "");
}

/* Shorter names first: so keys stand, which have the length before the name. */
static void test_order(void **state)
{
    const struct cc_store_row rows[] = {
        {.conversation = slice_str("b"), .seq = 3}, {.conversation = slice_str("aa"), .seq = 1},
        {.conversation = slice_str("a"), .seq = 9}, {.conversation = slice_str("b"), .seq = 1},
        {.conversation = slice_str("b"), .seq = 2}, {.conversation = slice_str("aa"), .seq = 2},
    };

    assert_int_equal(grouping_make(*state, rows, 6, &layout), 0);
    assert_string_equal(text_of(*state), "a: 9@2; b: 1@3 2@4 3@0; aa: 1@1 2@5");
}

static void test_doubles(void **state)
{
    const struct cc_store_row rows[] = {
        {.conversation = slice_str("a"), .seq = 2}, {.conversation = slice_str("a"), .seq = 1},
        {.conversation = slice_str("a"), .seq = 2}, {.conversation = slice_str("a"), .seq = 1},
        {.conversation = slice_str("b"), .seq = 1}, {.conversation = slice_str("b"), .seq = 1},
    };

    assert_int_equal(grouping_make(*state, rows, 6, &layout), 0);
    assert_string_equal(text_of(*state), "a: 1@1 2@0; b: 1@4");
}

/* A batch after another, larger and smaller, in the same memory. */
static void test_again(void **state)
{
    struct grouping *grouping = *state;
    struct cc_store_row rows[1000];
    char names[1000][8];

    for (size_t i = 0; i < 1000; i++) {
        size_t size = (size_t)snprintf(names[i], sizeof names[i], "c%zu", i % 300);

        rows[i] = (struct cc_store_row){.conversation = slice_of(names[i], size), .seq = 1000 - i};
    }
    for (size_t count = 1000; count; count /= 3) {
        size_t members = 0;

        assert_int_equal(grouping_make(grouping, rows, count, &layout), 0);
        assert_int_equal(grouping->group_count, count < 300 ? count : 300);
        for (size_t i = 0; i < grouping->group_count; i++) {
            const struct group *group = &grouping->groups[i];

            members += group->count;
            for (size_t m = group->first + 1; m < group->first + group->count; m++)
                assert_true(grouping->members[m - 1].number < grouping->members[m].number);
        }
        assert_int_equal(members, count);
    }
}

static void test_without_memory(void **state)
{
    const struct cc_store_row rows[] = {{.conversation = slice_str("a"), .seq = 2}};
    int r = CC_ENOMEM;
    long left = 0;

    for (; r; left++) {
        failing_allocator_arm(&failing, left, false);
        r = grouping_make(*state, rows, 1, &layout);
        failing_allocator_disarm(&failing);
        assert_true(r == 0 || r == CC_ENOMEM);
    }
    assert_int_equal(left, 4); /* what one try has got, the next one has */
    assert_string_equal(text_of(*state), "a: 2@0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_nothing), TEST(test_order),          TEST(test_doubles),
        TEST(test_again),   TEST(test_without_memory),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
