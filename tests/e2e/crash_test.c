/*
 * crash_test: chatcored under load from real WebSocket clients is killed (SIGKILL) at random
 * moments and started again on the same data; the clients come back with their outboxes. At the end
 * no acknowledged message may be missing, none doubled, and everyone must have the one order that
 * history tells too (ledger.h says how that is judged).
 *
 * A second mode loads many messages, kills, and measures how long until the next start is ready and
 * answers a client.
 */
#include "rooms.h"
#include "server_process.h"
#include "walk.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECOND      1000000000ull
#define MILLISECOND 1000000ull

/* Small groups are written to each member's inbox, the large one (above 50) is read by all. */
#define USERS           64
#define GROUPS          9
#define SMALL_GROUP     8
#define SOURCES         100 /* client addresses: reconnecting is limited for each */
#define LOAD_OUTBOX_MAX 32
#define LOAD_PAUSE_NS   (MILLISECOND / 2)
#define OUTBOX_MAX      4 /* messages that one user has not got acknowledged */
#define START_MS        30000
#define PATIENCE_NS     (60 * SECOND)
#define PAUSE_NS        (8 * MILLISECOND) /* between two messages of a user: bounds the run's size */
#define RESTART_S       5.0               /* how long a restart may take at most */

struct options {
    const char *program;
    const char *const *server_options;
    uint64_t kills;
    uint64_t seed;
    uint64_t patience_s; /* for anything to come to its end */
    uint64_t load;       /* 0: the crash test; else the messages to load before the one restart */
};

struct writer {
    struct crash *crash;
    struct agent *agent;
    struct wsc_timer next;
};

struct crash {
    const struct options *options;
    struct server_options server_options;
    struct server_process server;
    char *directory;
    char data[600];
    char secret_path[600];
    char log_path[600];
    struct ledger *ledger;
    struct agent_set set;
    struct writer writers[USERS];
    char names[USERS][16];
    uint32_t group_topics[GROUPS];
    char group_names[GROUPS][16];
    struct room_maker maker;
    struct walks *walks;
    uint64_t random;
    uint64_t written;
    int writing;
    uint64_t slowest_start_ns;
    uint64_t last_look_ns;
};

static uint64_t next_random(struct crash *crash, uint64_t bound)
{
    crash->random = crash->random * 6364136223846793005u + 1442695040888963407u;
    return (crash->random >> 33) % bound;
}

/* ---- the server ---- */

static int start_server(struct crash *crash)
{
    if (server_start(&crash->server_options, START_MS, &crash->server) < 0) {
        fprintf(stderr, "its standard error is in %s\n", crash->log_path);
        return -1;
    }
    if (crash->server.start_ns > crash->slowest_start_ns)
        crash->slowest_start_ns = crash->server.start_ns;
    /* in place: connections that do not know yet that they are lost point to them */
    for (size_t i = 0; i < crash->set.target_count; i++)
        crash->set.targets[i].port = crash->server.port;
    return 0;
}

/* ---- the load ---- */

static void write_direct(struct crash *crash, size_t from, const char *text,
                         struct agent_post *ret_post)
{
    size_t to = (from + 1 + next_random(crash, 6)) % USERS;
    struct agent *author = crash->writers[from].agent;
    struct agent *peer = crash->writers[to].agent;
    uint32_t topic = ledger_direct(crash->ledger, agent_user(author), agent_user(peer));
    ledger_join(crash->ledger, agent_reader(author), topic, 1);
    ledger_join(crash->ledger, agent_reader(peer), topic, 1);
    *ret_post = (struct agent_post){
        .topic = topic, .user = wsc_text(crash->names[to]), .text = wsc_text(text)};
}

/* Group 0 holds everybody; the others the users from 8 (g - 1) on. */
static void write_group(struct crash *crash, size_t from, const char *text,
                        struct agent_post *ret_post)
{
    size_t group = next_random(crash, 8) == 0 ? 0 : 1 + from / SMALL_GROUP;
    *ret_post = (struct agent_post){.topic = crash->group_topics[group],
                                    .conversation = wsc_text(crash->group_names[group]),
                                    .text = wsc_text(text)};
}

