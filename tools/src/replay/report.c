/* The replay's progress and summary: see replay.h. */
#include "replay.h"

#include <inttypes.h>
#include <stdio.h>

#define BAR_WIDTH     30
#define REDRAW_NS     200000000u
#define PLAIN_LINE_NS 5000000000u

static void print_bar(double part)
{
    int full = (int)(part * BAR_WIDTH);
    fputc('[', stderr);
    for (int i = 0; i < BAR_WIDTH; i++)
        fputc(i < full ? '#' : '.', stderr);
    fputc(']', stderr);
}

void replay_print_progress(struct replay *replay)
{
    const struct ledger_figures *figures = ledger_figures(replay->ledger);
    uint64_t now = wsc_now_ns();
    if (now - replay->last_print_ns < (replay->options->progress ? REDRAW_NS : PLAIN_LINE_NS))
        return;
    replay->last_print_ns = now;
    uint64_t written = 0;
    for (size_t i = 0; i < replay->log.room_count; i++)
        written += replay->rooms[i].next;
    double part = (double)written / (double)replay->log.line_count;
    if (replay->options->progress) {
        fputc('\r', stderr);
        print_bar(part);
    }
    fprintf(stderr,
            " %3d %% %s: %" PRIu64 " connected, %" PRIu64 " acknowledged, %" PRIu64
            " delivered, %" PRIu64 " drops%s",
            (int)(100 * part), replay->phase, replay->set.synced, figures->acked,
            figures->deliveries, replay->dropped, replay->options->progress ? "  " : "\n");
}

static void print_latency(const char *name, const struct wsc_histogram *histogram)
{
    printf("%-22s p50 %8.2f   p99 %8.2f   p99.9 %8.2f   max %8.2f ms\n", name,
           (double)wsc_histogram_at(histogram, 0.5) / 1e6,
           (double)wsc_histogram_at(histogram, 0.99) / 1e6,
           (double)wsc_histogram_at(histogram, 0.999) / 1e6, (double)histogram->max / 1e6);
}

static void print_errors(const struct replay *replay)
{
    for (size_t i = 0; i < AGENT_ERROR_NAMES && replay->set.errors[i].count; i++)
        printf("  %-32s %" PRIu64 "\n", replay->set.errors[i].name, replay->set.errors[i].count);
}

static void print_figures(const struct replay *replay)
{
    const struct ledger_figures *figures = ledger_figures(replay->ledger);
    double seconds = (double)(replay->messages_end_ns - replay->messages_start_ns) / 1e9;
    printf("\n%zu rooms, %zu users, %zu lines; %" PRIu64 " messages (%" PRIu64 " direct)\n",
           replay->log.room_count, replay->log.user_count, replay->log.line_count, replay->posts,
           replay->direct_posts);
    printf("%-22s %" PRIu64 " acknowledged, %" PRIu64 " refused, %.0f a second over %.1f s\n",
           "messages", figures->acked, figures->refused, (double)figures->acked / seconds, seconds);
    printf("%-22s %" PRIu64 ", %.0f a second, and %" PRIu64 " again after reconnects\n",
           "deliveries", figures->deliveries, (double)figures->deliveries / seconds,
           figures->redelivered);
    printf("%-22s %" PRIu64 ", %" PRIu64 " messages sent again\n", "lost connections",
           replay->dropped, replay->set.resent);
    printf("%-22s %" PRIu64 " messages compared in pages\n", "history", replay->history_messages);
    print_latency("acknowledgement", &figures->ack_ns);
    print_latency("delivery", &figures->delivery_ns);
}

int replay_summary(struct replay *replay)
{
    uint64_t faults = ledger_finish(replay->ledger);
    uint64_t refused = ledger_figures(replay->ledger)->refused;
    print_figures(replay);
    printf("errors and closes by name:\n");
    print_errors(replay);
    for (size_t i = 0; i < LEDGER_FAULT_COUNT; i++)
        if (ledger_figures(replay->ledger)->faults[i])
            printf("FAULT %-44s %" PRIu64 "\n", ledger_fault_text((enum ledger_fault)i),
                   ledger_figures(replay->ledger)->faults[i]);
    if (refused && !replay->options->allow_refused)
        printf("FAULT %-44s %" PRIu64 "\n", "messages that the server refused", refused);
    int same = !faults && (!refused || replay->options->allow_refused) && !replay->failed &&
               !replay->set.forbidden_closes;
    printf(same ? "every member has the same complete history\n" : "the histories DIFFER\n");
    return same ? 0 : 1;
}
