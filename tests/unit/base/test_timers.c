/*
 * Timers: against a plain list that is searched, and what may happen inside an expiry.
 */
#include "support/test.h"

#include "base/timers.h"
#include "chatcore/error.h"
#include "support/failing_allocator.h"

#include <stdlib.h>

enum { COUNT = 200 };

struct alarm {
    struct timer timer; /* first: the expiry gets this */
    int64_t wanted;     /* INT64_MAX: not set */
    unsigned fired;
};

struct run {
    struct timers *timers;
    int64_t now;
    int64_t last; /* deadline that fired before */
};

static void expect_due(struct timer *timer, void *context)
{
    struct alarm *alarm = (struct alarm *)timer;
    struct run *run = context;

    assert_true(alarm->wanted <= run->now);
    assert_true(alarm->wanted >= run->last);
    run->last = alarm->wanted;
    alarm->wanted = INT64_MAX;
    alarm->fired++;
}

static int64_t earliest(const struct alarm *alarms)
{
    int64_t deadline = INT64_MAX;

    for (int i = 0; i < COUNT; i++)
        if (alarms[i].wanted < deadline)
            deadline = alarms[i].wanted;
    return deadline;
}

static void behave_like_a_list(void **state)
{
    static struct alarm alarms[COUNT];
    struct timers timers;
    struct run run = {.timers = &timers};

    (void)state;
    srandom(1);
    timers_init(&timers, cc_allocator_default());
    for (int i = 0; i < COUNT; i++) {
        alarms[i].timer.expired = expect_due;
        alarms[i].wanted = INT64_MAX;
    }
    for (int step = 0; step < 20000; step++) {
        struct alarm *alarm = &alarms[random() % COUNT];

        if (random() % 4) {
            alarm->wanted = run.now + random() % 50 - 2;
            assert_int_equal(timer_set(&timers, &alarm->timer, alarm->wanted), 0);
        } else {
            alarm->wanted = INT64_MAX;
            timer_clear(&timers, &alarm->timer);
        }
        assert_int_equal(timers_deadline(&timers), earliest(alarms));
        if (random() % 8 == 0) {
            run.now += random() % 20;
            run.last = INT64_MIN;
            timers_run(&timers, run.now, &run);
            assert_true(timers_deadline(&timers) > run.now);
        }
    }
    timers_deinit(&timers);
}

static void set_again(struct timer *timer, void *context)
{
    struct alarm *alarm = (struct alarm *)timer;
    struct run *run = context;

    alarm->fired++;
    assert_int_equal(timer_set(run->timers, timer, run->now), 0);
}

static void set_in_an_expiry_runs_in_the_next_call(void **state)
{
    struct alarm alarm = {.timer = {.expired = set_again}};
    struct timers timers;
    struct run run = {.timers = &timers, .now = 10};

    (void)state;
    timers_init(&timers, cc_allocator_default());
    assert_int_equal(timer_set(&timers, &alarm.timer, 3), 0);
    timers_run(&timers, 10, &run);
    assert_int_equal(alarm.fired, 1);
    assert_int_equal(timers_deadline(&timers), 10);
    timers_run(&timers, 10, &run);
    assert_int_equal(alarm.fired, 2);
    timers_deinit(&timers);
}

static struct alarm other;

static void clear_the_other(struct timer *timer, void *context)
{
    struct run *run = context;

    (void)timer;
    timer_clear(run->timers, &other.timer);
}

static void cleared_in_an_expiry_does_not_run(void **state)
{
    struct alarm alarm = {.timer = {.expired = clear_the_other}};
    struct timers timers;
    struct run run = {.timers = &timers, .now = 10};

    (void)state;
    other.timer.expired = expect_due;
    timers_init(&timers, cc_allocator_default());
    assert_int_equal(timer_set(&timers, &alarm.timer, 1), 0);
    assert_int_equal(timer_set(&timers, &other.timer, 2), 0);
    timers_run(&timers, 10, &run);
    assert_int_equal(other.fired, 0);
    assert_int_equal(timers_deadline(&timers), INT64_MAX);
    timers_deinit(&timers);
}

