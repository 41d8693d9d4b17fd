/*
 * Telling watchers: those who have the user as a contact, without those whom the user has blocked.
 */
#include "chatcore/error.h"
#include "engine/delivery.h"
#include "engine/presence_state.h"
#include "engine/push.h"

/* Who has blocked more users than this is announced to nobody: better silent than seen. */
#define BLOCKED_MAX 10000

struct telling {
    struct cc_engine *engine;
    struct present *present;
    bool on; /* what is told */
    bool here_only;
    struct cc_directory_related watchers;
    struct cc_directory_related blocked;
};

static void telling_end(struct telling *telling)
{
    struct cc_engine *engine = telling->engine;
    struct present *present = telling->present;

    cc_op_release(&telling->watchers.op);
    cc_op_release(&telling->blocked.op);
    engine->presence->telling--;
    present->is_telling = false;
    present->is_told = telling->on; /* or as good as: a push is a hint */
    mem_free(&engine->allocator, telling);
    if (present->is_told != present->is_online)
        list_add(&engine->presence->to_tell, &present->telling);
    else
        present_settle(present);
    presence_tell(engine);
}

/* The watchers that are not blocked; both lists ascend. Answers how many. */
static size_t select_watchers(const struct telling *telling, struct cc_slice *ret_watchers)
{
    const struct cc_directory_related *watchers = &telling->watchers;
    const struct cc_directory_related *blocked = &telling->blocked;
    size_t count = 0;
    size_t j = 0;

    for (size_t i = 0; i < watchers->ret_count; i++) {
        struct cc_slice watcher = watchers->ret_users[i];

        while (j < blocked->ret_count && slice_compare(blocked->ret_users[j], watcher) < 0)
            j++;
        if (j == blocked->ret_count || !slice_equal(blocked->ret_users[j], watcher))
            ret_watchers[count++] = watcher;
    }
    return count;
}

static void push_presence(const struct telling *telling)
{
    struct cc_engine *engine = telling->engine;
    const struct present *present = telling->present;
    struct cc_slice *watchers =
        mem_zalloc(&engine->allocator, telling->watchers.ret_count, sizeof *watchers);
    struct push push = {.type = CC_EVENT_PRESENCE, .u.presence = {.user = present->user}};

    if (!watchers)
        return;
    push.u.presence.status = telling->on ? CC_PRESENCE_ONLINE : CC_PRESENCE_OFFLINE;
    push.u.presence.last_seen = telling->on ? 0 : present->left_ms;
    push_begin(engine);
    for (size_t i = 0, count = select_watchers(telling, watchers); i < count; i++)
        if (telling->here_only)
            delivery_add_user(engine, watchers[i], NULL);
        else
            push_add(engine, watchers[i], NULL);
    push_end(engine, &push);
    mem_free(&engine->allocator, watchers);
}

static void blocked_read(struct cc_op *op)
{
    struct telling *telling = container_of(op, struct telling, blocked.op);

    engine_op_done(telling->engine, op);
    if (!op->status && !telling->blocked.ret_more)
        push_presence(telling);
    telling_end(telling);
}

static bool somebody_listens(const struct telling *telling)
{
    for (size_t i = 0; i < telling->watchers.ret_count; i++)
        if (push_reaches(telling->engine, telling->watchers.ret_users[i]))
            return true;
    return false;
}

static void watchers_read(struct cc_op *op)
{
    struct telling *telling = container_of(op, struct telling, watchers.op);
    struct cc_engine *engine = telling->engine;

    engine_op_done(engine, op);
    if (op->status || telling->watchers.ret_more || !somebody_listens(telling)) {
        telling_end(telling);
        return;
    }
    telling->blocked.user = telling->present->user;
    telling->blocked.relation = CC_RELATION_BLOCKED;
    telling->blocked.limit = BLOCKED_MAX;
    engine_op_begin(engine, &telling->blocked.op, blocked_read);
    engine->directory.vtable->related(engine->directory.self, &telling->blocked);
}

/* False without memory. */
static bool telling_start(struct cc_engine *engine, struct present *present)
{
    struct telling *telling = mem_zalloc(&engine->allocator, 1, sizeof *telling);

    if (!telling)
        return false;
    telling->engine = engine;
    telling->present = present;
    telling->on = present->is_online;
    telling->here_only = present->was_elsewhere;
    present->is_telling = true;
    engine->presence->telling++;
    telling->watchers.user = present->user;
    telling->watchers.relation = CC_RELATION_CONTACT;
    telling->watchers.reverse = true;
    telling->watchers.limit = PRESENCE_WATCHERS_MAX;
    engine_op_begin(engine, &telling->watchers.op, watchers_read);
    engine->directory.vtable->related(engine->directory.self, &telling->watchers);
    return true;
}

void presence_tell(struct cc_engine *engine)
{
    struct presence_state *state = engine->presence;
    struct list_link *link;

    while (engine->state == ENGINE_RUNNING && state->telling < PRESENCE_TELLING_MAX &&
           (link = list_first(&state->to_tell)) != NULL) {
        struct present *present = container_of(link, struct present, telling);

        list_remove(link);
        if (present->is_telling)
            continue; /* its end looks again */
        if (present->is_told == present->is_online || !telling_start(engine, present)) {
            present->is_told = present->is_online;
            present_settle(present);
        }
    }
}
