/* Idle connections: what each costs in memory. See bench.h. */
#include "bench.h"

#include <stdlib.h>

/*
 * The kernel's share: slab and socket buffers of the whole machine, before and after. Both ends of
 * each connection are on this machine, so half of it is the server's. Other work on the machine
 * disturbs the figure.
 */
static double kernel_bytes(void)
{
    char line[256];
    double kilobytes = 0;
    double pages = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "Slab:", 5) == 0)
            kilobytes = strtod(line + 5, NULL);
    if (file)
        fclose(file);
    file = fopen("/proc/net/sockstat", "r");
    while (file && fgets(line, sizeof line, file)) {
        const char *memory = strstr(line, " mem ");
        if (strncmp(line, "TCP:", 4) == 0 && memory)
            pages = strtod(memory + 5, NULL);
    }
    if (file)
        fclose(file);
    return kilobytes * 1024 + pages * 4096;
}

/* Lets what the handshakes used be given back. */
static int never(const struct bench *bench)
{
    (void)bench;
    return 0;
}

int bench_idle(struct bench *bench, struct bench_result *ret_result)
{
    struct server_usage before;
    struct server_usage after;
    double kernel_before = kernel_bytes();
    int status = server_usage(&bench->server, &before);
    if (status < 0 || bench_open_connections(bench) < 0)
        return -1;
    bench_turn_until(bench, 2, never);
    if (server_usage(&bench->server, &after) < 0)
        return -1;
    double count = (double)bench->connection_count;
    *ret_result = (struct bench_result){.connections = bench->connection_count};
    ret_result->process_bytes = ((double)after.rss_bytes - (double)before.rss_bytes) / count;
    ret_result->kernel_bytes = (kernel_bytes() - kernel_before) / 2 / count;
    ret_result->errors = bench->lost;
    return 0;
}
