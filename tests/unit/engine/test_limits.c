/*
 * Rate limits: bursts to the exact request, refilling to the exact millisecond, the largest rates,
 * what is kept of users who leave, and the bound of the tables.
 */
#include "engine/limits.h"

#include "../wire/budget.h"
#include "engine/user.h"
#include "support/test.h"

#include <stdio.h>

/* As in limits.c: what the tables hold at most. */
#define NAMES_MAX 65536

static unsigned admitted(struct rate_state *state, const struct cc_rate *rate, int64_t now_ms)
{
    uint32_t retry_ms = 0;
    unsigned count = 0;

    while (count < 1000000 && rate_admit(state, rate, now_ms, &retry_ms))
        count++;
    return count;
}

static void admits_a_burst_then_the_rate(void **state)
{
    static const struct {
        struct cc_rate rate;
        int64_t later_ms;
        unsigned then;
    } cases[] = {
        {{1, 1000}, 999, 0},     {{1, 1000}, 1000, 1},  {{5, 2000}, 499, 0},
        {{5, 2000}, 500, 1},     {{5, 2000}, 1499, 2},  {{5, 2000}, 1500, 3},
        {{5, 2000}, 100000, 5},  {{200, 50000}, 19, 0}, {{200, 50000}, 20, 1},
        {{200, 50000}, 999, 49}, {{3, 1}, 999999, 0},   {{3, 1}, 1000000, 1},
        {{10, 7000}, 1000, 7},   {{10, 3000}, 1000, 3}, {{1000, 290000000}, 1, 290},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rate_state rate = {0};

        assert_int_equal(admitted(&rate, &cases[i].rate, 5000), cases[i].rate.burst);
        assert_int_equal(admitted(&rate, &cases[i].rate, 5000 + cases[i].later_ms), cases[i].then);
    }
}

/* What is told to wait is enough, and a millisecond less is not. */
static void tells_how_long_to_wait(void **state)
{
    static const struct cc_rate rates[] = {{1, 1000}, {4, 3000}, {7, 777}, {200, 50000}, {1, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct rate_state rate = {0};
        uint32_t retry_ms = 0;
        uint32_t ignored;

        admitted(&rate, &rates[i], 1234);
        assert_false(rate_admit(&rate, &rates[i], 1234, &retry_ms));
        assert_true(retry_ms >= 1);
        assert_false(rate_admit(&rate, &rates[i], 1234 + retry_ms - 1, &ignored));
        assert_true(rate_admit(&rate, &rates[i], 1234 + retry_ms, &ignored));
    }
}

static void a_refusal_costs_nothing(void **state)
{
    static const struct cc_rate rate = {2, 1000};
    struct rate_state patient = {0};
    struct rate_state impatient = {0};
    uint32_t retry_ms;

    (void)state;
    admitted(&patient, &rate, 1000);
    admitted(&impatient, &rate, 1000);
    for (int i = 1; i < 1000; i++)
        assert_false(rate_admit(&impatient, &rate, 1000 + i, &retry_ms));
    assert_int_equal(admitted(&patient, &rate, 2000), 1);
    assert_int_equal(admitted(&impatient, &rate, 2000), 1);
}

static void the_largest_and_smallest_rates_work(void **state)
{
    static const struct cc_rate most = {UINT32_MAX, UINT32_MAX};
    static const struct cc_rate slowest = {UINT32_MAX, 1};
    static const struct cc_rate off[] = {{0, 0}, {0, 1000}, {10, 0}};
    const int64_t century_ms = (int64_t)100 * 365 * 86400 * 1000;
    struct rate_state rate = {0};

    (void)state;
    assert_int_equal(admitted(&rate, &most, century_ms), 1000000);
    rate.arrival_ns = 0;
    assert_int_equal(admitted(&rate, &slowest, century_ms), 1000000);
    for (size_t i = 0; i < 3; i++) {
        rate.arrival_ns = 0;
        assert_int_equal(admitted(&rate, &off[i], 1), 1000000);
        assert_int_equal(rate.arrival_ns, 0);
    }
}

/* --- in an engine ------------------------------------------------------------------------------
 */

struct fixture {
    struct budget budget;
    struct cc_engine engine;
};

static void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->budget.allocations = 1000000;
    fixture->engine.allocator = budget_allocator(&fixture->budget);
    fixture->engine.limits.connect = (struct cc_rate){2, 1000};
    fixture->engine.limits.send = (struct cc_rate){3, 1000};
    fixture->engine.limits.request = (struct cc_rate){4, 1000};
    fixture->engine.now.mono_ms = 10000;
    assert_int_equal(limits_init(&fixture->engine), 0);
}

static void fixture_deinit(struct fixture *fixture)
{
    limits_deinit(&fixture->engine);
    assert_int_equal(fixture->budget.out, 0);
}

