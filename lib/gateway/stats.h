/*
 * The gateway's figures: each thread has its own, which only it writes; any thread may add them up.
 */
#ifndef CC_GATEWAY_STATS_H
#define CC_GATEWAY_STATS_H

#include "chatcore/gateway.h"

#include <stdatomic.h>

/* X(member, metric's name, type, help) */
#define STATS_TABLE(X)                                                                             \
    X(connections, "connections", "gauge", "Sockets open now.")                                    \
    X(sessions, "sessions", "gauge", "WebSocket sessions now.")                                    \
    X(accepted, "accepted_total", "counter", "Sockets accepted.")                                  \
    X(handshakes, "handshakes_total", "counter", "Connections upgraded to WebSocket.")             \
    X(handshakes_refused, "handshakes_refused_total", "counter",                                   \
      "Upgrades answered with 4xx or 503.")                                                        \
    X(accept_pauses, "accept_pauses_total", "counter",                                             \
      "Times that accepting paused: out of files, or at a limit.")                                 \
    X(accepting, "accepting", "gauge", "Threads that accept now.")                                 \
    X(frames_in, "frames_in_total", "counter", "WebSocket messages received.")                     \
    X(frames_out, "frames_out_total", "counter", "WebSocket messages sent.")                       \
    X(bytes_in, "bytes_in_total", "counter", "Payload of WebSocket messages received.")            \
    X(bytes_out, "bytes_out_total", "counter", "Payload of WebSocket messages sent.")              \
    X(commands, "commands_total", "counter", "Commands given to the engine.")                      \
    X(events, "events_total", "counter", "Replies and pushes, one for each connection.")           \
    X(output_bytes, "output_bytes", "gauge", "Waiting for connections that do not read.")          \
    X(blocked, "blocked_total", "counter", "Writes that the kernel did not take whole.")           \
    X(protocol_errors, "protocol_errors_total", "counter",                                         \
      "Connections closed for breaking the protocol.")                                             \
    X(silent, "silent_total", "counter", "Connections closed for giving no sign of life.")         \
    X(output_overflows, "output_overflows_total", "counter",                                       \
      "Connections cut off because they did not read.")                                            \
    X(http_requests, "http_requests_total", "counter", "HTTP requests answered.")                  \
    X(transfers, "transfers", "gauge", "Objects being uploaded and downloaded now.")               \
    X(transfers_cut, "transfers_cut_total", "counter",                                             \
      "Transfers cut off because they stood still.")                                               \
    X(upload_bytes, "upload_bytes_total", "counter", "Bytes of objects received.")                 \
    X(download_bytes, "download_bytes_total", "counter", "Bytes of objects sent.")

struct stats {
#define STATS_MEMBER(member, name, type, help) _Atomic uint64_t member;
    STATS_TABLE(STATS_MEMBER)
#undef STATS_MEMBER
};

/* The owner's thread. */
static inline void stats_add(_Atomic uint64_t *figure, uint64_t count)
{
    atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + count,
                          memory_order_relaxed);
}

static inline void stats_sub(_Atomic uint64_t *figure, uint64_t count)
{
    stats_add(figure, 0 - count);
}

/* Adds a thread's figures to a sum. Any thread. */
void stats_sum(const struct stats *stats, struct cc_gateway_stats *sum);

#endif
