/*
 * A scenario of a port run again and again, each time with another allocation of each of its steps
 * failing. A step that answers CC_ENOMEM has changed nothing: done again, it does what it would
 * have done, and everything that can be read is as if nothing had failed. Nothing leaks.
 */
#ifndef CC_TESTS_ALLOCATION_SWEEP_H
#define CC_TESTS_ALLOCATION_SWEEP_H

#include "base/list.h"
#include "chatcore/error.h"
#include "support/failing_allocator.h"
#include "support/test.h"
#include "testing/suite.h"

/* A step allocates less often than this: the sweep of each ends before. */
#define ALLOCATIONS_MAX 200

struct sweep {
    struct failing_allocator memory;
    struct cc_allocator allocator; /* the backend's */
    struct suite suite;            /* the port's */
    long left;                     /* of each step: so many allocations succeed */
    bool once;
    bool hit;           /* some step failed in this run */
    struct text wanted; /* what is read when nothing fails */
};

static inline void sweep_arm(struct sweep *sweep)
{
    failing_allocator_arm(&sweep->memory, sweep->left, sweep->once);
}

/* True: an allocation has failed since. */
static inline bool sweep_disarm(struct sweep *sweep)
{
    bool has_failed = failing_allocator_disarm(&sweep->memory);

    sweep->hit |= has_failed;
    return has_failed;
}

/* The end of a scenario. A read under failures answers what it should or CC_ENOMEM, and leaks
 * nothing; the one after it, without failures, is what is told. */
static inline void sweep_read(struct sweep *sweep, void (*read)(struct sweep *, struct text *),
                              struct text *text)
{
    struct text failing = {0};

    sweep_arm(sweep);
    read(sweep, &failing);
    if (sweep_disarm(sweep))
        assert_non_null(strstr(failing.bytes, "CC_ENOMEM"));
    read(sweep, text);
    assert_string_equal(sweep->suite.failure, "");
    assert_true(text->size < sizeof text->bytes - 1); /* nothing was cut */
}

/* `run` is the scenario on one backend, from opening to closing; it tells all that it has read. */
static inline void sweep_all(struct sweep *sweep, void (*run)(struct sweep *, struct text *))
{
    sweep->hit = true;
    sweep->left = 1000000;
    run(sweep, &sweep->wanted);
    for (sweep->left = 0; sweep->hit; sweep->left++) {
        struct text text = {0};

        assert_true(sweep->left < ALLOCATIONS_MAX);
        sweep->hit = false;
        run(sweep, &text);
        assert_string_equal(text.bytes, sweep->wanted.bytes);
        assert_int_equal(sweep->memory.out, 0);
    }
    assert_true(sweep->left > 3); /* it did fail at some */
}

static inline void sweep_report_nothing(void *context, const char *suite, const char *name,
                                        const char *failure)
{
    (void)context;
    (void)suite;
    (void)name;
    (void)failure;
}

static inline void sweep_init(struct sweep *sweep, bool once)
{
    static struct cc_conformance_options options = CC_CONFORMANCE_OPTIONS_INIT;

    options.report = sweep_report_nothing;
    sweep->once = once;
    sweep->allocator = failing_allocator_of(&sweep->memory);
    assert_int_equal(suite_init(&sweep->suite, "sweep", &options), 0);
}

#endif
