/*
 * replay: sends a real chat log through a server with a connection for every user, and checks that
 * every member ends with the same complete history. See replay.h for how.
 */
#include "replay.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: replay FILE --url ws://HOST:PORT/v1/ws --jwt-secret-file FILE [options]\n"
    "  FILE                  ts, room, user, text, separated by tabs; gzip or plain\n"
    "  --rooms N             only the first N rooms\n"
    "  --speed X             X times as fast as it was; 0, the default: as fast as may be\n"
    "  --json, --msgpack     one encoding for all; by default half of the users have either\n"
    "  --window N            unanswered lines of a room, at most (32)\n"
    "  --drop-rate R         lost connections for each message (0.01)\n"
    "  --resume HOW          cursor, recorded, or mixed (the default)\n"
    "  --sources N           client addresses, 127.0.1.1 on, at most 250; for a server on this\n"
    "                        machine, whose limits are for each address (200; 0: no choice)\n"
    "  --connect-rate N      new connections a second at the start (2000)\n"
    "  --history-members N   members of each room that page through its history (3)\n"
    "  --no-direct           lines to somebody are not sent as direct messages too\n"
    "  --allow-refused       messages that a filter refused are no difference\n"
    "  --run NAME            goes behind the names of rooms and users, to replay again\n"
    "  --seed N              of the drops; printed, by default from the clock\n"
    "  --patience S          give up when nothing has moved for so long (60)\n";

struct arguments {
    struct replay_options replay;
    const char *url;
    const char *secret_path;
    int json;
    int msgpack;
};

enum option_code {
    OPT_URL = 256,
    OPT_SECRET,
    OPT_ROOMS,
    OPT_SPEED,
    OPT_JSON,
    OPT_MSGPACK,
    OPT_WINDOW,
    OPT_DROP_RATE,
    OPT_RESUME,
    OPT_SOURCES,
    OPT_CONNECT_RATE,
    OPT_HISTORY,
    OPT_NO_DIRECT,
    OPT_ALLOW_REFUSED,
    OPT_RUN,
    OPT_SEED,
    OPT_PATIENCE
};

static const struct option long_options[] = {
    {"url", required_argument, NULL, OPT_URL},
    {"jwt-secret-file", required_argument, NULL, OPT_SECRET},
    {"rooms", required_argument, NULL, OPT_ROOMS},
    {"speed", required_argument, NULL, OPT_SPEED},
    {"json", no_argument, NULL, OPT_JSON},
    {"msgpack", no_argument, NULL, OPT_MSGPACK},
    {"window", required_argument, NULL, OPT_WINDOW},
    {"drop-rate", required_argument, NULL, OPT_DROP_RATE},
    {"resume", required_argument, NULL, OPT_RESUME},
    {"sources", required_argument, NULL, OPT_SOURCES},
    {"connect-rate", required_argument, NULL, OPT_CONNECT_RATE},
    {"history-members", required_argument, NULL, OPT_HISTORY},
    {"no-direct", no_argument, NULL, OPT_NO_DIRECT},
    {"allow-refused", no_argument, NULL, OPT_ALLOW_REFUSED},
    {"run", required_argument, NULL, OPT_RUN},
    {"seed", required_argument, NULL, OPT_SEED},
    {"patience", required_argument, NULL, OPT_PATIENCE},
    {NULL, 0, NULL, 0},
};

static int parse_resume(const char *text, enum agent_resume *ret_resume)
{
    static const char *const names[] = {"cursor", "recorded", "mixed"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *ret_resume = (enum agent_resume)i;
            return 0;
        }
    return -1;
}

