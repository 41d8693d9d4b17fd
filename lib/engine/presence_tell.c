/*
 * Telling watchers that a user of this node has come or gone.
 */
#include "chatcore/error.h"
#include "engine/audience.h"
#include "engine/delivery.h"
#include "engine/presence_state.h"
#include "engine/push.h"

struct telling {
    struct audience audience;
    struct present *present;
    bool on; /* what is told */
    bool here_only;
};

static void telling_end(struct telling *telling)
{
    struct cc_engine *engine = telling->audience.engine;
    struct present *present = telling->present;

    audience_deinit(&telling->audience);
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

static void push_presence(const struct telling *telling)
{
    struct cc_engine *engine = telling->audience.engine;
    const struct present *present = telling->present;
    struct cc_slice *seeing =
        mem_zalloc(&engine->allocator, telling->audience.watchers.ret_count, sizeof *seeing);
    struct push push = {.type = CC_EVENT_PRESENCE, .u.presence = {.user = present->user}};
    size_t count;

    if (!seeing)
        return;
    push.u.presence.status = telling->on ? CC_PRESENCE_ONLINE : CC_PRESENCE_OFFLINE;
    push.u.presence.last_seen = telling->on ? 0 : present->left_ms;
    count = audience_split(&telling->audience, seeing, NULL, NULL);
    push_begin(engine);
    for (size_t i = 0; i < count; i++)
        if (telling->here_only)
            delivery_add_user(engine, seeing[i], NULL);
        else
            push_add(engine, seeing[i], NULL);
    push_end(engine, &push);
    mem_free(&engine->allocator, seeing);
}

static void read(struct audience *audience, int status)
{
    struct telling *telling = container_of(audience, struct telling, audience);

    if (!status)
        push_presence(telling);
    telling_end(telling);
}

/* False without memory. */
static bool telling_start(struct cc_engine *engine, struct present *present)
{
    struct telling *telling = mem_zalloc(&engine->allocator, 1, sizeof *telling);

    if (!telling)
        return false;
    telling->present = present;
    telling->on = present->is_online;
    telling->here_only = present->was_elsewhere;
    present->is_telling = true;
    engine->presence->telling++;
    telling->audience.engine = engine;
    telling->audience.user = present->user;
    telling->audience.read = read;
    audience_read(&telling->audience);
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
