/*
 * Users whose node is gone. Each node tells its own watchers: every node that had registered
 * interests has noticed.
 */
#include "chatcore/error.h"
#include "engine/presence_state.h"

struct lost {
    struct list_link link;
    int64_t due_ms;
    struct cc_slice user;
    char bytes[];
};

struct lost_users {
    struct cc_engine *engine;
    struct list all; /* the earliest due first */
    size_t count;
    struct timer timer;
    struct cc_cluster_locate op;
    struct lost *batch[PRESENCE_BATCH_MAX];
    struct cc_slice users[PRESENCE_BATCH_MAX];
    size_t batch_count;
};

static void lost_free(struct lost_users *users, struct lost *lost)
{
    list_remove(&lost->link);
    users->count--;
    mem_free(&users->engine->allocator, lost);
}

static void set_timer(struct lost_users *users)
{
    const struct list_link *link = list_first(&users->all);

    if (link && !users->batch_count && users->engine->state == ENGINE_RUNNING)
        (void)timer_set(&users->engine->timers, &users->timer,
                        container_of(link, struct lost, link)->due_ms);
}

/* Nobody has sessions of the user any more. */
static void tell_offline(struct cc_engine *engine, struct cc_slice user, int64_t last_seen)
{
    struct present *present;

    if (engine->presence_off || present_find(engine, user))
        return; /* here again */
    present = present_new(engine, user);
    if (!present)
        return;
    present->is_told = true;
    present->was_elsewhere = true;
    present->left_ms = last_seen;
    present_changed(present);
}

static void located(struct cc_op *op)
{
    struct lost_users *users = container_of(op, struct lost_users, op.op);
    struct cc_engine *engine = users->engine;
    size_t count = users->batch_count;

    engine_op_done(engine, op);
    users->batch_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct lost *lost = users->batch[i];
        const struct cc_cluster_location *location = &users->op.ret_locations[i];

        if (op->status && engine->state == ENGINE_RUNNING) {
            lost->due_ms = engine->now.mono_ms + engine->limits.session_ttl_ms;
            list_add(&users->all, &lost->link);
            continue;
        }
        if (!op->status && !location->node_count)
            tell_offline(engine, lost->user, location->last_seen);
        lost_free(users, lost);
    }
    cc_op_release(op);
    set_timer(users);
}

static void due(struct timer *timer, void *context)
{
    struct lost_users *users = container_of(timer, struct lost_users, timer);
    struct cc_engine *engine = context;
    struct list_link *link;

    while (users->batch_count < PRESENCE_BATCH_MAX && (link = list_first(&users->all)) != NULL) {
        struct lost *lost = container_of(link, struct lost, link);

        if (lost->due_ms > engine->now.mono_ms)
            break;
        list_remove(link);
        users->users[users->batch_count] = lost->user;
        users->batch[users->batch_count++] = lost;
    }
    if (!users->batch_count)
        return;
    memset(&users->op, 0, sizeof users->op);
    users->op.users = users->users;
    users->op.count = users->batch_count;
    engine_op_begin(engine, &users->op.op, located);
    engine->cluster.vtable->locate(engine->cluster.self, &users->op);
}

void presence_lost(struct cc_engine *engine, struct cc_slice user)
{
    struct lost_users *users = engine->presence ? engine->presence->lost : NULL;
    struct lost *lost;

    if (!users || engine->presence_off || engine->state != ENGINE_RUNNING ||
        users->count >= PRESENCE_LOST_MAX)
        return;
    lost = mem_zalloc(&engine->allocator, 1, sizeof *lost + user.size);
    if (!lost)
        return;
    memcpy(lost->bytes, user.data, user.size);
    lost->user = slice_of(lost->bytes, user.size);
    lost->due_ms = engine->now.mono_ms + engine->limits.session_ttl_ms;
    list_add(&users->all, &lost->link);
    users->count++;
    if (!users->timer.index)
        set_timer(users);
}

int presence_lost_init(struct cc_engine *engine)
{
    struct lost_users *users = mem_zalloc(&engine->allocator, 1, sizeof *users);

    if (!users)
        return CC_ENOMEM;
    users->engine = engine;
    users->timer.expired = due;
    list_init(&users->all);
    engine->presence->lost = users;
    return 0;
}

void presence_lost_deinit(struct cc_engine *engine)
{
    struct lost_users *users = engine->presence->lost;
    struct list_link *link;

    if (!users)
        return;
    while ((link = list_first(&users->all)) != NULL)
        lost_free(users, container_of(link, struct lost, link));
    timer_clear(&engine->timers, &users->timer);
    mem_free(&engine->allocator, users);
}
