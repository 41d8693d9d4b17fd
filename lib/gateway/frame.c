/*
 * Frame heads.
 */
#include "gateway/frame.h"

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