static unsigned connects(struct cc_engine *engine, const char *address)
{
    uint32_t retry_ms;
    unsigned count = 0;

    while (count < 100 && limits_admit_connect(engine, slice_str(address), &retry_ms))
        count++;
    return count;
}

static void addresses_and_users_are_counted_apart(void **state)
{
    struct fixture fixture;
    uint32_t retry_ms = 0;

    (void)state;
    fixture_init(&fixture);
    assert_int_equal(connects(&fixture.engine, "10.0.0.1"), 2);
    assert_int_equal(connects(&fixture.engine, "10.0.0.2"), 2);
    assert_int_equal(connects(&fixture.engine, ""), 100);
    assert_true(limits_admit_user(&fixture.engine, slice_str("10.0.0.1"), &retry_ms));
    assert_true(limits_admit_user(&fixture.engine, slice_str("10.0.0.1"), &retry_ms));
    assert_false(limits_admit_user(&fixture.engine, slice_str("10.0.0.1"), &retry_ms));
    assert_int_equal(retry_ms, 1000);
    fixture_deinit(&fixture);
}

static void the_longest_unused_address_goes_first(void **state)
{
    struct fixture fixture;
    char address[16];
    int out;

    (void)state;
    fixture_init(&fixture);
    assert_int_equal(connects(&fixture.engine, "first"), 2);
    assert_int_equal(connects(&fixture.engine, "second"), 2);
    for (int i = 2; i < NAMES_MAX; i++) {
        snprintf(address, sizeof address, "a%d", i);
        assert_int_equal(connects(&fixture.engine, address), 2);
    }
    assert_int_equal(connects(&fixture.engine, "first"), 0); /* and is the newest now */
    out = fixture.budget.out;
    assert_int_equal(connects(&fixture.engine, "one more"), 2);
    assert_true(fixture.budget.out <= out);
    assert_int_equal(connects(&fixture.engine, "first"), 0);
    assert_int_equal(connects(&fixture.engine, "second"), 2);
    fixture_deinit(&fixture);
}

static void without_memory_nobody_new_connects(void **state)
{
    struct fixture fixture;
    uint32_t retry_ms = 0;

    (void)state;
    fixture_init(&fixture);
    fixture.budget.allocations = 0;
    assert_false(limits_admit_connect(&fixture.engine, slice_str("a"), &retry_ms));
    assert_true(retry_ms >= 1);
    fixture.budget.allocations = 100;
    assert_int_equal(connects(&fixture.engine, "a"), 2);
    fixture_deinit(&fixture);
}

static unsigned commands(struct cc_engine *engine, struct user *user, bool is_send)
{
    struct cc_session session = {.user = user};
    uint32_t retry_ms;
    unsigned count = 0;

    while (count < 100 && limits_admit(engine, &session, is_send, &retry_ms))
        count++;
    return count;
}

static void reconnecting_gives_no_new_burst(void **state)
{
    struct user before = {.name = slice_str("alice")};
    struct user after = {.name = slice_str("alice")};
    struct user other = {.name = slice_str("bob")};
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    limits_user_came(&fixture.engine, &before);
    assert_int_equal(commands(&fixture.engine, &before, true), 3);
    assert_int_equal(commands(&fixture.engine, &before, false), 4);
    limits_user_left(&fixture.engine, &before);
    fixture.engine.now.mono_ms += 1000;
    limits_user_came(&fixture.engine, &after);
    limits_user_came(&fixture.engine, &other);
    assert_int_equal(commands(&fixture.engine, &after, true), 1);
    assert_int_equal(commands(&fixture.engine, &after, false), 1);
    assert_int_equal(commands(&fixture.engine, &other, true), 3);
    fixture_deinit(&fixture);
}

static void nothing_is_kept_of_an_idle_user(void **state)
{
    struct user user = {.name = slice_str("alice")};
    struct fixture fixture;
    int out;

    (void)state;
    fixture_init(&fixture);
    out = fixture.budget.out;
    assert_int_equal(commands(&fixture.engine, &user, true), 3);
    fixture.engine.now.mono_ms += 3000;
    limits_user_left(&fixture.engine, &user);
    assert_int_equal(fixture.budget.out, out);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admits_a_burst_then_the_rate),
        cmocka_unit_test(tells_how_long_to_wait),
        cmocka_unit_test(a_refusal_costs_nothing),
        cmocka_unit_test(the_largest_and_smallest_rates_work),
        cmocka_unit_test(addresses_and_users_are_counted_apart),
        cmocka_unit_test(the_longest_unused_address_goes_first),
        cmocka_unit_test(without_memory_nobody_new_connects),
        cmocka_unit_test(reconnecting_gives_no_new_burst),
        cmocka_unit_test(nothing_is_kept_of_an_idle_user),
    };

    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
