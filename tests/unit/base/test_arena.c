/*
 * Arenas: what they hand out stays intact until they are cleared, and all of it comes back.
 */
#include "support/test.h"

#include "base/arena.h"
#include "chatcore/error.h"
#include "support/failing_allocator.h"

#include <stdalign.h>

struct fixture {
    struct failing_allocator counting;
    struct cc_allocator allocator;
    struct arena arena;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    fixture.allocator = failing_allocator_of(&fixture.counting);
    arena_init(&fixture.arena, &fixture.allocator);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    arena_deinit(&fixture->arena);
    return fixture->counting.out == 0 ? 0 : -1;
}

static void allocations_are_aligned_and_apart(void **state)
{
    enum { COUNT = 3000 };
    static unsigned char *pieces[COUNT];
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 97 + (i % 500 == 0 ? 20000 : 0);

        pieces[i] = arena_alloc(&fixture->arena, size);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        memset(pieces[i], (int)(i % 251), size);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t at = 0; at < i % 97; at++)
            assert_int_equal(pieces[i][at], i % 251);
}

static void clearing_keeps_one_block_for_the_next_round(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&fixture->arena, 1000));
    assert_non_null(arena_alloc(&fixture->arena, 100000));
    arena_clear(&fixture->arena);
    assert_int_equal(fixture->arena.total, 0);
    assert_int_equal(fixture->counting.out, 1);

    failing_allocator_arm(&fixture->counting, 0, false);
    assert_non_null(arena_alloc(&fixture->arena, 1000));
    assert_false(failing_allocator_disarm(&fixture->counting));
}

static void a_copy_does_not_share_the_bytes(void **state)
{
    struct fixture *fixture = *state;
    char text[] = "hello";
    struct cc_slice copy;

    assert_int_equal(arena_copy(&fixture->arena, slice_str(text), &copy), 0);
    text[0] = 'x';
    assert_true(slice_equal(copy, slice_str("hello")));
    assert_int_equal(arena_copy(&fixture->arena, slice_of(NULL, 0), &copy), 0);
    assert_int_equal(copy.size, 0);
}

static void without_memory_it_answers_and_stays_usable(void **state)
{
    struct fixture *fixture = *state;
    struct cc_slice copy = slice_str("untouched");

    failing_allocator_arm(&fixture->counting, 0, false);
    assert_null(arena_alloc(&fixture->arena, 1));
    assert_int_equal(arena_copy(&fixture->arena, slice_str("x"), &copy), CC_ENOMEM);
    assert_true(slice_equal(copy, slice_str("untouched")));
    failing_allocator_disarm(&fixture->counting);
    assert_non_null(arena_alloc(&fixture->arena, 1));
}

static void sizes_that_overflow_are_refused(void **state)
{
    struct fixture *fixture = *state;

    assert_null(arena_alloc(&fixture->arena, SIZE_MAX));
    assert_null(arena_alloc(&fixture->arena, SIZE_MAX - 15));
    assert_int_equal(fixture->counting.out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(allocations_are_aligned_and_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clearing_keeps_one_block_for_the_next_round, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_copy_does_not_share_the_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory_it_answers_and_stays_usable, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sizes_that_overflow_are_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