/* The options with a value. */
static int take_value(struct arguments *arguments, int code, const char *value)
{
    struct replay_options *replay = &arguments->replay;
    switch (code) {
    case OPT_URL:
        arguments->url = value;
        return 0;
    case OPT_SECRET:
        arguments->secret_path = value;
        return 0;
    case OPT_ROOMS:
        replay->room_limit = strtoull(value, NULL, 10);
        return 0;
    case OPT_SPEED:
        replay->speed = strtod(value, NULL);
        return 0;
    case OPT_WINDOW:
        replay->window = strtoull(value, NULL, 10);
        return replay->window ? 0 : -1;
    case OPT_DROP_RATE:
        replay->drop_rate = strtod(value, NULL);
        return 0;
    case OPT_RESUME:
        return parse_resume(value, &replay->resume);
    case OPT_SOURCES:
        replay->sources = strtoull(value, NULL, 10);
        return replay->sources <= 250 ? 0 : -1;
    case OPT_CONNECT_RATE:
        replay->connects_per_s = strtoull(value, NULL, 10);
        return replay->connects_per_s ? 0 : -1;
    case OPT_HISTORY:
        replay->history_members = strtoull(value, NULL, 10);
        return 0;
    case OPT_RUN:
        replay->suffix = value;
        return strlen(value) <= 14 ? 0 : -1;
    case OPT_SEED:
        replay->seed = strtoull(value, NULL, 10);
        return 0;
    case OPT_PATIENCE:
        replay->patience_s = strtoull(value, NULL, 10);
        return 0;
    default:
        return -1;
    }
}

static int take_option(struct arguments *arguments, int code, const char *value)
{
    switch (code) {
    case OPT_JSON:
        arguments->json = 1;
        return 0;
    case OPT_MSGPACK:
        arguments->msgpack = 1;
        return 0;
    case OPT_NO_DIRECT:
        arguments->replay.direct = 0;
        return 0;
    case OPT_ALLOW_REFUSED:
        arguments->replay.allow_refused = 1;
        return 0;
    default:
        return take_value(arguments, code, value);
    }
}

static int set_target(struct arguments *arguments)
{
    struct replay_options *replay = &arguments->replay;
    if (!arguments->url || wsc_target_parse(arguments->url, &replay->target) < 0)
        return -1;
    replay->encodings[0] = arguments->msgpack ? WSC_MSGPACK : WSC_JSON;
    replay->encodings[1] = arguments->json ? WSC_JSON : WSC_MSGPACK;
    return arguments->json && arguments->msgpack ? -1 : 0;
}

static int parse(int argc, char **argv, struct arguments *arguments)
{
    int code;
    arguments->replay = (struct replay_options){
        .suffix = "",
        .window = 32,
        .history_members = 3,
        .drop_rate = 0.01,
        .connects_per_s = 2000,
        .sources = 200,
        .patience_s = 60,
        .seed = (uint64_t)time(NULL),
        .resume = AGENT_RESUME_MIXED,
        .direct = 1,
        .progress = isatty(STDERR_FILENO),
    };
    while ((code = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (take_option(arguments, code, optarg) < 0)
            return -1;
    if (optind + 1 != argc || !arguments->secret_path)
        return -1;
    arguments->replay.file = argv[optind];
    return set_target(arguments);
}

static int run(const struct replay_options *options, const struct wsc_secret *secret)
{
    struct replay replay;
    if (replay_init(&replay, options, secret) < 0)
        return 2;
    printf("seed %llu\n", (unsigned long long)options->seed);
    fflush(stdout);
    int status = replay_connect(&replay);
    if (status == 0)
        status = replay_create_rooms(&replay);
    if (status == 0)
        status = replay_messages(&replay);
    if (status == 0)
        status = replay_history(&replay);
    int code = replay_summary(&replay);
    replay_free(&replay);
    return status == 0 ? code : 1;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct wsc_secret secret;
    signal(SIGPIPE, SIG_IGN);
    if (parse(argc, argv, &arguments) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    if (wsc_secret_read(arguments.secret_path, &secret) < 0) {
        perror(arguments.secret_path);
        return 2;
    }
    return run(&arguments.replay, &secret);
}
