/* The load: what is sent when, and what comes back. See bench.h. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>

#define DRAIN_S       30
#define NUMBER_DIGITS 8
#define COMMAND_BASE  16 /* command ids below are the set-up's */

/* ---- sending ---- */

static void write_number(char *text, uint32_t number)
{
    for (int i = NUMBER_DIGITS - 1; i >= 0; i--, number >>= 4)
        text[i] = "0123456789abcdef"[number & 15];
}

/* The number a text starts with; UINT32_MAX when it is none of ours. */
static uint32_t read_number(struct wsc_slice text)
{
    uint32_t number = 0;
    if (text.size < NUMBER_DIGITS)
        return UINT32_MAX;
    for (int i = 0; i < NUMBER_DIGITS; i++) {
        char c = text.data[i];
        uint32_t digit = (uint32_t)(c >= '0' && c <= '9' ? c - '0' : c - 'a' + 10);
        if (digit > 15)
            return UINT32_MAX;
        number = number << 4 | digit;
    }
    return number;
}

static void send_message(struct bench *bench, struct bench_connection *sender, uint64_t due_ns)
{
    uint32_t number = bench->next_number++;
    char client_id[NUMBER_DIGITS];
    bench->ring[number % BENCH_RING] =
        (struct bench_message){due_ns, number, (uint32_t)bench->measuring};
    write_number(client_id, number);
    memcpy(bench->text, client_id, sizeof client_id);
    struct wsc_command command = wsc_begin(sender->client, COMMAND_BASE + number, "send");
    if (bench->scenario->shape == BENCH_GROUP)
        wsc_command_text(&command, "conversation", wsc_text(bench->group_names[sender->group]));
    else
        wsc_command_text(&command, "user", wsc_text(bench->connections[sender->peer].user));
    wsc_command_text(&command, "client_id", (struct wsc_slice){client_id, sizeof client_id});
    wsc_command_text(&command, "text", (struct wsc_slice){bench->text, bench->options->text_bytes});
    wsc_command_end(&command);
    sender->outstanding++;
}

static struct bench_connection *next_sender(struct bench *bench)
{
    for (size_t i = 0; i < bench->connection_count; i++) {
        struct bench_connection *sender =
            &bench->connections[bench->next_sender++ % bench->connection_count];
        if (sender->client)
            return sender;
    }
    return NULL;
}

/* Exponential gaps: the arrivals of many independent users. */
static double next_gap_ns(struct bench *bench)
{
    bench->random = bench->random * 6364136223846793005u + 1442695040888963407u;
    double uniform = ((double)(bench->random >> 11) + 1) / 9007199254740993.0;
    return -log(uniform) * bench->interval_ns;
}

static void send_due(void *data)
{
    struct bench *bench = data;
    uint64_t now = wsc_now_ns();
    if (!bench->sending)
        return;
    while (bench->next_due_ns <= now) {
        struct bench_connection *sender = next_sender(bench);
        if (!sender)
            return;
        send_message(bench, sender, bench->next_due_ns);
        bench->next_due_ns += (uint64_t)next_gap_ns(bench);
    }
    wsc_timer_set(bench->loop, &bench->due, bench->next_due_ns - now, send_due, bench);
}

static void refill(struct bench_connection *sender)
{
    struct bench *bench = sender->bench;
    while (bench->sending && sender->client && sender->outstanding < bench->options->outstanding)
        send_message(bench, sender, wsc_now_ns());
}

/* ---- receiving ---- */

static size_t receivers(const struct bench *bench)
{
    return bench->scenario->shape == BENCH_GROUP ? bench->scenario->members : 2;
}

static void handle_ack(struct bench_connection *connection, const struct wsc_object *object)
{
    struct bench *bench = connection->bench;
    uint32_t number = (uint32_t)(object->id - COMMAND_BASE);
    const struct bench_message *message = &bench->ring[number % BENCH_RING];
    bench->acked++;
    bench->window_acked += (uint64_t)bench->measuring;
    bench->expected += receivers(bench);
    if (message->number == number && message->measured)
        wsc_histogram_add(&bench->ack_ns, wsc_now_ns() - message->due_ns);
}

static void handle_error(struct bench_connection *connection, const struct wsc_object *object)
{
    struct bench *bench = connection->bench;
    bench->errors++;
    snprintf(bench->last_error, sizeof bench->last_error, "%.*s", (int)object->f.name.size,
             object->f.name.data);
    connection->outstanding--;
}

/* In the closed search a sender goes on when its own copy has come, so that deliveries, not only
 * acknowledgements, hold it back. */
