/*
 * Timers.
 */
#include "base/timers.h"

void timers_init(struct timers *timers, const struct cc_allocator *allocator)
{
    memset(timers, 0, sizeof *timers);
    timers->allocator = allocator;
    timers->running = INT64_MIN;
}

void timers_deinit(struct timers *timers)
{
    mem_free(timers->allocator, timers->heap);
    timers_init(timers, timers->allocator);
}

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->deadline < b->deadline || (a->deadline == b->deadline && a->order < b->order);
}

static void place(struct timers *timers, struct timer *timer, size_t index)
{
    timers->heap[index] = timer;
    timer->index = index;
}

static void sift_up(struct timers *timers, struct timer *timer, size_t index)
{
    while (index > 1 && is_before(timer, timers->heap[index / 2])) {
        place(timers, timers->heap[index / 2], index);
        index /= 2;
    }
    place(timers, timer, index);
}

static void sift_down(struct timers *timers, struct timer *timer, size_t index)
{
    for (;;) {
        size_t child = index * 2;

        if (child > timers->count)
            break;
        if (child < timers->count && is_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!is_before(timers->heap[child], timer))
            break;
        place(timers, timers->heap[child], index);
        index = child;
    }
    place(timers, timer, index);
}

/* Room for so many in the heap, whose first element is not used. */
static int grow(struct timers *timers, size_t count)
{
    void *heap = timers->heap;
    int r =
        mem_reserve(timers->allocator, &heap, &timers->capacity, count + 1, sizeof *timers->heap);

    if (!r)
        timers->heap = heap;
    return r;
}

int timers_reserve(struct timers *timers, struct timer *timer)
{
    int r = grow(timers, timers->count + timers->reserved + 1);

    if (r)
        return r;
    timer->has_place = true;
    timers->reserved++;
    return 0;
}

int timer_set(struct timers *timers, struct timer *timer, int64_t deadline)
{
    size_t index = timer->index;
    int r;

    if (!index) {
        r = timer->has_place ? 0 : grow(timers, timers->count + timers->reserved + 1);
        if (r)
            return r;
        index = ++timers->count;
    }
    timer->deadline = deadline > timers->running ? deadline : timers->running;
    timer->order = ++timers->order;
    sift_up(timers, timer, index);
    sift_down(timers, timer, timer->index);
    return 0;
}

void timer_clear(struct timers *timers, struct timer *timer)
{
    size_t index = timer->index;
    struct timer *last;

    if (!index)
        return;
    timer->index = 0;
    last = timers->heap[timers->count--];
    if (last == timer)
        return;
    sift_up(timers, last, index);
    sift_down(timers, last, last->index);
}

void timers_run(struct timers *timers, int64_t now, void *context)
{
    uint64_t until = timers->order;

    timers->running = now; /* what is set meanwhile comes behind all that is due */
    while (timers->count) {
        struct timer *timer = timers->heap[1];

        if (timer->deadline > now || timer->order > until)
            break;
        timer_clear(timers, timer);
        timer->expired(timer, context);
    }
    timers->running = INT64_MIN;
}

int64_t timers_deadline(const struct timers *timers)
{
    return timers->count ? timers->heap[1]->deadline : INT64_MAX;
}