static void write_one(void *data)
{
    struct writer *writer = data;
    struct crash *crash = writer->crash;
    size_t from = (size_t)(writer - crash->writers);
    struct agent_post post;
    if (!crash->writing)
        return;
    int loads = crash->options->load > 0;
    if (agent_outbox(writer->agent) < (loads ? LOAD_OUTBOX_MAX : OUTBOX_MAX)) {
        /* texts live as long as the run: an outbox keeps pointers */
        char text[64];
        int size = snprintf(text, sizeof text, "message %" PRIu64 " of %s", crash->written++,
                            crash->names[from]);
        char *kept = wsc_copy_text(text, (size_t)size);
        if (loads || next_random(crash, 2))
            write_direct(crash, from, kept, &post);
        else
            write_group(crash, from, kept, &post);
        post.line =
            ledger_line(crash->ledger, agent_user(writer->agent), post.topic, wsc_text(kept));
        agent_post(writer->agent, &post);
    }
    uint64_t pause = loads ? LOAD_PAUSE_NS : next_random(crash, 2 * PAUSE_NS);
    wsc_timer_set(crash->set.loop, &writer->next, pause, write_one, writer);
}

static void on_reply(void *data, struct agent *agent, const struct wsc_object *object)
{
    struct crash *crash = data;
    if (agent == crash->maker.owner && room_maker_reply(&crash->maker, object))
        return;
    if (crash->walks)
        walks_reply(crash->walks, agent, object);
}

/* ---- phases ---- */

static void report_outstanding(const struct crash *crash, const char *what)
{
    fprintf(stderr,
            "%s did not come to an end: %" PRIu64 " of %d synced, %" PRIu64
            " outstanding; errors and closes:\n",
            what, crash->set.synced, USERS, ledger_outstanding(crash->ledger));
    for (size_t i = 0; i < AGENT_ERROR_NAMES && crash->set.errors[i].count; i++)
        fprintf(stderr, "  %-32s %" PRIu64 "\n", crash->set.errors[i].name,
                crash->set.errors[i].count);
}

static int turn_until(struct crash *crash, const char *what, int (*done)(struct crash *crash))
{
    uint64_t deadline = wsc_now_ns() + crash->options->patience_s * SECOND;
    while (!done(crash)) {
        wsc_loop_turn(crash->set.loop, 20);
        if (!server_is_running(&crash->server)) {
            fprintf(stderr, "%s: the server ended by itself; see %s\n", what, crash->log_path);
            return -1;
        }
        if (wsc_now_ns() > deadline || crash->maker.failed || crash->set.forbidden_closes) {
            report_outstanding(crash, what);
            return -1;
        }
    }
    return 0;
}

static int all_synced(struct crash *crash)
{
    return crash->set.synced == USERS;
}

static int groups_made(struct crash *crash)
{
    return crash->maker.done;
}

/* Looks ten times a second only: it walks over everything. */
static int all_settled(struct crash *crash)
{
    uint64_t now = wsc_now_ns();
    if (now - crash->last_look_ns < 100 * MILLISECOND)
        return 0;
    crash->last_look_ns = now;
    return all_synced(crash) && ledger_outstanding(crash->ledger) == 0;
}

static int walked(struct crash *crash)
{
    return walks_done(crash->walks);
}

static void plan_group(struct crash *crash, size_t group, struct wsc_slice *names,
                       struct room_spec *ret_room)
{
    size_t first = group ? (group - 1) * SMALL_GROUP : 0;
    size_t count = group ? SMALL_GROUP : USERS;
    snprintf(crash->group_names[group], sizeof crash->group_names[group], "group-%zu", group);
    uint32_t topic = ledger_room(crash->ledger, wsc_text(crash->group_names[group]));
    crash->group_topics[group] = topic;
    for (size_t i = 0; i < count; i++) {
        names[i] = wsc_text(crash->names[first + i]);
        ledger_join(crash->ledger, agent_reader(crash->writers[first + i].agent), topic,
                    i < room_founders(count) ? 1 : ROOM_ADDED_FIRST_MAX);
    }
    /* the first user creates them all, and so is in all */
    ledger_join(crash->ledger, agent_reader(crash->writers[0].agent), topic, 1);
    *ret_room = (struct room_spec){wsc_text(crash->group_names[group]), names, count};
}

static int make_groups(struct crash *crash)
{
    static struct wsc_slice names[GROUPS][USERS];
    static struct room_spec rooms[GROUPS];
    for (size_t i = 0; i < GROUPS; i++)
        plan_group(crash, i, names[i], &rooms[i]);
    crash->maker = (struct room_maker){
        .set = &crash->set, .owner = crash->writers[0].agent, .rooms = rooms, .room_count = GROUPS};
    room_maker_start(&crash->maker);
    return turn_until(crash, "creating the groups", groups_made);
}

static void start_writing(struct crash *crash)
{
    crash->writing = 1;
    for (size_t i = 0; i < USERS; i++)
        write_one(&crash->writers[i]);
}

static int set_up(struct crash *crash)
{
    for (size_t i = 0; i < USERS; i++) {
        struct writer *writer = &crash->writers[i];
        snprintf(crash->names[i], sizeof crash->names[i], "user-%zu", i);
        writer->crash = crash;
        writer->agent = agent_new(&crash->set, crash->names[i], "device");
        agent_start(writer->agent, i * MILLISECOND);
    }
    if (turn_until(crash, "connecting", all_synced) < 0)
        return -1;
    return make_groups(crash);
}

