/*
 * Between jansson's trees, msgpack-c's objects and its packer.
 */
#include "convert.h"

#include "wire/uuid.h"

#include <msgpack.h>
#include <stdlib.h>

json_t *json_of_text(struct cc_slice text)
{
    json_error_t error;

    return json_loadb(text.data, text.size, JSON_DECODE_ANY, &error);
}

/* --- from MessagePack ---------------------------------------------------------------------------
 */

static json_t *from_object(const msgpack_object *object);

static json_t *from_bin(const msgpack_object *object)
{
    char text[UUID_TEXT_BYTES];
    struct cc_id id;

    if (object->via.bin.size != sizeof id.bytes)
        return NULL;
    memcpy(id.bytes, object->via.bin.ptr, sizeof id.bytes);
    uuid_format(&id, text);
    return json_stringn(text, sizeof text);
}

static json_t *from_array(const msgpack_object_array *from)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < from->size; i++)
        if (json_array_append_new(array, from_object(&from->ptr[i])) != 0)
            abort();
    return array;
}

static json_t *from_map(const msgpack_object_map *from)
{
    json_t *map = json_object();

    for (uint32_t i = 0; i < from->size; i++) {
        const msgpack_object *key = &from->ptr[i].key;
        char *name;

        if (key->type != MSGPACK_OBJECT_STR)
            abort();
        name = strndup(key->via.str.size ? key->via.str.ptr : "", key->via.str.size);
        if (!name || json_object_set_new(map, name, from_object(&from->ptr[i].val)) != 0)
            abort();
        free(name);
    }
    return map;
}

static json_t *from_object(const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        return json_null();
    case MSGPACK_OBJECT_BOOLEAN:
        return json_boolean(object->via.boolean);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return json_integer((json_int_t)object->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return json_integer((json_int_t)object->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return json_real(object->via.f64);
    case MSGPACK_OBJECT_STR:
        return object->via.str.size ? json_stringn(object->via.str.ptr, object->via.str.size)
                                    : json_string("");
    case MSGPACK_OBJECT_BIN:
        return from_bin(object);
    case MSGPACK_OBJECT_ARRAY:
        return from_array(&object->via.array);
    case MSGPACK_OBJECT_MAP:
        return from_map(&object->via.map);
    default:
        return NULL;
    }
}

json_t *json_of_msgpack(struct cc_slice bytes)
{
    msgpack_unpacked unpacked;
    json_t *json = NULL;
    size_t offset = 0;

    msgpack_unpacked_init(&unpacked);
    if (msgpack_unpack_next(&unpacked, bytes.data, bytes.size, &offset) == MSGPACK_UNPACK_SUCCESS &&
        offset == bytes.size)
        json = from_object(&unpacked.data);
    msgpack_unpacked_destroy(&unpacked);
    return json;
}

/* --- to MessagePack -----------------------------------------------------------------------------
 */

static int append(void *buffer, const char *data, size_t size)
{
    buffer_append(buffer, data, size);
    return 0;
}

static void pack_text(msgpack_packer *packer, struct cc_slice text, bool binary_ids)
{
    struct cc_id id;

    if (binary_ids && uuid_parse(text, &id)) {
        msgpack_pack_bin(packer, sizeof id.bytes);
        msgpack_pack_bin_body(packer, id.bytes, sizeof id.bytes);
    } else {
        msgpack_pack_str(packer, text.size);
        msgpack_pack_str_body(packer, text.data, text.size);
    }
}

static void pack_json(msgpack_packer *packer, const json_t *json, bool binary_ids)
{
    const char *key;
    json_t *value;
    size_t index;

    switch (json_typeof(json)) {
    case JSON_OBJECT:
        msgpack_pack_map(packer, json_object_size(json));
        json_object_foreach((json_t *)json, key, value)
        {
            pack_text(packer, slice_str(key), false);
            pack_json(packer, value, binary_ids);
        }
        break;
    case JSON_ARRAY:
        msgpack_pack_array(packer, json_array_size(json));
        json_array_foreach((json_t *)json, index, value)
        {
            pack_json(packer, value, binary_ids);
        }
        break;
    case JSON_STRING:
        pack_text(packer, slice_of(json_string_value(json), json_string_length(json)), binary_ids);
        break;
    case JSON_INTEGER:
        msgpack_pack_int64(packer, json_integer_value(json));
        break;
    case JSON_REAL:
        msgpack_pack_double(packer, json_real_value(json));
        break;
    case JSON_TRUE:
        msgpack_pack_true(packer);
        break;
    case JSON_FALSE:
        msgpack_pack_false(packer);
        break;
    default:
        msgpack_pack_nil(packer);
        break;
    }
}

void msgpack_of_json(const json_t *json, bool binary_ids, struct buffer *out)
{
    msgpack_packer packer;

    msgpack_packer_init(&packer, out, append);
    pack_json(&packer, json, binary_ids);
}
