/*
 * Waiting for the PROXY protocol's header.
 *
 * Bytes are looked at before they are taken, so that what the client says behind the header stays
 * in the socket: libwebsockets, and OpenSSL, read it there.
 */
#include "gateway/proxy_wait.h"

#include "chatcore/error.h"
#include "gateway/listener.h"
#include "gateway/proxy_header.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct proxy_wait {
    struct worker *worker;
    struct list_link link; /* worker.proxy_waits */
    struct timer timer;    /* it is too late */
    uv_poll_t poll;
    struct address peer; /* the proxy */
    int fd;
    size_t size;                  /* of the header, taken so far */
    char bytes[PROXY_HEADER_MAX]; /* there is room as long as the header is not whole */
};

bool proxy_wait_is_for(const struct worker *worker, const struct address *peer)
{
    const struct admission *admission = &worker->gateway->admission;

    return worker->gateway->options.proxy_protocol &&
           networks_have(admission->trusted, admission->trusted_count, peer);
}

static void link_in(struct worker *worker, struct proxy_wait *wait)
{
    list_add(&worker->proxy_waits, &wait->link);
    worker->handshake_count++;
    stats_add(&worker->stats.connections, 1);
    atomic_fetch_add(&worker->gateway->sockets, 1);
}

static void link_out(struct worker *worker, struct proxy_wait *wait)
{
    list_remove(&wait->link);
    worker->handshake_count--;
    stats_sub(&worker->stats.connections, 1);
    atomic_fetch_sub(&worker->gateway->sockets, 1);
}

static void poll_closed(uv_handle_t *poll)
{
    struct proxy_wait *wait = poll->data;

    mem_free(wait->worker->allocator, wait);
}

/* The file is the caller's again. */
static void leave(struct proxy_wait *wait)
{
    timer_clear(&wait->worker->timers, &wait->timer);
    link_out(wait->worker, wait);
    uv_close((uv_handle_t *)&wait->poll, poll_closed);
}

static void give_up(struct proxy_wait *wait)
{
    struct worker *worker = wait->worker;
    int fd = wait->fd;

    leave(wait);
    close(fd);
    listener_resume(worker);
}

static void timed_out(struct timer *timer, void *context)
{
    (void)context;
    give_up(container_of(timer, struct proxy_wait, timer));
}

/* As proxy_header_read(); the header's bytes are taken from the socket, and no others. */
static int read_header(struct proxy_wait *wait, struct proxy_header *ret_header)
{
    char *end = wait->bytes + wait->size;
    ssize_t more = recv(wait->fd, end, sizeof wait->bytes - wait->size, MSG_PEEK);
    size_t size;
    int r;

    if (more < 0 && (errno == EAGAIN || errno == EINTR))
        return PROXY_HEADER_MORE;
    if (more <= 0)
        return CC_EIO;
    size = wait->size + (size_t)more;
    r = proxy_header_read(slice_of(wait->bytes, size), ret_header);
    if (r < 0)
        return r;
    size = r == PROXY_HEADER_MORE ? size : ret_header->size;
    if (recv(wait->fd, end, size - wait->size, 0) != (ssize_t)(size - wait->size))
        return CC_EIO;
    wait->size = size;
    return r;
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct proxy_wait *wait = poll->data;
    struct worker *worker = wait->worker;
    struct proxy_header header;
    struct address peer;
    int fd = wait->fd;
    int r = read_header(wait, &header);

    (void)status;
    (void)events;
    if (r == PROXY_HEADER_MORE)
        return;
    if (r) {
        stats_add(&worker->stats.protocol_errors, r == CC_EPROTOCOL);
        give_up(wait);
        return;
    }
    peer = header.has_address ? header.address : wait->peer;
    leave(wait);
    listener_serve(worker, fd, &peer);
}

static bool begin(struct worker *worker, struct proxy_wait *wait)
{
    int64_t deadline = worker_now(worker) + worker->gateway->options.handshake_ms;

    wait->timer.expired = timed_out;
    wait->poll.data = wait;
    if (worker_timer_set(worker, &wait->timer, deadline))
        return false;
    if (!uv_poll_init_socket(&worker->loop, &wait->poll, wait->fd)) {
        uv_poll_start(&wait->poll, UV_READABLE, readable);
        return true;
    }
    timer_clear(&worker->timers, &wait->timer);
    return false;
}

void proxy_wait_start(struct worker *worker, int fd, const struct address *peer)
{
    struct proxy_wait *wait = mem_zalloc(worker->allocator, 1, sizeof *wait);

    if (wait) {
        wait->worker = worker;
        wait->fd = fd;
        wait->peer = *peer;
        if (begin(worker, wait)) {
            link_in(worker, wait);
            return;
        }
        mem_free(worker->allocator, wait);
    }
    close(fd);
}

void proxy_waits_end(struct worker *worker)
{
    struct list_link *link;

    while ((link = list_first(&worker->proxy_waits)))
        give_up(container_of(link, struct proxy_wait, link));
}
