/*
 * engine_bench [--seconds N] [--conversations N] [--folder DIR] [--fresh] [--json]: what the engine
 * costs through the C API, without a socket: 200-byte messages over direct conversations, each
 * synced to disk before it is acknowledged, stored with two inbox entries, and delivered to the
 * sessions of both users.
 *
 * One thread drives the engine and submits; LMDB's writers have their own. Each conversation has
 * some messages under way; the figures are of the whole process. Memory is that of the process (its
 * heap), apart from pages of the database files that it has mapped, which the kernel may take back.
 *
 * The sessions have been connected for more than two minutes, by the clock that the engine is
 * given; with --fresh they have just connected, and each client id is compared with all that the
 * store has of its sender.
 */
#include "chatcore/backend/lmdb.h"
#include "chatcore/backend/memory.h"
#include "chatcore/engine.h"
#include "chatcore/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Messages under way in each conversation: enough that commits are shared, few enough for a short
 * queue. */
#define UNDER_WAY 4

/* How long nobody sends after a refusal. */
#define PAUSE_S 0.05

struct user {
    struct cc_session *session;
    char name[16];
    char peer[16];
    unsigned long long sent;
    unsigned under_way;
};

static struct cc_engine *engine;
static struct user *users;
static unsigned user_count;
static unsigned long long acknowledged, delivered, refusals;
static char text[200];
static int64_t clock_ahead_ms;
static double sending_from;

struct settings {
    double seconds;
    unsigned conversations;
    const char *folder;
    bool fresh;
    bool json;
};

/* What has passed since the clocks were read first. */
struct meter {
    double wall, cpu;
    unsigned long long acknowledged, delivered;
};

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct cc_time engine_time(void)
{
    struct timespec wall;
    struct timespec mono;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    return (struct cc_time){wall.tv_sec * 1000 + wall.tv_nsec / 1000000 + clock_ahead_ms,
                            mono.tv_sec * 1000 + mono.tv_nsec / 1000000 + clock_ahead_ms};
}

static struct cc_slice slice(const char *string)
{
    return (struct cc_slice){string, strlen(string)};
}

static void check(int error, const char *what)
{
    if (!error)
        return;
    fprintf(stderr, "%s: %s\n", what, cc_strerror(error));
    exit(1);
}

static void open_engine(const char *folder)
{
    struct cc_engine_options options = CC_ENGINE_OPTIONS_INIT;
    struct cc_lmdb_options lmdb = CC_LMDB_OPTIONS_INIT;
    struct cc_memory_world *world;

    lmdb.path = folder;
    check(cc_lmdb_log_open(cc_allocator_default(), &lmdb, &options.log), "log");
    check(cc_lmdb_store_open(cc_allocator_default(), &lmdb, &options.store), "store");
    check(cc_lmdb_directory_open(cc_allocator_default(), &lmdb, &options.directory), "directory");
    check(cc_memory_world_new(cc_allocator_default(), 1, &world), "cluster");
    check(cc_memory_cluster_open(world, slice("bench"), &options.cluster), "cluster");
    options.limits.send = (struct cc_rate){1000000, 1000000000};
    options.limits.request = options.limits.send;
    check(cc_engine_new(&options, &engine), "engine");
}

static void send_one(struct user *user)
{
    char client_id[32];
    struct cc_command command = {.id = user->sent + 2, .type = CC_COMMAND_SEND};

    snprintf(client_id, sizeof client_id, "%llu", user->sent);
    command.client_id = slice(client_id);
    command.user = slice(user->peer);
    command.text = (struct cc_slice){text, sizeof text};
    if (cc_session_submit(user->session, &command) != 0)
        return;
    user->sent++;
    user->under_way++;
}

/* The store is behind: nobody sends for a while, as clients would do. */
static void refused(void)
{
    refusals++;
    sending_from = seconds(CLOCK_MONOTONIC) + PAUSE_S;
}

static void take(const struct cc_event *event)
{
    struct user *user = event->session_count ? event->sessions[0] : NULL;

    if (event->type == CC_EVENT_MESSAGE)
        delivered += event->session_count;
    if (event->type != CC_EVENT_REPLY || event->u.reply->command != CC_COMMAND_SEND)
        return;
    user->under_way--;
    if (event->u.reply->error)
        refused();
    else
        acknowledged++;
}

static unsigned long long turn(void)
{
    const struct cc_event *event;
    unsigned long long count = 0;

    cc_engine_step(engine, engine_time());
    for (; (event = cc_engine_next_event(engine)); count++)
        take(event);
    return count;
}

