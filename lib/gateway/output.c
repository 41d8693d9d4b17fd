/*
 * Chunks and the queue of them.
 */
#include "gateway/output.h"

#include "chatcore/error.h"

struct output_node {
    struct output_node *next;
    struct chunk *chunk;
};

struct chunk *chunk_new(const struct cc_allocator *allocator, enum wire_format format,
                        struct cc_slice payload, uint32_t weight)
{
    struct chunk *chunk;

    if (payload.size > UINT32_MAX)
        return NULL;
    chunk = mem_alloc(allocator, sizeof *chunk + payload.size);
    if (!chunk)
        return NULL;
    chunk->refs = 1;
    chunk->size = (uint32_t)payload.size;
    chunk->weight = weight;
    chunk->head_size = (unsigned char)frame_head_size(payload.size);
    memcpy(chunk->payload, payload.data, payload.size);
    frame_head_before(chunk->payload, payload.size, opcode_of(format));
    return chunk;
}

void chunk_unref(const struct cc_allocator *allocator, struct chunk *chunk)
{
    if (chunk && --chunk->refs == 0)
        mem_free(allocator, chunk);
}

int output_add(struct output *output, const struct cc_allocator *allocator, struct chunk *chunk)
{
    struct output_node *node = mem_alloc(allocator, sizeof *node);

    if (!node)
        return CC_ENOMEM;
    chunk->refs++;
    node->next = NULL;
    node->chunk = chunk;
    if (output->last)
        output->last->next = node;
    else
        output->first = node;
    output->last = node;
    output->bytes += chunk->size;
    return 0;
}

static void frame_count(struct output_frame *frame, const struct chunk *chunk)
{
    frame->chunks++;
    frame->weight += chunk->weight;
    frame->payload += chunk->size;
}

/* Appends chunks behind the space for the head until the frame is full. */
static void join(const struct output *output, enum wire_format format, struct buffer *scratch,
                 struct output_frame *frame)
{
    for (const struct output_node *node = output->first; node; node = node->next) {
        const struct chunk *chunk = node->chunk;

        if (frame->chunks && frame->payload + frame->chunks + chunk->size > OUTPUT_FRAME_MAX)
            break;
        if (frame->chunks && format == WIRE_JSON)
            buffer_append_byte(scratch, '\n');
        buffer_append(scratch, chunk->payload, chunk->size);
        frame_count(frame, chunk);
    }
}

int output_next_frame(const struct output *output, enum wire_format format, struct buffer *scratch,
                      struct output_frame *ret_frame)
{
    struct output_frame frame = {0};
    struct chunk *first = output->first->chunk;
    unsigned char *payload;
    size_t size;

    if (!output->first->next) {
        frame_count(&frame, first);
        frame.data = first->payload - first->head_size;
        frame.size = (size_t)first->head_size + first->size;
        *ret_frame = frame;
        return 0;
    }
    buffer_clear(scratch);
    if (buffer_reserve(scratch, FRAME_HEAD_MAX))
        scratch->size = FRAME_HEAD_MAX;
    join(output, format, scratch, &frame);
    if (scratch->failed)
        return CC_ENOMEM;
    payload = (unsigned char *)scratch->data + FRAME_HEAD_MAX;
    size = scratch->size - FRAME_HEAD_MAX;
    frame.data = frame_head_before(payload, size, opcode_of(format));
    frame.size = (size_t)(payload - frame.data) + size;
    *ret_frame = frame;
    return 0;
}

static void drop_first(struct output *output, const struct cc_allocator *allocator)
{
    struct output_node *node = output->first;

    output->first = node->next;
    if (!output->first)
        output->last = NULL;
    output->bytes -= node->chunk->size;
    chunk_unref(allocator, node->chunk);
    mem_free(allocator, node);
}

void output_drop_frame(struct output *output, const struct cc_allocator *allocator,
                       const struct output_frame *frame)
{
    for (uint32_t i = 0; i < frame->chunks; i++)
        drop_first(output, allocator);
}

void output_clear(struct output *output, const struct cc_allocator *allocator)
{
    while (output->first)
        drop_first(output, allocator);
}
