/*
 * When the sweeps by age are due.
 */
#include "engine/retention.h"

#include "chatcore/error.h"
#include "engine/sweep.h"

/* One of the two sweeps. */
struct pass {
    struct cc_engine *engine;
    struct timer timer;
    enum sweep_kind kind;
    bool is_due;
    bool is_sweeping;
};

struct retention {
    struct pass all;
    struct pass own;
    uint64_t shortest_s; /* of the conversations seen since the last sweep of them began; 0: none */
};

static uint64_t shortest_of(const struct pass *pass)
{
    const struct cc_engine *engine = pass->engine;

    return pass->kind == SWEEP_OLD ? engine->limits.retention_s : engine->retention->shortest_s;
}

static void arm(struct pass *pass)
{
    struct cc_engine *engine = pass->engine;
    uint64_t shortest_s = shortest_of(pass);
    int64_t interval_s = RETENTION_INTERVAL_S;

    if (shortest_s && shortest_s / 10 < RETENTION_INTERVAL_S)
        interval_s = (int64_t)(shortest_s / 10);
    if (interval_s < 1)
        interval_s = 1;
    if (timer_set(&engine->timers, &pass->timer, engine->now.mono_ms + interval_s * 1000) != 0)
        pass->is_due = true; /* no memory for waiting: the next step tries again */
}

static void expired(struct timer *timer, void *context)
{
    struct pass *pass = container_of(timer, struct pass, timer);

    (void)context;
    pass->is_due = true;
}

void retention_noted(struct cc_engine *engine, uint64_t retention_s)
{
    struct retention *retention = engine->retention;

    if (!retention_s || (retention->shortest_s && retention->shortest_s <= retention_s))
        return;
    retention->shortest_s = retention_s;
    if (!retention->own.is_sweeping)
        arm(&retention->own);
}

/* --- sweeping -----------------------------------------------------------------------------------
 */

static void swept(void *context, int status)
{
    struct pass *pass = context;

    pass->is_sweeping = false;
    if (status && status != CC_ECANCELED)
        engine_trace(pass->engine, CC_TRACE_ERROR, "retention",
                     "removing old messages: %s, trying again later", cc_error_name(status));
    arm(pass);
}

static void pass_step(struct pass *pass)
{
    struct cc_engine *engine = pass->engine;
    struct sweep_settings settings = {.kind = pass->kind, .done = swept, .context = pass};
    bool has_work = pass->kind == SWEEP_RETAINED || engine->limits.retention_s;

    if (!pass->is_due || pass->is_sweeping)
        return;
    pass->is_due = false;
    if (pass->kind == SWEEP_RETAINED)
        engine->retention->shortest_s = 0; /* the sweep notes those that there are */
    if (has_work && sweep_start(engine, &settings) == 0)
        pass->is_sweeping = true;
    else
        arm(pass);
}

void retention_step(struct cc_engine *engine)
{
    if (engine->state != ENGINE_RUNNING || !atomic_load(&engine->is_ready))
        return;
    pass_step(&engine->retention->all);
    pass_step(&engine->retention->own);
}

/* --- the module ---------------------------------------------------------------------------------
 */

static void pass_init(struct pass *pass, struct cc_engine *engine, enum sweep_kind kind)
{
    pass->engine = engine;
    pass->kind = kind;
    pass->timer.expired = expired;
    pass->is_due = true;
}

int retention_init(struct cc_engine *engine)
{
    struct retention *retention = mem_zalloc(&engine->allocator, 1, sizeof *retention);

    if (!retention)
        return CC_ENOMEM;
    pass_init(&retention->all, engine, SWEEP_OLD);
    pass_init(&retention->own, engine, SWEEP_RETAINED);
    engine->retention = retention;
    return 0;
}

void retention_deinit(struct cc_engine *engine)
{
    if (!engine->retention)
        return;
    timer_clear(&engine->timers, &engine->retention->all.timer);
    timer_clear(&engine->timers, &engine->retention->own.timer);
    mem_free(&engine->allocator, engine->retention);
}
