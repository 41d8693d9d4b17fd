/*
 * What the files of the WebSocket client share. A connection is on the loop's `dirty` list while it
 * has something to write, and on `ended` from its end until the turn is over, so that no event of
 * the same turn meets freed memory.
 */
#ifndef WSCLIENT_INTERNAL_H
#define WSCLIENT_INTERNAL_H

#include "client.h"

#include <openssl/ssl.h>
#include <sys/epoll.h>

#define WSC_READ_BYTES (256u * 1024)

enum wsc_state { WSC_CONNECTING, WSC_TLS, WSC_HANDSHAKE, WSC_OPEN, WSC_CLOSING, WSC_ENDED };

struct wsc {
    struct wsc_loop *loop;
    const struct wsc_target *target;
    const struct wsc_handlers *handlers;
    void *data;
    SSL *ssl;
    struct wsc *next_dirty;
    struct wsc *next_ended;
    struct wsc *next_open; /* all that have not ended, for wsc_loop_free */
    struct wsc *previous_open;
    struct wsc_bytes in;        /* an incomplete frame, or the handshake's answer */
    struct wsc_bytes fragments; /* of a message in several frames */
    struct wsc_bytes commands;  /* objects not yet in a frame */
    struct wsc_bytes out;       /* frames not yet taken by the socket */
    size_t out_at;
    int fd;
    enum wsc_state state;
    int is_dirty;
    int wants_write;
    int failed_early; /* the error of a connect() that failed at once */
    char accept[32];  /* Sec-WebSocket-Accept that the server must send */
};

struct wsc_loop {
    int epoll;
    SSL_CTX *tls;
    struct wsc *dirty;
    struct wsc *ended;
    struct wsc *open;
    size_t count;
    struct wsc_timer **timers; /* a binary heap, from index 1 */
    size_t timer_count;
    size_t timer_capacity;
    uint64_t random;
    struct wsc_stats stats;
    struct wsc_decoder decoder;
    uint8_t *read_buffer;
};

uint32_t wsc_random32(struct wsc_loop *loop);
void wsc_mark_dirty(struct wsc *client);
void wsc_watch(struct wsc *client, int want_write);
/* Ends the connection and tells the handler, unless it has ended before. */
void wsc_end(struct wsc *client, int code, const char *reason, size_t reason_size);
void wsc_handle_event(struct wsc *client, uint32_t events);
void wsc_flush(struct wsc *client);
void wsc_free(struct wsc *client);

/* transport.c: TCP or TLS. Both answer bytes moved, 0 to try again later, -1 at the end. */
long wsc_transport_read(struct wsc *client, void *data, size_t size);
long wsc_transport_write(struct wsc *client, const void *data, size_t size);
/* 1 done, 0 later, -1 failed. */
int wsc_transport_start_tls(struct wsc *client);
int wsc_transport_open(struct wsc *client);
int wsc_transport_connect_error(struct wsc *client);

/* handshake.c */
void wsc_handshake_write(struct wsc *client);
/* Bytes taken of client->in (0: more needed), or -1 with *ret_reason set. */
long wsc_handshake_read(struct wsc *client, struct wsc_slice *ret_reason);

#endif
