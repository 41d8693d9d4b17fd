/*
 * The writer's two implementations. This is the hot path of every delivery: one pass, text is
 * copied in runs, and room is asked for once a value.
 */
#include "wire/writer.h"

#include "base/real.h"
#include "wire/pack.h"
#include "wire/text.h"
#include "wire/uuid.h"

#define UINT_TEXT_MAX 20

/* buffer_reserve(), inline where there is room. */
static inline char *room(struct writer *writer, size_t size)
{
    struct buffer *out = writer->out;

    if (out->capacity - out->size >= size && !out->failed)
        return out->data + out->size;
    return buffer_reserve(out, size);
}

static inline void advance(struct writer *writer, const char *end)
{
    writer->out->size = (size_t)(end - writer->out->data);
}

static inline bool is_json(const struct writer *writer)
{
    return writer->format == WIRE_JSON;
}

/* Counts a value, and tells whether JSON wants a comma before it. */
static inline bool begin_value(struct writer *writer)
{
    if (writer->is_after_key) {
        writer->is_after_key = false;
        return false;
    }
    return writer->count++ > 0 && is_json(writer);
}

/* Room for a value of at most `size` bytes, its comma written. */
static inline char *value_room(struct writer *writer, size_t size)
{
    bool comma = begin_value(writer);
    char *to = room(writer, size + 1);

    if (to && comma)
        *to++ = ',';
    return to;
}

void writer_init(struct writer *writer, struct buffer *out, enum wire_format format)
{
    writer->out = out;
    writer->format = format;
    writer->is_after_key = false;
    writer->count = 0;
}

/* --- containers ---------------------------------------------------------------------------------
 */

/* MessagePack's head for a count of elements, or of pairs. */
static uint32_t head_size(uint32_t count)
{
    return count < 16 ? 1 : count <= UINT16_MAX ? 3 : 5;
}

static void open_container(struct writer *writer, char bracket, uint32_t expected,
                           struct writer_scope *ret_scope)
{
    uint32_t size = is_json(writer) ? 1 : head_size(expected);
    char *to = value_room(writer, size);

    ret_scope->head_size = size;
    ret_scope->outer_count = writer->count;
    ret_scope->head = 0;
    writer->count = 0;
    if (!to)
        return;
    ret_scope->head = (size_t)(to - writer->out->data);
    *to = bracket;
    advance(writer, to + size);
}

/* Makes the head as large as the count wants it. Its place, or NULL. */
static char *fit_head(struct writer *writer, const struct writer_scope *scope)
{
    struct buffer *out = writer->out;
    uint32_t wanted = head_size(writer->count);
    size_t body = scope->head + scope->head_size;

    if (!room(writer, wanted))
        return NULL;
    if (wanted != scope->head_size) {
        memmove(out->data + scope->head + wanted, out->data + body, out->size - body);
        out->size += wanted;
        out->size -= scope->head_size;
    }
    return out->data + scope->head;
}

static void close_json(struct writer *writer, char bracket)
{
    char *to = room(writer, 1);

    if (!to)
        return;
    *to = bracket;
    advance(writer, to + 1);
}

void writer_open_object(struct writer *writer, struct writer_scope *ret_scope)
{
    open_container(writer, '{', 0, ret_scope);
}

void writer_close_object(struct writer *writer, const struct writer_scope *scope)
{
    char *head;

    if (is_json(writer)) {
        close_json(writer, '}');
    } else {
        head = fit_head(writer, scope);
        if (head)
            pack_put_map_head(head, writer->count);
    }
    writer->count = scope->outer_count;
}

void writer_open_array(struct writer *writer, size_t expected, struct writer_scope *ret_scope)
{
    open_container(writer, '[', expected <= UINT32_MAX ? (uint32_t)expected : UINT32_MAX,
                   ret_scope);
}

void writer_close_array(struct writer *writer, const struct writer_scope *scope)
{
    char *head;

    if (is_json(writer)) {
        close_json(writer, ']');
    } else {
        head = fit_head(writer, scope);
        if (head)
            pack_put_array_head(head, writer->count);
    }
    writer->count = scope->outer_count;
}

/* --- text ---------------------------------------------------------------------------------------
 */

/* The short escape of a character, or 0. */
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static char *put_escape(char *to, char c)
{
    static const char digits[] = "0123456789abcdef";
    char letter = short_escape(c);

    *to++ = '\\';
    if (letter) {
        *to++ = letter;
        return to;
    }
    to = pack_put_bytes(to, "u00", 3);
    *to++ = digits[(uint8_t)c >> 4];
    *to++ = digits[(uint8_t)c & 15];
    return to;
}

