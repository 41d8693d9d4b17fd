/*
 * The lobby of a game: a loop of ticks that steps the engine itself, in memory, with no thread and
 * no socket of the library's. The game has a transport of its own, here lines on standard input and
 * output:
 *   ann join        → ann joined
 *   ann say hello   → to each player in the lobby: bob ann hello
 *   ann leave       → ann left
 */
#include <chatcore/backend/memory.h>
#include <chatcore/error.h>
#include <chatcore/host.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS     20
#define PLAYERS_MAX 16 /* of one lobby: one more may not join */
static const struct cc_slice lobby = {"lobby", 5};

/* A place in the lobby. It is free again when its session's last event has been seen. */
struct player {
    char name[CC_NAME_MAX + 1];
    struct cc_session *session;
    bool is_in; /* a member: may speak */
};

static struct player players[PLAYERS_MAX];
static struct cc_engine *engine;
static struct cc_session *game; /* owns the lobby: lets players in and out */
static unsigned next_client_id; /* of this process: a lobby does not outlive it */

/* A free place has no name. */
static struct player *find(const char *name)
{
    for (size_t i = 0; i < PLAYERS_MAX; i++)
        if (strcmp(players[i].name, name) == 0)
            return &players[i];
    return NULL;
}

/* False: it is done. `player`: NULL for the game itself, which is told nothing but replies. */
static bool enter(const char *name, struct player *player, struct cc_session **ret_session)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct cc_command connect = {.id = 1, .type = CC_COMMAND_CONNECT, .device = lobby};

    options.user = cc_text(name);
    options.data = player;
    options.requests_only = !player;
    return cc_session_open(cc_engine_queue(engine), &options, ret_session) ||
           cc_session_submit(*ret_session, &connect);
}

/* The id of the command tells the reply whom it is about. */
static void let(struct player *player, enum cc_command_type type)
{
    struct cc_slice name = cc_text(player->name);
    struct cc_command command = {.id = 10 + (uint64_t)(player - players), .type = type};

    command.conversation = lobby;
    command.users = &name;
    command.user_count = 1;
    cc_session_submit(game, &command);
}

static void join(const char *name)
{
    struct player *player = find("");

    if (!player || strlen(name) > CC_NAME_MAX || enter(name, player, &player->session)) {
        printf("%s may not\n", name);
        return;
    }
    strcpy(player->name, name);
    let(player, CC_COMMAND_ADD);
}

static void say(struct player *player, const char *text)
{
    struct cc_command send = {.id = 2, .type = CC_COMMAND_SEND, .conversation = lobby};
    char client_id[16];

    snprintf(client_id, sizeof client_id, "%u", next_client_id++);
    send.client_id = cc_text(client_id);
    send.text = cc_text(text);
    if (!player->is_in || cc_session_submit(player->session, &send))
        printf("%s not now\n", player->name);
}

static void packet(char *line)
{
    char *verb = strchr(line, ' ');
    struct player *player;

    if (!verb || verb == line)
        return;
    *verb++ = 0;
    player = find(line);
    if (!player && strcmp(verb, "join") == 0)
        join(line);
    else if (player && strncmp(verb, "say ", 4) == 0)
        say(player, verb + 4);
    else if (player && strcmp(verb, "leave") == 0) {
        let(player, CC_COMMAND_REMOVE);
        cc_session_close(player->session);
    }
}

static void replied(struct player *player, const struct cc_reply *reply)
{
    if (reply->error)
        printf("%s cannot: %s\n", player ? player->name : "game", cc_strerror(reply->error));
    else if (reply->command == CC_COMMAND_ADD) {
        player = &players[reply->id - 10];
        player->is_in = true;
        printf("%s joined\n", player->name);
    }
}

static void told(struct player *player, const struct cc_event *event)
{
    const struct cc_message *message = event->u.message;

    if (event->type == CC_EVENT_REPLY)
        replied(player, event->u.reply);
    else if (event->type == CC_EVENT_MESSAGE && message->kind == CC_MESSAGE_TEXT)
        printf("%s %.*s %.*s\n", player->name, (int)message->from.size, message->from.data,
               (int)message->text.size, message->text.data);
    else if (event->type == CC_EVENT_CLOSED && player) {
        printf("%s left\n", player->name);
        *player = (struct player){.is_in = false};
    }
}

/* The game's transport: takes what has come, and does not wait. False at its end, which a packet
 * that is longer than the buffer is, too. */
static bool take_packets(void)
{
    static char input[4096];
    static size_t size;
    ssize_t more = read(STDIN_FILENO, input + size, sizeof input - 1 - size);
    char *line = input, *end;

    input[size + (more > 0 ? (size_t)more : 0)] = 0;
    for (; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        packet(line);
    }
    size = strlen(line);
    memmove(input, line, size);
    return more != 0;
}

/* False when the engine has stopped. */
static bool tick(struct cc_memory_world *world)
{
    struct cc_time now = cc_host_now();
    const struct cc_event *event;

    cc_memory_world_set_time(world, now);
    cc_engine_step(engine, now);
    while ((event = cc_engine_next_event(engine))) {
        if (event->type == CC_EVENT_STOPPED)
            return false;
        for (size_t i = 0; i < event->session_count; i++)
            told(event->sessions[i], event);
    }
    fflush(stdout);
    return true;
}

int main(void)
{
    struct cc_engine_options options = CC_ENGINE_OPTIONS_INIT;
    struct cc_command create = {.id = 2, .type = CC_COMMAND_CREATE, .kind = CC_KIND_GROUP};
    struct timespec pause = {0, TICK_MS * 1000000};
    struct cc_memory_world *world;

    create.conversation = create.name = lobby;
    if (cc_memory_world_new(cc_allocator_default(), 1, &world) ||
        cc_memory_log_open(world, lobby, &options.log) ||
        cc_memory_store_open(world, &options.store) ||
        cc_memory_directory_open(world, &options.directory) ||
        cc_memory_cluster_open(world, lobby, &options.cluster) ||
        cc_engine_new(&options, &engine) || enter("game", NULL, &game) ||
        cc_session_submit(game, &create))
        return 1;
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    while (tick(world)) {
        if (!take_packets())
            cc_engine_stop(engine, CC_CLOSE_NORMAL);
        nanosleep(&pause, NULL); /* a game moves its world here */
    }
    cc_engine_free(engine);
    cc_memory_world_free(world);
    return 0;
}
