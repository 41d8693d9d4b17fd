/*
 * bench_ws: what a chatcored costs and how fast it answers, measured from outside, through
 * WebSocket. It starts the server itself, on an empty data folder for each scenario.
 *
 * The load is open: messages are due at times that do not depend on the answers, and a latency
 * counts from when the message was due, so a server that stalls is charged for all it kept waiting.
 * Only the first run is closed: each sender keeps a number of messages outstanding.
 * Server CPU is user plus system time of its process over the measured window. Client and server
 * share the machine's cores; the client's own CPU is told too.
 */
#ifndef BENCH_WS_BENCH_H
#define BENCH_WS_BENCH_H

#include "agent.h"
#include "server_process.h"

#include <stdio.h>

#define SECOND      1000000000ull
#define MILLISECOND 1000000ull

struct bench_options {
    const char *program;
    const char *const *server_options;
    const char *only; /* the name of the one scenario to run; NULL: all */
    const char *json; /* the file for the results; NULL: none */
    double window_s;  /* measured, after a warm-up of a quarter of it */
    double rate;      /* 0: closed, then 20, 50, 80, 100 % of the saturation */
    size_t text_bytes;
    size_t outstanding; /* of each sender in the closed loop */
    size_t connections; /* 0: as the scenario says */
    enum wsc_encoding encoding;
    int tls; /* the server must be told its certificate by its own options */
};

enum bench_shape { BENCH_DIRECT, BENCH_GROUP, BENCH_IDLE, BENCH_HANDSHAKES };

struct bench_scenario {
    const char *name;
    enum bench_shape shape;
    size_t connections;
    size_t members; /* of each group; the connections are dealt out to groups */
    size_t senders; /* in the closed search: so many that about a million deliveries wait at most */
};

/* One line of the table. */
struct bench_result {
    char name[48];
    size_t connections;
    double rate;     /* asked for; 0: closed */
    double messages; /* a second, acknowledged */
    double deliveries;
    double server_us_message;
    double server_us_delivery;
    double server_cpu; /* cores */
    double client_cpu;
    double ack_ms[3]; /* p50, p99, p99.9 */
    double delivery_ms[3];
    uint64_t errors;
    uint64_t missing; /* deliveries that never came */
    /* idle */
    double process_bytes;
    double kernel_bytes;
    /* handshakes */
    double handshakes;
    double server_us_handshake;
};

struct bench;

struct bench_connection {
    struct bench *bench;
    struct wsc *client;
    char user[32];
    uint32_t index;
    uint32_t peer;  /* BENCH_DIRECT */
    uint32_t group; /* BENCH_GROUP */
    uint32_t outstanding;
    int synced;
    int waiting; /* closed: in the middle of being refilled later */
};

/* What is known of the messages under way: a ring by number. */
struct bench_message {
    uint64_t due_ns;
    uint32_t number;
    uint32_t measured; /* due within the window */
};
#define BENCH_RING (1u << 20)

struct bench {
    const struct bench_options *options;
    const struct bench_scenario *scenario;
    struct server_process server;
    char *directory;
    char secret_path[600];
    char log_path[600];
    char data_path[600];
    struct wsc_secret secret;
    struct wsc_loop *loop;
    struct wsc_target *targets; /* one for each source address */
    size_t target_count;
    struct bench_connection *connections;
    size_t connection_count;
    size_t opening; /* not yet synced */
    size_t next_to_open;
    size_t synced;
    uint64_t lost; /* connections that ended while they were needed */
    char last_close[96];
    char (*group_names)[32];
    size_t group_count;
    char *text;
    /* the load */
    struct bench_message *ring;
    uint32_t next_number;  /* goes on from run to run: client ids are used once */
    uint32_t first_number; /* of this run */
    size_t next_sender;
    int closed_loop;
    int sending;
    int measuring;
    double interval_ns;
    uint64_t next_due_ns;
    struct wsc_timer due;
    uint64_t random;
    uint64_t acked;
    uint64_t delivered;
    uint64_t expected; /* deliveries of what was acknowledged */
    uint64_t errors;
    char last_error[40];
    uint64_t window_acked;
    uint64_t window_delivered;
    struct wsc_histogram ack_ns;
    struct wsc_histogram delivery_ns;
};

/* setup.c */
int bench_start(struct bench *bench, const struct bench_options *options,
                const struct bench_scenario *scenario);
void bench_stop(struct bench *bench);
int bench_open_connections(struct bench *bench);
int bench_create_groups(struct bench *bench);
int bench_turn_until(struct bench *bench, double patience_s,
                     int (*done)(const struct bench *bench));

/* load.c */
void bench_handle_object(struct bench_connection *connection, const struct wsc_object *object);
/* `rate` 0: closed. */
int bench_load(struct bench *bench, double rate, struct bench_result *ret_result);

/* idle.c, handshakes.c */
int bench_idle(struct bench *bench, struct bench_result *ret_result);
int bench_handshakes(struct bench *bench, struct bench_result *ret_result);

/* report.c */
void bench_print_header(enum bench_shape shape);
void bench_print(enum bench_shape shape, const struct bench_result *result);
void bench_write_json(FILE *file, const struct bench_options *options,
                      const struct bench_result *results, size_t count);

struct bench_clock {
    uint64_t at_ns;
    uint64_t client_ns;
    struct server_usage server;
};
int bench_clock_read(const struct bench *bench, struct bench_clock *ret_clock);

#endif
