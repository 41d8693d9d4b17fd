/*
 * The head of a WebSocket frame from a server (RFC 6455, 5.2): never masked, never fragmented.
 */
#ifndef CC_GATEWAY_FRAME_H
#define CC_GATEWAY_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum frame_opcode {
    FRAME_TEXT = 0x1,
    FRAME_BINARY = 0x2,
    FRAME_CLOSE = 0x8,
    FRAME_PING = 0x9,
};

#define FRAME_HEAD_MAX 10

/* A control frame's payload, at most; a close frame's is a code of 2 bytes and a reason. */
#define FRAME_CONTROL_MAX 125

/* A whole close frame, at most. */
#define FRAME_CLOSE_MAX (2 + FRAME_CONTROL_MAX)

/* The size of the head of a frame with so much payload. */
static inline size_t frame_head_size(size_t payload)
{
    if (payload < 126)
        return 2;
    return payload <= UINT16_MAX ? 4 : FRAME_HEAD_MAX;
}

/* Writes the head so that it ends where the payload begins. Answers where it begins. */
unsigned char *frame_head_before(unsigned char *payload, size_t size, enum frame_opcode opcode);

/* Writes a whole close frame; a reason that is too long is cut between characters. `frame` has
 * FRAME_CLOSE_MAX bytes. Answers its size. */
size_t frame_close(unsigned char *frame, uint16_t code, const char *reason, size_t size);

#endif
