/*
 * A connection: a socket, from accepting on; with a session of the engine's, from the upgrade on.
 * It lives until both are gone, and is on its worker's lists meanwhile. Owner: its worker's thread.
 *
 *   HANDSHAKE  no upgrade yet: HTTP requests may come, and have to come in time
 *   OPEN       a WebSocket session
 *   CLOSING    what is queued is still written, then a close frame; then the client's is awaited.
 *              Input is ignored
 *   CLOSED     the socket is gone
 */
#ifndef CC_GATEWAY_CONNECTION_H
#define CC_GATEWAY_CONNECTION_H

#include "gateway/worker.h"

struct socket;
struct http_exchange;
struct transfer;

enum connection_state {
    CONNECTION_HANDSHAKE,
    CONNECTION_OPEN,
    CONNECTION_CLOSING,
    CONNECTION_CLOSED
};

struct connection {
    struct worker *worker;
    struct connection *next;
    struct connection *previous;
    struct socket *socket;
    struct cc_session *session;
    struct quota_entry *quota;
    struct http_exchange *exchange; /* a request being received */
    struct transfer *transfer;      /* an object's, or NULL */
    struct output output;
    struct assembly partial;
    struct list_link dirty; /* on the worker's list, until it is flushed */
    struct timer timer;     /* HANDSHAKE: it is too late; OPEN: heartbeat; CLOSING: cut it off */
    int64_t heard_ms;
    struct address peer;        /* of the socket: the client's, or a proxy's */
    struct address address;     /* of the client whose request is the newest */
    unsigned char *close_frame; /* CLOSING: to be sent, or NULL */
    unsigned char close_size;
    unsigned char state;  /* enum connection_state */
    unsigned char format; /* enum wire_format */
    bool has_address;
    bool is_over_limit; /* its address has too many connections: it will be refused */
    bool is_blocked;    /* the kernel takes no more for now */
    bool is_dirty;      /* on the worker's list, or being flushed */
    bool is_pinged;     /* since it was last heard */
    bool is_close_sent; /* or is libwebsockets' to send */
    bool is_cut;        /* to be cut at the end of the turn */
};

/* A socket has been accepted from `peer`, copied; NULL: that has no address. NULL without memory.
 */
struct connection *connection_new(struct worker *worker, const struct address *peer);

/* Gives up a connection that never got a socket. */
void connection_discard(struct connection *connection);

/* --- called by socket.c, for what happens to the socket. Those that answer an int answer other
 *     than 0 when the socket has to be cut at once. ---------------------------------------------
 */

/* The client of a request, behind a proxy if that is a trusted one: its connections may serve many.
 * `forwarded_for` is empty without such a header. */
void connection_forwarded(struct connection *connection, struct cc_slice forwarded_for);

/* The upgrade is done. */
int connection_open(struct connection *connection, enum wire_format format);

/* A piece of a message, binary or text. */
void connection_input(struct connection *connection, const struct assembly_piece *piece,
                      bool is_binary);

/* A sign of life: a pong. */
void connection_heard(struct connection *connection);

/* The kernel takes more. */
int connection_writable(struct connection *connection);

/* A close frame came: the client's, which libwebsockets answers, and nothing is written any more;
 * or the answer to ours, and the socket can go. */
int connection_hangup(struct connection *connection);

/* The socket is gone. The connection may be gone after this. */
void connection_closed(struct connection *connection);

/* Counts bytes of a body that is being received, for as long as its exchange lasts. False: the
 * thread has no room for more (max_partial_bytes). */
bool connection_charge(struct connection *connection, size_t size);

/* An HTTP request has come whole: its answer has its time. */
void connection_asked(struct connection *connection);

/* The answer of its exchange is READY: it is written at the end of the turn. */
void connection_answer_ready(struct connection *connection);

/* An HTTP request has been answered: the next one has its time. */
void connection_answered(struct connection *connection);

/* --- called by delivery.c and worker.c ---------------------------------------------------------
 */

/* Queues a chunk for the end of the turn. */
void connection_send(struct connection *connection, struct chunk *chunk);

/* What was queued has an answer that somebody waits for: this connection is flushed first. An
 * answer would otherwise wait until its message is written to all members of a large group. */
void connection_hurry(struct connection *connection);

/* At the end of a turn: writes what is queued, as far as the kernel takes it; or cuts the socket.
 */
void connection_flush(struct connection *connection);

/* Begins to close with a code and a reason. */
void connection_close(struct connection *connection, int code, struct cc_slice reason);

/* The engine has ended the session. The connection may be gone after this. */
void connection_session_ended(struct connection *connection, int code, struct cc_slice reason);

/* Closes at a random moment within `ms`, because the node is draining. */
void connection_drain(struct connection *connection, uint32_t ms);

/* Closes the session, and cuts the socket at the end of the turn. */
void connection_cut(struct connection *connection);

/* What the engine's limits count the client for, in `text` of ADDRESS_TEXT_MAX bytes. Empty for
 * loopback: its clients are not limited by it. */
struct cc_slice connection_limited_address(const struct connection *connection, char *text);

/* Frees the connection if nothing holds it any more. */
void connection_release(struct connection *connection);

#endif