static void run_for(struct crash *crash, uint64_t duration_ns)
{
    uint64_t end = wsc_now_ns() + duration_ns;
    for (uint64_t now = wsc_now_ns(); now < end; now = wsc_now_ns()) {
        uint64_t left_ms = (end - now) / MILLISECOND;
        wsc_loop_turn(crash->set.loop, left_ms < 20 ? (int)left_ms : 20);
    }
}

/* A tenth of the kills come before the clients are back, to hit the restart itself. */
static uint64_t moment_of_kill(struct crash *crash)
{
    uint64_t bound_ms = next_random(crash, 10) == 0 ? 60 : 900;
    return 1 + next_random(crash, bound_ms * MILLISECOND);
}

static int kill_and_restart(struct crash *crash, uint64_t number)
{
    uint64_t moment = moment_of_kill(crash);
    run_for(crash, moment);
    if (!server_is_running(&crash->server)) {
        fprintf(stderr, "the server ended before it was killed; see %s\n", crash->log_path);
        return -1;
    }
    const struct ledger_figures *figures = ledger_figures(crash->ledger);
    printf("kill %" PRIu64 " of %" PRIu64 ": %.1f ms after ready, %" PRIu64
           " acknowledged, %" PRIu64 " faults\n",
           number, crash->options->kills, (double)moment / 1e6, figures->acked,
           ledger_fault_total(crash->ledger));
    fflush(stdout);
    server_kill(&crash->server);
    return start_server(crash);
}

static int walk_all(struct crash *crash)
{
    struct walks walks = {.set = &crash->set};
    for (size_t i = 0; i < GROUPS; i++)
        walks_add(&walks, crash->writers[0].agent,
                  ledger_conversation(crash->ledger, crash->group_topics[i]));
    for (uint32_t i = 0; i < USERS; i++) {
        uint32_t user = agent_user(crash->writers[i].agent);
        uint32_t peer = agent_user(crash->writers[(i + 1) % USERS].agent);
        uint32_t conversation =
            ledger_conversation(crash->ledger, ledger_direct(crash->ledger, user, peer));
        if (conversation != UINT32_MAX)
            walks_add(&walks, crash->writers[i].agent, conversation);
    }
    crash->walks = &walks;
    walks_start(&walks);
    int status = turn_until(crash, "reading history", walked);
    crash->walks = NULL;
    printf("history: %" PRIu64 " messages compared\n", walks.messages);
    walks_free(&walks);
    return status;
}

static void print_end(const struct crash *crash)
{
    const struct ledger_figures *figures = ledger_figures(crash->ledger);
    printf("%" PRIu64 " messages acknowledged, %" PRIu64 " refused, %" PRIu64
           " sent again, %" PRIu64 " deliveries, %" PRIu64 " again after reconnects\n",
           figures->acked, figures->refused, crash->set.resent, figures->deliveries,
           figures->redelivered);
    printf("slowest start %.3f s\n", (double)crash->slowest_start_ns / 1e9);
    for (size_t i = 0; i < LEDGER_FAULT_COUNT; i++)
        if (figures->faults[i])
            printf("FAULT %-44s %" PRIu64 "\n", ledger_fault_text((enum ledger_fault)i),
                   figures->faults[i]);
}

/* Stops writing, waits until all is settled, and judges. */
static int judge(struct crash *crash)
{
    crash->writing = 0;
    int status = turn_until(crash, "settling", all_settled);
    if (status == 0)
        status = walk_all(crash);
    uint64_t faults = ledger_finish(crash->ledger);
    print_end(crash);
    return status == 0 && faults == 0 && ledger_figures(crash->ledger)->refused == 0 ? 0 : -1;
}

static int crash_many_times(struct crash *crash)
{
    start_writing(crash);
    for (uint64_t i = 1; i <= crash->options->kills; i++)
        if (kill_and_restart(crash, i) < 0)
            return -1;
    run_for(crash, SECOND / 2);
    return judge(crash);
}

/* ---- a restart behind many messages ---- */

static int first_answer(struct crash *crash)
{
    return crash->set.synced > 0;
}

