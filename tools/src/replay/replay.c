/* The replay's life, and its first two phases: connections and rooms. See replay.h. */
#include "replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND 1000000000u

static void on_settled(void *data, struct agent *agent, uint32_t line, int acked);

static void on_reply(void *data, struct agent *agent, const struct wsc_object *object)
{
    struct replay *replay = data;
    if (replay->reply)
        replay->reply(replay, agent, object);
}

int replay_init(struct replay *replay, const struct replay_options *options,
                const struct wsc_secret *secret)
{
    const struct chat_log_options log_options = {options->room_limit, options->suffix,
                                                 options->direct};
    *replay = (struct replay){.options = options, .random = options->seed, .phase = ""};
    if (chat_log_read(options->file, &log_options, &replay->log) < 0)
        return -1;
    char run[16];
    snprintf(run, sizeof run, "r%s", options->suffix);
    replay->ledger = ledger_new(run);
    replay->set = (struct agent_set){
        .loop = wsc_loop_new(),
        .ledger = replay->ledger,
        .targets = agent_targets(&options->target, options->sources, options->encodings),
        .target_count = 2 * (options->sources ? options->sources : 1),
        .secret = *secret,
        .hooks = {on_settled, on_reply, replay},
        .resume = options->resume,
        .delivered_every_ns = 2ull * SECOND,
        .reconnect_max_ns = SECOND / 2,
    };
    replay->agents = wsc_alloc_zeroed(replay->log.user_count, sizeof *replay->agents);
    for (size_t i = 0; i < replay->log.user_count; i++)
        replay->agents[i] = agent_new(&replay->set, replay->log.users[i], "replay");
    char admin[40];
    snprintf(admin, sizeof admin, "replay-admin%s", options->suffix);
    replay->admin = agent_new(&replay->set, admin, "replay");
    replay->rooms = wsc_alloc_zeroed(replay->log.room_count, sizeof *replay->rooms);
    replay->room_of_line =
        wsc_alloc_zeroed(2 * replay->log.line_count, sizeof *replay->room_of_line);
    return 0;
}

void replay_free(struct replay *replay)
{
    for (size_t i = 0; i < replay->log.user_count; i++)
        agent_free(replay->agents[i]);
    agent_free(replay->admin);
    wsc_loop_free(replay->set.loop);
    ledger_free(replay->ledger);
    free(replay->set.targets);
    free(replay->agents);
    free(replay->rooms);
    free(replay->room_of_line);
    chat_log_free(&replay->log);
}

uint64_t replay_random(struct replay *replay, uint64_t bound)
{
    replay->random = replay->random * 6364136223846793005u + 1442695040888963407u;
    return (replay->random >> 33) % bound;
}

static void notice_movement(struct replay *replay, uint64_t now)
{
    uint64_t objects = wsc_loop_stats(replay->set.loop)->objects_in;
    if (objects != replay->last_objects)
        replay->last_move_ns = now;
    replay->last_objects = objects;
}

int replay_until(struct replay *replay, const char *phase, int (*done)(struct replay *replay))
{
    replay->phase = phase;
    replay->last_move_ns = wsc_now_ns();
    while (!done(replay)) {
        wsc_loop_turn(replay->set.loop, 100);
        uint64_t now = wsc_now_ns();
        notice_movement(replay, now);
        replay_print_progress(replay);
        if (replay->set.forbidden_closes || replay->failed)
            return -1;
        if (now - replay->last_move_ns > replay->options->patience_s * SECOND) {
            fprintf(stderr, "\n%s: nothing has moved for %" PRIu64 " s\n", phase,
                    replay->options->patience_s);
            return -1;
        }
    }
    return 0;
}

/* ---- connections ---- */

static int all_synced(struct replay *replay)
{
    return replay->set.synced == replay->log.user_count + 1;
}

int replay_connect(struct replay *replay)
{
    uint64_t step = SECOND / replay->options->connects_per_s;
    agent_start(replay->admin, 0);
    for (size_t i = 0; i < replay->log.user_count; i++)
        agent_start(replay->agents[i], (i + 1) * step);
    return replay_until(replay, "connecting", all_synced);
}

/* ---- rooms ---- */

static int on_room_reply(struct replay *replay, struct agent *agent,
                         const struct wsc_object *object)
{
    struct room_maker *maker = replay->reply_state;
    int taken = agent == replay->admin && room_maker_reply(maker, object);
    replay->failed |= maker->failed;
    return taken;
}

static int rooms_done(struct replay *replay)
{
    return ((const struct room_maker *)replay->reply_state)->done;
}

/* Fills in the specification of a room, and tells the ledger who must end with all of it. */
static void prepare_room(struct replay *replay, size_t index, struct room_spec *spec)
{
    const struct chat_room *source = &replay->log.rooms[index];
    struct replay_room *room = &replay->rooms[index];
    struct wsc_slice *names = wsc_alloc(source->member_count * sizeof *names);
    *spec = (struct room_spec){wsc_text(source->name), names, source->member_count};
    room->replay = replay;
    room->topic = ledger_room(replay->ledger, spec->name);
    ledger_join(replay->ledger, agent_reader(replay->admin), room->topic, 1);
    for (size_t i = 0; i < source->member_count; i++) {
        struct agent *member = replay->agents[source->members[i]];
        names[i] = wsc_text(agent_name(member));
        ledger_join(replay->ledger, agent_reader(member), room->topic,
                    i < room_founders(source->member_count) ? 1 : ROOM_ADDED_FIRST_MAX);
    }
}

