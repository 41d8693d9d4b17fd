/* A scenario's server, connections and groups: see bench.h. */
#include "bench.h"

#include "rooms.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define START_MS        30000
#define OPENING_AT_ONCE 100
#define SOURCES         200 /* 127.0.1.1 on: each has its own ports, and its own limits */
#define PATIENCE_S      60

/* ---- server ---- */

static void set_targets(struct bench *bench)
{
    struct wsc_target base = {.host = "127.0.0.1", .path = "/v1/ws"};
    enum wsc_encoding encoding = bench->options->encoding;
    base.port = bench->server.port;
    base.tls = bench->options->tls;
    bench->target_count = 2 * SOURCES;
    bench->targets = agent_targets(&base, SOURCES, (const enum wsc_encoding[]){encoding, encoding});
}

int bench_start(struct bench *bench, const struct bench_options *options,
                const struct bench_scenario *scenario)
{
    *bench = (struct bench){.options = options, .scenario = scenario, .random = 42};
    bench->directory = server_make_directory("chatcore-bench");
    if (!bench->directory) {
        perror("a directory for the data");
        return -1;
    }
    snprintf(bench->secret_path, sizeof bench->secret_path, "%s/secret", bench->directory);
    snprintf(bench->log_path, sizeof bench->log_path, "%s/stderr", bench->directory);
    snprintf(bench->data_path, sizeof bench->data_path, "%s/data", bench->directory);
    struct server_options server = {.program = options->program,
                                    .data_dir = bench->data_path,
                                    .secret_path = bench->secret_path,
                                    .log_path = bench->log_path,
                                    .more = options->server_options};
    if (wsc_secret_create(bench->secret_path, &bench->secret) < 0 ||
        server_start(&server, START_MS, &bench->server) < 0)
        return -1;
    bench->loop = wsc_loop_new();
    bench->ring = wsc_alloc_zeroed(BENCH_RING, sizeof *bench->ring);
    bench->text = wsc_alloc(options->text_bytes + 1);
    memset(bench->text, 'x', options->text_bytes);
    set_targets(bench);
    return 0;
}

void bench_stop(struct bench *bench)
{
    if (bench->loop)
        wsc_loop_free(bench->loop);
    server_kill(&bench->server);
    if (bench->directory)
        server_remove_directory(bench->directory);
    free(bench->directory);
    free(bench->targets);
    free(bench->connections);
    free(bench->group_names);
    free(bench->text);
    free(bench->ring);
}

int bench_clock_read(const struct bench *bench, struct bench_clock *ret_clock)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return -1;
    ret_clock->at_ns = wsc_now_ns();
    ret_clock->client_ns = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND +
                           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
    return server_usage(&bench->server, &ret_clock->server);
}

int bench_turn_until(struct bench *bench, double patience_s, int (*done)(const struct bench *bench))
{
    uint64_t end = wsc_now_ns() + (uint64_t)(patience_s * 1e9);
    while (!done(bench)) {
        wsc_loop_turn(bench->loop, 10);
        if (wsc_now_ns() > end)
            return -1;
    }
    return 0;
}

/* ---- connections ---- */

static void handle_opened(struct wsc *client, void *data)
{
    struct bench_connection *connection = data;
    const struct wsc_secret *secret = &connection->bench->secret;
    char *token = wsc_jwt_mint(secret, connection->user, (int64_t)time(NULL) + 86400);
    wsc_connect(client, 1, token, "bench", wsc_text(""));
    free(token);
}

static void open_more(struct bench *bench);

static void handle_synced(struct bench_connection *connection)
{
    if (connection->synced)
        return;
    connection->synced = 1;
    connection->bench->synced++;
    connection->bench->opening--;
    open_more(connection->bench);
}

static void handle_object(struct wsc *client, const struct wsc_object *object, void *data)
{
    struct bench_connection *connection = data;
    (void)client;
    if (object->key == WSC_SYNCED)
        handle_synced(connection);
    else if (object->key != WSC_CONNECT)
        bench_handle_object(connection, object);
}

static void handle_closed(struct wsc *client, int code, struct wsc_slice reason, void *data)
{
    struct bench_connection *connection = data;
    struct bench *bench = connection->bench;
    (void)client;
    connection->client = NULL;
    snprintf(bench->last_close, sizeof bench->last_close, "%d %.*s", code, (int)reason.size,
             reason.data ? reason.data : "");
    bench->lost++;
}

static const struct wsc_handlers handlers = {handle_opened, handle_object, handle_closed};

static void open_more(struct bench *bench)
{
    while (bench->opening < OPENING_AT_ONCE && bench->next_to_open < bench->connection_count) {
        struct bench_connection *connection = &bench->connections[bench->next_to_open];
        const struct wsc_target *target =
            &bench->targets[bench->next_to_open % bench->target_count];
        connection->client = wsc_open(bench->loop, target, &handlers, connection);
        bench->next_to_open++;
        bench->opening++;
    }
}

