/* The replay's last phase: some members of each room page through its history. See replay.h. */
#include "replay.h"

#include "walk.h"

static int on_reply(struct replay *replay, struct agent *agent, const struct wsc_object *object)
{
    return walks_reply(replay->reply_state, agent, object);
}

static int done(struct replay *replay)
{
    return walks_done(replay->reply_state);
}

/* The members chosen were there from the room's creation on, so they may see all of it. */
int replay_history(struct replay *replay)
{
    struct walks walks = {.set = &replay->set};
    for (size_t i = 0; i < replay->log.room_count; i++) {
        const struct chat_room *room = &replay->log.rooms[i];
        uint32_t conversation = ledger_conversation(replay->ledger, replay->rooms[i].topic);
        size_t founders = room_founders(room->member_count);
        walks_add(&walks, replay->admin, conversation);
        for (size_t k = 1; k < replay->options->history_members && k <= founders; k++)
            walks_add(&walks, replay->agents[room->members[replay_random(replay, founders)]],
                      conversation);
    }
    replay->reply = on_reply;
    replay->reply_state = &walks;
    walks_start(&walks);
    int status = replay_until(replay, "paging history", done);
    replay->history_messages = walks.messages;
    replay->reply = NULL;
    walks_free(&walks);
    return status;
}
