/*
 * The two encodings. What comes may be hostile: before msgpack-c makes room for what a header
 * announces, it is seen that as much is there; it nests 32 levels at most itself, jansson 2,048.
 */
#include "codec.h"

#include <ctype.h>
#include <errno.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_SIZE      16
#define ID_TEXT_SIZE 36

const char *codec_protocol(enum cc_client_encoding encoding)
{
    return encoding == CC_CLIENT_MSGPACK ? "chatcore.v1.msgpack" : "chatcore.v1.json";
}

/* --- out -------------------------------------------------------------------------------------- */

static int append(struct frame *frame, const char *bytes, size_t size)
{
    size_t at = frame->size ? frame->size : frame->room_before;

    if (at + size > frame->room) {
        size_t room = 2 * (at + size);
        char *grown = realloc(frame->bytes, room);

        if (!grown) {
            frame->is_broken = true;
            return -1;
        }
        frame->bytes = grown;
        frame->room = room;
    }
    memcpy(frame->bytes + at, bytes, size);
    frame->size = at + size;
    return 0;
}

void frame_free(struct frame *frame)
{
    free(frame->bytes);
    frame->bytes = NULL;
}

static int append_text(const char *bytes, size_t size, void *frame)
{
    return append(frame, bytes, size);
}

static int append_pack(void *frame, const char *bytes, size_t size)
{
    return append(frame, bytes, size);
}

static int encode_json(uint64_t id, const char *command, json_t *fields, struct frame *frame)
{
    json_t *object = json_pack("{s:I, s:O}", "id", (json_int_t)id, command, fields);
    int r = object ? 0 : -1;

    if (!r && frame->size)
        r = append(frame, "\n", 1);
    if (!r)
        r = json_dump_callback(object, append_text, frame, JSON_COMPACT);
    json_decref(object);
    return r;
}

static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = digit ? strchr(digits, digit) : NULL;

    return at ? (int)(at - digits) : -1;
}

static bool parse_id(const char *text, unsigned char id[ID_SIZE])
{
    size_t count = 0;

    if (strlen(text) != ID_TEXT_SIZE)
        return false;
    for (size_t i = 0; i < ID_TEXT_SIZE;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i++] != '-')
                return false;
            continue;
        }
        int high = hex_value(text[i]), low = hex_value(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        id[count++] = (unsigned char)(high << 4 | low);
        i += 2;
    }
    return true;
}

static int pack(msgpack_packer *packer, json_t *value);

static int pack_text(msgpack_packer *packer, const char *text, size_t size)
{
    return msgpack_pack_str(packer, size) || msgpack_pack_str_body(packer, text, size) ? -1 : 0;
}

static int pack_array(msgpack_packer *packer, json_t *array)
{
    json_t *item;
    size_t i;
    int r = msgpack_pack_array(packer, json_array_size(array));

    json_array_foreach(array, i, item) r = r ? r : pack(packer, item);
    return r;
}

static int pack_object(msgpack_packer *packer, json_t *object)
{
    const char *key;
    json_t *item;
    int r = msgpack_pack_map(packer, json_object_size(object));

    json_object_foreach(object, key, item)
    {
        r = r ? r : pack_text(packer, key, strlen(key));
        r = r ? r : pack(packer, item);
    }
    return r;
}

static int pack(msgpack_packer *packer, json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return pack_object(packer, value);
    case JSON_ARRAY:
        return pack_array(packer, value);
    case JSON_STRING:
        return pack_text(packer, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return msgpack_pack_int64(packer, json_integer_value(value));
    case JSON_REAL:
        return msgpack_pack_double(packer, json_real_value(value));
    case JSON_TRUE:
        return msgpack_pack_true(packer);
    case JSON_FALSE:
        return msgpack_pack_false(packer);
    default:
        return msgpack_pack_nil(packer);
    }
}

/* A command's field: `message` and `reply_to` are ids of messages. */
static int pack_field(msgpack_packer *packer, const char *key, json_t *value)
{
    unsigned char id[ID_SIZE];
    bool may_be_id = json_is_string(value) && (!strcmp(key, "message") || !strcmp(key, "reply_to"));

    if (!may_be_id || !parse_id(json_string_value(value), id))
        return pack(packer, value);
    return msgpack_pack_bin(packer, ID_SIZE) || msgpack_pack_bin_body(packer, id, ID_SIZE) ? -1 : 0;
}

