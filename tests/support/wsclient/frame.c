/* WebSocket framing: see frame.h. */
#include "frame.h"

static uint64_t read_big_endian(const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | data[i];
    return value;
}

static int opcode_is_known(unsigned opcode)
{
    return opcode <= WSC_OP_BINARY || (opcode >= WSC_OP_CLOSE && opcode <= WSC_OP_PONG);
}

long wsc_frame_read(const uint8_t *data, size_t size, struct wsc_frame *ret_frame)
{
    if (size < 2)
        return 0;
    unsigned opcode = data[0] & 0x0f;
    int fin = data[0] >> 7;
    if ((data[0] & 0x70) || (data[1] & 0x80) || !opcode_is_known(opcode))
        return -1;
    uint64_t length = data[1] & 0x7f;
    if (opcode >= WSC_OP_CLOSE && (length > 125 || !fin))
        return -1;
    size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (size < 2 + extended)
        return 0;
    if (extended)
        length = read_big_endian(data + 2, extended);
    if (length > WSC_FRAME_MAX)
        return -1;
    size_t header = 2 + extended;
    if (size - header < length)
        return 0;
    *ret_frame = (struct wsc_frame){(enum wsc_opcode)opcode, fin, data + header, (size_t)length};
    return (long)(header + length);
}

static size_t write_header(uint8_t *at, enum wsc_opcode opcode, size_t size)
{
    at[0] = (uint8_t)(0x80 | opcode);
    if (size < 126) {
        at[1] = (uint8_t)(0x80 | size);
        return 2;
    }
    size_t extended = size <= 0xffff ? 2 : 8;
    at[1] = (uint8_t)(0x80 | (extended == 2 ? 126 : 127));
    for (size_t i = 0; i < extended; i++)
        at[2 + i] = (uint8_t)((uint64_t)size >> (8 * (extended - 1 - i)));
    return 2 + extended;
}

static void copy_masked(uint8_t *to, const uint8_t *from, size_t size, uint32_t mask)
{
    uint64_t wide = (uint64_t)mask << 32 | mask;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, from + i, 8);
        word ^= wide;
        memcpy(to + i, &word, 8);
    }
    const uint8_t *key = (const uint8_t *)&mask;
    for (; i < size; i++)
        to[i] = from[i] ^ key[i & 3];
}

void wsc_frame_write(struct wsc_bytes *out, enum wsc_opcode opcode, uint32_t mask,
                     const void *payload, size_t size)
{
    uint8_t *at = wsc_bytes_reserve(out, size + 14);
    size_t header = write_header(at, opcode, size);
    memcpy(at + header, &mask, 4);
    if (size)
        copy_masked(at + header + 4, payload, size, mask);
    out->size += header + 4 + size;
}
