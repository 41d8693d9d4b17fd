/*
 * engine_bench [SECONDS] [CONVERSATIONS] [FOLDER]: what the engine costs through the C API, without
 * a socket: 200-byte messages over direct conversations, each synced to disk before it is
 * acknowledged, stored with two inbox entries, and delivered to the sessions of both users.
 *
 * One thread drives the engine and submits; LMDB's writers have their own. Each conversation has
 * some messages under way; the figures are of the whole process.
 */
#include "chatcore/backend/lmdb.h"
#include "chatcore/backend/memory.h"
#include "chatcore/engine.h"
#include "chatcore/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Messages under way in each conversation: enough that commits are shared, few enough for a short
 * queue. */
#define UNDER_WAY 4

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
static unsigned long long acknowledged, delivered, failed;
static char text[200];

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
    return (struct cc_time){wall.tv_sec * 1000 + wall.tv_nsec / 1000000,
                            mono.tv_sec * 1000 + mono.tv_nsec / 1000000};
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

static void take(const struct cc_event *event)
{
    struct user *user = event->session_count ? event->sessions[0] : NULL;

    if (event->type == CC_EVENT_MESSAGE)
        delivered += event->session_count;
    if (event->type != CC_EVENT_REPLY || event->u.reply->command != CC_COMMAND_SEND)
        return;
    user->under_way--;
    if (event->u.reply->error)
        failed++;
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
        for (unsigned i = 0; i < user_count; i += 2)
            while (users[i].under_way < UNDER_WAY)
                send_one(&users[i]);
        if (!turn())
            usleep(200);
    }
}

int main(int argc, char **argv)
{
    double duration = argc > 1 ? atof(argv[1]) : 10;
    unsigned conversations = argc > 2 ? (unsigned)atoi(argv[2]) : 10000;
    const char *folder = argc > 3 ? argv[3] : "engine_bench.data";
    struct rusage usage;
    double cpu;
    double wall;

    memset(text, 'x', sizeof text);
    open_engine(folder);
    connect_users(conversations);
    run(3); /* directories are filled, caches warm */
    acknowledged = delivered = failed = 0;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    wall = seconds(CLOCK_MONOTONIC);
    run(duration);
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    getrusage(RUSAGE_SELF, &usage);
    printf("durable sends/s     %.0f\n", (double)acknowledged / wall);
    printf("deliveries/s        %.0f\n", (double)delivered / wall);
    printf("CPU us/send         %.2f\n", cpu * 1e6 / (double)(acknowledged ? acknowledged : 1));
    printf("cores used          %.2f\n", cpu / wall);
    printf("failed              %llu\n", failed);
    printf("peak memory MiB     %ld\n", usage.ru_maxrss / 1024);
    printf("{\"sends_per_s\":%.0f,\"deliveries_per_s\":%.0f,\"cpu_us_per_send\":%.3f,"
           "\"failed\":%llu,\"peak_mib\":%ld}\n",
           (double)acknowledged / wall, (double)delivered / wall,
           cpu * 1e6 / (double)(acknowledged ? acknowledged : 1), failed, usage.ru_maxrss / 1024);
    return 0;
}
