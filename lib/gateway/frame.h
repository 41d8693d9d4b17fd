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
    FRAME_PING = 0x9,
};

#define FRAME_HEAD_MAX 10

/* The size of the head of a frame with so much payload. */
static inline size_t frame_head_size(size_t payload)
{
    if (payload < 126)
        return 2;
    return payload <= UINT16_MAX ? 4 : FRAME_HEAD_MAX;
}

/* Writes the head so that it ends where the payload begins. Answers where it begins. */
unsigned char *frame_head_before(unsigned char *payload, size_t size, enum frame_opcode opcode);

#endif
