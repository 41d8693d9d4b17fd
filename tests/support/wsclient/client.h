/*
 * A WebSocket client for load and verification: thousands of connections on one thread.
 *
 * Model: a loop (epoll, timers) owns connections. Everything happens inside wsc_loop_turn; no
 * handler is called from any other function. Commands that a turn's handlers write to a connection
 * leave at the end of the turn as one frame, which is also how the server is expected to batch.
 * A loop and its connections belong to one thread; there may be many loops.
 *
 * Life of a connection: wsc_open, then `opened` once the handshake is done, `object` for each
 * object of each frame, and at last exactly one `closed`; or wsc_abort, after which nothing is
 * called. After either the pointer is dead. Reconnecting, and when, is the caller's business:
 * wsc_may_reconnect says what the protocol allows. Pings are answered here.
 */
#ifndef WSCLIENT_CLIENT_H
#define WSCLIENT_CLIENT_H

#include "command.h"
#include "frame.h"

struct wsc_loop;
struct wsc;

/* What is not a WebSocket close code: the connection ended without a close frame. */
#define WSC_CLOSE_LOST 1006

struct wsc_target {
    char host[64]; /* an IPv4 address */
    uint16_t port;
    char path[128];
    int tls;
    enum wsc_encoding encoding;
    char source[32]; /* empty, or the address to come from: each has its own range of ports */
};

/* Reads ws://HOST:PORT/PATH or wss://…; 0, or -1 when it is neither. */
int wsc_target_parse(const char *url, struct wsc_target *ret_target);

struct wsc_handlers {
    void (*opened)(struct wsc *client, void *data);
    void (*object)(struct wsc *client, const struct wsc_object *object, void *data);
    void (*closed)(struct wsc *client, int code, struct wsc_slice reason, void *data);
};

struct wsc_stats {
    uint64_t frames_in;
    uint64_t objects_in;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t bad_objects; /* frames that held something undecodable; the connection is closed */
};

/* ---- loop ---- */
struct wsc_loop *wsc_loop_new(void);
/* Aborts what is open. */
void wsc_loop_free(struct wsc_loop *loop);
/* One turn: waits for input at most `timeout_ms`, handles it, fires timers, writes. */
void wsc_loop_turn(struct wsc_loop *loop, int timeout_ms);
const struct wsc_stats *wsc_loop_stats(const struct wsc_loop *loop);
/* Connections that have not ended. */
size_t wsc_loop_count(const struct wsc_loop *loop);
/* CLOCK_MONOTONIC. */
uint64_t wsc_now_ns(void);

/* A timer lives in the caller's memory; zeroed is unset. Setting a set one moves it. */
struct wsc_timer {
    uint64_t at_ns;
    void (*fire)(void *data);
    void *data;
    size_t index; /* in the heap, from 1; 0: unset */
};
void wsc_timer_set(struct wsc_loop *loop, struct wsc_timer *timer, uint64_t delay_ns,
                   void (*fire)(void *data), void *data);
void wsc_timer_clear(struct wsc_loop *loop, struct wsc_timer *timer);

/* ---- connection ---- */
/* `target` and `handlers` must outlive the connection. A failure is told by `closed`. */
struct wsc *wsc_open(struct wsc_loop *loop, const struct wsc_target *target,
                     const struct wsc_handlers *handlers, void *data);
/* Sends a close frame behind what is waiting; `closed` comes when the server has answered. */
void wsc_close(struct wsc *client, int code);
/* Drops the connection as a lost network does: no close frame, no handler. */
void wsc_abort(struct wsc *client);
/* True while commands can be written: from `opened` to the end. */
int wsc_is_open(const struct wsc *client);
/* Bytes that the socket has not taken yet. */
size_t wsc_buffered(const struct wsc *client);
/* Writes a frame of any kind and content, for tests of a server's answers to nonsense. */
void wsc_write_frame(struct wsc *client, enum wsc_opcode opcode, const void *data, size_t size);

/* Starts a command on this connection; end it with wsc_command_end. */
struct wsc_command wsc_begin(struct wsc *client, uint64_t id, const char *key);
/* `cursor` may be empty. */
void wsc_connect(struct wsc *client, uint64_t id, const char *token, const char *device,
                 struct wsc_slice cursor);

/* Whether the protocol lets a client come back after this close code. */
static inline int wsc_may_reconnect(int code)
{
    return code < 4500;
}

#endif
