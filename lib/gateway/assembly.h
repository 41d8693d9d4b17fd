/*
 * Putting a WebSocket message together from the pieces in which it is received. One that comes in
 * one piece is never copied. An incomplete one is kept in a buffer of its own, bounded by the
 * largest message, and charged to a budget that all connections of a thread share.
 *
 * Owner: a gateway thread.
 */
#ifndef CC_GATEWAY_ASSEMBLY_H
#define CC_GATEWAY_ASSEMBLY_H

#include "base/memory.h"

struct assembly_limits {
    const struct cc_allocator *allocator;
    size_t max_message;
    size_t max_total; /* of all incomplete messages */
    size_t total;
};

struct assembly {
    char *data;
    uint32_t size;
    uint32_t capacity;
};

/* A piece of a message, as it was received. */
struct assembly_piece {
    struct cc_slice bytes;
    bool is_last;   /* the message ends with it */
    size_t missing; /* bytes that the frame is known to have after this piece */
};

/*
 * Adds a piece. 0: `ret_message` is the whole message, valid until assembly_clear() or the next
 * piece; or it is not complete yet: ASSEMBLY_MORE. CC_ETOOLARGE: the message is larger than
 * allowed, also if only announced. CC_EBUSY: the budget is spent. CC_ENOMEM.
 */
#define ASSEMBLY_MORE 1
int assembly_add(struct assembly *assembly, struct assembly_limits *limits,
                 const struct assembly_piece *piece, struct cc_slice *ret_message);

/* Forgets the message and its memory. */
void assembly_clear(struct assembly *assembly, struct assembly_limits *limits);

#endif
