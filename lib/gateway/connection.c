/*
 * The life of a connection.
 */
#include "gateway/connection.h"

#include "chatcore/error.h"
#include "gateway/delivery.h"
#include "gateway/http.h"
#include "gateway/listener.h"
#include "gateway/socket.h"
#include "gateway/transfer.h"

#include <stdlib.h>

/* How long a client gets that will be refused anyway. */
#define CONNECTION_REFUSE_MS 1000

/* How long one gets to take the close frame that tells of its mistake: what it sends may be no
 * frames any more, so an answer can't be waited for. */
#define CONNECTION_BROKEN_MS 1000

static void timed_out(struct timer *timer, void *context);

/* --- making and freeing ------------------------------------------------------------------------
 */

static void link_in(struct worker *worker, struct connection *connection)
{
    connection->next = worker->connections;
    if (connection->next)
        connection->next->previous = connection;
    worker->connections = connection;
    worker->connection_count++;
    worker->handshake_count++;
    stats_add(&worker->stats.connections, 1);
    atomic_fetch_add(&worker->gateway->sockets, 1);
}

static void link_out(struct worker *worker, struct connection *connection)
{
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        worker->connections = connection->next;
    worker->connection_count--;
}

/* Counts the connection for its client's address. Loopback is this machine: a proxy, a check. */
static void take_quota(struct connection *connection)
{
    struct quota *quota = &connection->worker->gateway->quota;
    struct address client = address_client(&connection->address);

    if (!connection->has_address || address_is_loopback(&connection->address))
        return;
    if (quota_take(quota, &client, &connection->quota))
        connection->is_over_limit = true;
}

struct connection *connection_new(struct worker *worker, const struct address *peer)
{
    struct connection *connection = mem_zalloc(worker->allocator, 1, sizeof *connection);
    uint32_t wait = worker->gateway->options.handshake_ms;

    if (!connection)
        return NULL;
    connection->worker = worker;
    connection->timer.expired = timed_out;
    connection->has_address = peer != NULL;
    if (peer)
        connection->peer = *peer;
    connection->address = connection->peer;
    take_quota(connection);
    if (connection->is_over_limit && wait > CONNECTION_REFUSE_MS)
        wait = CONNECTION_REFUSE_MS;
    link_in(worker, connection);
    if (!worker_timer_set(worker, &connection->timer, worker_now(worker) + wait))
        return connection;
    connection_discard(connection);
    return NULL;
}

static void set_state(struct connection *connection, enum connection_state state)
{
    if (connection->state == CONNECTION_HANDSHAKE)
        connection->worker->handshake_count--;
    connection->state = (unsigned char)state;
}

static void drop_exchange(struct connection *connection)
{
    struct http_exchange *exchange = connection->exchange;

    if (exchange)
        connection->worker->partial.total -= exchange->charged;
    http_exchange_free(exchange);
    connection->exchange = NULL;
}

bool connection_charge(struct connection *connection, size_t size)
{
    struct assembly_limits *limits = &connection->worker->partial;

    if (size > limits->max_total - limits->total)
        return false;
    limits->total += size;
    connection->exchange->charged += size;
    return true;
}

/* The socket's share is given back as soon as it is gone, though the session may still be closing.
 */
static void leave(struct connection *connection)
{
    struct worker *worker = connection->worker;

    set_state(connection, CONNECTION_CLOSED);
    timer_clear(&worker->timers, &connection->timer);
    quota_give(&worker->gateway->quota, connection->quota);
    connection->quota = NULL;
    stats_sub(&worker->stats.connections, 1);
    atomic_fetch_sub(&worker->gateway->sockets, 1);
    stats_sub(&worker->stats.output_bytes, connection->output.bytes);
    output_clear(&connection->output, worker->allocator);
    assembly_clear(&connection->partial, &worker->partial);
    drop_exchange(connection);
    transfer_end(connection);
}

void connection_discard(struct connection *connection)
{
    leave(connection);
    connection_release(connection);
}

void connection_release(struct connection *connection)
{
    struct worker *worker = connection->worker;

    if (connection->state != CONNECTION_CLOSED || connection->session || connection->is_dirty)
        return;
    link_out(worker, connection);
    mem_free(worker->allocator, connection->close_frame);
    mem_free(worker->allocator, connection);
    listener_resume(worker);
    worker_check_end(worker);
}

/* --- the upgrade ------------------------------------------------------------------------------ */

