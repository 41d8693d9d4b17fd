/*
 * Coming, lingering, going; and the cluster's session map.
 */
#include "engine/presence.h"

#include "chatcore/error.h"
#include "engine/presence_state.h"

/* An entry is said again after a third of its life: two attempts may fail. */
#define REFRESHES_A_LIFE 3

/* The least time between two looks for entries to be said again, and after a failure. */
#define REFRESH_LEAST_MS 1000

static void announce(struct cc_engine *engine);

/* --- who is there ------------------------------------------------------------------------------
 */

struct present *present_find(struct cc_engine *engine, struct cc_slice user)
{
    struct present *present = NULL;

    HASH_FIND(hh, engine->presence->table, user.data, user.size, present);
    return present;
}

static void present_free(struct present *present)
{
    struct cc_engine *engine = present->engine;

    HASH_DELETE(hh, engine->presence->table, present);
    list_remove(&present->link);
    list_remove(&present->telling);
    timer_clear(&engine->timers, &present->linger);
    mem_free(&engine->allocator, present);
}

void present_settle(struct present *present)
{
    if (!present->is_online && !present->is_announced && !present->is_announcing &&
        !present->is_told && !present->is_telling)
        present_free(present);
}

/* Who is online is said again even where the map has an older entry: that prolongs it. */
static void place(struct present *present)
{
    if (present->is_announcing)
        return; /* when that has ended */
    list_remove(&present->link);
    if (present->is_online || present->is_announced)
        list_add(&present->engine->presence->to_announce, &present->link);
}

void present_changed(struct present *present)
{
    struct cc_engine *engine = present->engine;

    place(present);
    announce(engine);
    if (present->is_told == present->is_online || engine->presence_off) {
        present_settle(present);
        return;
    }
    if (!list_is_linked(&present->telling))
        list_add(&engine->presence->to_tell, &present->telling);
    presence_tell(engine); /* may free it */
}

static void lingered(struct timer *timer, void *context)
{
    struct present *present = container_of(timer, struct present, linger);

    (void)context;
    present->is_online = false;
    present_changed(present);
}

struct present *present_new(struct cc_engine *engine, struct cc_slice user)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct present *present = mem_zalloc(hash_allocator, 1, sizeof *present + user.size);

    if (!present)
        return NULL;
    memcpy(present->bytes, user.data, user.size);
    present->user = slice_of(present->bytes, user.size);
    present->engine = engine;
    present->linger.expired = lingered;
    HASH_ADD_KEYPTR(hh, engine->presence->table, present->bytes, user.size, present);
    if (present->hh.tbl)
        return present;
    mem_free(hash_allocator, present);
    return NULL;
}

void presence_online(struct cc_engine *engine, const struct user *user)
{
    struct present *present = present_find(engine, user->name);

    if (!present)
        present = present_new(engine, user->name);
    if (!present)
        return; /* without memory the user is there, and others do not see it */
    timer_clear(&engine->timers, &present->linger);
    if (present->is_online)
        return;
    if (present->was_elsewhere)
        present->is_told = false; /* what was to be told of another node no longer matters */
    present->was_elsewhere = false;
    present->is_online = true;
    present_changed(present);
}

void presence_offline(struct cc_engine *engine, const struct user *user)
{
    struct present *present = present_find(engine, user->name);
    int64_t due = engine->now.mono_ms + PRESENCE_LINGER_MS;

    if (!present)
        return;
    present->left_ms = engine->now.wall_ms;
    /* A stopping engine has no time to linger. */
    if (engine->state != ENGINE_RUNNING || timer_set(&engine->timers, &present->linger, due) != 0)
        lingered(&present->linger, engine);
}

/* --- the session map ---------------------------------------------------------------------------
 */

static int64_t refresh_ms(const struct cc_engine *engine)
{
    return engine->limits.session_ttl_ms / REFRESHES_A_LIFE;
}