#define ESCAPE_MAX 6

/* Room is there for all of it as long as nothing is escaped; each escape asks for more. */
static void put_json_string(struct writer *writer, struct cc_slice text)
{
    const char *at = text.data;
    const char *end = at + text.size;
    char *to = value_room(writer, text.size + 2);

    if (!to)
        return;
    *to++ = '"';
    for (;;) {
        size_t run = text_plain_run(at, end);

        to = pack_put_bytes(to, at, run);
        at += run;
        if (at == end)
            break;
        advance(writer, to);
        to = room(writer, (size_t)(end - at) + ESCAPE_MAX);
        if (!to)
            return;
        to = put_escape(to, *at++);
    }
    *to++ = '"';
    advance(writer, to);
}

void writer_string(struct writer *writer, struct cc_slice text)
{
    char *to;

    if (!text.size)
        text.data = "";
    if (is_json(writer)) {
        put_json_string(writer, text);
        return;
    }
    to = value_room(writer, PACK_HEAD_MAX + text.size);
    if (to)
        advance(writer, pack_put_str(to, text));
}

void writer_any_key(struct writer *writer, struct cc_slice key)
{
    char *to;

    writer_string(writer, key);
    writer->is_after_key = true;
    if (!is_json(writer))
        return;
    to = room(writer, 1);
    if (!to)
        return;
    *to++ = ':';
    advance(writer, to);
}

void writer_key_slice(struct writer *writer, struct cc_slice key)
{
    char *to = value_room(writer, PACK_HEAD_MAX + key.size);

    writer->is_after_key = true;
    if (!to)
        return;
    if (is_json(writer)) {
        *to++ = '"';
        to = pack_put_bytes(to, key.data, key.size);
        *to++ = '"';
        *to++ = ':';
    } else {
        to = pack_put_str(to, key);
    }
    advance(writer, to);
}

void writer_id(struct writer *writer, const struct cc_id *id)
{
    char *to = value_room(writer, UUID_TEXT_BYTES + 2);

    if (!to)
        return;
    if (is_json(writer)) {
        *to = '"';
        uuid_format(id, to + 1);
        to += 1 + UUID_TEXT_BYTES;
        *to++ = '"';
    } else {
        to = pack_put_bin(to, slice_of(id->bytes, sizeof id->bytes));
    }
    advance(writer, to);
}

void writer_raw(struct writer *writer, struct cc_slice value)
{
    char *to = value_room(writer, value.size);

    if (to)
        advance(writer, pack_put_bytes(to, value.data, value.size));
}

/* --- numbers and words --------------------------------------------------------------------------
 */

static char *put_decimal(char *to, uint64_t value)
{
    char digits[UINT_TEXT_MAX];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return pack_put_bytes(to, digits + at, sizeof digits - at);
}

void writer_uint(struct writer *writer, uint64_t value)
{
    char *to = value_room(writer, UINT_TEXT_MAX);

    if (to)
        advance(writer, is_json(writer) ? put_decimal(to, value) : pack_put_uint(to, value));
}

void writer_int(struct writer *writer, int64_t value)
{
    char *to = value_room(writer, UINT_TEXT_MAX + 1);

    if (!to)
        return;
    if (!is_json(writer)) {
        to = pack_put_int(to, value);
    } else {
        if (value < 0)
            *to++ = '-';
        to = put_decimal(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    }
    advance(writer, to);
}

void writer_real(struct writer *writer, double value)
{
    char *to = value_room(writer, REAL_TEXT_MAX);
    char text[REAL_TEXT_MAX];

    if (!to)
        return;
    if (is_json(writer))
        to = pack_put_bytes(to, text, real_format(value, text));
    else
        to = pack_put_double(to, value);
    advance(writer, to);
}

static void word(struct writer *writer, const char *literal, unsigned byte)
{
    size_t size = is_json(writer) ? strlen(literal) : 1;
    char *to = value_room(writer, size);

    if (!to)
        return;
    if (is_json(writer))
        to = pack_put_bytes(to, literal, size);
    else
        to = pack_put_byte(to, byte);
    advance(writer, to);
}

void writer_null(struct writer *writer)
{
    word(writer, "null", PACK_NIL);
}

void writer_bool(struct writer *writer, bool value)
{
    word(writer, value ? "true" : "false", value ? PACK_TRUE : PACK_FALSE);
}
