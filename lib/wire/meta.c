/*
 * Walking a meta object from a reader to a writer; recursive, to META_DEPTH_MAX levels.
 */
#include "wire/meta.h"

#include "chatcore/error.h"

#include <math.h>

struct walk {
    struct reader *reader;
    struct writer *writer; /* NULL: only checks */
    size_t limit;          /* the writer's buffer may grow to it; SIZE_MAX: no limit */
};

static int walk_value(struct walk *walk, const struct value *value, unsigned depth);

static void write_scalar(struct writer *writer, const struct value *value)
{
    switch (value->type) {
    case VALUE_NULL:
        writer_null(writer);
        break;
    case VALUE_BOOL:
        writer_bool(writer, value->boolean);
        break;
    case VALUE_INT:
        writer_int(writer, value->integer);
        break;
    case VALUE_UINT:
        writer_uint(writer, value->unsigned_integer);
        break;
    case VALUE_REAL:
        writer_real(writer, value->real);
        break;
    default:
        writer_string(writer, value->bytes);
        break;
    }
}

static bool is_expressible(const struct value *value)
{
    switch (value->type) {
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_UINT:
        return true;
    case VALUE_REAL:
        return isfinite(value->real);
    case VALUE_STRING:
        return value->is_valid_text;
    default:
        return false;
    }
}

static int walk_scalar(struct walk *walk, const struct value *value)
{
    if (!is_expressible(value))
        return CC_EINVAL;
    if (!walk->writer)
        return 0;
    if (value->bytes.size > walk->limit)
        return CC_ETOOLARGE;
    write_scalar(walk->writer, value);
    if (walk->writer->out->failed)
        return CC_ENOMEM;
    return walk->writer->out->size > walk->limit ? CC_ETOOLARGE : 0;
}

static int walk_key(struct walk *walk, const struct value *key)
{
    if (key->type != VALUE_STRING || !key->is_valid_text)
        return CC_EINVAL;
    if (key->bytes.size > walk->limit)
        return CC_ETOOLARGE;
    if (walk->writer)
        writer_any_key(walk->writer, key->bytes);
    return 0;
}

static int walk_object(struct walk *walk, unsigned depth)
{
    struct writer_scope written;
    struct scope scope;
    struct value key;
    struct value value;
    int r = 0;

    reader_open_object(walk->reader, &scope);
    if (walk->writer)
        writer_open_object(walk->writer, &written);
    while (reader_next_member(walk->reader, &scope, &key)) {
        reader_value(walk->reader, &value);
        if (!r)
            r = walk_key(walk, &key);
        if (!r)
            r = walk_value(walk, &value, depth);
        else
            reader_skip_container(walk->reader, &value);
    }
    if (walk->writer)
        writer_close_object(walk->writer, &written);
    return r;
}

static int walk_array(struct walk *walk, unsigned depth)
{
    struct writer_scope written;
    struct scope scope;
    struct value value;
    int r = 0;

    reader_open_array(walk->reader, &scope);
    if (walk->writer)
        writer_open_array(walk->writer, scope.left, &written);
    while (reader_next_element(walk->reader, &scope)) {
        reader_value(walk->reader, &value);
        if (!r)
            r = walk_value(walk, &value, depth);
        else
            reader_skip_container(walk->reader, &value);
    }
    if (walk->writer)
        writer_close_array(walk->writer, &written);
    return r;
}

/* `depth`: levels already open. */
static int walk_value(struct walk *walk, const struct value *value, unsigned depth)
{
    if (value->type != VALUE_OBJECT && value->type != VALUE_ARRAY)
        return walk_scalar(walk, value);
    if (depth == META_DEPTH_MAX) {
        reader_skip(walk->reader);
        return CC_ETOOLARGE;
    }
    return value->type == VALUE_OBJECT ? walk_object(walk, depth + 1) : walk_array(walk, depth + 1);
}

int meta_read(struct reader *reader, struct writer *writer)
{
    size_t start = writer->out->size;
    struct walk walk = {reader, writer, start + META_BYTES_MAX};
    int r = walk_object(&walk, 1);

    if (reader->no_memory || writer->out->failed)
        return CC_ENOMEM;
    if (reader_failed(reader))
        return CC_EINVAL;
    return !r && writer->out->size - start > META_BYTES_MAX ? CC_ETOOLARGE : r;
}

int meta_check(struct cc_slice meta)
{
    struct reader reader;
    struct walk walk = {&reader, NULL, SIZE_MAX};
    struct value value;
    int r;

    if (meta.size > META_BYTES_MAX)
        return CC_ETOOLARGE;
    reader_init(&reader, WIRE_MSGPACK, meta, NULL);
    reader_value(&reader, &value);
    if (value.type != VALUE_OBJECT)
        return CC_EINVAL;
    r = walk_object(&walk, 1);
    return reader_failed(&reader) || !reader_is_at_end(&reader) ? CC_EINVAL : r;
}

/* True for one valid value, and nothing behind it. */
static bool is_packed(struct cc_slice packed)
{
    struct reader reader;
    struct walk walk = {&reader, NULL, SIZE_MAX};
    struct value value;

    reader_init(&reader, WIRE_MSGPACK, packed, NULL);
    reader_value(&reader, &value);
    return walk_value(&walk, &value, 0) == 0 && !reader_failed(&reader) &&
           reader_is_at_end(&reader);
}

static void write_valid(struct writer *writer, struct cc_slice packed)
{
    struct reader reader;
    struct walk walk = {&reader, writer, SIZE_MAX};
    struct value value;

    if (writer->format == WIRE_MSGPACK) {
        writer_raw(writer, packed);
        return;
    }
    reader_init(&reader, WIRE_MSGPACK, packed, NULL);
    reader_value(&reader, &value);
    walk_value(&walk, &value, 0);
}

void packed_write(struct writer *writer, struct cc_slice packed)
{
    if (is_packed(packed))
        write_valid(writer, packed);
    else
        writer_null(writer);
}

void meta_write(struct writer *writer, struct cc_slice meta)
{
    if (meta_check(meta) == 0)
        write_valid(writer, meta);
    else
        writer_null(writer);
}
