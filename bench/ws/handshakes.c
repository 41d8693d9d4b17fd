/* Handshakes: connections that log in, are told that they are synced, and go. See bench.h. */
#include "bench.h"

#include <stdlib.h>
#include <time.h>

#define AT_ONCE 32

struct visitor {
    struct visits *visits;
    char user[32];
    char *token;
    size_t number;
};

struct visits {
    struct bench *bench;
    struct visitor visitors[AT_ONCE];
    size_t next_source;
    uint64_t done;
    uint64_t failed;
    int going;
};

static void visit(struct visitor *visitor);

static void handle_opened(struct wsc *client, void *data)
{
    struct visitor *visitor = data;
    wsc_connect(client, 1, visitor->token, "bench", wsc_text(""));
}

static void handle_object(struct wsc *client, const struct wsc_object *object, void *data)
{
    struct visitor *visitor = data;
    if (object->key == WSC_SYNCED) {
        visitor->visits->done++;
        wsc_close(client, 1000);
    } else if (object->key == WSC_ERROR) {
        wsc_close(client, 1000);
    }
}

static void handle_closed(struct wsc *client, int code, struct wsc_slice reason, void *data)
{
    struct visitor *visitor = data;
    struct bench *bench = visitor->visits->bench;
    (void)client;
    if (code != 1000) {
        visitor->visits->failed++;
        snprintf(bench->last_close, sizeof bench->last_close, "%d %.*s", code, (int)reason.size,
                 reason.data ? reason.data : "");
    }
    if (visitor->visits->going)
        visit(visitor);
}

static const struct wsc_handlers handlers = {handle_opened, handle_object, handle_closed};

static void visit(struct visitor *visitor)
{
    struct visits *visits = visitor->visits;
    struct bench *bench = visits->bench;
    wsc_open(bench->loop, &bench->targets[visits->next_source++ % bench->target_count], &handlers,
             visitor);
}

static void run_for(struct bench *bench, double seconds)
{
    uint64_t end = wsc_now_ns() + (uint64_t)(seconds * 1e9);
    while (wsc_now_ns() < end)
        wsc_loop_turn(bench->loop, 10);
}

static void start(struct bench *bench, struct visits *visits)
{
    visits->bench = bench;
    visits->going = 1;
    for (size_t i = 0; i < AT_ONCE; i++) {
        struct visitor *visitor = &visits->visitors[i];
        visitor->visits = visits;
        snprintf(visitor->user, sizeof visitor->user, "visitor-%zu", i);
        visitor->token = wsc_jwt_mint(&bench->secret, visitor->user, (int64_t)time(NULL) + 86400);
        visit(visitor);
    }
}

int bench_handshakes(struct bench *bench, struct bench_result *ret_result)
{
    struct visits *visits = wsc_alloc_zeroed(1, sizeof *visits);
    struct bench_clock begin;
    struct bench_clock end;
    start(bench, visits);
    run_for(bench, bench->options->window_s / 4);
    uint64_t done_before = visits->done;
    int status = bench_clock_read(bench, &begin);
    run_for(bench, bench->options->window_s);
    status |= bench_clock_read(bench, &end);
    double done = (double)(visits->done - done_before);
    visits->going = 0;
    run_for(bench, 0.5);
    double seconds = (double)(end.at_ns - begin.at_ns) / 1e9;
    double server_ns = (double)(end.server.user_ns + end.server.system_ns - begin.server.user_ns -
                                begin.server.system_ns);
    *ret_result = (struct bench_result){.connections = AT_ONCE};
    ret_result->handshakes = done / seconds;
    ret_result->server_us_handshake = done > 0 ? server_ns / done / 1e3 : 0;
    ret_result->server_cpu = server_ns / 1e9 / seconds;
    ret_result->client_cpu = (double)(end.client_ns - begin.client_ns) / 1e9 / seconds;
    ret_result->errors = visits->failed;
    if (visits->failed)
        fprintf(stderr, "the last of %llu failed handshakes: %s\n",
                (unsigned long long)visits->failed, bench->last_close);
    for (size_t i = 0; i < AT_ONCE; i++)
        free(visits->visitors[i].token);
    wsc_loop_free(bench->loop); /* before the visitors that its connections point to */
    bench->loop = NULL;
    free(visits);
    return status;
}