void connection_forwarded(struct connection *connection, struct cc_slice forwarded_for)
{
    const struct admission *admission = &connection->worker->gateway->admission;
    struct address client;

    if (!connection->has_address)
        return;
    client = address_behind(&connection->peer, forwarded_for, admission->trusted,
                            admission->trusted_count);
    if (memcmp(&client, &connection->address, sizeof client) == 0)
        return;
    quota_give(&connection->worker->gateway->quota, connection->quota);
    connection->quota = NULL;
    connection->is_over_limit = false;
    connection->address = client;
    take_quota(connection);
}

struct cc_slice connection_limited_address(const struct connection *connection, char *text)
{
    struct address client = address_client(&connection->address);

    if (!connection->has_address || address_is_loopback(&connection->address))
        return slice_of(NULL, 0);
    address_text(&client, text);
    return slice_str(text);
}

static int open_session(struct connection *connection)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    char text[ADDRESS_TEXT_MAX];

    options.data = connection;
    options.counts_consumed = true;
    options.address = connection_limited_address(connection, text);
    return cc_session_open(connection->worker->queue, &options, &connection->session);
}

int connection_open(struct connection *connection, enum wire_format format)
{
    struct worker *worker = connection->worker;
    int64_t now = worker_now(worker);
    int r;

    set_state(connection, CONNECTION_OPEN);
    connection->format = (unsigned char)format;
    connection->heard_ms = now;
    r = open_session(connection);
    if (r)
        return r;
    worker->has_input = true;
    worker->session_count++;
    stats_add(&worker->stats.sessions, 1);
    stats_add(&worker->stats.handshakes, 1);
    listener_resume(worker);
    return worker_timer_set(worker, &connection->timer,
                            now + worker->gateway->options.ping_interval_ms);
}

static void await_next(struct connection *connection)
{
    struct worker *worker = connection->worker;

    if (connection->state == CONNECTION_HANDSHAKE)
        worker_timer_set(worker, &connection->timer,
                         worker_now(worker) + worker->gateway->options.handshake_ms);
}

void connection_asked(struct connection *connection)
{
    await_next(connection);
}

void connection_answered(struct connection *connection)
{
    struct worker *worker = connection->worker;

    stats_add(&worker->stats.http_requests, 1);
    drop_exchange(connection);
    await_next(connection);
}

/* --- input ------------------------------------------------------------------------------------ */

static void close_broken(struct connection *connection, struct cc_slice reason)
{
    stats_add(&connection->worker->stats.protocol_errors, 1);
    connection_close(connection, CC_CLOSE_PROTOCOL, reason);
    worker_timer_set(connection->worker, &connection->timer,
                     worker_now(connection->worker) + CONNECTION_BROKEN_MS);
}

static void submit(struct connection *connection, const struct cc_command *command)
{
    struct worker *worker = connection->worker;
    int r;

    if (command->type == CC_COMMAND_HEARTBEAT)
        return;
    r = cc_session_submit(connection->session, command);
    if (r) {
        deliver_error(connection, command, r, slice_of(NULL, 0));
        return;
    }
    worker->has_input = true;
    stats_add(&worker->stats.commands, 1);
}

/* Gives a message's commands to the engine; answers the ones that are wrong itself. */
static void take_message(struct connection *connection, struct cc_slice message)
{
    struct worker *worker = connection->worker;
    struct wire_item item;

    stats_add(&worker->stats.frames_in, 1);
    stats_add(&worker->stats.bytes_in, message.size);
    wire_decode_start(&worker->decoder, message, connection->format);
    while (connection->state == CONNECTION_OPEN && wire_decode_next(&worker->decoder, &item)) {
        if (item.error == CC_EPROTOCOL)
            close_broken(connection, item.error_text);
        else if (item.error)
            deliver_error(connection, &item.command, item.error, item.error_text);
        else
            submit(connection, &item.command);
    }
}

static void refuse_piece(struct connection *connection, int error)
{
    static const char too_large[] = "a message is larger than this server takes";
    static const char no_room[] = "the server has no room for unfinished messages";

    if (error == CC_ETOOLARGE)
        close_broken(connection, slice_str(too_large));
    else
        connection_close(connection, CC_CLOSE_TOO_MANY, slice_str(no_room));
}

void connection_heard(struct connection *connection)
{
    connection->heard_ms = worker_now(connection->worker);
    connection->is_pinged = false;
}

void connection_input(struct connection *connection, const struct assembly_piece *piece,
                      bool is_binary)
{
    struct worker *worker = connection->worker;
    struct cc_slice message;
    int r;

    if (connection->state != CONNECTION_OPEN)
        return;
    connection_heard(connection);
    if (is_binary != (connection->format == WIRE_MSGPACK)) {
        close_broken(connection, slice_str("a frame of the wrong type for this subprotocol"));
        return;
    }
    r = assembly_add(&connection->partial, &worker->partial, piece, &message);
    if (r == ASSEMBLY_MORE)
        return;
    if (r)
        refuse_piece(connection, r);
    else
        take_message(connection, message);
    if (connection->partial.data)
        assembly_clear(&connection->partial, &worker->partial);
}

