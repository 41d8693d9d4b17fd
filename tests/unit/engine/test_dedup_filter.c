/*
 * The filter of client ids: it misses none it was given, takes few others for one of them, and says
 * how far back it reaches.
 */
#include "base/hash.h"
#include "chatcore/error.h"
#include "engine/dedup_filter.h"
#include "support/failing_allocator.h"
#include "support/test.h"

#define IDS 4096

static uint64_t hash_of(uint64_t number)
{
    return hash_stable(slice_of(&number, sizeof number));
}

static void add_range(struct dedup_filter *filter, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        dedup_filter_add(filter, hash_of(i));
}

static size_t count_range(const struct dedup_filter *filter, uint64_t from, uint64_t to)
{
    size_t count = 0;

    for (uint64_t i = from; i < to; i++)
        count += dedup_filter_may_have(filter, hash_of(i));
    return count;
}

static void what_was_added_is_found(void **state)
{
    struct dedup_filter filter;

    (void)state;
    dedup_filter_init(&filter, cc_allocator_default());
    filter.capacity = IDS;
    assert_int_equal(count_range(&filter, 0, 100), 0);
    add_range(&filter, 0, IDS);
    assert_int_equal(count_range(&filter, 0, IDS), IDS);
    assert_true(count_range(&filter, IDS, 11 * IDS) < 10 * IDS / 100);
    dedup_filter_deinit(&filter);
}

static void the_older_generation_goes(void **state)
{
    struct dedup_filter filter;

    (void)state;
    dedup_filter_init(&filter, cc_allocator_default());
    filter.capacity = IDS;
    add_range(&filter, 0, 2 * IDS);
    assert_true(dedup_filter_reaches(&filter, 0));
    assert_int_equal(count_range(&filter, 0, 2 * IDS), 2 * IDS);
    add_range(&filter, 2 * IDS, 2 * IDS + 1);
    assert_false(dedup_filter_reaches(&filter, 0));
    assert_true(dedup_filter_reaches(&filter, 1));
    assert_int_equal(count_range(&filter, IDS, 2 * IDS + 1), IDS + 1);
    assert_true(count_range(&filter, 0, IDS) < IDS / 10);
    dedup_filter_deinit(&filter);
}

static void without_memory_it_reaches_nowhere(void **state)
{
    struct failing_allocator failing = {0};
    struct cc_allocator allocator = failing_allocator_of(&failing);
    struct dedup_filter filter;

    (void)state;
    dedup_filter_init(&filter, &allocator);
    failing_allocator_arm(&failing, 0, true);
    add_range(&filter, 0, 1);
    assert_false(dedup_filter_reaches(&filter, 0));
    assert_int_equal(count_range(&filter, 0, 1), 0);
    add_range(&filter, 1, 2);
    assert_int_equal(count_range(&filter, 1, 2), 1);
    dedup_filter_deinit(&filter);
    assert_int_equal(failing.out, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found),
        cmocka_unit_test(the_older_generation_goes),
        cmocka_unit_test(without_memory_it_reaches_nowhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
