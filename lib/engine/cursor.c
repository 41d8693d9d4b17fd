/*
 * Cursors as text.
 */
#include "engine/cursor.h"

#include "wire/decimal.h"

static void write_number(struct buffer *out, uint64_t value)
{
    char digits[DECIMAL_DIGITS_MAX];

    buffer_append(out, digits, decimal_put(digits, value));
}

void cursor_write(struct buffer *out, const uint64_t *positions, uint32_t partitions)
{
    buffer_append_byte(out, '1');
    for (uint32_t i = 0; i < partitions; i++) {
        if (!positions[i])
            continue;
        buffer_append_byte(out, '.');
        write_number(out, i);
        buffer_append_byte(out, '.');
        write_number(out, positions[i]);
    }
}

/* Reads a dot and a number below 10^18. */
static bool read_number(struct cc_slice *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t at = 1;

    if (text->size < 2 || text->data[0] != '.')
        return false;
    for (; at < text->size && text->data[at] != '.'; at++) {
        if (text->data[at] < '0' || text->data[at] > '9' || at > 18)
            return false;
        value = value * 10 + (uint64_t)(text->data[at] - '0');
    }
    if (at == 1)
        return false;
    text->data += at;
    text->size -= at;
    *ret_value = value;
    return true;
}

bool cursor_read(struct cc_slice text, uint64_t *positions, uint32_t partitions)
{
    uint64_t partition;
    uint64_t offset;

    if (text.size < 1 || text.data[0] != '1')
        return false;
    text.data++;
    text.size--;
    memset(positions, 0, partitions * sizeof *positions);
    while (text.size) {
        if (!read_number(&text, &partition) || !read_number(&text, &offset))
            return false;
        if (partition >= partitions)
            return false;
        positions[partition] = offset;
    }
    return true;
}