static int encode_pack(uint64_t id, const char *command, json_t *fields, struct frame *frame)
{
    msgpack_packer packer;
    const char *key;
    json_t *value;
    int r;

    msgpack_packer_init(&packer, frame, append_pack);
    r = msgpack_pack_map(&packer, 2);
    r = r ? r : pack_text(&packer, "id", 2);
    r = r ? r : msgpack_pack_uint64(&packer, id);
    r = r ? r : pack_text(&packer, command, strlen(command));
    r = r ? r : msgpack_pack_map(&packer, json_object_size(fields));
    json_object_foreach(fields, key, value)
    {
        r = r ? r : pack_text(&packer, key, strlen(key));
        r = r ? r : pack_field(&packer, key, value);
    }
    return r;
}

int codec_encode(enum cc_client_encoding encoding, uint64_t id, const char *command, json_t *fields,
                 struct frame *frame)
{
    int r = encoding == CC_CLIENT_MSGPACK ? encode_pack(id, command, fields, frame)
                                          : encode_json(id, command, fields, frame);

    return r || frame->is_broken ? -ENOMEM : 0;
}

char *codec_text(json_t *value)
{
    struct frame frame = {0};

    if (json_dump_callback(value, append_text, &frame, JSON_COMPACT | JSON_ENCODE_ANY) == 0 &&
        append(&frame, "", 1) == 0 && !frame.is_broken)
        return frame.bytes;
    frame_free(&frame);
    return NULL;
}

/* --- MessagePack in: is all there that is announced? ------------------------------------------ */

/* What follows a first byte from 0xc0 to 0xdf. */
struct head {
    unsigned char count_size; /* of a count, big-endian */
    unsigned char more;       /* bytes beside it */
    unsigned char children;   /* values for each that is counted; 0: bytes are counted */
};

static const struct head heads[32] = {
    [0x04] = {1, 0, 0},  [0x05] = {2, 0, 0}, [0x06] = {4, 0, 0}, /* bin */
    [0x07] = {1, 1, 0},  [0x08] = {2, 1, 0}, [0x09] = {4, 1, 0}, /* ext */
    [0x0a] = {0, 4, 0},  [0x0b] = {0, 8, 0},                     /* float */
    [0x0c] = {0, 1, 0},  [0x0d] = {0, 2, 0}, [0x0e] = {0, 4, 0},
    [0x0f] = {0, 8, 0}, /* uint */
    [0x10] = {0, 1, 0},  [0x11] = {0, 2, 0}, [0x12] = {0, 4, 0},
    [0x13] = {0, 8, 0}, /* int */
    [0x14] = {0, 2, 0},  [0x15] = {0, 3, 0}, [0x16] = {0, 5, 0},
    [0x17] = {0, 9, 0}, /* fixext */
    [0x18] = {0, 17, 0}, [0x19] = {1, 0, 0}, [0x1a] = {2, 0, 0},
    [0x1b] = {4, 0, 0}, /* str */
    [0x1c] = {2, 0, 1},  [0x1d] = {4, 0, 1}, [0x1e] = {2, 0, 2},
    [0x1f] = {4, 0, 2}, /* array, map */
};

/* What one value has behind its first byte: bytes, and values. False: it is cut off. */
static bool measure(const unsigned char *at, size_t left, size_t *ret_bytes, uint64_t *ret_children)
{
    const struct head *head = at[0] >= 0xc0 && at[0] < 0xe0 ? &heads[at[0] - 0xc0] : NULL;
    size_t count = 0;

    *ret_bytes = 0;
    *ret_children = 0;
    if (!head) {
        if (at[0] >= 0x80 && at[0] < 0xa0) /* short maps and arrays */
            *ret_children = (at[0] & 0x0fU) * (at[0] < 0x90 ? 2U : 1U);
        else if (at[0] >= 0xa0 && at[0] < 0xc0) /* short text */
            *ret_bytes = at[0] & 0x1f;
        return true;
    }
    if (left <= head->count_size)
        return false;
    for (size_t i = 1; i <= head->count_size; i++)
        count = count << 8 | at[i];
    *ret_children = (uint64_t)count * head->children;
    *ret_bytes = head->count_size + head->more + (head->children ? 0 : count);
    return true;
}

