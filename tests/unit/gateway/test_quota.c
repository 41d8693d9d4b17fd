/*
 * Connections per address, counted by several threads at once.
 */
#include "gateway/quota.h"

#include "chatcore/error.h"
#include "support/test.h"

static struct address address(uint8_t last)
{
    struct address address = {{0}};

    address.bytes[15] = last;
    return address;
}

static void counts(void **state)
{
    struct address a = address(1), b = address(2);
    struct quota_entry *entries[3];
    struct quota quota;

    (void)state;
    assert_int_equal(quota_init(&quota, cc_allocator_default(), 2), 0);
    assert_int_equal(quota_take(&quota, &a, &entries[0]), 0);
    assert_int_equal(quota_take(&quota, &a, &entries[1]), 0);
    assert_int_equal(quota_take(&quota, &a, &entries[2]), CC_EBUSY);
    assert_int_equal(quota_take(&quota, &b, &entries[2]), 0);
    quota_give(&quota, entries[0]);
    assert_int_equal(quota_take(&quota, &a, &entries[0]), 0);
    for (size_t i = 0; i < 3; i++)
        quota_give(&quota, entries[i]);
    assert_null(quota.entries);
    quota_give(&quota, NULL);
    quota_deinit(&quota);
}

static void *take_and_give(void *context)
{
    struct quota *quota = context;

    for (uint32_t i = 0; i < 20000; i++) {
        struct address one = address((uint8_t)(i % 5));
        struct quota_entry *entry;

        if (!quota_take(quota, &one, &entry))
            quota_give(quota, entry);
    }
    return NULL;
}

static void threads_count_together(void **state)
{
    pthread_t threads[4];
    struct quota quota;

    (void)state;
    assert_int_equal(quota_init(&quota, cc_allocator_default(), 2), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &quota), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_null(quota.entries);
    quota_deinit(&quota);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(threads_count_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
