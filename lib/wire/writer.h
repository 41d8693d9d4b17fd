/*
 * Writing values in either encoding through the same calls.
 *
 * The writer counts what stands in the innermost open container: JSON's commas and MessagePack's
 * heads come from that count, so nobody counts beforehand. A container's head takes one byte, or
 * what the expected count needs; if it turns out otherwise, closing moves what was written.
 *
 * Without memory the buffer fails, and what follows writes nothing: check once, at the end.
 */
#ifndef CC_WIRE_WRITER_H
#define CC_WIRE_WRITER_H

#include "base/buffer.h"
#include "wire/format.h"

struct writer {
    struct buffer *out;
    enum wire_format format;
    bool is_after_key;
    uint32_t count; /* values in the innermost open container */
};

/* An open container: where its head is, and how to go on behind it. */
struct writer_scope {
    size_t head;
    uint32_t head_size;
    uint32_t outer_count;
};

void writer_init(struct writer *writer, struct buffer *out, enum wire_format format);

void writer_open_object(struct writer *writer, struct writer_scope *ret_scope);
void writer_close_object(struct writer *writer, const struct writer_scope *scope);
void writer_open_array(struct writer *writer, size_t expected, struct writer_scope *ret_scope);
void writer_close_array(struct writer *writer, const struct writer_scope *scope);

/* A member's key; its value follows. The key needs no escapes: for keys of the protocol. */
void writer_key_slice(struct writer *writer, struct cc_slice key);

static inline void writer_key(struct writer *writer, const char *key)
{
    writer_key_slice(writer, slice_str(key));
}

/* A member's key, of whatever characters. */
void writer_any_key(struct writer *writer, struct cc_slice key);

void writer_null(struct writer *writer);
void writer_bool(struct writer *writer, bool value);
void writer_uint(struct writer *writer, uint64_t value);
void writer_int(struct writer *writer, int64_t value);

/* A finite number. */
void writer_real(struct writer *writer, double value);

/* Valid UTF-8. */
void writer_string(struct writer *writer, struct cc_slice text);

/* JSON: text; MessagePack: 16 bytes. */
void writer_id(struct writer *writer, const struct cc_id *id);

/* A value that is encoded already. */
void writer_raw(struct writer *writer, struct cc_slice value);

#endif
