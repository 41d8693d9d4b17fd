/*
 * The driver on a libevent base: one event for the wake-up, one timer for the deadline.
 */
#include "chatcore/error.h"
#include "host/host.h"

#include <event2/event.h>

void host_detach(struct cc_host *host)
{
    if (host->wake_event)
        event_free(host->wake_event);
    if (host->timer_event)
        event_free(host->timer_event);
    host->wake_event = NULL;
    host->timer_event = NULL;
    host->timer_ms = INT64_MAX;
}

static void drain(struct cc_host *host)
{
    const struct cc_event *event;

    while ((event = cc_engine_next_event(host->engine))) {
        host_saw(host, event);
        if (host->on_event)
            host->on_event(host->context, event);
        /* The program may free the engine in its handler: nothing of it is touched after this. */
        if (cc_host_has_stopped(host))
            return;
    }
}

static void set_timer(struct cc_host *host)
{
    int64_t deadline = host_deadline(host);
    int64_t wait;
    struct timeval after;

    if (deadline == host->timer_ms)
        return;
    host->timer_ms = deadline;
    if (deadline == INT64_MAX) {
        event_del(host->timer_event);
        return;
    }
    wait = deadline - cc_host_now().mono_ms;
    if (wait < 0)
        wait = 0;
    after.tv_sec = (time_t)(wait / 1000);
    after.tv_usec = (suseconds_t)(wait % 1000) * 1000;
    event_add(host->timer_event, &after);
}

static void drive(struct cc_host *host, bool is_readable)
{
    host_step(host, is_readable);
    drain(host);
    if (cc_host_has_stopped(host))
        host_detach(host);
    else
        set_timer(host);
}

static void woken(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    drive(context, true);
}

static void timed_out(evutil_socket_t fd, short what, void *context)
{
    struct cc_host *host = context;

    (void)fd;
    (void)what;
    host->timer_ms = INT64_MAX;
    drive(host, false);
}

int cc_host_attach(struct cc_host *host, struct cc_engine *engine, struct event_base *base)
{
    if (!engine || !base || (host->driver != HOST_NONE && host->driver != HOST_THREAD))
        return CC_EINVAL;
    host->wake_event = event_new(base, host->wake_fd, EV_READ | EV_PERSIST, woken, host);
    host->timer_event = event_new(base, -1, 0, timed_out, host);
    if (!host->wake_event || !host->timer_event || event_add(host->wake_event, NULL)) {
        host_detach(host);
        return CC_ENOMEM;
    }
    host->engine = engine;
    if (host->driver == HOST_NONE)
        host->driver = HOST_ATTACHED;
    /* The first step tells the deadline. */
    cc_host_wake(host);
    return 0;
}