/* --- output ----------------------------------------------------------------------------------- */

static void mark_dirty(struct connection *connection)
{
    struct worker *worker = connection->worker;

    if (connection->is_dirty)
        return;
    connection->is_dirty = true;
    list_add_before(worker->dirty.head.next, &connection->dirty);
}

void connection_hurry(struct connection *connection)
{
    struct worker *worker = connection->worker;

    if (!list_is_linked(&connection->dirty))
        return;
    list_remove(&connection->dirty);
    list_add_before(worker->dirty.head.next, &connection->dirty);
}

/* Writes one frame. 0, or an error: the socket has to be cut. */
static int write_frame(struct connection *connection)
{
    struct worker *worker = connection->worker;
    struct output_frame frame;
    int r = output_next_frame(&connection->output, connection->format, &worker->joined, &frame);

    if (!r)
        r = socket_write(connection->socket, frame.data, frame.size);
    if (r)
        return r;
    connection->is_blocked = socket_is_blocked(connection->socket);
    stats_add(&worker->stats.frames_out, 1);
    stats_add(&worker->stats.bytes_out, frame.payload);
    stats_sub(&worker->stats.output_bytes, frame.payload);
    output_drop_frame(&connection->output, worker->allocator, &frame);
    if (frame.weight && connection->session) {
        cc_session_consumed(connection->session, frame.weight);
        worker->has_input = true;
    }
    return 0;
}

/* Writes until nothing is left or the kernel takes no more. */
static int write_queued(struct connection *connection)
{
    int r = 0;

    while (!r && !connection->is_blocked && !output_is_empty(&connection->output))
        r = write_frame(connection);
    if (!r && connection->is_blocked)
        stats_add(&connection->worker->stats.blocked, 1);
    return r;
}

/* Makes room by writing; false when the client does not read. */
static bool has_room(struct connection *connection, size_t size)
{
    size_t max = connection->worker->gateway->options.max_output_bytes;

    if (output_is_empty(&connection->output) || connection->output.bytes + size <= max)
        return true;
    return !write_queued(connection) && output_is_empty(&connection->output);
}

void connection_send(struct connection *connection, struct chunk *chunk)
{
    struct worker *worker = connection->worker;
    bool fits = has_room(connection, chunk->size);

    if (!fits || output_add(&connection->output, worker->allocator, chunk)) {
        stats_add(&worker->stats.output_overflows, !fits);
        connection_cut(connection);
        return;
    }
    stats_add(&worker->stats.events, 1);
    stats_add(&worker->stats.output_bytes, chunk->size);
    mark_dirty(connection);
}

/* Once all else is written. Without memory for it, the client sees a cut. */
static int write_close(struct connection *connection)
{
    int r;

    if (connection->state != CONNECTION_CLOSING || connection->is_blocked ||
        connection->is_close_sent || !output_is_empty(&connection->output))
        return 0;
    if (!connection->close_frame)
        return CC_ENOMEM;
    r = socket_write(connection->socket, connection->close_frame, connection->close_size);
    connection->is_close_sent = true;
    connection->is_blocked = socket_is_blocked(connection->socket);
    return r;
}

void connection_answer_ready(struct connection *connection)
{
    mark_dirty(connection);
}

static int write_answer(struct connection *connection)
{
    const struct http_exchange *exchange = connection->exchange;

    return exchange && exchange->state == HTTP_READY ? socket_answer(connection) : 0;
}

void connection_flush(struct connection *connection)
{
    if (!connection->socket)
        return;
    if (connection->is_cut || write_answer(connection) || write_queued(connection) ||
        write_close(connection))
        socket_cut(connection->socket);
    else if (connection->is_blocked)
        socket_want_writable(connection->socket);
}

int connection_writable(struct connection *connection)
{
    int r;

    connection->is_blocked = socket_is_blocked(connection->socket);
    r = write_queued(connection);
    if (!r)
        r = write_close(connection);
    if (!r && connection->is_blocked)
        socket_want_writable(connection->socket);
    return r;
}

/* --- heartbeat -------------------------------------------------------------------------------- */

/* Not counted as blocked: the ping is small, and what the kernel does not take is kept. */
static void ping(struct connection *connection)
{
    /* A payload of one byte, because libwebsockets does not tell of empty pongs. */
    unsigned char frame[FRAME_HEAD_MAX + 1];
    unsigned char *payload = frame + FRAME_HEAD_MAX;
    unsigned char *head;

    *payload = 0;
    head = frame_head_before(payload, 1, FRAME_PING);
    connection->is_pinged = true;
    if (connection->is_blocked)
        return;
    if (socket_write(connection->socket, head, (size_t)(payload + 1 - head)))
        connection_cut(connection);
    else
        connection->is_blocked = socket_is_blocked(connection->socket);
}

