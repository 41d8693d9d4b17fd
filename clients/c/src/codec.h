/*
 * The two encodings of docs/protocol.md. Inside the client everything is jansson's objects and
 * message ids are text; MessagePack, and its ids of 16 bytes, are seen in codec.c alone.
 */
#ifndef CC_CLIENT_CODEC_H
#define CC_CLIENT_CODEC_H

#include "chatcore/client.h"

#include <jansson.h>
#include <stdbool.h>

/* A frame that is being written; `room_before` bytes in front of it are the transport's. */
struct frame {
    char *bytes;
    size_t size; /* with `room_before` */
    size_t room;
    size_t room_before;
    bool is_broken; /* there was no memory for a part; jansson passes over that */
};

/* The WebSocket subprotocol that speaks it. */
const char *codec_protocol(enum cc_client_encoding encoding);

/* Adds a command to the frame. -ENOMEM: the frame is good for nothing but frame_free(). */
int codec_encode(enum cc_client_encoding encoding, uint64_t id, const char *command, json_t *fields,
                 struct frame *frame);
void frame_free(struct frame *frame);

/* As JSON, for free(). NULL without memory. (json_dumps() leaves out a name it has none for.) */
char *codec_text(json_t *value);

/*
 * Reads the next object of a frame and moves `at` behind it; there may be none (`*ret_object` is
 * NULL then) in white space. False: it can't be read, or there is no memory.
 */
bool codec_decode(enum cc_client_encoding encoding, const char **at, const char *end,
                  json_t **ret_object);

#endif