static void handle_delivery(struct bench_connection *connection, const struct wsc_fields *message)
{
    struct bench *bench = connection->bench;
    uint32_t number = read_number(message->text);
    const struct bench_message *sent = &bench->ring[number % BENCH_RING];
    if (number >= bench->next_number)
        return;
    bench->delivered++;
    bench->window_delivered += (uint64_t)bench->measuring;
    if (wsc_slice_is(message->from, connection->user)) {
        connection->outstanding--;
        if (bench->closed_loop)
            refill(connection);
    } else if (sent->number == number && sent->measured) {
        wsc_histogram_add(&bench->delivery_ns, wsc_now_ns() - sent->due_ns);
    }
}

void bench_handle_object(struct bench_connection *connection, const struct wsc_object *object)
{
    if (object->key == WSC_SEND)
        handle_ack(connection, object);
    else if (object->key == WSC_ERROR && object->id >= COMMAND_BASE)
        handle_error(connection, object);
    else if (object->key == WSC_MESSAGE && wsc_slice_is(object->f.kind, "text"))
        handle_delivery(connection, &object->f);
}

/* ---- a run ---- */

static void run_for(struct bench *bench, double seconds)
{
    uint64_t end = wsc_now_ns() + (uint64_t)(seconds * 1e9);
    while (wsc_now_ns() < end)
        wsc_loop_turn(bench->loop, 1);
}

static int drained(const struct bench *bench)
{
    return bench->acked + bench->errors == bench->next_number - bench->first_number &&
           bench->delivered >= bench->expected;
}

static void start_sending(struct bench *bench, double rate)
{
    bench->sending = 1;
    bench->closed_loop = rate <= 0;
    if (bench->closed_loop) {
        size_t step = bench->connection_count / bench->scenario->senders;
        for (size_t i = 0; i < bench->connection_count; i += step ? step : 1)
            refill(&bench->connections[i]);
        return;
    }
    bench->interval_ns = 1e9 / rate;
    bench->next_due_ns = wsc_now_ns();
    send_due(bench);
}

static void reset(struct bench *bench)
{
    bench->acked = bench->delivered = bench->expected = bench->errors = 0;
    bench->window_acked = bench->window_delivered = 0;
    bench->first_number = bench->next_number;
    memset(&bench->ack_ns, 0, sizeof bench->ack_ns);
    memset(&bench->delivery_ns, 0, sizeof bench->delivery_ns);
    for (size_t i = 0; i < bench->connection_count; i++)
        bench->connections[i].outstanding = 0;
}

static void fill_latencies(const struct wsc_histogram *histogram, double ret_ms[3])
{
    static const double quantiles[3] = {0.5, 0.99, 0.999};
    for (int i = 0; i < 3; i++)
        ret_ms[i] = (double)wsc_histogram_at(histogram, quantiles[i]) / 1e6;
}

static void fill_result(const struct bench *bench, const struct bench_clock *begin,
                        const struct bench_clock *end, struct bench_result *result)
{
    double seconds = (double)(end->at_ns - begin->at_ns) / 1e9;
    double server_ns = (double)(end->server.user_ns + end->server.system_ns -
                                begin->server.user_ns - begin->server.system_ns);
    double acked = (double)bench->window_acked;
    double delivered = (double)bench->window_delivered;
    result->connections = bench->connection_count;
    result->messages = acked / seconds;
    result->deliveries = delivered / seconds;
    result->server_us_message = acked > 0 ? server_ns / acked / 1e3 : 0;
    result->server_us_delivery = delivered > 0 ? server_ns / delivered / 1e3 : 0;
    result->server_cpu = server_ns / 1e9 / seconds;
    result->client_cpu = (double)(end->client_ns - begin->client_ns) / 1e9 / seconds;
    result->errors = bench->errors + bench->lost;
    result->missing = bench->expected > bench->delivered ? bench->expected - bench->delivered : 0;
    fill_latencies(&bench->ack_ns, result->ack_ms);
    fill_latencies(&bench->delivery_ns, result->delivery_ms);
}

int bench_load(struct bench *bench, double rate, struct bench_result *ret_result)
{
    struct bench_clock begin;
    struct bench_clock end;
    reset(bench);
    start_sending(bench, rate);
    run_for(bench, bench->options->window_s / 4);
    bench->measuring = 1;
    int status = bench_clock_read(bench, &begin);
    run_for(bench, bench->options->window_s);
    bench->measuring = 0;
    status |= bench_clock_read(bench, &end);
    bench->sending = 0;
    if (status != 0) {
        fprintf(stderr, "the server has ended\n");
        return -1;
    }
    bench_turn_until(bench, DRAIN_S, drained);
    *ret_result = (struct bench_result){.rate = rate};
    fill_result(bench, &begin, &end, ret_result);
    if (ret_result->errors)
        fprintf(stderr, "%llu errors, the last: %s; %llu connections lost, the last: %s\n",
                (unsigned long long)bench->errors, bench->last_error,
                (unsigned long long)bench->lost, bench->last_close);
    return 0;
}
