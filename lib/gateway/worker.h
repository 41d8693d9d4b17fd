/*
 * One gateway thread: its event loop, its queue to the engine, its listener, its connections.
 * Everything in here belongs to that thread, but for the members that say otherwise.
 *
 * A turn of the loop: sockets are read and their commands submitted; then, at the turn's end, the
 * engine's events are taken, what is to be written is written, and what was submitted is handed
 * over, once for all of it.
 */
#ifndef CC_GATEWAY_WORKER_H
#define CC_GATEWAY_WORKER_H

#include "base/chain.h"
#include "base/list.h"
#include "base/timers.h"
#include "gateway/assembly.h"
#include "gateway/gateway.h"
#include "gateway/output.h"
#include "gateway/stats.h"
#include "wire/decode.h"

#include <pthread.h>
#include <uv.h>

struct connection;
struct rest;
struct sockets;

/* What the engine's thread and others call: outlives the loop. */
struct worker_bell {
    pthread_mutex_t lock;
    uv_async_t *async; /* NULL once the loop has ended; under the lock */
};

struct worker {
    struct cc_gateway *gateway;
    const struct cc_allocator *allocator;
    struct cc_queue *queue;
    struct rest *rest;
    struct worker_bell bell;              /* any thread, locked */
    struct chain adopted;                 /* any thread: sockets that the host handed over */
    _Atomic(struct ssl_ctx_st *) renewed; /* any thread: a certificate to take (tls.h), or NULL */
    struct stats stats;                   /* any thread reads */
    pthread_t thread;

    bool has_loop;
    uv_loop_t loop;
    uv_async_t async;
    uv_check_t turn_end;
    uv_timer_t timer;
    int64_t timer_ms; /* what `timer` is set to; INT64_MAX: not set */
    struct timers timers;
    struct sockets *sockets;

    int listen_fd; /* below 0: none */
    uv_poll_t listen_poll;
    uv_timer_t listen_retry;
    bool has_listener; /* the two handles above are in the loop */
    bool is_accepting;
    bool is_refused; /* accepting paused for want of files, and was traced */

    struct list proxy_waits;        /* sockets whose proxy has not said yet who is behind it */
    struct connection *connections; /* all */
    size_t connection_count;
    size_t session_count;
    size_t handshake_count;     /* accepted, not yet upgraded */
    struct list dirty;          /* connections to be written at the end of the turn */
    struct cc_mailbox finished; /* any thread: uploads that the media server has finished */
    size_t transfer_count;      /* objects being received and sent */
    size_t finishing_count;     /* of those, with the media server */
    bool has_input;             /* something was submitted in this turn */
    bool has_events;            /* the engine rang */
    bool is_draining;
    bool is_drained;
    bool is_stopping;
    struct timer abandon; /* stopping takes too long */
    bool is_abandoned;

    struct assembly_limits partial;
    struct wire_decoder decoder;
    struct buffer encoded; /* scratch of delivery.c */
    struct buffer joined;  /* scratch of connection.c */
    struct buffer answer;  /* scratch of socket.c */
    struct arena headers;  /* likewise */
};

/* Makes a worker that listens on `listen_fd` (below 0: not), which it owns from success on. Errors:
 * CC_ENOMEM, CC_EINVAL (the certificate), CC_ENOTSUP (no libuv plugin). */
int worker_new(struct cc_gateway *gateway, int listen_fd, struct worker **ret_worker);

/* Starts its thread. 0 or CC_ENOMEM. */
int worker_start(struct worker *worker);

/* Joins the thread if it was started, and frees. */
void worker_free(struct worker *worker, bool is_started);

/* Makes the worker look at the gateway's flags, its adopted sockets, its queue. Any thread. */
void worker_ring(struct worker *worker);

static inline int64_t worker_now(const struct worker *worker)
{
    return (int64_t)uv_now(&worker->loop);
}

/* Sets or moves a timer of a connection. 0 or CC_ENOMEM. */
int worker_timer_set(struct worker *worker, struct timer *timer, int64_t deadline);

/* A socket that the host accepted. Any thread. 0 or CC_ENOMEM. */
int worker_adopt(struct worker *worker, int fd);

/* Sessions or connections went: draining or stopping may be complete. */
void worker_check_end(struct worker *worker);

#endif
