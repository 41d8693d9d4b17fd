/*
 * The list of requests that wait.
 */
#include "engine/history_wait.h"

#include "engine/conversation.h"
#include "engine/user.h"

/* Stands in its request's arena. */
struct history_wait {
    struct history_wait *next;
    struct request *request;
    uint64_t seq;
    struct timer timer; /* wakes the engine: the step looks at the time */
    int64_t deadline;   /* mono */
    void (*resume)(struct request *request);
};

static void expired(struct timer *timer, void *context)
{
    (void)timer;
    (void)context;
}

static bool has_room(const struct request *request)
{
    const struct cc_engine *engine = request_engine(request);
    size_t all = 0;
    size_t own = 0;

    for (const struct history_wait *wait = engine->history_waits; wait; wait = wait->next) {
        all++;
        own += wait->request->user == request->user;
    }
    return all < HISTORY_WAITS_MAX && own < HISTORY_WAITS_USER_MAX;
}

/* The owner alone hears of each message, and an idle conversation may leave its memory. */
static bool may_come(const struct request *request, uint64_t seq)
{
    const struct conversation *conversation =
        conversation_find(request_engine(request), request->conversation);

    return conversation && conversation->is_known && conversation->seq < seq;
}

bool history_wait(struct request *request, uint64_t seq, void (*resume)(struct request *request))
{
    struct cc_engine *engine = request_engine(request);
    uint64_t wait_s = request->command->wait_s;
    struct history_wait *wait;

    if (!wait_s || engine->state != ENGINE_RUNNING || !may_come(request, seq) || !has_room(request))
        return false;
    wait = arena_alloc(&request->arena, sizeof *wait);
    if (!wait)
        return false;
    memset(wait, 0, sizeof *wait);
    wait->request = request;
    wait->seq = seq;
    wait->resume = resume;
    wait->timer.expired = expired;
    if (wait_s > HISTORY_WAIT_MAX_S)
        wait_s = HISTORY_WAIT_MAX_S;
    wait->deadline = engine->now.mono_ms + (int64_t)wait_s * 1000;
    if (timer_set(&engine->timers, &wait->timer, wait->deadline) != 0)
        return false;
    wait->next = engine->history_waits;
    engine->history_waits = wait;
    return true;
}

static bool is_over(const struct cc_engine *engine, const struct history_wait *wait)
{
    return engine->state != ENGINE_RUNNING || engine->now.mono_ms >= wait->deadline ||
           wait->request->session->phase != SESSION_OPEN || !may_come(wait->request, wait->seq);
}

void history_waits_step(struct cc_engine *engine)
{
    struct history_wait **place = &engine->history_waits;
    struct history_wait *woken = NULL;

    while (*place) {
        struct history_wait *wait = *place;

        if (!is_over(engine, wait)) {
            place = &wait->next;
            continue;
        }
        *place = wait->next;
        wait->next = woken;
        woken = wait;
    }
    while (woken) {
        struct history_wait *wait = woken;

        woken = wait->next;
        timer_clear(&engine->timers, &wait->timer);
        wait->resume(wait->request); /* may free both */
    }
}
