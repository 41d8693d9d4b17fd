/*
 * Assembling received messages.
 */
#include "gateway/assembly.h"

#include "chatcore/error.h"

/* The first buffer of a message: most that come in pieces are not much larger than one read. */
#define ASSEMBLY_FIRST 2048

void assembly_clear(struct assembly *assembly, struct assembly_limits *limits)
{
    limits->total -= assembly->capacity;
    mem_free(limits->allocator, assembly->data);
    memset(assembly, 0, sizeof *assembly);
}

/* Room for `wanted` bytes, by doubling: what a peer only announces takes no memory. */
static int grow(struct assembly *assembly, struct assembly_limits *limits, size_t wanted)
{
    size_t capacity = assembly->capacity ? assembly->capacity : ASSEMBLY_FIRST;
    char *data;

    if (wanted <= assembly->capacity)
        return 0;
    while (capacity < wanted)
        capacity *= 2;
    if (limits->total - assembly->capacity + capacity > limits->max_total)
        return CC_EBUSY;
    data = limits->allocator->realloc(limits->allocator->context, assembly->data, capacity);
    if (!data)
        return CC_ENOMEM;
    limits->total += capacity - assembly->capacity;
    assembly->data = data;
    assembly->capacity = (uint32_t)capacity;
    return 0;
}

int assembly_add(struct assembly *assembly, struct assembly_limits *limits,
                 const struct assembly_piece *piece, struct cc_slice *ret_message)
{
    size_t size = assembly->size + piece->bytes.size;
    int r;

    if (size > limits->max_message || piece->missing > limits->max_message - size)
        return CC_ETOOLARGE;
    if (piece->is_last && !assembly->size) {
        *ret_message = piece->bytes;
        return 0;
    }
    r = grow(assembly, limits, size);
    if (r)
        return r;
    if (piece->bytes.size)
        memcpy(assembly->data + assembly->size, piece->bytes.data, piece->bytes.size);
    assembly->size = (uint32_t)size;
    if (!piece->is_last)
        return ASSEMBLY_MORE;
    *ret_message = slice_of(assembly->data, assembly->size);
    return 0;
}
