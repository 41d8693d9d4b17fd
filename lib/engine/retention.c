/*
 * When a sweep by age is due.
 */
#include "engine/retention.h"

#include "chatcore/error.h"
#include "engine/sweep.h"

struct retention {
    struct cc_engine *engine;
    struct timer timer;
    bool is_due;
    bool is_sweeping;
};

static void arm(struct retention *retention)
{
    struct cc_engine *engine = retention->engine;
    int64_t interval_s = (int64_t)(engine->limits.retention_s / 10);

    if (interval_s > RETENTION_INTERVAL_S)
        interval_s = RETENTION_INTERVAL_S;
    if (interval_s < 1)
        interval_s = 1;
    if (timer_set(&engine->timers, &retention->timer, engine->now.mono_ms + interval_s * 1000) != 0)
        retention->is_due = true; /* no memory for waiting: the next step tries again */
}

static void expired(struct timer *timer, void *context)
{
    struct retention *retention = container_of(timer, struct retention, timer);

    (void)context;
    retention->is_due = true;
}

static void swept(void *context, int status)
{
    struct retention *retention = context;

    retention->is_sweeping = false;
    if (status && status != CC_ECANCELED)
        engine_trace(retention->engine, CC_TRACE_ERROR, "retention",
                     "removing old messages: %s, trying again later", cc_error_name(status));
    arm(retention);
}

void retention_step(struct cc_engine *engine)
{
    struct retention *retention = engine->retention;
    struct sweep_settings settings = {.done = swept, .context = retention};

    if (!retention || !retention->is_due || retention->is_sweeping ||
        engine->state != ENGINE_RUNNING || !atomic_load(&engine->is_ready))
        return;
    retention->is_due = false;
    settings.cutoff = engine->now.wall_ms - (int64_t)engine->limits.retention_s * 1000;
    if (settings.cutoff > 0 && sweep_start(engine, &settings) == 0)
        retention->is_sweeping = true;
    else
        arm(retention);
}

int retention_init(struct cc_engine *engine)
{
    struct retention *retention;

    if (!engine->limits.retention_s)
        return 0;
    retention = mem_zalloc(&engine->allocator, 1, sizeof *retention);
    if (!retention)
        return CC_ENOMEM;
    retention->engine = engine;
    retention->timer.expired = expired;
    retention->is_due = true;
    engine->retention = retention;
    return 0;
}

void retention_deinit(struct cc_engine *engine)
{
    if (!engine->retention)
        return;
    timer_clear(&engine->timers, &engine->retention->timer);
    mem_free(&engine->allocator, engine->retention);
}
