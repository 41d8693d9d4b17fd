/*
 * Buffers: after the first failed allocation they take nothing more, until they are cleared.
 */
#include "support/test.h"

#include "base/buffer.h"
#include "support/failing_allocator.h"

static void what_is_appended_stands_in_order(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, cc_allocator_default());
    for (int i = 0; i < 10000; i++) {
        char byte = (char)i;

        buffer_append(&buffer, &byte, 1);
    }
    buffer_append(&buffer, NULL, 0);
    assert_false(buffer.failed);
    assert_int_equal(buffer.size, 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buffer.data[i], (char)i);
    buffer_deinit(&buffer);
    assert_int_equal(buffer.size, 0);
}

static void a_reserve_is_not_counted_until_it_is_added(void **state)
{
    struct buffer buffer;
    char *room;

    (void)state;
    buffer_init(&buffer, cc_allocator_default());
    buffer_append(&buffer, "ab", 2);
    room = buffer_reserve(&buffer, 100);
    assert_non_null(room);
    assert_ptr_equal(room, buffer.data + 2);
    assert_int_equal(buffer.size, 2);
    memcpy(room, "cd", 2);
    buffer.size += 2;
    assert_memory_equal(buffer.data, "abcd", 4);
    buffer_deinit(&buffer);
}

static void a_failed_buffer_stays_failed(void **state)
{
    struct failing_allocator failing = {0};
    struct cc_allocator allocator = failing_allocator_of(&failing);
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, &allocator);
    buffer_append(&buffer, "12345678", 8);
    failing_allocator_arm(&failing, 0, true);
    buffer_append(&buffer, "9", 1);
    assert_true(buffer.failed);
    buffer_append(&buffer, "", 0);
    buffer_append(&buffer, "x", 1);
    assert_int_equal(buffer.size, 8);
    assert_memory_equal(buffer.data, "12345678", 8);

    buffer_clear(&buffer);
    buffer_append(&buffer, "again and longer", 16);
    assert_false(buffer.failed);
    assert_int_equal(buffer.size, 16);
    buffer_deinit(&buffer);
    assert_int_equal(failing.out, 0);
}

static void sizes_that_overflow_fail(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, cc_allocator_default());
    buffer_append(&buffer, "a", 1);
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    assert_true(buffer.failed);
    assert_int_equal(buffer.size, 1);
    buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_stands_in_order),
        cmocka_unit_test(a_reserve_is_not_counted_until_it_is_added),
        cmocka_unit_test(a_failed_buffer_stays_failed),
        cmocka_unit_test(sizes_that_overflow_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
