/*
 * A worker's loop.
 */
#include "gateway/worker.h"

#include "base/thread.h"
#include "chatcore/error.h"
#include "gateway/connection.h"
#include "gateway/delivery.h"
#include "gateway/listener.h"
#include "gateway/proxy_wait.h"
#include "gateway/rest.h"
#include "gateway/socket.h"
#include "gateway/tls.h"
#include "gateway/transfer.h"

#include <unistd.h>

/* Events taken in one turn, so that sockets get their turn too. */
#define WORKER_EVENTS_MAX 4096

/* Sessions that the engine has not closed so long after stopping are left to it. */
#define WORKER_ABANDON_MS 5000

/* Turns that closing the handles of a loop may take: a handful is usual. */
#define WORKER_CLOSE_TURNS 1000

/* A socket that the host handed over. */
struct adopted {
    struct chain_link link;
    int fd;
};

/* --- the end of a turn ------------------------------------------------------------------------ */

/* Takes the engine's events. True when more may wait. */
static bool take_events(struct worker *worker)
{
    const struct cc_event *event;

    for (int i = 0; i < WORKER_EVENTS_MAX; i++) {
        event = cc_queue_next(worker->queue);
        if (!event)
            return false;
        deliver(worker, event);
    }
    return true;
}

/* Connections may become dirty meanwhile: they are put in front, and taken next. */
static void flush_dirty(struct worker *worker)
{
    while (!list_is_empty(&worker->dirty)) {
        struct list_link *first = worker->dirty.head.next;
        struct connection *connection = container_of(first, struct connection, dirty);

        list_remove(first);
        connection_flush(connection);
        connection->is_dirty = false;
        connection_release(connection);
    }
}

static void flush_input(struct worker *worker)
{
    if (worker->has_input) {
        cc_queue_flush(worker->queue);
        rest_flush(worker->rest);
    }
    worker->has_input = false;
}

static void end_turn(struct worker *worker)
{
    if (worker->has_events) {
        bool has_more = take_events(worker);

        worker->has_events = rest_take(worker->rest) || has_more;
        if (worker->has_events)
            uv_async_send(&worker->async);
    }
    /* Commands before the sockets are written, so that the engine works meanwhile; what has been
     * consumed after. */
    flush_input(worker);
    flush_dirty(worker);
    flush_input(worker);
}

static void turn_ended(uv_check_t *check)
{
    end_turn(check->data);
}

/* --- timers ----------------------------------------------------------------------------------- */

static void timer_due(uv_timer_t *timer);

