/*
 * The last phase: members page through the rooms with `history`. A walk is one member in one room,
 * forwards with `after` or backwards with `before`; each message is compared with the ledger, and
 * the walk must cover seq 1 to the head without a gap.
 */
#include "replay.h"

#include <inttypes.h>
#include <stdlib.h>

#define PAGE          200
#define WALKS_AT_ONCE 16
#define RETRY_NS      200000000u

struct walk {
    struct replay *replay;
    struct agent *agent;
    uint32_t conversation;
    int backwards;
    uint64_t at; /* the last seq had; backwards, the lowest */
    uint64_t command_id;
    struct wsc_timer retry;
};

struct walks {
    struct walk *items;
    size_t count;
    size_t started;
    size_t finished;
};

static void ask_page(void *data)
{
    struct walk *walk = data;
    struct replay *replay = walk->replay;
    if (!agent_is_synced(walk->agent)) {
        wsc_timer_set(replay->set.loop, &walk->retry, RETRY_NS, ask_page, walk);
        return;
    }
    struct wsc_command command = agent_begin(walk->agent, "history", &walk->command_id);
    wsc_command_text(&command, "conversation",
                     ledger_conversation_name(replay->ledger, walk->conversation));
    wsc_command_number(&command, walk->backwards ? "before" : "after", walk->at);
    wsc_command_number(&command, "limit", PAGE);
    wsc_command_end(&command);
}

static void start_walks(struct walks *walks)
{
    while (walks->started < walks->count && walks->started - walks->finished < WALKS_AT_ONCE)
        ask_page(&walks->items[walks->started++]);
}

/* 1 when more pages are due, 0 at the end, -1 after a fault. */
static int check_page(struct walk *walk, const struct wsc_object *object)
{
    struct ledger *ledger = walk->replay->ledger;
    uint64_t head = ledger_head(ledger, walk->conversation);
    uint64_t first = walk->backwards ? walk->at - object->list_count : walk->at + 1;
    for (size_t i = 0; i < object->list_count; i++)
        if (ledger_check_history(ledger, walk->conversation, first + i, &object->list[i]) < 0)
            return -1;
    walk->replay->history_messages += object->list_count;
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

static void on_history_reply(struct replay *replay, struct agent *agent,
                             const struct wsc_object *object)
{
    struct walks *walks = replay->reply_state;
    struct walk *walk = find_walk(walks, agent, object->id);
    if (!walk)
        return;
    walk->command_id = 0;
    if (object->key == WSC_ERROR && (object->f.code == 429 || object->f.code == 503)) {
        uint64_t wait = object->f.retry_after_ms ? object->f.retry_after_ms * 1000000u : RETRY_NS;
        wsc_timer_set(replay->set.loop, &walk->retry, wait, ask_page, walk);
        return;
    }
    int more = -1;
    if (object->key == WSC_HISTORY)
        more = check_page(walk, object);
    else
        ledger_report(replay->ledger, LEDGER_HISTORY, "%s: %.*s", agent_name(agent),
                      (int)object->f.name.size, object->f.name.data);
    if (more == 1) {
        ask_page(walk);
        return;
    }
    walks->finished++;
    start_walks(walks);
}

static void add_walk(struct replay *replay, struct walks *walks, size_t room, struct agent *agent)
{
    uint32_t conversation = ledger_conversation(replay->ledger, replay->rooms[room].topic);
    size_t number = walks->count++;
    struct walk *walk = &walks->items[number];
    *walk = (struct walk){replay, agent, conversation, number % 2 == 1, 0, 0, {0}};
    if (walk->backwards)
        walk->at = ledger_head(replay->ledger, conversation) + 1;
}

static int walks_done(struct replay *replay)
{
    const struct walks *walks = replay->reply_state;
    return walks->finished == walks->count;
}

/* The members chosen were there from the room's creation on, so they may see all of it. */
int replay_history(struct replay *replay)
{
    size_t each = replay->options->history_members;
    struct walks walks = {0};
    walks.items = wsc_alloc_zeroed(replay->log.room_count * (each + 1), sizeof *walks.items);
    for (size_t i = 0; i < replay->log.room_count; i++) {
        const struct chat_room *room = &replay->log.rooms[i];
        size_t founders = (room->member_count + 1) / 2;
        add_walk(replay, &walks, i, replay->admin);
        for (size_t k = 1; k < each && k <= founders; k++)
            add_walk(replay, &walks, i,
                     replay->agents[room->members[replay_random(replay, founders)]]);
    }
    replay->reply = on_history_reply;
    replay->reply_state = &walks;
    start_walks(&walks);
    int status = replay_until(replay, "paging history", walks_done);
    for (size_t i = 0; i < walks.count; i++)
        wsc_timer_clear(replay->set.loop, &walks.items[i].retry);
    replay->reply = NULL;
    free(walks.items);
    return status;
}