static int opened_or_lost(const struct bench *bench)
{
    return bench->lost || bench->synced == bench->connection_count;
}

int bench_open_connections(struct bench *bench)
{
    size_t count =
        bench->options->connections ? bench->options->connections : bench->scenario->connections;
    bench->connections = wsc_alloc_zeroed(count, sizeof *bench->connections);
    bench->connection_count = count;
    for (size_t i = 0; i < count; i++) {
        struct bench_connection *connection = &bench->connections[i];
        connection->bench = bench;
        connection->index = (uint32_t)i;
        connection->peer = (uint32_t)((i ^ 1) < count ? i ^ 1 : 0);
        snprintf(connection->user, sizeof connection->user, "user-%zu", i);
    }
    open_more(bench);
    int status = bench_turn_until(bench, PATIENCE_S, opened_or_lost);
    if (status == 0 && !bench->lost)
        return 0;
    fprintf(stderr, "%zu of %zu connections stand; last close: %s\n", bench->synced, count,
            bench->last_close);
    return -1;
}

/* ---- groups ---- */

/* An agent creates them, and is gone before the load: its copy of all messages would be measured.
 */
struct creation {
    struct agent_set set;
    struct room_maker maker;
    struct room_spec *rooms;
    struct wsc_slice *names;
};

static void on_reply(void *data, struct agent *agent, const struct wsc_object *object)
{
    struct creation *creation = data;
    (void)agent;
    room_maker_reply(&creation->maker, object);
}

static void plan_groups(struct bench *bench, struct creation *creation)
{
    size_t members = bench->scenario->members;
    bench->group_count = bench->connection_count / members;
    bench->group_names = wsc_alloc_zeroed(bench->group_count, sizeof *bench->group_names);
    creation->rooms = wsc_alloc_zeroed(bench->group_count, sizeof *creation->rooms);
    creation->names = wsc_alloc_zeroed(bench->connection_count, sizeof *creation->names);
    for (size_t i = 0; i < bench->connection_count; i++) {
        bench->connections[i].group = (uint32_t)(i / members % bench->group_count);
        creation->names[i] = wsc_text(bench->connections[i].user);
    }
    for (size_t i = 0; i < bench->group_count; i++) {
        snprintf(bench->group_names[i], sizeof bench->group_names[i], "group-%zu", i);
        creation->rooms[i] = (struct room_spec){wsc_text(bench->group_names[i]),
                                                creation->names + i * members, members};
    }
}

static int run_creation(struct bench *bench, struct creation *creation)
{
    struct agent *owner = creation->maker.owner;
    uint64_t end = wsc_now_ns() + PATIENCE_S * SECOND;
    int started = 0;
    agent_start(owner, 0);
    while (!creation->maker.done && !creation->maker.failed && wsc_now_ns() < end) {
        wsc_loop_turn(bench->loop, 10);
        if (!started && agent_is_synced(owner)) {
            started = 1;
            room_maker_start(&creation->maker);
        }
    }
    wsc_timer_clear(bench->loop, &creation->maker.retry);
    return creation->maker.done ? 0 : -1;
}

/* Owner and members are all in; the owner leaves, so that a group has the members it says. */
static void leave_groups(struct bench *bench, struct creation *creation)
{
    for (size_t i = 0; i < bench->group_count; i++) {
        uint64_t id;
        struct wsc_command command = agent_begin(creation->maker.owner, "leave", &id);
        wsc_command_text(&command, "conversation", wsc_text(bench->group_names[i]));
        wsc_command_end(&command);
    }
    for (int i = 0; i < 50; i++)
        wsc_loop_turn(bench->loop, 10);
}

int bench_create_groups(struct bench *bench)
{
    struct creation creation = {.set = {.loop = bench->loop,
                                        .ledger = ledger_new("bench"),
                                        .targets = bench->targets,
                                        .target_count = bench->target_count,
                                        .secret = bench->secret,
                                        .hooks = {NULL, on_reply, &creation},
                                        .reconnect_max_ns = SECOND}};
    plan_groups(bench, &creation);
    creation.maker = (struct room_maker){.set = &creation.set,
                                         .owner = agent_new(&creation.set, "owner", "bench"),
                                         .rooms = creation.rooms,
                                         .room_count = bench->group_count};
    int status = run_creation(bench, &creation);
    if (status == 0)
        leave_groups(bench, &creation);
    agent_free(creation.maker.owner);
    ledger_free(creation.set.ledger);
    free(creation.rooms);
    free(creation.names);
    return status;
}
