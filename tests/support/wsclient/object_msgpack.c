/*
 * MessagePack objects of the server: see object.h. Hand-written, because a load generator that
 * builds a tree for every delivery measures itself.
 *
 * A reader walks the bytes once. `bad` sticks: after it every read answers nothing, so only the end
 * checks it.
 */
#include "object.h"

#define DEPTH_MAX 16

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    int bad;
};

enum value_type { VALUE_OTHER, VALUE_NUMBER, VALUE_TEXT, VALUE_BIN, VALUE_MAP, VALUE_ARRAY };

/* A scalar, or the head of a container. `number` is the value, the size or the count. */
struct value {
    enum value_type type;
    uint64_t number;
    const uint8_t *data;
};

static const uint8_t *take(struct reader *reader, uint64_t size)
{
    if (reader->bad || (uint64_t)(reader->end - reader->at) < size) {
        reader->bad = 1;
        return NULL;
    }
    const uint8_t *data = reader->at;
    reader->at += size;
    return data;
}

static uint64_t take_integer(struct reader *reader, size_t size)
{
    const uint8_t *data = take(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; data && i < size; i++)
        value = value << 8 | data[i];
    return value;
}

static struct value with_data(struct reader *reader, enum value_type type, uint64_t size)
{
    struct value value = {type, size, take(reader, size)};
    return value;
}

static struct value container(enum value_type type, uint64_t count)
{
    struct value value = {type, count, NULL};
    return value;
}

/* 0xc0 … 0xdf */
static struct value take_long_form(struct reader *reader, uint8_t tag)
{
    switch (tag) {
    case 0xc2:
    case 0xc3:
        return container(VALUE_NUMBER, tag & 1u);
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return with_data(reader, VALUE_BIN, take_integer(reader, 1u << (tag - 0xc4)));
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return container(VALUE_NUMBER, take_integer(reader, 1u << (tag - 0xcc)));
    case 0xca:
    case 0xcb:
        return with_data(reader, VALUE_OTHER, tag == 0xca ? 4 : 8);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return container(VALUE_NUMBER, take_integer(reader, 1u << (tag - 0xd0)));
    case 0xd9:
    case 0xda:
    case 0xdb:
        return with_data(reader, VALUE_TEXT, take_integer(reader, 1u << (tag - 0xd9)));
    case 0xdc:
    case 0xdd:
        return container(VALUE_ARRAY, take_integer(reader, 2u << (tag - 0xdc)));
    case 0xde:
    case 0xdf:
        return container(VALUE_MAP, take_integer(reader, 2u << (tag - 0xde)));
    case 0xc0:
        return container(VALUE_OTHER, 0);
    default: /* extension types and the one unused tag: the protocol has none */
        reader->bad = 1;
        return container(VALUE_OTHER, 0);
    }
}

static struct value take_value(struct reader *reader)
{
    const uint8_t *tag = take(reader, 1);
    if (!tag)
        return container(VALUE_OTHER, 0);
    if (*tag < 0x80 || *tag >= 0xe0)
        return container(VALUE_NUMBER, *tag);
    if (*tag < 0x90)
        return container(VALUE_MAP, *tag & 0x0fu);
    if (*tag < 0xa0)
        return container(VALUE_ARRAY, *tag & 0x0fu);
    if (*tag < 0xc0)
        return with_data(reader, VALUE_TEXT, *tag & 0x1fu);
    return take_long_form(reader, *tag);
}

static void skip_content(struct reader *reader, struct value value, int depth)
{
    if (value.type != VALUE_MAP && value.type != VALUE_ARRAY)
        return;
    if (depth >= DEPTH_MAX)
        reader->bad = 1;
    uint64_t count = value.type == VALUE_MAP ? 2 * value.number : value.number;
    for (uint64_t i = 0; i < count && !reader->bad; i++)
        skip_content(reader, take_value(reader), depth + 1);
}

static void set_ident(struct wsc_ident *ident, struct value value)
{
    struct wsc_slice text = {(const char *)value.data, (size_t)value.number};
    if (value.type == VALUE_TEXT) {
        wsc_ident_set_text(ident, text);
    } else if (value.type == VALUE_BIN && value.number == 16) {
        ident->text = text;
        memcpy(ident->bytes, value.data, 16);
        ident->is_uuid = 1;
    }
}

static void set_member(struct wsc_fields *fields, struct value name, struct value value)
{
    if (name.type != VALUE_TEXT)
        return;
    const struct wsc_field *field = wsc_field_find((const char *)name.data, (size_t)name.number);
    if (!field)
        return;
    void *at = (char *)fields + field->offset;
    if (field->type == WSC_FIELD_NUMBER && value.type == VALUE_NUMBER)
        *(uint64_t *)at = value.number;
    else if (field->type == WSC_FIELD_TEXT && value.type == VALUE_TEXT)
        *(struct wsc_slice *)at =
            (struct wsc_slice){(const char *)value.data, (size_t)value.number};
    else if (field->type == WSC_FIELD_IDENT)
        set_ident(at, value);
}

static void read_flat_map(struct reader *reader, uint64_t count, struct wsc_fields *fields)
{
    for (uint64_t i = 0; i < count; i++) {
        struct value name = take_value(reader);
        struct value value = take_value(reader);
        if (reader->bad)
            return;
        set_member(fields, name, value);
        skip_content(reader, value, 2);
    }
}

static void read_list(struct wsc_decoder *decoder, struct reader *reader, uint64_t count,
                      struct wsc_object *object)
{
    size_t found = 0;
    for (uint64_t i = 0; i < count && !reader->bad; i++) {
        struct value item = take_value(reader);
        if (item.type == VALUE_MAP)
            read_flat_map(reader, item.number, wsc_decoder_list_slot(decoder, found++));
        else
            skip_content(reader, item, 3);
    }
    if (found) {
        object->list = decoder->list;
        object->list_count = found;
    }
}

static void read_inner(struct wsc_decoder *decoder, struct reader *reader, uint64_t count,
                       struct wsc_object *object)
{
    for (uint64_t i = 0; i < count; i++) {
        struct value name = take_value(reader);
        struct value value = take_value(reader);
        if (reader->bad)
            return;
        if (value.type == VALUE_ARRAY) {
            read_list(decoder, reader, value.number, object);
        } else {
            set_member(&object->f, name, value);
            skip_content(reader, value, 2);
        }
    }
}

static void read_outer_member(struct wsc_decoder *decoder, struct reader *reader,
                              struct wsc_object *object)
{
    struct value name = take_value(reader);
    struct value value = take_value(reader);
    if (reader->bad)
        return;
    if (value.type == VALUE_MAP && name.type == VALUE_TEXT) {
        object->key_name = (struct wsc_slice){(const char *)name.data, (size_t)name.number};
        object->key = wsc_key_find(object->key_name.data, object->key_name.size);
        read_inner(decoder, reader, value.number, object);
    } else if (value.type == VALUE_NUMBER) {
        object->id = value.number;
    } else {
        skip_content(reader, value, 1);
    }
}

long wsc_decode_msgpack(struct wsc_decoder *decoder, const uint8_t *data, size_t size,
                        struct wsc_object *ret_object)
{
    struct reader reader = {data, data + size, 0};
    struct value root = take_value(&reader);
    *ret_object = (struct wsc_object){0};
    if (root.type != VALUE_MAP)
        return -1;
    for (uint64_t i = 0; i < root.number && !reader.bad; i++)
        read_outer_member(decoder, &reader, ret_object);
    if (reader.bad || !ret_object->key_name.data)
        return -1;
    return (long)(reader.at - data);
}