/* A value takes a byte at least: more values to come than bytes are left is a lie. */
static bool is_whole(const char *bytes, const char *end)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t left = (size_t)(end - bytes);
    uint64_t values = 1;
    uint64_t children;
    size_t size;

    while (values) {
        if (values > left || !measure(at, left, &size, &children) || size >= left)
            return false;
        at += 1 + size;
        left -= 1 + size;
        values += children - 1;
    }
    return true;
}

/* --- MessagePack in: values ------------------------------------------------------------------- */

static json_t *unpack(const msgpack_object *object);

static json_t *unpack_text(const msgpack_object_str *text)
{
    const char *at = text->size > 0 ? text->ptr : ""; /* msgpack-c has none for an empty text */

    if (memchr(at, 0, text->size))
        return NULL; /* the protocol has no such text */
    return json_stringn(at, text->size);
}

/* Nothing but ids is a bin. */
static json_t *unpack_id(const msgpack_object_bin *bin)
{
    char text[ID_TEXT_SIZE + 1];
    size_t at = 0;

    if (bin->size != ID_SIZE)
        return NULL;
    for (size_t i = 0; i < ID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        at += (size_t)snprintf(text + at, sizeof text - at, "%02x", (unsigned char)bin->ptr[i]);
    }
    return json_string(text);
}

static json_t *unpack_array(const msgpack_object_array *items)
{
    json_t *array = json_array();
    bool is_good = array != NULL;

    for (uint32_t i = 0; is_good && i < items->size; i++)
        is_good = json_array_append_new(array, unpack(&items->ptr[i])) == 0;
    if (is_good)
        return array;
    json_decref(array);
    return NULL;
}

static json_t *unpack_map(const msgpack_object_map *pairs)
{
    json_t *object = json_object();
    bool is_good = object != NULL;

    for (uint32_t i = 0; is_good && i < pairs->size; i++) {
        const msgpack_object_kv *pair = &pairs->ptr[i];

        is_good = pair->key.type == MSGPACK_OBJECT_STR &&
                  !memchr(pair->key.via.str.ptr, 0, pair->key.via.str.size) &&
                  json_object_setn_new(object, pair->key.via.str.ptr, pair->key.via.str.size,
                                       unpack(&pair->val)) == 0;
    }
    if (is_good)
        return object;
    json_decref(object);
    return NULL;
}

/* NULL: the protocol has no such value, or there is no memory. */
static json_t *unpack(const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_MAP:
        return unpack_map(&object->via.map);
    case MSGPACK_OBJECT_ARRAY:
        return unpack_array(&object->via.array);
    case MSGPACK_OBJECT_STR:
        return unpack_text(&object->via.str);
    case MSGPACK_OBJECT_BIN:
        return unpack_id(&object->via.bin);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return object->via.u64 <= INT64_MAX ? json_integer((json_int_t)object->via.u64) : NULL;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return json_integer(object->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return json_real(object->via.f64);
    case MSGPACK_OBJECT_BOOLEAN:
        return json_boolean(object->via.boolean);
    case MSGPACK_OBJECT_NIL:
        return json_null();
    default:
        return NULL;
    }
}

static bool decode_pack(const char **at, const char *end, json_t **ret_object)
{
    msgpack_unpacked unpacked;
    json_t *object = NULL;
    size_t used = 0;

    if (!is_whole(*at, end))
        return false;
    msgpack_unpacked_init(&unpacked);
    if (msgpack_unpack_next(&unpacked, *at, (size_t)(end - *at), &used) == MSGPACK_UNPACK_SUCCESS)
        object = unpack(&unpacked.data);
    msgpack_unpacked_destroy(&unpacked);
    *at += used;
    *ret_object = object;
    return object != NULL;
}

/* --- JSON in ---------------------------------------------------------------------------------- */

static bool decode_json(const char **at, const char *end, json_t **ret_object)
{
    const char *line = *at;
    const char *line_end = memchr(line, '\n', (size_t)(end - line));
    bool is_blank = true;

    line_end = line_end ? line_end : end;
    *at = line_end < end ? line_end + 1 : end;
    for (const char *c = line; is_blank && c < line_end; c++)
        is_blank = isspace((unsigned char)*c);
    *ret_object = is_blank ? NULL : json_loadb(line, (size_t)(line_end - line), 0, NULL);
    return is_blank || *ret_object;
}

bool codec_decode(enum cc_client_encoding encoding, const char **at, const char *end,
                  json_t **ret_object)
{
    return encoding == CC_CLIENT_MSGPACK ? decode_pack(at, end, ret_object)
                                         : decode_json(at, end, ret_object);
}