/* When the first entry is to be said again, or the failed ones are to be tried. */
static void set_refresh(struct cc_engine *engine)
{
    struct presence_state *state = engine->presence;
    struct list_link *link = list_first(&state->announced);
    int64_t least = engine->now.mono_ms + REFRESH_LEAST_MS;
    int64_t due = INT64_MAX;

    if (link)
        due = container_of(link, struct present, link)->announced_ms + refresh_ms(engine);
    if (!list_is_empty(&state->to_announce) || due < least)
        due = least;
    if (due != INT64_MAX && engine->state == ENGINE_RUNNING)
        (void)timer_set(&engine->timers, &state->refresh, due);
}

/* What an announcement came to, for one user. */
static void present_announced(struct present *present, bool on, int status)
{
    struct cc_engine *engine = present->engine;
    struct presence_state *state = engine->presence;

    present->is_announcing = false;
    if (!status) {
        present->is_announced = on;
        present->announced_ms = engine->now.mono_ms;
    }
    if (status && engine->state != ENGINE_RUNNING)
        present->is_announced = false; /* it expires */
    if (present->is_announced != present->is_online || (status && present->is_online))
        list_add(&state->to_announce, &present->link);
    else if (present->is_announced)
        list_add(&state->announced, &present->link);
    present_settle(present);
}

static void announced(struct cc_op *op)
{
    struct presence_state *state = container_of(op, struct presence_state, op.op);
    struct cc_engine *engine = state->batch[0]->engine;
    size_t count = state->batch_count;
    int status = op->status;

    engine_op_done(engine, op);
    cc_op_release(op);
    state->batch_count = 0;
    for (size_t i = 0; i < count; i++)
        present_announced(state->batch[i], state->op.on, status);
    if (!status)
        announce(engine);
    set_refresh(engine);
}

/* Takes the next users that are to be announced alike: online, or gone. */
static void gather(struct presence_state *state)
{
    struct list_link *link = list_first(&state->to_announce);
    bool on = container_of(link, struct present, link)->is_online;

    memset(&state->op, 0, sizeof state->op);
    while (link && state->batch_count < PRESENCE_BATCH_MAX) {
        struct present *present = container_of(link, struct present, link);

        link = list_next(&state->to_announce, link);
        if (present->is_online != on)
            continue;
        list_remove(&present->link);
        present->is_announcing = true;
        state->op.last_seen = on ? 0 : present->left_ms;
        state->users[state->batch_count] = present->user;
        state->batch[state->batch_count++] = present;
    }
    state->op.on = on;
    state->op.users = state->users;
    state->op.count = state->batch_count;
}

/*
 * One operation at a time: what comes meanwhile goes into the next one, in the order of coming. All
 * who go in one batch get the last one's time: they went within a moment.
 */
static void announce(struct cc_engine *engine)
{
    struct presence_state *state = engine->presence;

    if (state->batch_count || list_is_empty(&state->to_announce))
        return;
    gather(state);
    state->op.ttl_ms = engine->limits.session_ttl_ms;
    engine_op_begin(engine, &state->op.op, announced);
    engine->cluster.vtable->announce(engine->cluster.self, &state->op);
}

static void refresh(struct timer *timer, void *context)
{
    struct cc_engine *engine = context;
    struct presence_state *state = engine->presence;
    struct list_link *link;

    (void)timer;
    while ((link = list_first(&state->announced)) != NULL) {
        struct present *present = container_of(link, struct present, link);

        if (present->announced_ms + refresh_ms(engine) > engine->now.mono_ms)
            break;
        list_remove(link);
        list_add(&state->to_announce, link);
    }
    announce(engine);
    set_refresh(engine);
}

/* --- the module --------------------------------------------------------------------------------
 */

int presence_init(struct cc_engine *engine)
{
    struct presence_state *state = mem_zalloc(&engine->allocator, 1, sizeof *state);

    if (!state)
        return CC_ENOMEM;
    list_init(&state->to_announce);
    list_init(&state->announced);
    list_init(&state->to_tell);
    state->refresh.expired = refresh;
    engine->presence = state;
    return presence_lost_init(engine);
}

void presence_deinit(struct cc_engine *engine)
{
    struct present *present;
    struct present *next;

    if (!engine->presence)
        return;
    HASH_ITER(hh, engine->presence->table, present, next)
    present_free(present);
    presence_lost_deinit(engine);
    timer_clear(&engine->timers, &engine->presence->refresh);
    mem_free(&engine->allocator, engine->presence);
    engine->presence = NULL;
}