int replay_create_rooms(struct replay *replay)
{
    size_t count = replay->log.room_count;
    struct room_spec *specs = wsc_alloc_zeroed(count, sizeof *specs);
    struct room_maker maker = {
        .set = &replay->set, .owner = replay->admin, .rooms = specs, .room_count = count};
    for (size_t i = 0; i < count; i++)
        prepare_room(replay, i, &specs[i]);
    replay->reply = on_room_reply;
    replay->reply_state = &maker;
    room_maker_start(&maker);
    int status = replay_until(replay, "creating rooms", rooms_done);
    wsc_timer_clear(replay->set.loop, &maker.retry);
    replay->reply = NULL;
    for (size_t i = 0; i < count; i++)
        free((void *)specs[i].members);
    free(specs);
    return status;
}

/* ---- messages ---- */

static void drop_somebody(struct replay *replay, const struct chat_room *room)
{
    uint64_t chance = (uint64_t)(replay->options->drop_rate * 1e6);
    if (replay_random(replay, 1000000) >= chance)
        return;
    uint32_t user = room->members[replay_random(replay, room->member_count)];
    uint64_t away_ms = 20 + replay_random(replay, 2000);
    agent_drop(replay->agents[user], away_ms * 1000000u);
    replay->dropped++;
}

/* Posts one copy of a line: to the room, or directly to whom it addresses. */
static void post(struct replay *replay, struct replay_room *room, const struct chat_line *line,
                 int direct)
{
    struct agent *author = replay->agents[line->user];
    struct agent_post copy = {.text = line->text, .topic = room->topic};
    if (direct) {
        struct agent *peer = replay->agents[line->direct_to];
        copy.user = wsc_text(agent_name(peer));
        copy.topic = ledger_direct(replay->ledger, agent_user(author), agent_user(peer));
        ledger_join(replay->ledger, agent_reader(author), copy.topic, 1);
        ledger_join(replay->ledger, agent_reader(peer), copy.topic, 1);
    } else {
        copy.conversation = wsc_text(replay->log.rooms[line->room].name);
    }
    copy.line = ledger_line(replay->ledger, agent_user(author), copy.topic, line->text);
    replay->room_of_line[copy.line] = line->room;
    replay->posts++;
    replay->direct_posts += direct != 0;
    room->unanswered++;
    agent_post(author, &copy);
}

static uint64_t wait_until_due(const struct replay *replay, const struct chat_room *room,
                               const struct chat_line *line)
{
    if (replay->options->speed <= 0)
        return 0;
    double at_ms = (double)(line->ts - replay->log.lines[room->lines[0]].ts);
    uint64_t due = replay->messages_start_ns + (uint64_t)(at_ms * 1e6 / replay->options->speed);
    uint64_t now = wsc_now_ns();
    return due > now ? due - now : 0;
}

static void pump_room(void *data)
{
    struct replay_room *room = data;
    struct replay *replay = room->replay;
    const struct chat_room *source = &replay->log.rooms[room - replay->rooms];
    while (room->next < source->line_count && room->unanswered < replay->options->window) {
        const struct chat_line *line = &replay->log.lines[source->lines[room->next]];
        uint64_t wait_ns = wait_until_due(replay, source, line);
        if (wait_ns) {
            wsc_timer_set(replay->set.loop, &room->due, wait_ns, pump_room, room);
            return;
        }
        room->next++;
        post(replay, room, line, 0);
        if (line->direct_to != CHAT_LOG_NONE)
            post(replay, room, line, 1);
    }
}

static void on_settled(void *data, struct agent *agent, uint32_t line, int acked)
{
    struct replay *replay = data;
    uint32_t index = replay->room_of_line[line];
    struct replay_room *room = &replay->rooms[index];
    (void)agent;
    (void)acked;
    room->unanswered--;
    if (replay->options->drop_rate > 0)
        drop_somebody(replay, &replay->log.rooms[index]);
    wsc_timer_set(replay->set.loop, &room->due, 0, pump_room, room);
}

static int all_answered(struct replay *replay)
{
    const struct ledger_figures *figures = ledger_figures(replay->ledger);
    if (figures->acked + figures->refused < figures->lines)
        return 0;
    for (size_t i = 0; i < replay->log.room_count; i++)
        if (replay->rooms[i].next < replay->log.rooms[i].line_count)
            return 0;
    return 1;
}

/* Looks only when a quiet moment makes it likely: it walks over everything. */
static int all_delivered(struct replay *replay)
{
    static const uint64_t quiet_ns = 50 * 1000000u;
    if (wsc_now_ns() - replay->last_move_ns < quiet_ns)
        return 0;
    return all_synced(replay) && ledger_outstanding(replay->ledger) == 0;
}

int replay_messages(struct replay *replay)
{
    replay->messages_start_ns = wsc_now_ns();
    for (size_t i = 0; i < replay->log.room_count; i++)
        pump_room(&replay->rooms[i]);
    int status = replay_until(replay, "replaying", all_answered);
    if (status == 0)
        status = replay_until(replay, "delivering", all_delivered);
    replay->messages_end_ns = replay->last_move_ns;
    return status;
}