static int restart_behind_load(struct crash *crash)
{
    uint64_t begin = wsc_now_ns();
    start_writing(crash);
    while (ledger_figures(crash->ledger)->acked < crash->options->load) {
        run_for(crash, SECOND);
        if (!server_is_running(&crash->server) || ledger_fault_total(crash->ledger))
            return -1;
        fprintf(stderr, "\r%" PRIu64 " acknowledged", ledger_figures(crash->ledger)->acked);
    }
    crash->writing = 0;
    printf("\n%" PRIu64 " messages in %.1f s\n", ledger_figures(crash->ledger)->acked,
           (double)(wsc_now_ns() - begin) / 1e9);
    server_kill(&crash->server);
    uint64_t start = wsc_now_ns();
    crash->slowest_start_ns = 0;
    if (start_server(crash) < 0 || turn_until(crash, "the first client", first_answer) < 0)
        return -1;
    double ready_s = (double)crash->server.start_ns / 1e9;
    printf("ready after %.3f s; the first client had caught up after %.3f s\n", ready_s,
           (double)(wsc_now_ns() - start) / 1e9);
    return judge(crash) == 0 && ready_s < RESTART_S ? 0 : -1;
}

/* ---- the whole ---- */

static int prepare(struct crash *crash)
{
    crash->directory = server_make_directory("chatcore-crash");
    if (!crash->directory) {
        perror("a directory for the data");
        return -1;
    }
    snprintf(crash->data, sizeof crash->data, "%s/data", crash->directory);
    snprintf(crash->secret_path, sizeof crash->secret_path, "%s/secret", crash->directory);
    snprintf(crash->log_path, sizeof crash->log_path, "%s/stderr", crash->directory);
    crash->server_options = (struct server_options){.program = crash->options->program,
                                                    .data_dir = crash->data,
                                                    .secret_path = crash->secret_path,
                                                    .log_path = crash->log_path,
                                                    .more = crash->options->server_options};
    struct wsc_target target = {.host = "127.0.0.1", .path = "/v1/ws"};
    const enum wsc_encoding encodings[2] = {WSC_JSON, WSC_MSGPACK};
    crash->ledger = ledger_new("crash");
    crash->set = (struct agent_set){.loop = wsc_loop_new(),
                                    .ledger = crash->ledger,
                                    .targets = agent_targets(&target, SOURCES, encodings),
                                    .target_count = 2 * SOURCES,
                                    .hooks = {NULL, on_reply, crash},
                                    .resume = AGENT_RESUME_MIXED,
                                    .delivered_every_ns = SECOND / 5,
                                    .reconnect_max_ns = 100 * MILLISECOND};
    return wsc_secret_create(crash->secret_path, &crash->set.secret);
}

static int run(struct crash *crash)
{
    if (prepare(crash) < 0 || start_server(crash) < 0)
        return -1;
    int status = set_up(crash);
    if (status == 0)
        status = crash->options->load ? restart_behind_load(crash) : crash_many_times(crash);
    if (status == 0) {
        int exit_status = server_stop(&crash->server, START_MS);
        printf("exit status after SIGTERM: %d\n", exit_status);
        return exit_status == 0 ? 0 : -1;
    }
    server_kill(&crash->server);
    return -1;
}

static int parse(int argc, char **argv, struct options *ret_options)
{
    static const struct option known[] = {{"kills", required_argument, NULL, 'k'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"patience", required_argument, NULL, 'p'},
                                          {"load", required_argument, NULL, 'l'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.kills = 3, .patience_s = 60, .seed = (uint64_t)time(NULL)};
    int code;
    while ((code = getopt_long(argc, argv, "+", known, NULL)) != -1) {
        uint64_t value = code == '?' ? 0 : strtoull(optarg, NULL, 10);
        if (code == 'k')
            options.kills = value;
        else if (code == 's')
            options.seed = value;
        else if (code == 'p')
            options.patience_s = value;
        else if (code == 'l')
            options.load = value;
        else
            return -1;
    }
    if (optind >= argc)
        return -1;
    options.program = argv[optind];
    options.server_options = (const char *const *)&argv[optind + 1];
    *ret_options = options;
    return 0;
}

int main(int argc, char **argv)
{
    struct options options;
    if (parse(argc, argv, &options) < 0) {
        fprintf(stderr, "usage: crash_test [--kills N] [--seed N] [--patience S] [--load MESSAGES] "
                        "CHATCORED [option of chatcored …]\n");
        return 2;
    }
    if (access(options.program, X_OK) < 0) {
        printf("SKIP: no chatcored at %s\n", options.program);
        return 77;
    }
    signal(SIGPIPE, SIG_IGN);
    struct crash *crash = wsc_alloc_zeroed(1, sizeof *crash);
    crash->options = &options;
    crash->random = options.seed;
    printf("seed %" PRIu64 "\n", options.seed);
    int status = run(crash);
    if (status == 0)
        server_remove_directory(crash->directory);
    else
        printf("FAILED; the data and the server's standard error are kept in %s\n",
               crash->directory);
    printf("%d passed, %d failed\n", status == 0, status != 0);
    return status == 0 ? 0 : 1;
}
