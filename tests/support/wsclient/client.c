/* Connections: states, input, output. See client.h and internal.h. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- life ---- */

int wsc_target_parse(const char *url, struct wsc_target *ret_target)
{
    struct wsc_target target = {0};
    unsigned port = 0;
    int taken = 0;
    if (strncmp(url, "wss://", 6) == 0)
        target.tls = 1;
    else if (strncmp(url, "ws://", 5) != 0)
        return -1;
    if (sscanf(url + (target.tls ? 6 : 5), "%63[^:/]:%u%n", target.host, &port, &taken) != 2)
        return -1;
    if (port == 0 || port > 65535)
        return -1;
    if (strcmp(target.host, "localhost") == 0)
        strcpy(target.host, "127.0.0.1");
    const char *path = url + (target.tls ? 6 : 5) + taken;
    snprintf(target.path, sizeof target.path, "%s", *path ? path : "/v1/ws");
    target.port = (uint16_t)port;
    *ret_target = target;
    return 0;
}

static void list_add(struct wsc *client)
{
    struct wsc_loop *loop = client->loop;
    client->next_open = loop->open;
    if (loop->open)
        loop->open->previous_open = client;
    loop->open = client;
    loop->count++;
}

static void list_remove(struct wsc *client)
{
    if (client->next_open)
        client->next_open->previous_open = client->previous_open;
    if (client->previous_open)
        client->previous_open->next_open = client->next_open;
    else
        client->loop->open = client->next_open;
    client->loop->count--;
}

struct wsc *wsc_open(struct wsc_loop *loop, const struct wsc_target *target,
                     const struct wsc_handlers *handlers, void *data)
{
    struct wsc *client = wsc_alloc_zeroed(1, sizeof *client);
    client->loop = loop;
    client->target = target;
    client->handlers = handlers;
    client->data = data;
    list_add(client);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = client};
    client->wants_write = 1;
    if (wsc_transport_open(client) < 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, client->fd, &event) < 0) {
        client->failed_early = errno;
        wsc_mark_dirty(client);
    }
    return client;
}

/* Takes the connection out of the loop; its memory goes when the turn is over. */
static void detach(struct wsc *client)
{
    list_remove(client);
    client->state = WSC_ENDED;
    if (client->ssl)
        SSL_free(client->ssl);
    client->ssl = NULL;
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->next_ended = client->loop->ended;
    client->loop->ended = client;
}

void wsc_end(struct wsc *client, int code, const char *reason, size_t reason_size)
{
    if (client->state == WSC_ENDED)
        return;
    detach(client);
    client->handlers->closed(client, code, (struct wsc_slice){reason, reason_size}, client->data);
}

static void end_lost(struct wsc *client, const char *reason)
{
    wsc_end(client, WSC_CLOSE_LOST, reason, strlen(reason));
}

void wsc_abort(struct wsc *client)
{
    if (client->state != WSC_ENDED)
        detach(client);
}

void wsc_free(struct wsc *client)
{
    /* A handler may have written to it after its end: it must not stay on the other list. */
    for (struct wsc **at = &client->loop->dirty; client->is_dirty && *at; at = &(*at)->next_dirty)
        if (*at == client) {
            *at = client->next_dirty;
            break;
        }
    wsc_bytes_free(&client->in);
    wsc_bytes_free(&client->fragments);
    wsc_bytes_free(&client->commands);
    wsc_bytes_free(&client->out);
    free(client);
}

int wsc_is_open(const struct wsc *client)
{
    return client->state == WSC_OPEN;
}

/* ---- output ---- */

void wsc_watch(struct wsc *client, int want_write)
{
    if (client->wants_write == want_write || client->state == WSC_ENDED)
        return;
    struct epoll_event event = {.events = EPOLLIN | (want_write ? EPOLLOUT : 0),
                                .data.ptr = client};
    epoll_ctl(client->loop->epoll, EPOLL_CTL_MOD, client->fd, &event);
    client->wants_write = want_write;
}

static void frame_commands(struct wsc *client)
{
    if (!client->commands.size)
        return;
    enum wsc_opcode opcode = client->target->encoding == WSC_JSON ? WSC_OP_TEXT : WSC_OP_BINARY;
    wsc_frame_write(&client->out, opcode, wsc_random32(client->loop), client->commands.data,
                    client->commands.size);
    client->commands.size = 0;
}