static void connect_users(unsigned conversations)
{
    user_count = conversations * 2;
    users = calloc(user_count, sizeof *users);
    for (unsigned i = 0; users && i < user_count; i++) {
        struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
        struct cc_command command = {.id = 1, .type = CC_COMMAND_CONNECT};

        snprintf(users[i].name, sizeof users[i].name, "u%u", i);
        snprintf(users[i].peer, sizeof users[i].peer, "u%u", i ^ 1);
        options.data = &users[i];
        options.user = slice(users[i].name);
        command.device = slice("bench");
        check(cc_session_open(cc_engine_queue(engine), &options, &users[i].session), "session");
        check(cc_session_submit(users[i].session, &command), "connect");
        if (i % 256 == 255)
            turn();
    }
    for (double until = seconds(CLOCK_MONOTONIC) + 2; seconds(CLOCK_MONOTONIC) < until;)
        if (!turn())
            usleep(1000);
}

/* Sends so that each conversation has UNDER_WAY messages on their way, for so long. */
static void run(double duration)
{
    double until = seconds(CLOCK_MONOTONIC) + duration;

    while (seconds(CLOCK_MONOTONIC) < until) {
        bool may_send = seconds(CLOCK_MONOTONIC) >= sending_from;

        for (unsigned i = 0; may_send && i < user_count; i += 2)
            while (users[i].under_way < UNDER_WAY)
                send_one(&users[i]);
        if (!turn())
            usleep(200);
    }
}

/* --- measuring --- */

/* One of the memory figures of /proc/self/status, in MiB. */
static unsigned long memory(const char *name)
{
    FILE *file = fopen("/proc/self/status", "r");
    unsigned long kib = 0;
    char line[128];

    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name)))
            kib = strtoul(line + strlen(name) + 1, NULL, 10);
    if (file)
        fclose(file);
    return kib / 1024;
}

static struct meter meter_read(void)
{
    return (struct meter){seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID), acknowledged,
                          delivered};
}

static void report(const struct settings *settings, const struct meter *from, const char *name)
{
    struct meter now = meter_read();
    double wall = now.wall - from->wall;
    double cpu = now.cpu - from->cpu;
    unsigned long long sends = now.acknowledged - from->acknowledged;
    double each = sends ? cpu * 1e6 / (double)sends : 0;
    double delivery_rate = (double)(now.delivered - from->delivered) / wall;

    if (settings->json)
        printf("{\"at\":\"%s\",\"sends_per_s\":%.0f,\"deliveries_per_s\":%.0f,"
               "\"cpu_us_per_send\":%.3f,\"cores\":%.2f,\"refused\":%llu,\"heap_mib\":%lu,"
               "\"mapped_mib\":%lu}\n",
               name, (double)sends / wall, delivery_rate, each, cpu / wall, refusals,
               memory("RssAnon"), memory("RssFile"));
    else
        printf("%8s %10.0f %14.0f %10.2f %6.2f %7llu %9lu %11lu\n", name, (double)sends / wall,
               delivery_rate, each, cpu / wall, refusals, memory("RssAnon"), memory("RssFile"));
    fflush(stdout);
}

/* In parts, so that it can be seen whether memory grows. */
static void measure(const struct settings *settings)
{
    struct meter begin = meter_read();
    double left = settings->seconds;
    double part = left / 10 > 1 ? left / 10 : left;

    if (!settings->json)
        printf("%8s %10s %14s %10s %6s %7s %9s %11s\n", "at s", "sends/s", "deliveries/s", "us CPU",
               "cores", "refused", "heap MiB", "mapped MiB");
    for (; left > part / 2; left -= part) {
        struct meter from = meter_read();
        char name[16];

        run(part);
        snprintf(name, sizeof name, "%.0f", seconds(CLOCK_MONOTONIC) - begin.wall);
        report(settings, &from, name);
    }
    report(settings, &begin, "all");
}

static void read_settings(int argc, char **argv, struct settings *settings)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (!strcmp(argv[i], "--fresh"))
            settings->fresh = true;
        else if (!strcmp(argv[i], "--json"))
            settings->json = true;
        else if (!strcmp(argv[i], "--seconds"))
            settings->seconds = atof(value), i++;
        else if (!strcmp(argv[i], "--conversations"))
            settings->conversations = (unsigned)atoi(value), i++;
        else if (!strcmp(argv[i], "--folder"))
            settings->folder = value, i++;
        else
            fprintf(stderr, "not an option: %s\n", argv[i]), exit(2);
    }
}

int main(int argc, char **argv)
{
    struct settings settings = {10, 10000, "engine_bench.data", false, false};

    read_settings(argc, argv, &settings);
    memset(text, 'x', sizeof text);
    open_engine(settings.folder);
    connect_users(settings.conversations);
    if (!settings.fresh)
        clock_ahead_ms = 121000;
    run(3); /* directories are filled, caches warm */
    refusals = 0;
    measure(&settings);
    return 0;
}
