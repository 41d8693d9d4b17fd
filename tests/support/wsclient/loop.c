/* The event loop and its timers: see client.h. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_A_TURN 512

uint64_t wsc_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct wsc_loop *wsc_loop_new(void)
{
    struct wsc_loop *loop = wsc_alloc_zeroed(1, sizeof *loop);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->tls = SSL_CTX_new(TLS_client_method());
    if (loop->epoll < 0 || !loop->tls) {
        perror("event loop");
        exit(2);
    }
    SSL_CTX_set_mode(loop->tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    loop->random = wsc_now_ns() | 1;
    loop->read_buffer = wsc_alloc(WSC_READ_BYTES);
    return loop;
}

/* xorshift64: masks need to differ, not to be secret, since no hostile script writes our data */
uint32_t wsc_random32(struct wsc_loop *loop)
{
    loop->random ^= loop->random << 13;
    loop->random ^= loop->random >> 7;
    loop->random ^= loop->random << 17;
    return (uint32_t)(loop->random >> 32);
}

const struct wsc_stats *wsc_loop_stats(const struct wsc_loop *loop)
{
    return &loop->stats;
}

size_t wsc_loop_count(const struct wsc_loop *loop)
{
    return loop->count;
}

/* ---- timers ---- */

static void heap_place(struct wsc_loop *loop, size_t index, struct wsc_timer *timer)
{
    loop->timers[index] = timer;
    timer->index = index;
}

static void heap_rise(struct wsc_loop *loop, struct wsc_timer *timer)
{
    size_t index = timer->index;
    while (index > 1 && loop->timers[index / 2]->at_ns > timer->at_ns) {
        heap_place(loop, index, loop->timers[index / 2]);
        index /= 2;
    }
    heap_place(loop, index, timer);
}

static void heap_sink(struct wsc_loop *loop, struct wsc_timer *timer)
{
    size_t index = timer->index;
    for (;;) {
        size_t child = 2 * index;
        if (child > loop->timer_count)
            break;
        if (child < loop->timer_count &&
            loop->timers[child + 1]->at_ns < loop->timers[child]->at_ns)
            child++;
        if (loop->timers[child]->at_ns >= timer->at_ns)
            break;
        heap_place(loop, index, loop->timers[child]);
        index = child;
    }
    heap_place(loop, index, timer);
}

void wsc_timer_clear(struct wsc_loop *loop, struct wsc_timer *timer)
{
    if (!timer->index)
        return;
    struct wsc_timer *last = loop->timers[loop->timer_count--];
    if (last != timer) {
        heap_place(loop, timer->index, last);
        heap_rise(loop, last);
        heap_sink(loop, last);
    }
    timer->index = 0;
}

void wsc_timer_set(struct wsc_loop *loop, struct wsc_timer *timer, uint64_t delay_ns,
                   void (*fire)(void *data), void *data)
{
    wsc_timer_clear(loop, timer);
    if (loop->timer_count + 2 > loop->timer_capacity) {
        loop->timer_capacity = loop->timer_capacity ? 2 * loop->timer_capacity : 64;
        loop->timers = wsc_grow(loop->timers, loop->timer_capacity * sizeof(struct wsc_timer *));
    }
    timer->at_ns = wsc_now_ns() + delay_ns;
    timer->fire = fire;
    timer->data = data;
    heap_place(loop, ++loop->timer_count, timer);
    heap_rise(loop, timer);
}

/* To the nanosecond: an open-loop generator must not send in bursts of a millisecond. */
static struct timespec time_to_wait(const struct wsc_loop *loop, int timeout_ms)
{
    uint64_t wait_ns = (uint64_t)timeout_ms * 1000000u;
    if (loop->timer_count) {
        uint64_t now = wsc_now_ns();
        uint64_t at = loop->timers[1]->at_ns;
        uint64_t until_timer = at <= now ? 0 : at - now;
        if (until_timer < wait_ns)
            wait_ns = until_timer;
    }
    return (struct timespec){(time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u)};
}

/* Those due at the start: a timer that sets itself to now does not hold up the sockets. */
static void fire_timers(struct wsc_loop *loop)
{
    uint64_t now = wsc_now_ns();
    while (loop->timer_count && loop->timers[1]->at_ns <= now) {
        struct wsc_timer *timer = loop->timers[1];
        wsc_timer_clear(loop, timer);
        timer->fire(timer->data);
    }
}

/* ---- a turn ---- */

void wsc_mark_dirty(struct wsc *client)
{
    if (client->is_dirty)
        return;
    client->is_dirty = 1;
    client->next_dirty = client->loop->dirty;
    client->loop->dirty = client;
}

static void flush_dirty(struct wsc_loop *loop)
{
    while (loop->dirty) {
        struct wsc *client = loop->dirty;
        loop->dirty = client->next_dirty;
        client->is_dirty = 0;
        wsc_flush(client);
    }
}

static void free_ended(struct wsc_loop *loop)
{
    while (loop->ended) {
        struct wsc *client = loop->ended;
        loop->ended = client->next_ended;
        wsc_free(client);
    }
}

void wsc_loop_turn(struct wsc_loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS_A_TURN];
    flush_dirty(loop);
    struct timespec wait = time_to_wait(loop, timeout_ms);
    int count = epoll_pwait2(loop->epoll, events, EVENTS_A_TURN, &wait, NULL);
    if (count < 0 && errno != EINTR) {
        perror("epoll_pwait2");
        exit(2);
    }
    for (int i = 0; i < count; i++)
        wsc_handle_event(events[i].data.ptr, events[i].events);
    fire_timers(loop);
    flush_dirty(loop);
    free_ended(loop);
}

void wsc_loop_free(struct wsc_loop *loop)
{
    while (loop->open)
        wsc_abort(loop->open);
    flush_dirty(loop);
    free_ended(loop);
    wsc_decoder_free(&loop->decoder);
    SSL_CTX_free(loop->tls);
    close(loop->epoll);
    free(loop->timers);
    free(loop->read_buffer);
    free(loop);
}
