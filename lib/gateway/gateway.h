/*
 * The gateway's own state, shared by its threads: set when it is made and then only read, but for
 * the members that say otherwise.
 *
 * The way of a command: socket.c receives, connection.c puts the message together and submits its
 * commands to the engine. The way of an event: worker.c drains the thread's queue at the end of a
 * loop turn, delivery.c encodes each event once and adds it to its connections' output,
 * connection.c writes each connection's output in as few frames as it fits in.
 */
#ifndef CC_GATEWAY_GATEWAY_H
#define CC_GATEWAY_GATEWAY_H

#include "base/trace.h"
#include "chatcore/gateway.h"
#include "gateway/admission.h"
#include "gateway/cors.h"
#include "gateway/http.h"
#include "gateway/quota.h"

#include <stdatomic.h>

struct worker;

struct cc_gateway {
    struct cc_allocator allocator;
    struct cc_trace trace;
    struct cc_engine *engine;
    struct cc_gateway_options options; /* its pointers are not valid: what they hold is below */
    struct admission admission;
    struct http_router router;
    struct cors cors;
    struct quota quota;     /* locks itself: connections */
    struct quota transfers; /* likewise: objects that are received and sent */
    char *tls_cert_file;
    char *tls_key_file;
    bool can_unsubscribe;
    uint8_t unsubscribe_key[CC_UNSUBSCRIBE_KEY];
    int port;

    struct worker **workers;
    uint32_t worker_count;

    _Atomic uint32_t sockets;     /* open on all threads */
    _Atomic uint32_t next_worker; /* for cc_gateway_adopt() */
    _Atomic int64_t drain_ms;     /* below 0: not draining */
    _Atomic uint32_t undrained;   /* threads that still have sessions, once draining */
    _Atomic bool is_serving;      /* all threads have been started */
    _Atomic bool is_stopping;
    _Atomic uint32_t running; /* threads */
};

#define gateway_trace(gateway, level, ...)                                                         \
    trace_write(&(gateway)->trace, level, "gateway", __VA_ARGS__)

static inline bool gateway_is_draining(struct cc_gateway *gateway)
{
    return atomic_load_explicit(&gateway->drain_ms, memory_order_relaxed) >= 0;
}

/* A thread has no session left, with the gateway draining. Called once by each. */
void gateway_worker_drained(struct cc_gateway *gateway);

/* A thread serves nothing any more. Called once by each. */
void gateway_worker_stopped(struct cc_gateway *gateway);

#endif
