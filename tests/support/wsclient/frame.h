/*
 * WebSocket framing (RFC 6455) as a client needs it: pure functions over bytes.
 *
 * A client masks what it sends and must get unmasked frames. No extension is ever asked for, so the
 * three reserved bits must be zero.
 */
#ifndef WSCLIENT_FRAME_H
#define WSCLIENT_FRAME_H

#include "bytes.h"

enum wsc_opcode {
    WSC_OP_CONTINUATION = 0x0,
    WSC_OP_TEXT = 0x1,
    WSC_OP_BINARY = 0x2,
    WSC_OP_CLOSE = 0x8,
    WSC_OP_PING = 0x9,
    WSC_OP_PONG = 0xa
};

/* The largest payload taken from a server: above any batch it has a reason to send in one frame. */
#define WSC_FRAME_MAX (64u * 1024 * 1024)

struct wsc_frame {
    enum wsc_opcode opcode;
    int fin;
    const uint8_t *payload;
    size_t size;
};

/*
 * Reads one frame from the front of `data`. Answers how many bytes it took; 0 when more are needed;
 * -1 when the bytes break the protocol (masked, reserved bits, unknown opcode, too large).
 */
long wsc_frame_read(const uint8_t *data, size_t size, struct wsc_frame *ret_frame);

/* Appends a masked frame. */
void wsc_frame_write(struct wsc_bytes *out, enum wsc_opcode opcode, uint32_t mask,
                     const void *payload, size_t size);

#endif
