/*
 * Reading JSON by the scanner and by jansson, and writing what was read.
 */
#include "json_oracle.h"

#include "base/arena.h"
#include "convert.h"
#include "wire/reader.h"
#include "wire/writer.h"

#include <math.h>

static bool skips(struct cc_slice text)
{
    struct scan scan = {text.data, text.data + text.size, false};

    scan_skip(&scan);
    scan_peek(&scan);
    return !scan.failed && scan.at == scan.end;
}

/*
 * A value through the reader and the writer. False when the reader fails. `ret_is_plain` is
 * false for what jansson refuses and the scanner leaves to its caller: NUL, invalid UTF-8,
 * numbers beyond a double or a json_int_t.
 */
static bool copy_value(struct reader *reader, struct writer *writer, bool *ret_is_plain);

static bool copy_array(struct reader *reader, struct writer *writer, bool *ret_is_plain)
{
    struct writer_scope written;
    struct scope scope;

    reader_open_array(reader, &scope);
    writer_open_array(writer, 0, &written);
    while (reader_next_element(reader, &scope))
        if (!copy_value(reader, writer, ret_is_plain))
            return false;
    writer_close_array(writer, &written);
    return !reader_failed(reader);
}

static bool copy_object(struct reader *reader, struct writer *writer, bool *ret_is_plain)
{
    struct writer_scope written;
    struct scope scope;
    struct value key;

    reader_open_object(reader, &scope);
    writer_open_object(writer, &written);
    while (reader_next_member(reader, &scope, &key)) {
        *ret_is_plain = *ret_is_plain && key.is_valid_text;
        writer_any_key(writer, key.bytes);
        if (!copy_value(reader, writer, ret_is_plain))
            return false;
    }
    writer_close_object(writer, &written);
    return !reader_failed(reader);
}

static bool copy_value(struct reader *reader, struct writer *writer, bool *ret_is_plain)
{
    struct value value;

    reader_value(reader, &value);
    switch (value.type) {
    case VALUE_NULL:
        writer_null(writer);
        return true;
    case VALUE_BOOL:
        writer_bool(writer, value.boolean);
        return true;
    case VALUE_INT:
        writer_int(writer, value.integer);
        return true;
    case VALUE_UINT:
        *ret_is_plain = false;
        return true;
    case VALUE_REAL:
        if (isfinite(value.real) && fabs(value.real) < 9e18)
            writer_real(writer, value.real);
        else
            *ret_is_plain = false;
        return true;
    case VALUE_STRING:
        *ret_is_plain = *ret_is_plain && value.is_valid_text;
        writer_string(writer, value.bytes);
        return true;
    case VALUE_ARRAY:
        return copy_array(reader, writer, ret_is_plain);
    case VALUE_OBJECT:
        return copy_object(reader, writer, ret_is_plain);
    default:
        return false;
    }
}

struct copier {
    struct arena arena;
    struct buffer json;
    struct buffer msgpack;
};

static bool copy_text(struct copier *copier, struct cc_slice text, enum wire_format format,
                      struct buffer *out, bool *ret_is_plain)
{
    struct reader reader;
    struct writer writer;

    *ret_is_plain = true;
    buffer_clear(out);
    arena_clear(&copier->arena);
    reader_init(&reader, WIRE_JSON, text, &copier->arena);
    writer_init(&writer, out, format);
    return copy_value(&reader, &writer, ret_is_plain) && reader_is_at_end(&reader);
}

/* Whether the bytes are the expected tree; takes the tree that was read. */
static bool is_same(json_t *json, const json_t *expected)
{
    bool same = json && json_equal(json, expected);

    json_decref(json);
    return same;
}

static const char *compare_trees(struct copier *copier, struct cc_slice text,
                                 const json_t *expected)
{
    bool is_plain;

    if (!is_same(json_of_text(buffer_slice(&copier->json)), expected))
        return "it is another tree when written as JSON";
    if (!copy_text(copier, text, WIRE_MSGPACK, &copier->msgpack, &is_plain) ||
        !is_same(json_of_msgpack(buffer_slice(&copier->msgpack)), expected))
        return "it is another tree when written as MessagePack";
    return NULL;
}

static const char *compare(struct copier *copier, struct cc_slice text)
{
    bool is_plain;
    bool is_taken = copy_text(copier, text, WIRE_JSON, &copier->json, &is_plain);
    const char *difference = NULL;
    json_t *expected;

    if (is_taken != skips(text))
        return "reading and skipping differ";
    if (text.size && memchr(text.data, 0, text.size)) /* jansson loses one behind a number */
        return is_taken ? "a NUL byte is taken" : NULL;
    if (is_taken && !is_plain)
        return NULL;
    expected = json_of_text(text);
    if (is_taken != (expected != NULL))
        difference = is_taken ? "jansson refuses it" : "jansson takes it";
    else if (is_taken)
        difference = compare_trees(copier, text, expected);
    json_decref(expected);
    return difference;
}

/* Beyond the scanner's levels, and what the copier's recursion should not try. */
static bool may_be_too_deep(struct cc_slice text)
{
    size_t opened = 0;

    for (size_t i = 0; i < text.size; i++)
        opened += text.data[i] == '[' || text.data[i] == '{';
    return opened >= SCAN_DEPTH_MAX;
}

const char *json_difference(struct cc_slice text)
{
    const char *difference;
    struct copier copier;

    if (may_be_too_deep(text))
        return NULL;
    arena_init(&copier.arena, cc_allocator_default());
    buffer_init(&copier.json, cc_allocator_default());
    buffer_init(&copier.msgpack, cc_allocator_default());
    difference = compare(&copier, text);
    arena_deinit(&copier.arena);
    buffer_deinit(&copier.json);
    buffer_deinit(&copier.msgpack);
    return difference;
}
