/*
 * Transfers: objects of the media store's own server, received and sent piece by piece.
 *
 *   RECEIVING  an upload's body is coming: each piece goes to the server at once
 *   FINISHING  the server makes an object of it, on a thread of its own
 *   ANSWERING  the answer's head, and then its body, are to be written
 *
 * No more than a piece of a body is in memory. A client that doesn't send stops nobody; one that
 * does not read is written to when the kernel takes more; one that moves less than a least number
 * of bytes in a time is cut.
 *
 * A transfer belongs to its connection and goes with it, but while it is FINISHING: then it goes
 * when that is done. Owner: the worker's thread. transfer_socket.c is its way to libwebsockets.
 */
#ifndef CC_GATEWAY_TRANSFER_H
#define CC_GATEWAY_TRANSFER_H

#include "gateway/connection.h"

/* Sent at once: as much as a socket's buffer usually takes. */
#define TRANSFER_PIECE_BYTES 65536

/* What a transfer has to move in each media_stall_ms to go on: 2 KB a second of the default. */
#define TRANSFER_STALL_BYTES 65536

enum transfer_state { TRANSFER_RECEIVING, TRANSFER_FINISHING, TRANSFER_ANSWERING };

struct transfer {
    struct worker *worker;
    struct connection *connection; /* NULL: it went while the upload was being finished */
    enum transfer_state state;
    struct cc_media_answer answer;
    void *stream;       /* of the server, to be closed */
    uint64_t left;      /* of the body: to come, or to be sent */
    uint64_t left_then; /* at the last look */
    bool has_body;      /* the answer's, to be sent */
    bool is_head_sent;
    bool is_head; /* a HEAD request: no body follows the answer's head, not even an error's */
    bool closes;  /* the connection, with the answer: a body was not taken whole */
    struct cc_slice origin; /* of the page that asks, if it may read the answer; else empty */
    char origin_bytes[128];
    struct quota_entry *share; /* of its client's address; NULL: it is not counted */
    struct cc_media_finish finish;
};

/* A request for an object, as its headers say it. */
struct transfer_request {
    struct cc_media_request of_server;
    struct cc_slice origin;
    struct cc_slice host;
    bool has_no_size; /* a body comes whose size is not told, or makes no sense */
};

/* True when the path is one of objects, and the gateway has a server of them. */
bool transfer_is_wanted(const struct cc_gateway *gateway, struct cc_slice path);

/* Begins a transfer on the connection; its `path` begins with the prefix. 0 or CC_ENOMEM. */
int transfer_begin(struct connection *connection, const struct transfer_request *request);

static inline bool transfer_is_receiving(const struct transfer *transfer)
{
    return transfer->state == TRANSFER_RECEIVING;
}

/* A piece of the body. */
void transfer_receive(struct transfer *transfer, struct cc_slice bytes);

/* The body is complete. */
void transfer_received(struct transfer *transfer);

/*
 * Appends what is to be written next to `out`. 0; 1: that was the last of it; CC_EIO, CC_ENOMEM:
 * the connection has to be cut.
 */
int transfer_next_piece(struct transfer *transfer, struct buffer *out);

/* Ends a connection's transfer, if there is one. */
void transfer_end(struct connection *connection);

/* Whether enough has moved since the last look for it to go on. */
bool transfer_is_moving(struct transfer *transfer);

/* Makes the worker ready for transfers; called by its worker_new(). */
void transfers_init(struct worker *worker);

/* Takes what the server has finished. */
void transfers_drain(struct worker *worker);

/* Waits until the server has nothing of the worker's any more: at its end. */
void transfers_wait(struct worker *worker);

#endif
