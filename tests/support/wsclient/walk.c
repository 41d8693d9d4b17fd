/* Walks through history: see walk.h. */
#include "walk.h"

#include <inttypes.h>
#include <stdlib.h>

#define PAGE          200
#define WALKS_AT_ONCE 16
#define RETRY_NS      200000000u

static void ask_page(void *data)
{
    struct walk *walk = data;
    struct agent_set *set = walk->walks->set;
    if (!agent_is_synced(walk->agent)) {
        wsc_timer_set(set->loop, &walk->retry, RETRY_NS, ask_page, walk);
        return;
    }
    struct wsc_command command = agent_begin(walk->agent, "history", &walk->command_id);
    wsc_command_text(&command, "conversation",
                     ledger_conversation_name(set->ledger, walk->conversation));
    wsc_command_number(&command, walk->backwards ? "before" : "after", walk->at);
    wsc_command_number(&command, "limit", PAGE);
    wsc_command_end(&command);
}

void walks_add(struct walks *walks, struct agent *agent, uint32_t conversation)
{
    if (walks->count == walks->capacity) {
        walks->capacity = walks->capacity ? 2 * walks->capacity : 64;
        walks->items = wsc_grow(walks->items, walks->capacity * sizeof *walks->items);
    }
    struct walk *walk = &walks->items[walks->count];
    *walk = (struct walk){
        .agent = agent, .conversation = conversation, .backwards = walks->count % 2 == 1};
    if (walk->backwards)
        walk->at = ledger_head(walks->set->ledger, conversation) + 1;
    walks->count++;
}

void walks_start(struct walks *walks)
{
    while (walks->started < walks->count && walks->started - walks->finished < WALKS_AT_ONCE) {
        struct walk *walk = &walks->items[walks->started++];
        walk->walks = walks;
        ask_page(walk);
    }
}

/* 1 when more pages are due, 0 at the end, -1 after a fault. */
static int check_page(struct walk *walk, const struct wsc_object *object)
{
    struct ledger *ledger = walk->walks->set->ledger;
    uint64_t head = ledger_head(ledger, walk->conversation);
    uint64_t first = walk->backwards ? walk->at - object->list_count : walk->at + 1;
    for (size_t i = 0; i < object->list_count; i++)
        if (ledger_check_history(ledger, walk->conversation, first + i, &object->list[i]) < 0)
            return -1;
    walk->walks->messages += object->list_count;
    walk->at = walk->backwards ? first : walk->at + object->list_count;
    int at_end = walk->backwards ? walk->at == 1 : walk->at == head;
    if (at_end == (object->f.more != 0) || (!at_end && !object->list_count)) {
        ledger_report(ledger, LEDGER_HISTORY, "%s %s at seq %" PRIu64 " of %" PRIu64 ": more is %s",
                      agent_name(walk->agent), walk->backwards ? "backwards" : "forwards", walk->at,
                      head, object->f.more ? "true" : "false");
        return -1;
    }
    return !at_end;
}

static struct walk *find_walk(struct walks *walks, struct agent *agent, uint64_t id)
{
    for (size_t i = 0; i < walks->started; i++)
        if (walks->items[i].agent == agent && walks->items[i].command_id == id)
            return &walks->items[i];
    return NULL;
}

static int must_wait(struct walk *walk, const struct wsc_object *object)
{
    if (object->key != WSC_ERROR || (object->f.code != 429 && object->f.code != 503))
        return 0;
    uint64_t wait = object->f.retry_after_ms ? object->f.retry_after_ms * 1000000u : RETRY_NS;
    wsc_timer_set(walk->walks->set->loop, &walk->retry, wait, ask_page, walk);
    return 1;
}

int walks_reply(struct walks *walks, struct agent *agent, const struct wsc_object *object)
{
    struct walk *walk = find_walk(walks, agent, object->id);
    if (!walk)
        return 0;
    walk->command_id = 0;
    if (must_wait(walk, object))
        return 1;
    int more = -1;
    if (object->key == WSC_HISTORY)
        more = check_page(walk, object);
    else
        ledger_report(walks->set->ledger, LEDGER_HISTORY, "%s: %.*s", agent_name(agent),
                      (int)object->f.name.size, object->f.name.data);
    if (more == 1) {
        ask_page(walk);
        return 1;
    }
    walks->finished++;
    walks_start(walks);
    return 1;
}

int walks_done(const struct walks *walks)
{
    return walks->finished == walks->count;
}

void walks_free(struct walks *walks)
{
    for (size_t i = 0; i < walks->count; i++)
        wsc_timer_clear(walks->set->loop, &walks->items[i].retry);
    free(walks->items);
    *walks = (struct walks){.set = walks->set};
}
