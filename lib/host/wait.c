/*
 * The driver on the caller's thread: step, look, wait.
 */
#include "host/host.h"

#include <poll.h>

/* How long to sleep: until the engine's deadline, but not beyond the caller's. */
static int wait_ms(const struct cc_host *host, int64_t until)
{
    int64_t deadline = host_deadline(host);
    int64_t wait;

    if (deadline > until)
        deadline = until;
    if (deadline == INT64_MAX)
        return -1;
    wait = deadline - cc_host_now().mono_ms;
    if (wait < 0)
        return 0;
    return wait > INT32_MAX ? INT32_MAX : (int)wait;
}

static const struct cc_event *next(struct cc_host *host)
{
    const struct cc_event *event = cc_engine_next_event(host->engine);

    if (event)
        host_saw(host, event);
    return event;
}

const struct cc_event *cc_host_next_event(struct cc_host *host, struct cc_engine *engine,
                                          int timeout_ms)
{
    int64_t until = timeout_ms < 0 ? INT64_MAX : cc_host_now().mono_ms + timeout_ms;
    struct pollfd wake = {.fd = host->wake_fd, .events = POLLIN};
    const struct cc_event *event;
    bool is_readable = timeout_ms == 0; /* a foreign loop may have seen it so */

    if (host->driver != HOST_NONE && host->driver != HOST_CALLER)
        return NULL;
    host->driver = HOST_CALLER;
    host->engine = engine;
    for (;;) {
        event = next(host);
        if (event || cc_host_has_stopped(host))
            return event;
        host_step(host, is_readable);
        event = next(host);
        if (event || cc_host_now().mono_ms >= until)
            return event;
        is_readable = poll(&wake, 1, wait_ms(host, until)) > 0;
    }
}

int cc_host_fd(const struct cc_host *host)
{
    return host->wake_fd;
}

int cc_host_timeout_ms(const struct cc_host *host)
{
    if (cc_host_has_stopped(host))
        return -1;
    return host->engine ? wait_ms(host, INT64_MAX) : 0;
}
