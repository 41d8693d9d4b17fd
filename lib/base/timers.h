/*
 * Timers on a time that is passed in: a binary heap by deadline, ties by the order of setting, so
 * that a run is the same every time.
 */
#ifndef CC_BASE_TIMERS_H
#define CC_BASE_TIMERS_H

#include "base/memory.h"

struct timer {
    int64_t deadline; /* mono ms */
    uint64_t order;
    size_t index;   /* in the heap, from 1; 0: not set */
    bool has_place; /* timers_reserve() was called for it: setting it can't fail */
    void (*expired)(struct timer *timer, void *context);
};

struct timers {
    const struct cc_allocator *allocator;
    struct timer **heap; /* from index 1 */
    size_t count;
    size_t capacity;
    size_t reserved; /* places that the others leave free */
    uint64_t order;
    int64_t running; /* the time of the run under way, else INT64_MIN */
};

void timers_init(struct timers *timers, const struct cc_allocator *allocator);
void timers_deinit(struct timers *timers);

/* Keeps a place for a timer, for good: setting it needs no memory any more. 0 or CC_ENOMEM. */
int timers_reserve(struct timers *timers, struct timer *timer);

/* Sets or moves a timer (its `expired` must be filled in). 0 or CC_ENOMEM (only when it was not
 * set, and has no place). */
int timer_set(struct timers *timers, struct timer *timer, int64_t deadline);

/* Does nothing when it isn't set. */
void timer_clear(struct timers *timers, struct timer *timer);

/* Runs what is due at `now`; a timer set meanwhile for now or earlier runs in the next call. */
void timers_run(struct timers *timers, int64_t now, void *context);

/* The next deadline, or INT64_MAX. */
int64_t timers_deadline(const struct timers *timers);

#endif
