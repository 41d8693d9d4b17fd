/*
 * Frame heads.
 */
#include "gateway/frame.h"

#include <string.h>

#define FRAME_FIN 0x80

static void put_big_endian(unsigned char *to, size_t bytes, uint64_t value)
{
    while (bytes--) {
        to[bytes] = (unsigned char)value;
        value >>= 8;
    }
}

unsigned char *frame_head_before(unsigned char *payload, size_t size, enum frame_opcode opcode)
{
    size_t head_size = frame_head_size(size);
    unsigned char *head = payload - head_size;

    head[0] = (unsigned char)(FRAME_FIN | opcode);
    if (head_size == 2) {
        head[1] = (unsigned char)size;
    } else {
        head[1] = head_size == 4 ? 126 : 127;
        put_big_endian(head + 2, head_size - 2, size);
    }
    return head;
}

size_t frame_close(unsigned char *frame, uint16_t code, const char *reason, size_t size)
{
    const size_t max = FRAME_CONTROL_MAX - 2;

    if (size > max) {
        size = max;
        /* The first byte left out must not be in the middle of a UTF-8 character. */
        while (size && ((unsigned char)reason[size] & 0xc0) == 0x80)
            size--;
    }
    frame_head_before(frame + 2, size + 2, FRAME_CLOSE);
    put_big_endian(frame + 2, 2, code);
    if (size)
        memcpy(frame + 4, reason, size);
    return 4 + size;
}
