/*
 * Messages in pieces: any split gives the same message; size and budget are bounded.
 */
#include "gateway/assembly.h"

#include "chatcore/error.h"
#include "support/test.h"

#include <stdlib.h>

static struct assembly_limits limits_of(size_t max_message, size_t max_total)
{
    struct assembly_limits limits = {
        .allocator = cc_allocator_default(), .max_message = max_message, .max_total = max_total};

    return limits;
}

static int add(struct assembly *assembly, struct assembly_limits *limits, const char *bytes,
               size_t size, bool is_last, struct cc_slice *ret_message)
{
    struct assembly_piece piece = {.bytes = {bytes, size}, .is_last = is_last};

    return assembly_add(assembly, limits, &piece, ret_message);
}

static void whole_is_not_copied(void **state)
{
    struct assembly_limits limits = limits_of(100, 100);
    struct assembly assembly = {0};
    struct cc_slice message;
    const char *bytes = "hello";

    (void)state;
    assert_int_equal(add(&assembly, &limits, bytes, 5, true, &message), 0);
    assert_ptr_equal(message.data, bytes);
    assert_int_equal(message.size, 5);
    assert_int_equal(limits.total, 0);
}

/* Every way to cut 9,000 bytes in three. */
static void any_split_gives_the_message(void **state)
{
    enum { SIZE = 9000 };
    struct assembly_limits limits = limits_of(SIZE, 1 << 20);
    char bytes[SIZE];

    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7);
    for (size_t a = 0; a <= SIZE; a += 450) {
        for (size_t b = a; b <= SIZE; b += 450) {
            struct assembly assembly = {0};
            struct cc_slice message;

            assert_int_equal(add(&assembly, &limits, bytes, a, false, &message), ASSEMBLY_MORE);
            assert_int_equal(add(&assembly, &limits, bytes + a, b - a, false, &message),
                             ASSEMBLY_MORE);
            assert_int_equal(add(&assembly, &limits, bytes + b, SIZE - b, true, &message), 0);
            assert_int_equal(message.size, SIZE);
            assert_memory_equal(message.data, bytes, SIZE);
            assembly_clear(&assembly, &limits);
            assert_int_equal(limits.total, 0);
        }
    }
}

static void too_large_is_refused(void **state)
{
    struct assembly_limits limits = limits_of(10, 1 << 20);
    struct assembly assembly = {0};
    struct assembly_piece announced = {.bytes = {"123", 3}, .missing = 8};
    struct cc_slice message;

    (void)state;
    assert_int_equal(add(&assembly, &limits, "12345678901", 11, true, &message), CC_ETOOLARGE);
    assert_int_equal(assembly_add(&assembly, &limits, &announced, &message), CC_ETOOLARGE);
    announced.missing = SIZE_MAX;
    assert_int_equal(assembly_add(&assembly, &limits, &announced, &message), CC_ETOOLARGE);
    assert_null(assembly.data);
    announced.missing = 7;
    assert_int_equal(assembly_add(&assembly, &limits, &announced, &message), ASSEMBLY_MORE);
    assert_int_equal(add(&assembly, &limits, "45678901", 8, true, &message), CC_ETOOLARGE);
    assembly_clear(&assembly, &limits);
}

/* The budget is of memory, not of what peers announce, and comes back. */
static void the_budget_is_shared(void **state)
{
    struct assembly_limits limits = limits_of(100000, 8192);
    struct assembly a = {0}, b = {0}, c = {0};
    struct cc_slice message;
    char bytes[3000] = {0};

    (void)state;
    assert_int_equal(add(&a, &limits, bytes, 3000, false, &message), ASSEMBLY_MORE);
    assert_int_equal(add(&b, &limits, bytes, 3000, false, &message), ASSEMBLY_MORE);
    assert_int_equal(add(&c, &limits, bytes, 1, false, &message), CC_EBUSY);
    assert_int_equal(add(&a, &limits, bytes, 3000, false, &message), CC_EBUSY);
    assembly_clear(&b, &limits);
    assert_int_equal(add(&a, &limits, bytes, 3000, false, &message), ASSEMBLY_MORE);
    assembly_clear(&a, &limits);
    assert_int_equal(limits.total, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_is_not_copied),
        cmocka_unit_test(any_split_gives_the_message),
        cmocka_unit_test(too_large_is_refused),
        cmocka_unit_test(the_budget_is_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