static void equal_deadlines_run_in_the_order_of_setting(void **state)
{
    struct alarm alarms[8];
    struct timers timers;
    struct run run = {.timers = &timers};

    (void)state;
    memset(alarms, 0, sizeof alarms);
    timers_init(&timers, cc_allocator_default());
    for (int i = 7; i >= 0; i--) {
        alarms[i].timer.expired = expect_due;
        assert_int_equal(timer_set(&timers, &alarms[i].timer, 5), 0);
    }
    /* 7 was set first; what fires must be in the order 7 … 0, which `wanted` records. */
    for (int i = 0; i < 8; i++)
        alarms[i].wanted = 7 - i;
    run.now = 7;
    run.last = INT64_MIN;
    timers_run(&timers, 7, &run);
    for (int i = 0; i < 8; i++)
        assert_int_equal(alarms[i].fired, 1);
    timers_deinit(&timers);
}

static void set_in_the_past(struct timer *timer, void *context)
{
    struct alarm *alarm = (struct alarm *)timer;
    struct run *run = context;

    alarm->fired++;
    assert_int_equal(timer_set(run->timers, timer, 6), 0);
}

static void one_set_in_the_past_holds_up_no_other(void **state)
{
    struct alarm restless = {.timer = {.expired = set_in_the_past}};
    struct alarm other = {.timer = {.expired = expect_due}, .wanted = 8};
    struct timers timers;
    struct run run = {.timers = &timers, .now = 10};

    (void)state;
    timers_init(&timers, cc_allocator_default());
    assert_int_equal(timer_set(&timers, &restless.timer, 5), 0);
    assert_int_equal(timer_set(&timers, &other.timer, 8), 0);
    timers_run(&timers, 10, &run);
    assert_int_equal(restless.fired, 1);
    assert_int_equal(other.fired, 1);
    timers_run(&timers, 10, &run);
    assert_int_equal(restless.fired, 2);
    timers_deinit(&timers);
}

/* However many others took what there was. */
static void a_place_that_is_kept_needs_no_memory(void **state)
{
    struct alarm kept = {.timer = {.expired = expect_due}};
    struct alarm others[40];
    struct failing_allocator failing = {0};
    struct cc_allocator allocator = failing_allocator_of(&failing);
    struct timers timers;

    (void)state;
    memset(others, 0, sizeof others);
    timers_init(&timers, &allocator);
    assert_int_equal(timers_reserve(&timers, &kept.timer), 0);
    failing_allocator_arm(&failing, 1, false);
    for (int i = 0; i < 40; i++) {
        others[i].timer.expired = expect_due;
        if (timer_set(&timers, &others[i].timer, 5))
            break;
        assert_true(i < 39);
    }
    assert_int_equal(timer_set(&timers, &kept.timer, 1), 0);
    assert_int_equal(timers_deadline(&timers), 1);
    timers_deinit(&timers);
}

static void without_memory_nothing_is_set(void **state)
{
    struct alarm alarm = {.timer = {.expired = expect_due}};
    struct failing_allocator failing = {0};
    struct cc_allocator allocator = failing_allocator_of(&failing);
    struct timers timers;

    (void)state;
    failing_allocator_arm(&failing, 0, false);
    timers_init(&timers, &allocator);
    assert_int_equal(timer_set(&timers, &alarm.timer, 1), CC_ENOMEM);
    timer_clear(&timers, &alarm.timer);
    assert_int_equal(timers_deadline(&timers), INT64_MAX);
    timers_deinit(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behave_like_a_list),
        cmocka_unit_test(set_in_an_expiry_runs_in_the_next_call),
        cmocka_unit_test(cleared_in_an_expiry_does_not_run),
        cmocka_unit_test(equal_deadlines_run_in_the_order_of_setting),
        cmocka_unit_test(one_set_in_the_past_holds_up_no_other),
        cmocka_unit_test(a_place_that_is_kept_needs_no_memory),
        cmocka_unit_test(without_memory_nothing_is_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
