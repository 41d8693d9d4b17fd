/*
 * Accepting.
 */
#include "gateway/listener.h"

#include "chatcore/error.h"
#include "gateway/connection.h"
#include "gateway/proxy_wait.h"
#include "gateway/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel bounds it by net.core.somaxconn. */
#define LISTENER_BACKLOG 4096

/* Sockets accepted in one turn, so that those that are there get their turn too. */
#define LISTENER_ACCEPT_MAX 64

/* A pause ends by itself after so long, or when a connection ends. */
#define LISTENER_RETRY_MS 200

union socket_address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

/* --- the listening socket ----------------------------------------------------------------------
 */

static int parse(const char *text, int port, union socket_address *address, socklen_t *size)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &address->ipv4.sin_addr) == 1) {
        address->ipv4.sin_family = AF_INET;
        address->ipv4.sin_port = htons((uint16_t)port);
        *size = sizeof address->ipv4;
        return 0;
    }
    if (inet_pton(AF_INET6, text, &address->ipv6.sin6_addr) == 1) {
        address->ipv6.sin6_family = AF_INET6;
        address->ipv6.sin6_port = htons((uint16_t)port);
        *size = sizeof address->ipv6;
        return 0;
    }
    return CC_EINVAL;
}

/* What the kernel keeps for a client that does not read, doubled by it for its own bookkeeping.
 * Left to itself it would take 4 MB: more than all else that a slow client costs. It is the most
 * that can be on its way, so it bounds a connection to 1 MB/s at 100 ms round-trip time. */
#define LISTENER_SEND_BUFFER 65536

/* Accepted sockets inherit them. */
static bool set_options(int fd)
{
    int on = 1;
    int send_buffer = LISTENER_SEND_BUFFER;

    return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

static bool listen_on(int fd, union socket_address *address, socklen_t size, int *port)
{
    if (!set_options(fd) || bind(fd, &address->any, size) || listen(fd, LISTENER_BACKLOG) ||
        getsockname(fd, &address->any, &size))
        return false;
    *port =
        ntohs(address->any.sa_family == AF_INET ? address->ipv4.sin_port : address->ipv6.sin6_port);
    return true;
}

int listener_probe(const char *address, int port)
{
    union socket_address to;
    socklen_t size;
    int r = parse(address, port, &to, &size);
    int on = 1;
    int fd;

    if (r)
        return r;
    fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return CC_EIO;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(fd, &to.any, size))
        r = CC_EIO;
    close(fd);
    return r;
}

int listener_socket(const char *address, int *port, int *ret_fd)
{
    union socket_address to;
    socklen_t size;
    int r = parse(address, *port, &to, &size);
    int fd;

    if (r)
        return r;
    fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return CC_EIO;
    if (!listen_on(fd, &to, size, port)) {
        close(fd);
        return CC_EIO;
    }
    *ret_fd = fd;
    return 0;
}

/* --- pausing ---------------------------------------------------------------------------------- */

static void acceptable(uv_poll_t *poll, int status, int events);
static void retry(uv_timer_t *timer);

static void accept_on(struct worker *worker)
{
    if (!worker->has_listener || worker->is_accepting)
        return;
    worker->is_accepting = true;
    stats_add(&worker->stats.accepting, 1);
    uv_poll_start(&worker->listen_poll, UV_READABLE, acceptable);
}

static void accept_off(struct worker *worker)
{
    if (!worker->is_accepting)
        return;
    worker->is_accepting = false;
    stats_sub(&worker->stats.accepting, 1);
    uv_poll_stop(&worker->listen_poll);
}

static void pause_accepting(struct worker *worker)
{
    accept_off(worker);
    stats_add(&worker->stats.accept_pauses, 1);
    uv_timer_start(&worker->listen_retry, retry, LISTENER_RETRY_MS, 0);
}

static bool is_at_limit(const struct worker *worker)
{
    const struct cc_gateway_options *options = &worker->gateway->options;

    return atomic_load(&worker->gateway->sockets) >= options->max_connections ||
           worker->handshake_count >= options->max_handshakes;
}

static void retry(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    if (is_at_limit(worker))
        uv_timer_start(timer, retry, LISTENER_RETRY_MS, 0);
    else
        accept_on(worker);
}

void listener_resume(struct worker *worker)
{
    if (!worker->has_listener || worker->is_accepting || worker->is_refused || is_at_limit(worker))
        return;
    uv_timer_stop(&worker->listen_retry);
    accept_on(worker);
}

/* --- accepting -------------------------------------------------------------------------------- */

void listener_serve(struct worker *worker, int fd, const struct address *peer)
{
    struct connection *connection = connection_new(worker, peer);

    if (!connection) {
        close(fd);
        return;
    }
    if (sockets_adopt(worker->sockets, fd, connection))
        connection_discard(connection);
}

void listener_take(struct worker *worker, int fd, const struct sockaddr *from)
{
    struct address peer;
    bool is_known = from && address_from_socket(from, &peer);

    stats_add(&worker->stats.accepted, 1);
    if (is_known && proxy_wait_is_for(worker, &peer))
        proxy_wait_start(worker, fd, &peer);
    else
        listener_serve(worker, fd, is_known ? &peer : NULL);
}

/* Says once that the process is out of files, and once that it has some again. */
static void note_refusal(struct worker *worker, int error)
{
    if (worker->is_refused == (error != 0))
        return;
    worker->is_refused = error != 0;
    if (error)
        gateway_trace(worker->gateway, CC_TRACE_WARNING, "accepting pauses: %s", strerror(error));
    else
        gateway_trace(worker->gateway, CC_TRACE_WARNING, "accepting goes on");
}

/* A client that went away while it waited is no reason to pause. */
static bool is_passing(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO;
}

/* True when another may wait. */
static bool accept_one(struct worker *worker)
{
    union socket_address from;
    socklen_t size = sizeof from;
    int fd;

    if (is_at_limit(worker)) {
        pause_accepting(worker);
        return false;
    }
    fd = accept4(worker->listen_fd, &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        note_refusal(worker, 0);
        listener_take(worker, fd, &from.any);
        return true;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return false;
    if (is_passing(errno))
        return true;
    note_refusal(worker, errno);
    pause_accepting(worker);
    return false;
}

static void acceptable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    for (int i = 0; i < LISTENER_ACCEPT_MAX && accept_one(poll->data); i++)
        ;
}

int listener_start(struct worker *worker)
{
    if (worker->listen_fd < 0)
        return 0;
    if (uv_poll_init_socket(&worker->loop, &worker->listen_poll, worker->listen_fd))
        return CC_EIO;
    uv_timer_init(&worker->loop, &worker->listen_retry);
    worker->listen_retry.data = worker;
    worker->listen_poll.data = worker;
    worker->has_listener = true;
    accept_on(worker);
    return 0;
}

static void poll_closed(uv_handle_t *handle)
{
    struct worker *worker = handle->data;

    close(worker->listen_fd);
    worker->listen_fd = -1;
}

void listener_stop(struct worker *worker)
{
    if (!worker->has_listener)
        return;
    accept_off(worker);
    worker->has_listener = false;
    uv_close((uv_handle_t *)&worker->listen_retry, NULL);
    uv_close((uv_handle_t *)&worker->listen_poll, poll_closed);
}
