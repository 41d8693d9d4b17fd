/*
 * What the drivers share: waking, the clocks, one step.
 */
#include "host/host.h"

#include "base/options.h"
#include "chatcore/backend/memory.h"
#include "chatcore/error.h"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int cc_host_new(const struct cc_host_options *options, struct cc_host **ret_host)
{
    struct cc_host_options given = CC_HOST_OPTIONS_INIT;
    const struct cc_allocator *allocator;
    struct cc_host *host;

    if (options && options_read(&given, sizeof given, options))
        return CC_EINVAL;
    allocator = given.allocator.alloc ? &given.allocator : cc_allocator_default();
    host = mem_zalloc(allocator, 1, sizeof *host);
    if (!host)
        return CC_ENOMEM;
    host->allocator = *allocator;
    host->trace = given.trace;
    host->on_event = given.on_event;
    host->context = given.context;
    host->timer_ms = INT64_MAX;
    host->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (host->wake_fd < 0) {
        mem_free(allocator, host);
        return CC_EIO;
    }
    *ret_host = host;
    return 0;
}

void cc_host_free(struct cc_host *host)
{
    struct cc_allocator allocator;

    if (!host)
        return;
    allocator = host->allocator;
    if (host->world)
        cc_memory_world_free(host->world);
    close(host->wake_fd);
    mem_free(&allocator, host);
}

void cc_host_wake(void *context)
{
    struct cc_host *host = context;
    uint64_t one = 1;

    if (atomic_exchange(&host->is_woken, true))
        return;
    /* The only failure is a full counter, which wakes as well. */
    if (write(host->wake_fd, &one, sizeof one) < 0)
        return;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct cc_time cc_host_now(void)
{
    struct cc_time now = {.wall_ms = clock_ms(CLOCK_REALTIME),
                          .mono_ms = clock_ms(CLOCK_MONOTONIC)};

    return now;
}

/*
 * Clears the eventfd before the flag: who wakes in between finds the flag set and writes nothing,
 * and the step that follows sees its work. Who set the flag may not have written yet: then the
 * eventfd becomes readable later, once for nothing.
 */
static void take_wake(struct cc_host *host, bool is_readable)
{
    uint64_t count;

    if (!is_readable && !atomic_load(&host->is_woken))
        return;
    if (read(host->wake_fd, &count, sizeof count) < 0)
        count = 0; /* not written yet, or not woken: the step is made all the same */
    atomic_store(&host->is_woken, false);
}

void host_step(struct cc_host *host, bool is_readable)
{
    struct cc_time now;
    int r;

    take_wake(host, is_readable);
    now = cc_host_now();
    if (host->world)
        cc_memory_world_set_time(host->world, now);
    r = cc_engine_step(host->engine, now);
    host->retry_ms = r ? now.mono_ms + HOST_RETRY_MS : 0;
    if (r)
        trace_write(&host->trace, CC_TRACE_WARNING, "host", "a step failed: %s", cc_strerror(r));
}

int64_t host_deadline(const struct cc_host *host)
{
    return host->retry_ms ? host->retry_ms : cc_engine_deadline(host->engine);
}

void host_saw(struct cc_host *host, const struct cc_event *event)
{
    if (event->type == CC_EVENT_STOPPED)
        atomic_store(&host->has_stopped, true);
}

bool cc_host_has_stopped(const struct cc_host *host)
{
    return atomic_load(&host->has_stopped);
}
