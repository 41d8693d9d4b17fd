/*
 * Metrics: the figures of the gateway and of the engine.
 */
#include "gateway/metrics.h"

#include "gateway/stats.h"

#include <inttypes.h>
#include <stdio.h>

/* X(member of cc_engine_stats, metric's name, type, help) */
#define ENGINE_TABLE(X)                                                                            \
    X(sessions, "sessions", "gauge", "Sessions connected now.")                                    \
    X(users, "users", "gauge", "Users with a session now.")                                        \
    X(commands, "commands_total", "counter", "Commands taken.")                                    \
    X(sends, "messages_total", "counter", "Messages applied, of every kind.")                      \
    X(duplicates, "duplicates_total", "counter", "Retried messages recognised.")                   \
    X(rejected, "rejected_total", "counter", "Commands answered with an error.")                   \
    X(rate_limited, "rate_limited_total", "counter", "Commands refused by a rate limit.")          \
    X(deliveries, "deliveries_total", "counter", "Messages pushed, one for each session.")         \
    X(catchups, "catchups_total", "counter", "Sessions that began to catch up.")                   \
    X(slow_consumers, "slow_consumers_total", "counter",                                           \
      "Sessions that went back to catching up because they read too slowly.")                      \
    X(flushes, "flushes_total", "counter", "Writes to the store completed.")                       \
    X(unflushed_bytes, "unflushed_bytes", "gauge", "Messages not yet in the store.")               \
    X(recent_bytes, "recent_bytes", "gauge", "Newest messages kept in memory.")                    \
    X(log_appends, "log_appends_total", "counter", "Batches appended to the log.")                 \
    X(port_errors, "port_errors_total", "counter", "Operations of backends that failed.")          \
    X(bus_gaps, "bus_gaps_total", "counter", "Lost or late messages of other nodes, healed.")      \
    X(notifications_sent, "notifications_sent_total", "counter",                                   \
      "Notifications that a provider took.")                                                       \
    X(notifications_taken_back, "notifications_taken_back_total", "counter",                       \
      "Notifications taken back, since they had been read.")                                       \
    X(notifications_retried, "notifications_retried_total", "counter",                             \
      "Attempts that failed and are repeated.")                                                    \
    X(notifications_dropped, "notifications_dropped_total", "counter",                             \
      "Notifications given up: too old, or a queue was full.")                                     \
    X(notifications_refused, "notifications_refused_total", "counter",                             \
      "Notifications that a provider will never take.")                                            \
    X(notifications_held_back, "notifications_held_back_total", "counter",                         \
      "Notifications not made in quiet hours.")                                                    \
    X(notification_tokens_gone, "notification_tokens_gone_total", "counter",                       \
      "Device tokens removed, since they were of no device any more.")                             \
    X(notifications_waiting, "notifications_waiting", "gauge", "Notifications not yet sent.")      \
    X(search_behind, "search_behind", "gauge", "Records that the search index has yet to take.")

static void write_metric(struct buffer *text, const char *name, const char *type, const char *help,
                         uint64_t value)
{
    char line[384];
    int size = snprintf(line, sizeof line,
                        "# HELP chatcore_%s %s\n# TYPE chatcore_%s %s\nchatcore_%s %" PRIu64 "\n",
                        name, help, name, type, name, value);

    if (size > 0 && (size_t)size < sizeof line)
        buffer_append(text, line, (size_t)size);
}

void metrics_write(const struct cc_gateway_stats *gateway, const struct cc_engine_stats *engine,
                   struct buffer *text)
{
#define WRITE(member, name, type, help)                                                            \
    write_metric(text, "gateway_" name, type, help, gateway->member);
    STATS_TABLE(WRITE)
#undef WRITE
#define WRITE(member, name, type, help)                                                            \
    write_metric(text, "engine_" name, type, help, engine->member);
    ENGINE_TABLE(WRITE)
#undef WRITE
}

void stats_sum(const struct stats *stats, struct cc_gateway_stats *sum)
{
#define SUM(member, name, type, help)                                                              \
    sum->member += atomic_load_explicit(&stats->member, memory_order_relaxed);
    STATS_TABLE(SUM)
#undef SUM
}
