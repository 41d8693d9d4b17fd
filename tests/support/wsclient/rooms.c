/* Creating groups: see rooms.h. */
#include "rooms.h"

#include <stdio.h>

#define USERS_MAX     500 /* in one command: half of what a command may name */
#define RETRY_WAIT_MS 200

static void write_command(void *data)
{
    struct room_maker *maker = data;
    const struct room_spec *room = &maker->rooms[maker->room];
    size_t from = maker->members_done;
    size_t to = from ? room->member_count : room_founders(room->member_count);
    if (to > from + USERS_MAX)
        to = from + USERS_MAX;
    struct wsc_command command =
        agent_begin(maker->owner, from ? "add" : "create", &maker->command_id);
    wsc_command_text(&command, "conversation", room->name);
    if (!from) {
        wsc_command_text(&command, "kind", wsc_text("group"));
        wsc_command_text(&command, "name", room->name);
    }
    wsc_command_texts(&command, from ? "users" : "members", room->members + from, to - from);
    wsc_command_end(&command);
    maker->members_before = from;
    maker->members_done = to;
}

void room_maker_start(struct room_maker *maker)
{
    write_command(maker);
}

static void handle_error(struct room_maker *maker, const struct wsc_fields *error)
{
    if (error->code == 429 || error->code == 503) {
        uint64_t wait_ms = error->retry_after_ms ? error->retry_after_ms : RETRY_WAIT_MS;
        maker->members_done = maker->members_before;
        wsc_timer_set(maker->set->loop, &maker->retry, wait_ms * 1000000u, write_command, maker);
        return;
    }
    fprintf(stderr, "\nroom %.*s was refused: %.*s\n", (int)maker->rooms[maker->room].name.size,
            maker->rooms[maker->room].name.data, (int)error->name.size, error->name.data);
    maker->failed = 1;
}

int room_maker_reply(struct room_maker *maker, const struct wsc_object *object)
{
    if (maker->done || object->id != maker->command_id)
        return 0;
    if (object->key == WSC_ERROR) {
        handle_error(maker, &object->f);
        return 1;
    }
    if (maker->members_done == maker->rooms[maker->room].member_count) {
        maker->members_done = 0;
        if (++maker->room == maker->room_count) {
            maker->done = 1;
            return 1;
        }
    }
    write_command(maker);
    return 1;
}