static void beat(struct connection *connection)
{
    struct worker *worker = connection->worker;
    int64_t interval = worker->gateway->options.ping_interval_ms;
    int64_t now = worker_now(worker);
    int64_t silent;

    /* So late a timer means that this thread stood still: what the client said waits to be read. */
    if (now - connection->timer.deadline >= interval)
        connection->heard_ms = now - interval;
    silent = now - connection->heard_ms;
    if (silent >= 2 * interval) {
        stats_add(&worker->stats.silent, 1);
        connection_close(connection, CC_CLOSE_NO_HEARTBEAT, slice_str("no heartbeat"));
        return;
    }
    timer_set(&worker->timers, &connection->timer,
              connection->heard_ms + (silent >= interval ? 2 : 1) * interval);
    if (silent >= interval && !connection->is_pinged)
        ping(connection);
}

static void timed_out(struct timer *timer, void *context)
{
    struct connection *connection =
        (struct connection *)(void *)((char *)timer - offsetof(struct connection, timer));

    (void)context;
    if (connection->worker->is_draining && connection->state == CONNECTION_OPEN) {
        char reason[24];

        snprintf(reason, sizeof reason, "%lld",
                 (long long)atomic_load(&connection->worker->gateway->drain_ms));
        connection_close(connection, CC_CLOSE_DRAINING, slice_str(reason));
    } else if (connection->state == CONNECTION_OPEN) {
        beat(connection);
    } else if (connection->exchange && connection->exchange->state == HTTP_WAITING) {
        await_next(connection);
        http_give_up(connection->exchange);
    } else if (connection->transfer && !connection->is_cut &&
               transfer_is_moving(connection->transfer)) {
        timer_set(&connection->worker->timers, timer,
                  worker_now(connection->worker) +
                      connection->worker->gateway->options.media_stall_ms);
    } else {
        connection_cut(connection);
    }
}

void connection_drain(struct connection *connection, uint32_t ms)
{
    struct worker *worker = connection->worker;
    uint32_t wait = ms ? arc4random_uniform(ms) : 0;

    if (connection->state == CONNECTION_OPEN)
        worker_timer_set(worker, &connection->timer, worker_now(worker) + wait);
}

/* --- the end ---------------------------------------------------------------------------------- */

void connection_close(struct connection *connection, int code, struct cc_slice reason)
{
    struct worker *worker = connection->worker;

    if (connection->state != CONNECTION_OPEN)
        return;
    set_state(connection, CONNECTION_CLOSING);
    connection->close_frame = mem_alloc(worker->allocator, FRAME_CLOSE_MAX);
    if (connection->close_frame)
        connection->close_size = (unsigned char)frame_close(connection->close_frame, (uint16_t)code,
                                                            reason.data, reason.size);
    if (connection->session)
        cc_session_close(connection->session);
    worker_timer_set(worker, &connection->timer,
                     worker_now(worker) + worker->gateway->options.close_ms);
    mark_dirty(connection);
}

void connection_session_ended(struct connection *connection, int code, struct cc_slice reason)
{
    struct worker *worker = connection->worker;

    connection->session = NULL;
    worker->session_count--;
    stats_sub(&worker->stats.sessions, 1);
    connection_close(connection, code, reason);
    connection_release(connection);
    worker_check_end(worker);
}

int connection_hangup(struct connection *connection)
{
    struct worker *worker = connection->worker;

    if (connection->is_close_sent)
        return CC_ECANCELED;
    connection->is_close_sent = true;
    if (connection->state == CONNECTION_OPEN)
        connection_close(connection, CC_CLOSE_NORMAL, slice_of(NULL, 0));
    stats_sub(&worker->stats.output_bytes, connection->output.bytes);
    output_clear(&connection->output, worker->allocator);
    return 0;
}

void connection_closed(struct connection *connection)
{
    if (connection->state == CONNECTION_CLOSED)
        return;
    connection->socket = NULL;
    if (connection->session)
        cc_session_close(connection->session);
    leave(connection);
    connection_release(connection);
}

/* Not at once: libwebsockets may be in the middle of a call for this very socket. */
void connection_cut(struct connection *connection)
{
    if (!connection->socket) {
        connection_closed(connection);
        return;
    }
    if (connection->session)
        cc_session_close(connection->session);
    set_state(connection, CONNECTION_CLOSING);
    connection->is_cut = true;
    mark_dirty(connection);
}