/* A connection at rest keeps no large buffers: there may be many thousands. */
static void shrink(struct wsc_bytes *bytes)
{
    if (!bytes->size && bytes->capacity > 4096)
        wsc_bytes_free(bytes);
}

void wsc_flush(struct wsc *client)
{
    if (client->failed_early) {
        end_lost(client, strerror(client->failed_early));
        return;
    }
    if (client->state < WSC_HANDSHAKE || client->state == WSC_ENDED)
        return;
    frame_commands(client);
    while (client->out_at < client->out.size) {
        long written = wsc_transport_write(client, client->out.data + client->out_at,
                                           client->out.size - client->out_at);
        if (written < 0) {
            end_lost(client, "write failed");
            return;
        }
        if (written == 0)
            break;
        client->out_at += (size_t)written;
        client->loop->stats.bytes_out += (uint64_t)written;
    }
    int waiting = client->out_at < client->out.size;
    if (!waiting)
        client->out.size = client->out_at = 0;
    shrink(&client->out);
    shrink(&client->commands);
    wsc_watch(client, waiting);
}

size_t wsc_buffered(const struct wsc *client)
{
    return client->out.size - client->out_at + client->commands.size;
}

void wsc_write_frame(struct wsc *client, enum wsc_opcode opcode, const void *data, size_t size)
{
    frame_commands(client);
    wsc_frame_write(&client->out, opcode, wsc_random32(client->loop), data, size);
    wsc_mark_dirty(client);
}

void wsc_close(struct wsc *client, int code)
{
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (client->state != WSC_OPEN) {
        if (client->state < WSC_OPEN)
            wsc_abort(client);
        return;
    }
    wsc_write_frame(client, WSC_OP_CLOSE, payload, sizeof payload);
    client->state = WSC_CLOSING;
}

struct wsc_command wsc_begin(struct wsc *client, uint64_t id, const char *key)
{
    wsc_mark_dirty(client);
    if (client->commands.size && client->target->encoding == WSC_JSON)
        wsc_bytes_byte(&client->commands, '\n');
    return wsc_command_begin(&client->commands, client->target->encoding, id, key);
}

void wsc_connect(struct wsc *client, uint64_t id, const char *token, const char *device,
                 struct wsc_slice cursor)
{
    struct wsc_command command = wsc_begin(client, id, "connect");
    wsc_command_text(&command, "token", wsc_text(token));
    wsc_command_text(&command, "device", wsc_text(device));
    if (cursor.size)
        wsc_command_text(&command, "cursor", cursor);
    wsc_command_end(&command);
}

/* ---- input ---- */

static void handle_objects(struct wsc *client, const uint8_t *data, size_t size)
{
    struct wsc_loop *loop = client->loop;
    struct wsc_object object;
    while (size && client->state != WSC_ENDED) {
        long taken = client->target->encoding == WSC_JSON
                         ? wsc_decode_json(&loop->decoder, data, size, &object)
                         : wsc_decode_msgpack(&loop->decoder, data, size, &object);
        if (taken < 0) {
            loop->stats.bad_objects++;
            end_lost(client, "the server sent an object that cannot be decoded");
            return;
        }
        loop->stats.objects_in++;
        client->handlers->object(client, &object, client->data);
        data += taken;
        size -= (size_t)taken;
    }
    wsc_decoder_release(&loop->decoder);
}

static void handle_close(struct wsc *client, const struct wsc_frame *frame)
{
    int code = frame->size >= 2 ? frame->payload[0] << 8 | frame->payload[1] : 1005;
    size_t skip = frame->size >= 2 ? 2 : frame->size;
    if (client->state == WSC_OPEN) {
        wsc_write_frame(client, WSC_OP_CLOSE, frame->payload, skip);
        wsc_flush(client);
    }
    wsc_end(client, code, (const char *)frame->payload + skip, frame->size - skip);
}

