/* The table and the JSON of the results: see bench.h. */
#include "bench.h"

#include <inttypes.h>

void bench_print_header(enum bench_shape shape)
{
    if (shape == BENCH_IDLE)
        printf("\n%-22s %8s %16s %16s %8s\n", "idle", "conns", "process bytes/c", "kernel bytes/c",
               "errors");
    else if (shape == BENCH_HANDSHAKES)
        printf("\n%-22s %12s %14s %10s %10s %8s\n", "handshakes", "a second", "server us each",
               "server CPU", "client CPU", "errors");
    else
        printf("\n%-22s %6s %8s %8s %9s %7s %7s %5s %5s | %7s %7s %7s | %7s %7s %7s | %6s %7s\n",
               "messages", "conns", "asked/s", "acked/s", "deliv/s", "us/msg", "us/del", "scpu",
               "ccpu", "ack p50", "p99", "p99.9", "del p50", "p99", "p99.9", "errors", "missing");
}

void bench_print(enum bench_shape shape, const struct bench_result *r)
{
    if (shape == BENCH_IDLE)
        printf("%-22s %8zu %16.0f %16.0f %8" PRIu64 "\n", r->name, r->connections, r->process_bytes,
               r->kernel_bytes, r->errors);
    else if (shape == BENCH_HANDSHAKES)
        printf("%-22s %12.0f %14.1f %10.2f %10.2f %8" PRIu64 "\n", r->name, r->handshakes,
               r->server_us_handshake, r->server_cpu, r->client_cpu, r->errors);
    else
        printf("%-22s %6zu %8.0f %8.0f %9.0f %7.2f %7.2f %5.2f %5.2f | %7.2f %7.2f %7.2f | %7.2f "
               "%7.2f %7.2f | %6" PRIu64 " %7" PRIu64 "\n",
               r->name, r->connections, r->rate, r->messages, r->deliveries, r->server_us_message,
               r->server_us_delivery, r->server_cpu, r->client_cpu, r->ack_ms[0], r->ack_ms[1],
               r->ack_ms[2], r->delivery_ms[0], r->delivery_ms[1], r->delivery_ms[2], r->errors,
               r->missing);
    fflush(stdout);
}

static void write_result(FILE *file, const struct bench_result *r)
{
    fprintf(file,
            "  {\"name\": \"%s\", \"connections\": %zu, \"rate\": %.0f, \"messages\": %.1f, "
            "\"deliveries\": %.1f,\n   \"server_us_message\": %.3f, \"server_us_delivery\": %.3f, "
            "\"server_cpu\": %.3f, \"client_cpu\": %.3f,\n",
            r->name, r->connections, r->rate, r->messages, r->deliveries, r->server_us_message,
            r->server_us_delivery, r->server_cpu, r->client_cpu);
    fprintf(file,
            "   \"ack_ms\": [%.3f, %.3f, %.3f], \"delivery_ms\": [%.3f, %.3f, %.3f], "
            "\"errors\": %" PRIu64 ", \"missing\": %" PRIu64 ",\n",
            r->ack_ms[0], r->ack_ms[1], r->ack_ms[2], r->delivery_ms[0], r->delivery_ms[1],
            r->delivery_ms[2], r->errors, r->missing);
    fprintf(file,
            "   \"process_bytes\": %.0f, \"kernel_bytes\": %.0f, \"handshakes\": %.1f, "
            "\"server_us_handshake\": %.2f}",
            r->process_bytes, r->kernel_bytes, r->handshakes, r->server_us_handshake);
}

void bench_write_json(FILE *file, const struct bench_options *options,
                      const struct bench_result *results, size_t count)
{
    fprintf(file,
            "{\"encoding\": \"%s\", \"tls\": %s, \"text_bytes\": %zu, \"window_s\": %.1f, "
            "\"outstanding\": %zu,\n \"results\": [\n",
            options->encoding == WSC_JSON ? "json" : "msgpack", options->tls ? "true" : "false",
            options->text_bytes, options->window_s, options->outstanding);
    for (size_t i = 0; i < count; i++) {
        write_result(file, &results[i]);
        fputs(i + 1 < count ? ",\n" : "\n", file);
    }
    fputs(" ]}\n", file);
}