static void set_timer(struct worker *worker)
{
    int64_t deadline = timers_deadline(&worker->timers);
    int64_t wait = deadline - worker_now(worker);

    if (deadline >= worker->timer_ms)
        return;
    worker->timer_ms = deadline;
    uv_timer_start(&worker->timer, timer_due, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void timer_due(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    worker->timer_ms = INT64_MAX;
    timers_run(&worker->timers, worker_now(worker), worker);
    set_timer(worker);
    /* The loop waits for sockets before the next turn ends. */
    end_turn(worker);
}

int worker_timer_set(struct worker *worker, struct timer *timer, int64_t deadline)
{
    int r = timer_set(&worker->timers, timer, deadline);

    if (!r)
        set_timer(worker);
    return r;
}

/* --- what other threads ask for --------------------------------------------------------------- */

static void ring(void *context)
{
    struct worker_bell *bell = context;

    pthread_mutex_lock(&bell->lock);
    if (bell->async)
        uv_async_send(bell->async);
    pthread_mutex_unlock(&bell->lock);
}

void worker_ring(struct worker *worker)
{
    ring(&worker->bell);
}

int worker_adopt(struct worker *worker, int fd)
{
    struct adopted *adopted = mem_zalloc(worker->allocator, 1, sizeof *adopted);

    if (!adopted)
        return CC_ENOMEM;
    adopted->fd = fd;
    if (chain_add(&worker->adopted, &adopted->link))
        worker_ring(worker);
    return 0;
}

static void take_adopted(struct worker *worker)
{
    struct chain_link *link = chain_take(&worker->adopted);

    while (link) {
        struct adopted *adopted = (struct adopted *)(void *)link;
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        bool is_known;

        link = link->next;
        is_known = getpeername(adopted->fd, (struct sockaddr *)&from, &size) == 0;
        if (worker->is_stopping)
            close(adopted->fd);
        else
            listener_take(worker, adopted->fd, is_known ? (struct sockaddr *)&from : NULL);
        mem_free(worker->allocator, adopted);
    }
}

/* Those that nobody looks at any more. */
static void free_adopted(struct worker *worker)
{
    struct chain_link *link = chain_take(&worker->adopted);

    while (link) {
        struct adopted *adopted = (struct adopted *)(void *)link;

        link = link->next;
        close(adopted->fd);
        mem_free(worker->allocator, adopted);
    }
}

static void renew_tls(struct worker *worker)
{
    struct ssl_ctx_st *loaded = atomic_exchange(&worker->renewed, NULL);

    if (loaded && sockets_renew_tls(worker->sockets, loaded))
        gateway_trace(worker->gateway, CC_TRACE_ERROR, "the certificate is not renewed: %s",
                      cc_strerror(CC_ENOMEM));
    tls_free(loaded);
}

static void begin_drain(struct worker *worker)
{
    uint32_t ms = (uint32_t)atomic_load(&worker->gateway->drain_ms);

    worker->is_draining = true;
    /* Health checks are to hear of it; but on a shared port the other process takes what comes. */
    if (worker->gateway->options.share_port)
        listener_stop(worker);
    for (struct connection *each = worker->connections; each; each = each->next)
        connection_drain(each, ms);
}

static void abandon(struct timer *timer, void *context)
{
    struct worker *worker = context;

    (void)timer;
    gateway_trace(worker->gateway, CC_TRACE_ERROR, "%zu sessions are left: is the engine driven?",
                  worker->session_count + rest_session_count(worker->rest));
    worker->is_abandoned = true;
    worker_check_end(worker);
}

static void begin_stop(struct worker *worker)
{
    worker->is_stopping = true;
    listener_stop(worker);
    proxy_waits_end(worker);
    for (struct connection *each = worker->connections; each; each = each->next)
        connection_cut(each);
    rest_close(worker->rest);
    worker->abandon.expired = abandon;
    if (worker_timer_set(worker, &worker->abandon, worker_now(worker) + WORKER_ABANDON_MS))
        worker->is_abandoned = true;
}

static void rung(uv_async_t *async)
{
    struct worker *worker = async->data;

    worker->has_events = true;
    take_adopted(worker);
    transfers_drain(worker);
    renew_tls(worker);
    if (gateway_is_draining(worker->gateway) && !worker->is_draining)
        begin_drain(worker);
    if (atomic_load(&worker->gateway->is_stopping) && !worker->is_stopping)
        begin_stop(worker);
    worker_check_end(worker);
}

static bool is_empty(const struct worker *worker)
{
    return !worker->connection_count && !rest_session_count(worker->rest);
}

void worker_check_end(struct worker *worker)
{
    if (worker->is_draining && !worker->is_drained && !worker->session_count &&
        !rest_call_count(worker->rest)) {
        worker->is_drained = true;
        gateway_worker_drained(worker->gateway);
    }
    if (worker->is_stopping && (is_empty(worker) || worker->is_abandoned))
        uv_stop(&worker->loop);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void close_bell(struct worker *worker)
{
    pthread_mutex_lock(&worker->bell.lock);
    worker->bell.async = NULL;
    pthread_mutex_unlock(&worker->bell.lock);
}

static void close_handles(struct worker *worker)
{
    listener_stop(worker);
    uv_close((uv_handle_t *)&worker->async, NULL);
    uv_close((uv_handle_t *)&worker->turn_end, NULL);
    uv_close((uv_handle_t *)&worker->timer, NULL);
}

/* Runs the loop until all handles are closed; they take a few turns. False if some never are. */
static bool run_out(struct worker *worker)
{
    for (int i = 0; i < WORKER_CLOSE_TURNS; i++)
        if (!uv_run(&worker->loop, UV_RUN_NOWAIT))
            return true;
    return false;
}

/* libwebsockets closes its handles first, and frees what they are in when they are closed. */
static void close_loop(struct worker *worker)
{
    close_handles(worker);
    if (worker->sockets)
        sockets_end(worker->sockets);
    if (!run_out(worker)) {
        gateway_trace(worker->gateway, CC_TRACE_ERROR, "a loop does not end: its memory is left");
        return;
    }
    if (worker->sockets)
        sockets_free(worker->sockets);
    uv_loop_close(&worker->loop);
}

static void *run(void *context)
{
    struct worker *worker = context;

    uv_update_time(&worker->loop);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    close_bell(worker);
    free_adopted(worker);
    close_loop(worker);
    gateway_worker_stopped(worker->gateway);
    return NULL;
}

int worker_start(struct worker *worker)
{
    int r;

    atomic_fetch_add(&worker->gateway->running, 1);
    r = thread_start(&worker->thread, run, worker);
    if (r)
        atomic_fetch_sub(&worker->gateway->running, 1);
    return r ? CC_ENOMEM : 0;
}

/* --- making and freeing ------------------------------------------------------------------------
 */

static int open_handles(struct worker *worker)
{
    if (uv_async_init(&worker->loop, &worker->async, rung))
        return CC_ENOMEM;
    uv_check_init(&worker->loop, &worker->turn_end);
    uv_timer_init(&worker->loop, &worker->timer);
    worker->async.data = worker;
    worker->turn_end.data = worker;
    worker->timer.data = worker;
    uv_check_start(&worker->turn_end, turn_ended);
    worker->bell.async = &worker->async;
    return 0;
}

static void init(struct worker *worker, struct cc_gateway *gateway)
{
    worker->gateway = gateway;
    worker->allocator = &gateway->allocator;
    worker->listen_fd = -1;
    list_init(&worker->dirty);
    list_init(&worker->proxy_waits);
    worker->timer_ms = INT64_MAX;
    worker->partial.allocator = worker->allocator;
    worker->partial.max_message = gateway->options.max_frame_bytes;
    worker->partial.max_total = gateway->options.max_partial_bytes;
    timers_init(&worker->timers, worker->allocator);
    wire_decoder_init(&worker->decoder, worker->allocator);
    buffer_init(&worker->encoded, worker->allocator);
    buffer_init(&worker->joined, worker->allocator);
    buffer_init(&worker->answer, worker->allocator);
    arena_init(&worker->headers, worker->allocator);
    transfers_init(worker);
}

static int open_parts(struct worker *worker)
{
    int r;

    if (uv_loop_init(&worker->loop))
        return CC_ENOMEM;
    worker->has_loop = true;
    r = open_handles(worker);
    if (!r)
        r = sockets_new(worker, &worker->sockets);
    if (!r)
        r = cc_queue_new(worker->gateway->engine, ring, &worker->bell, &worker->queue);
    if (!r)
        r = rest_new(worker, ring, &worker->bell, &worker->rest);
    return r;
}

int worker_new(struct cc_gateway *gateway, int listen_fd, struct worker **ret_worker)
{
    struct worker *worker = mem_zalloc(&gateway->allocator, 1, sizeof *worker);
    int r;

    if (!worker)
        return CC_ENOMEM;
    init(worker, gateway);
    if (pthread_mutex_init(&worker->bell.lock, NULL)) {
        mem_free(&gateway->allocator, worker);
        return CC_ENOMEM;
    }
    r = open_parts(worker);
    if (!r) {
        worker->listen_fd = listen_fd;
        r = listener_start(worker);
    }
    if (r) {
        worker->listen_fd = -1;
        worker_free(worker, false);
        return r;
    }
    *ret_worker = worker;
    return 0;
}

/* Only when sessions were left to the engine: their sockets are gone. */
static void free_connections(struct worker *worker)
{
    struct connection *connection = worker->connections;

    while (connection) {
        struct connection *next = connection->next;

        mem_free(worker->allocator, connection->close_frame);
        mem_free(worker->allocator, connection);
        connection = next;
    }
}

void worker_free(struct worker *worker, bool is_started)
{
    const struct cc_allocator *allocator = worker->allocator;

    if (is_started)
        pthread_join(worker->thread, NULL);
    else if (worker->has_loop)
        close_loop(worker);
    transfers_wait(worker);
    free_adopted(worker);
    tls_free(atomic_load(&worker->renewed));
    free_connections(worker);
    timers_deinit(&worker->timers);
    rest_free(worker->rest);
    wire_decoder_deinit(&worker->decoder);
    buffer_deinit(&worker->encoded);
    buffer_deinit(&worker->joined);
    buffer_deinit(&worker->answer);
    arena_deinit(&worker->headers);
    pthread_mutex_destroy(&worker->bell.lock);
    mem_free(allocator, worker);
}