static void handle_data(struct wsc *client, const struct wsc_frame *frame)
{
    client->loop->stats.frames_in++;
    if (frame->fin && frame->opcode != WSC_OP_CONTINUATION) {
        handle_objects(client, frame->payload, frame->size);
        return;
    }
    wsc_bytes_append(&client->fragments, frame->payload, frame->size);
    if (client->fragments.size > WSC_FRAME_MAX) {
        end_lost(client, "the server sent a message that is too large");
    } else if (frame->fin) {
        handle_objects(client, client->fragments.data, client->fragments.size);
        client->fragments.size = 0;
        shrink(&client->fragments);
    }
}

static void handle_frame(struct wsc *client, const struct wsc_frame *frame)
{
    if (frame->opcode == WSC_OP_CLOSE)
        handle_close(client, frame);
    else if (frame->opcode == WSC_OP_PING)
        wsc_write_frame(client, WSC_OP_PONG, frame->payload, frame->size);
    else if (frame->opcode != WSC_OP_PONG)
        handle_data(client, frame);
}

/* Handles the whole frames in `data`; answers how many bytes they were. */
static size_t handle_frames(struct wsc *client, const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (client->state != WSC_ENDED) {
        struct wsc_frame frame;
        long taken = wsc_frame_read(data + at, size - at, &frame);
        if (taken < 0) {
            end_lost(client, "the server broke the WebSocket protocol");
            break;
        }
        if (taken == 0)
            break;
        handle_frame(client, &frame);
        at += (size_t)taken;
    }
    return at;
}

static void handle_bytes(struct wsc *client, const uint8_t *data, size_t size)
{
    if (client->in.size) {
        wsc_bytes_append(&client->in, data, size);
        size_t taken = handle_frames(client, client->in.data, client->in.size);
        if (client->state == WSC_ENDED)
            return;
        wsc_bytes_consume(&client->in, taken);
        shrink(&client->in);
        return;
    }
    size_t taken = handle_frames(client, data, size);
    if (client->state != WSC_ENDED)
        wsc_bytes_append(&client->in, data + taken, size - taken);
}

static void handle_handshake(struct wsc *client, const uint8_t *data, size_t size)
{
    struct wsc_slice reason;
    wsc_bytes_append(&client->in, data, size);
    long taken = wsc_handshake_read(client, &reason);
    if (taken < 0) {
        wsc_end(client, WSC_CLOSE_LOST, reason.data, reason.size);
        return;
    }
    if (taken == 0)
        return;
    client->state = WSC_OPEN;
    wsc_bytes_consume(&client->in, (size_t)taken);
    client->handlers->opened(client, client->data);
    if (client->state != WSC_ENDED)
        handle_bytes(client, NULL, 0);
}

static void read_some(struct wsc *client)
{
    uint8_t *buffer = client->loop->read_buffer;
    do {
        long size = wsc_transport_read(client, buffer, WSC_READ_BYTES);
        if (size < 0)
            end_lost(client, "connection lost");
        if (size <= 0)
            return;
        client->loop->stats.bytes_in += (uint64_t)size;
        if (client->state == WSC_HANDSHAKE)
            handle_handshake(client, buffer, (size_t)size);
        else
            handle_bytes(client, buffer, (size_t)size);
    } while (client->ssl); /* TLS holds bytes that epoll does not know of */
}

/* TCP, then TLS where asked, then the WebSocket handshake. */
static void advance(struct wsc *client)
{
    if (client->state == WSC_CONNECTING) {
        int error = wsc_transport_connect_error(client);
        if (error) {
            end_lost(client, strerror(error));
            return;
        }
        client->state = client->target->tls ? WSC_TLS : WSC_HANDSHAKE;
    }
    if (client->state == WSC_TLS) {
        int status = wsc_transport_start_tls(client);
        if (status < 0)
            end_lost(client, "the TLS handshake failed");
        if (status <= 0)
            return;
        client->state = WSC_HANDSHAKE;
    }
    wsc_handshake_write(client);
}

void wsc_handle_event(struct wsc *client, uint32_t events)
{
    if (client->state == WSC_ENDED)
        return;
    if (client->state < WSC_HANDSHAKE) {
        advance(client);
        return;
    }
    if (events & EPOLLOUT)
        wsc_mark_dirty(client);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_some(client);
}
