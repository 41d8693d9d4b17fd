/*
 * What waits to be written to a connection: a queue of chunks. A chunk is one encoded event,
 * shared by all connections of a thread that it is for; it is a ready-made frame of its own, and
 * several chunks can be joined to one frame.
 *
 * Owner: a gateway thread; nothing here is shared between threads.
 */
#ifndef CC_GATEWAY_OUTPUT_H
#define CC_GATEWAY_OUTPUT_H

#include "base/buffer.h"
#include "gateway/frame.h"
#include "wire/format.h"

static inline enum frame_opcode opcode_of(enum wire_format format)
{
    return format == WIRE_JSON ? FRAME_TEXT : FRAME_BINARY;
}

struct chunk {
    uint32_t refs;
    uint32_t size;   /* of the payload */
    uint32_t weight; /* in what the engine lets a session have outstanding: cc_event_weight() */
    unsigned char head_size;
    unsigned char head[FRAME_HEAD_MAX]; /* its last head_size bytes are the frame's head */
    unsigned char payload[];
};

/* Makes a chunk with one reference; NULL without memory, or when it is too large for a frame. */
struct chunk *chunk_new(const struct cc_allocator *allocator, enum wire_format format,
                        struct cc_slice payload, uint32_t weight);
void chunk_unref(const struct cc_allocator *allocator, struct chunk *chunk);

struct output_node;

struct output {
    struct output_node *first;
    struct output_node *last;
    size_t bytes; /* of payload */
};

/* Adds a chunk at the end and takes a reference of its own. 0 or CC_ENOMEM. */
int output_add(struct output *output, const struct cc_allocator *allocator, struct chunk *chunk);

static inline bool output_is_empty(const struct output *output)
{
    return !output->first;
}

/* A frame, ready to be written. */
struct output_frame {
    unsigned char *data; /* with its head */
    size_t size;
    uint32_t chunks;
    uint32_t weight;
    size_t payload;
};

/* No frame is larger, unless one chunk is. Bounds what libwebsockets copies when the kernel does
 * not take all of it. */
#define OUTPUT_FRAME_MAX 65536

/*
 * The next frame: the first chunk itself if it is the only one, else as many as fit, joined in
 * `scratch`. Valid until output_drop_frame(), or the next use of `scratch`. 0, or CC_ENOMEM with
 * the queue unchanged.
 */
int output_next_frame(const struct output *output, enum wire_format format, struct buffer *scratch,
                      struct output_frame *ret_frame);

/* Removes the chunks of a frame that has been written. */
void output_drop_frame(struct output *output, const struct cc_allocator *allocator,
                       const struct output_frame *frame);

void output_clear(struct output *output, const struct cc_allocator *allocator);

#endif
