/*
 * A host: one engine and what drives it. Everything in here belongs to the driver's thread, but
 * for the members that say otherwise.
 *
 * Waking is one eventfd, written once between two steps at most. The three drivers (attach.c,
 * thread.c, wait.c) share host_step().
 */
#ifndef CC_HOST_HOST_H
#define CC_HOST_HOST_H

#include "base/memory.h"
#include "base/trace.h"
#include "chatcore/host.h"

#include <pthread.h>
#include <stdatomic.h>

struct event;
struct cc_memory_world;

enum host_driver { HOST_NONE, HOST_ATTACHED, HOST_THREAD, HOST_CALLER };

struct cc_host {
    struct cc_allocator allocator;
    struct cc_trace trace;
    void (*on_event)(void *context, const struct cc_event *event);
    void *context;

    int wake_fd;              /* any thread writes */
    _Atomic bool is_woken;    /* any thread: the eventfd has been written since the last step */
    _Atomic bool has_stopped; /* any thread reads */

    struct cc_engine *engine; /* from the driver's start on */
    enum host_driver driver;
    int64_t retry_ms; /* mono: when to step again after CC_ENOMEM; 0: not wanted */

    /* attach.c; thread.c has a base of its own and attaches to it */
    struct event *wake_event;
    struct event *timer_event;
    int64_t timer_ms; /* mono: what timer_event is set to; INT64_MAX: not set */

    /* thread.c */
    struct event_base *base;
    pthread_t thread;

    /* embedded.c: what the in-process cluster lives in, or NULL */
    struct cc_memory_world *world;
};

/* How soon a step is tried again when there was no memory for it. */
#define HOST_RETRY_MS 50

/*
 * Takes the wake-up, tells the time, steps the engine; the events are left in the queue.
 * `is_readable`: the eventfd has been seen so.
 */
void host_step(struct cc_host *host, bool is_readable);

/* The mono_ms at which the next step is wanted; INT64_MAX: when woken. */
int64_t host_deadline(const struct cc_host *host);

/* Notes that the engine has stopped, if this event says so. */
void host_saw(struct cc_host *host, const struct cc_event *event);

/* Takes the events of cc_host_attach() off their base. */
void host_detach(struct cc_host *host);

#endif
