/*
 * The reader's two implementations.
 */
#include "wire/reader.h"

#include "wire/text.h"

void reader_init(struct reader *reader, enum wire_format format, struct cc_slice bytes,
                 struct arena *arena)
{
    struct unpack unpack = unpack_of(bytes);

    reader->format = format;
    reader->no_memory = false;
    reader->unpack = unpack;
    reader->scan.at = (const char *)unpack.at;
    reader->scan.end = (const char *)unpack.end;
    reader->scan.failed = false;
    reader->arena = arena;
}

bool reader_failed(const struct reader *reader)
{
    return reader->format == WIRE_JSON ? reader->scan.failed : reader->unpack.failed;
}

bool reader_is_at_end(struct reader *reader)
{
    if (reader->format == WIRE_MSGPACK)
        return unpack_left(&reader->unpack) == 0;
    scan_peek(&reader->scan);
    return reader->scan.at == reader->scan.end;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static void json_text(struct reader *reader, struct value *value)
{
    bool escaped;
    struct cc_slice text = scan_string(&reader->scan, &escaped);

    if (escaped && scan_unescape(text, reader->arena, &text) != 0) {
        reader->no_memory = true;
        scan_fail(&reader->scan);
    }
    if (reader->scan.failed)
        return;
    value->type = VALUE_STRING;
    value->bytes = text;
    value->is_valid_text = text_is_valid(text);
}

static void json_numeric(struct reader *reader, struct value *value)
{
    struct scan_number number = scan_number(&reader->scan);

    if (reader->scan.failed)
        return;
    if (!number.is_integer) {
        value->type = VALUE_REAL;
        value->real = number.real;
    } else if (number.is_negative) {
        value->type = VALUE_INT;
        value->integer = (int64_t)(0 - number.magnitude);
    } else if (number.magnitude <= INT64_MAX) {
        value->type = VALUE_INT;
        value->integer = (int64_t)number.magnitude;
    } else {
        value->type = VALUE_UINT;
        value->unsigned_integer = number.magnitude;
    }
}

static void json_word(struct reader *reader, struct value *value, enum value_type type,
                      const char *literal)
{
    scan_literal(&reader->scan, literal, strlen(literal));
    if (reader->scan.failed)
        return;
    value->type = type;
    value->boolean = literal[0] == 't';
}

static void json_value(struct reader *reader, struct value *value)
{
    switch (scan_peek(&reader->scan)) {
    case '"':
        json_text(reader, value);
        break;
    case '{':
        value->type = VALUE_OBJECT;
        break;
    case '[':
        value->type = VALUE_ARRAY;
        break;
    case 't':
        json_word(reader, value, VALUE_BOOL, "true");
        break;
    case 'f':
        json_word(reader, value, VALUE_BOOL, "false");
        break;
    case 'n':
        json_word(reader, value, VALUE_NULL, "null");
        break;
    default:
        json_numeric(reader, value);
        break;
    }
}

/* True when a value or key follows; false behind the closing bracket. */
static bool json_next(struct scan *scan, struct scope *scope, char close)
{
    bool is_first = scope->is_first;

    scope->is_first = false;
    if (scan_take(scan, close))
        return false;
    if (!is_first && !scan_take(scan, ','))
        scan_fail(scan);
    return !scan->failed;
}

static bool json_member(struct reader *reader, struct scope *scope, struct value *key)
{
    if (!json_next(&reader->scan, scope, '}'))
        return false;
    if (scan_peek(&reader->scan) != '"')
        scan_fail(&reader->scan);
    else
        json_text(reader, key);
    if (!scan_take(&reader->scan, ':'))
        scan_fail(&reader->scan);
    return !reader->scan.failed;
}

/* --- MessagePack --------------------------------------------------------------------------------
 */

static void unpack_number(struct unpack *unpack, struct value *value)
{
    uint64_t number = unpack_uint(unpack);

    if (number > INT64_MAX) {
        value->type = VALUE_UINT;
        value->unsigned_integer = number;
    } else {
        value->type = VALUE_INT;
        value->integer = (int64_t)number;
    }
}

static void unpack_value(struct unpack *unpack, struct value *value)
{
    switch (unpack_type(unpack)) {
    case PACK_TYPE_NIL:
        value->type = unpack_nil(unpack) ? VALUE_NULL : VALUE_NONE;
        break;
    case PACK_TYPE_BOOL:
        value->type = VALUE_BOOL;
        value->boolean = unpack_bool(unpack);
        break;
    case PACK_TYPE_UINT:
        unpack_number(unpack, value);
        break;
    case PACK_TYPE_INT:
        value->type = VALUE_INT;
        value->integer = unpack_int(unpack);
        break;
    case PACK_TYPE_FLOAT:
        value->type = VALUE_REAL;
        value->real = unpack_double(unpack);
        break;
    case PACK_TYPE_STR:
        value->type = VALUE_STRING;
        value->bytes = unpack_bytes(unpack);
        value->is_valid_text = text_is_valid(value->bytes);
        break;
    case PACK_TYPE_BIN:
        value->type = VALUE_BIN;
        value->bytes = unpack_bytes(unpack);
        break;
    case PACK_TYPE_ARRAY:
        value->type = VALUE_ARRAY;
        break;
    case PACK_TYPE_MAP:
        value->type = VALUE_OBJECT;
        break;
    case PACK_TYPE_EXT:
        value->type = VALUE_OTHER;
        unpack_skip(unpack);
        break;
    default:
        unpack_fail(unpack);
        break;
    }
    if (unpack->failed)
        value->type = VALUE_NONE;
}

static void unpack_key(struct unpack *unpack, struct value *key)
{
    if (unpack_type(unpack) == PACK_TYPE_STR) {
        unpack_value(unpack, key);
    } else {
        key->type = VALUE_OTHER;
        unpack_skip(unpack);
    }
}

/* --- either -------------------------------------------------------------------------------------
 */

void reader_value(struct reader *reader, struct value *ret_value)
{
    memset(ret_value, 0, sizeof *ret_value);
    if (reader->format == WIRE_JSON)
        json_value(reader, ret_value);
    else
        unpack_value(&reader->unpack, ret_value);
}

void reader_skip(struct reader *reader)
{
    if (reader->format == WIRE_JSON)
        scan_skip(&reader->scan);
    else
        unpack_skip(&reader->unpack);
}

void reader_open_array(struct reader *reader, struct scope *ret_scope)
{
    memset(ret_scope, 0, sizeof *ret_scope);
    ret_scope->is_first = true;
    if (reader->format == WIRE_MSGPACK)
        ret_scope->left = unpack_array(&reader->unpack);
    else if (!scan_take(&reader->scan, '['))
        scan_fail(&reader->scan);
}

void reader_open_object(struct reader *reader, struct scope *ret_scope)
{
    memset(ret_scope, 0, sizeof *ret_scope);
    ret_scope->is_first = true;
    if (reader->format == WIRE_MSGPACK)
        ret_scope->left = unpack_map(&reader->unpack);
    else if (!scan_take(&reader->scan, '{'))
        scan_fail(&reader->scan);
}

static bool unpack_next(const struct unpack *unpack, struct scope *scope)
{
    if (!scope->left || unpack->failed)
        return false;
    scope->left--;
    return true;
}

bool reader_next_element(struct reader *reader, struct scope *scope)
{
    if (reader->format == WIRE_JSON)
        return json_next(&reader->scan, scope, ']');
    return unpack_next(&reader->unpack, scope);
}

bool reader_next_member(struct reader *reader, struct scope *scope, struct value *ret_key)
{
    memset(ret_key, 0, sizeof *ret_key);
    if (reader->format == WIRE_JSON)
        return json_member(reader, scope, ret_key);
    if (!unpack_next(&reader->unpack, scope))
        return false;
    unpack_key(&reader->unpack, ret_key);
    return !reader->unpack.failed;
}
