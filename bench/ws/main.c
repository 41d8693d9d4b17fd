/* bench_ws: measures a chatcored from outside. See bench.h. */
#include "bench.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const struct bench_scenario scenarios[] = {
    {"direct", BENCH_DIRECT, 1000, 0, 1000},   {"group10", BENCH_GROUP, 1000, 10, 1000},
    {"group100", BENCH_GROUP, 1000, 100, 200}, {"group10000", BENCH_GROUP, 10000, 10000, 4},
    {"idle", BENCH_IDLE, 10000, 0, 0},         {"handshakes", BENCH_HANDSHAKES, 0, 0, 0},
};

#define SCENARIO_COUNT (sizeof scenarios / sizeof scenarios[0])
#define RESULTS_MAX    64

/* The search for the saturation: a rate is sustained when it is kept up with this latency. */
#define SEARCH_STEP      0.85
#define SUSTAINED_P99_MS 300

static const char usage[] =
    "usage: bench_ws [options] CHATCORED [option of chatcored …]\n"
    "  --only NAME        one of direct, group10, group100, group10000, idle, handshakes\n"
    "  --rate R           messages a second, open loop; without it: closed loop, then the\n"
    "                     saturation of an open one is searched, and 20, 50 and 80 % of it run\n"
    "  --window S         seconds measured (5)\n"
    "  --text BYTES       of each message (200)\n"
    "  --outstanding N    of each sender in the closed loop (16)\n"
    "  --connections N    instead of the scenario's own\n"
    "  --encoding E       msgpack (default) or json\n"
    "  --tls              wss; give chatcored its certificate by its own options\n"
    "  --json FILE        writes the results there too\n";

struct results {
    struct bench_result items[RESULTS_MAX];
    size_t count;
    int invalid; /* a run had errors, or lost deliveries: its figures say nothing */
};

static void keep(struct results *results, const struct bench_scenario *scenario,
                 struct bench_result *result, const char *how)
{
    snprintf(result->name, sizeof result->name, "%s%s%s", scenario->name, *how ? ", " : "", how);
    bench_print(scenario->shape, result);
    if (result->errors || result->missing) {
        printf("%s: not valid, because of its errors\n", result->name);
        results->invalid = 1;
    }
    if (results->count < RESULTS_MAX)
        results->items[results->count++] = *result;
}

static int is_sustained(const struct bench_result *result)
{
    return !result->errors && result->messages > 0.97 * result->rate &&
           result->ack_ms[1] < SUSTAINED_P99_MS;
}

/*
 * The highest rate of an open loop that is sustained, of a row of rates that begins with the closed
 * loop's. The two differ much: in a closed loop the messages of a connection come in bursts, of
 * which the sockets take one for the price of one message; those of independent users do not.
 */
static int find_saturation(struct bench *bench, double closed_rate, double *ret_rate)
{
    double rate = closed_rate;
    struct bench_result result;
    do {
        if (bench_load(bench, rate, &result) < 0)
            return -1;
        *ret_rate = rate;
        rate *= SEARCH_STEP;
    } while (!is_sustained(&result) && rate > 1);
    return 0;
}

static int run_load(struct bench *bench, struct results *results)
{
    static const double parts[] = {0.2, 0.5, 0.8, 1};
    struct bench_result result;
    double saturation;
    if (bench_open_connections(bench) < 0)
        return -1;
    if (bench->scenario->shape == BENCH_GROUP && bench_create_groups(bench) < 0)
        return -1;
    if (bench->options->rate > 0) {
        int status = bench_load(bench, bench->options->rate, &result);
        if (status == 0)
            keep(results, bench->scenario, &result, "open");
        return status;
    }
    if (bench_load(bench, 0, &result) < 0)
        return -1;
    keep(results, bench->scenario, &result, "closed");
    if (find_saturation(bench, result.messages, &saturation) < 0)
        return -1;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char how[16];
        if (bench_load(bench, saturation * parts[i], &result) < 0)
            return -1;
        snprintf(how, sizeof how, "%.0f %%", parts[i] * 100);
        keep(results, bench->scenario, &result, how);
    }
    return 0;
}

