/*
 * What stands in a folder, as text that tools and people read.
 */
#include "base/arena.h"
#include "chatcore/error.h"
#include "chatcore/host.h"
#include "wire/encode.h"
#include "wire/meta.h"
#include "wire/record.h"

/* Gives the buffer's bytes away, or frees them. */
static int buffer_give(struct buffer *buffer, int r, struct cc_slice *ret_json)
{
    if (r || buffer->failed) {
        buffer_deinit(buffer);
        return r ? r : CC_ENOMEM;
    }
    *ret_json = buffer_slice(buffer);
    return 0;
}

int cc_record_to_json(const struct cc_allocator *allocator, struct cc_slice record, uint64_t seq,
                      struct cc_slice *ret_json)
{
    const struct cc_allocator *from = allocator ? allocator : cc_allocator_default();
    struct cc_event event = {.type = CC_EVENT_MESSAGE};
    struct record decoded;
    struct buffer buffer;
    struct arena arena;
    int r;

    arena_init(&arena, from);
    buffer_init(&buffer, from);
    r = record_decode(record, &arena, &decoded);
    if (!r) {
        decoded.message.seq = seq;
        event.u.message = &decoded.message;
        r = wire_encode_event(&buffer, &event, WIRE_JSON);
    }
    arena_deinit(&arena);
    return buffer_give(&buffer, r, ret_json);
}

int cc_meta_to_json(const struct cc_allocator *allocator, struct cc_slice meta,
                    struct cc_slice *ret_json)
{
    struct writer writer;
    struct buffer buffer;

    buffer_init(&buffer, allocator ? allocator : cc_allocator_default());
    writer_init(&writer, &buffer, WIRE_JSON);
    meta_write(&writer, meta);
    return buffer_give(&buffer, 0, ret_json);
}