static int run_scenario(const struct bench_options *options, const struct bench_scenario *scenario,
                        struct results *results)
{
    struct bench *bench = wsc_alloc_zeroed(1, sizeof *bench);
    struct bench_result result;
    int status = bench_start(bench, options, scenario);
    bench_print_header(scenario->shape);
    if (status == 0 && scenario->shape == BENCH_IDLE) {
        status = bench_idle(bench, &result);
        if (status == 0)
            keep(results, scenario, &result, "");
    } else if (status == 0 && scenario->shape == BENCH_HANDSHAKES) {
        status = bench_handshakes(bench, &result);
        if (status == 0)
            keep(results, scenario, &result, "");
    } else if (status == 0) {
        status = run_load(bench, results);
    }
    if (status != 0)
        printf("%s: FAILED\n", scenario->name);
    bench_stop(bench);
    free(bench);
    return status;
}

enum option_code {
    OPT_ONLY = 256,
    OPT_RATE,
    OPT_WINDOW,
    OPT_TEXT,
    OPT_OUTSTANDING,
    OPT_CONNECTIONS,
    OPT_ENCODING,
    OPT_TLS,
    OPT_JSON
};

static int take_option(struct bench_options *options, int code, const char *value)
{
    switch (code) {
    case OPT_ONLY:
        options->only = value;
        return 0;
    case OPT_RATE:
        options->rate = strtod(value, NULL);
        return options->rate > 0 ? 0 : -1;
    case OPT_WINDOW:
        options->window_s = strtod(value, NULL);
        return options->window_s > 0 ? 0 : -1;
    case OPT_TEXT:
        options->text_bytes = strtoull(value, NULL, 10);
        return options->text_bytes >= 8 ? 0 : -1;
    case OPT_OUTSTANDING:
        options->outstanding = strtoull(value, NULL, 10);
        return options->outstanding ? 0 : -1;
    case OPT_CONNECTIONS:
        options->connections = strtoull(value, NULL, 10);
        return 0;
    case OPT_ENCODING:
        options->encoding = strcmp(value, "json") == 0 ? WSC_JSON : WSC_MSGPACK;
        return strcmp(value, "json") == 0 || strcmp(value, "msgpack") == 0 ? 0 : -1;
    case OPT_TLS:
        options->tls = 1;
        return 0;
    case OPT_JSON:
        options->json = value;
        return 0;
    default:
        return -1;
    }
}

static int parse(int argc, char **argv, struct bench_options *options)
{
    static const struct option known[] = {
        {"only", required_argument, NULL, OPT_ONLY},
        {"rate", required_argument, NULL, OPT_RATE},
        {"window", required_argument, NULL, OPT_WINDOW},
        {"text", required_argument, NULL, OPT_TEXT},
        {"outstanding", required_argument, NULL, OPT_OUTSTANDING},
        {"connections", required_argument, NULL, OPT_CONNECTIONS},
        {"encoding", required_argument, NULL, OPT_ENCODING},
        {"tls", no_argument, NULL, OPT_TLS},
        {"json", required_argument, NULL, OPT_JSON},
        {NULL, 0, NULL, 0},
    };
    int code;
    *options = (struct bench_options){
        .window_s = 5, .text_bytes = 200, .outstanding = 16, .encoding = WSC_MSGPACK};
    while ((code = getopt_long(argc, argv, "+", known, NULL)) != -1)
        if (take_option(options, code, optarg) < 0)
            return -1;
    if (optind >= argc)
        return -1;
    options->program = argv[optind];
    options->server_options = (const char *const *)&argv[optind + 1];
    return 0;
}

static int write_json(const struct bench_options *options, const struct results *results)
{
    FILE *file = fopen(options->json, "w");
    if (!file) {
        perror(options->json);
        return -1;
    }
    bench_write_json(file, options, results->items, results->count);
    return fclose(file);
}

int main(int argc, char **argv)
{
    static struct results results;
    struct bench_options options;
    int status = 0;
    if (parse(argc, argv, &options) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    if (access(options.program, X_OK) < 0) {
        printf("SKIP: no chatcored at %s\n", options.program);
        return 77;
    }
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        if (!options.only || strcmp(options.only, scenarios[i].name) == 0)
            status |= run_scenario(&options, &scenarios[i], &results);
    if (options.json)
        status |= write_json(&options, &results);
    return status || results.invalid ? 1 : 0;
}
