/*
 * The types of fields: how a value becomes a member, and what is refused.
 */
#include "wire/fields.h"

#include "chatcore/error.h"
#include "wire/hex.h"
#include "wire/meta.h"
#include "wire/names.h"
#include "wire/uuid.h"

#define SHA256_TEXT_BYTES 64

static void *member_of(struct cc_command *command, const struct field *field)
{
    return (char *)command + field->member;
}

/* --- text ---------------------------------------------------------------------------------------
 */

static int read_name(struct wire_decoder *decoder, const struct field *field,
                     const struct value *value, struct cc_command *command)
{
    struct cc_slice *member = member_of(command, field);

    (void)decoder;
    if (value->type != VALUE_STRING || !name_is_valid(value->bytes))
        return CC_EINVAL;
    *member = value->bytes;
    return 0;
}

static int read_text(struct wire_decoder *decoder, const struct field *field,
                     const struct value *value, struct cc_command *command)
{
    struct cc_slice *member = member_of(command, field);

    (void)decoder;
    if (value->type != VALUE_STRING || !value->is_valid_text)
        return CC_EINVAL;
    if (field->max && value->bytes.size > field->max)
        return CC_ETOOLARGE;
    *member = value->bytes;
    return 0;
}

static int read_sha256(struct wire_decoder *decoder, const struct field *field,
                       const struct value *value, struct cc_command *command)
{
    struct cc_slice *member = member_of(command, field);

    (void)decoder;
    if (value->type != VALUE_STRING || value->bytes.size != SHA256_TEXT_BYTES)
        return CC_EINVAL;
    for (size_t i = 0; i < SHA256_TEXT_BYTES; i++)
        if (hex_digit(value->bytes.data[i]) < 0)
            return CC_EINVAL;
    *member = value->bytes;
    return 0;
}

static int read_kind(struct wire_decoder *decoder, const struct field *field,
                     const struct value *value, struct cc_command *command)
{
    enum cc_conversation_kind *member = member_of(command, field);
    enum cc_conversation_kind kind =
        value->type == VALUE_STRING ? conversation_kind_of(value->bytes) : 0;

    (void)decoder;
    if (kind != CC_KIND_GROUP && kind != CC_KIND_CHANNEL)
        return CC_EINVAL;
    *member = kind;
    return 0;
}

static int read_role(struct wire_decoder *decoder, const struct field *field,
                     const struct value *value, struct cc_command *command)
{
    enum cc_role *member = member_of(command, field);
    enum cc_role role = value->type == VALUE_STRING ? role_of(value->bytes) : 0;

    (void)decoder;
    if (!role)
        return CC_EINVAL;
    *member = role;
    return 0;
}

static int read_audience(struct wire_decoder *decoder, const struct field *field,
                         const struct value *value, struct cc_command *command)
{
    enum cc_audience *member = member_of(command, field);

    (void)decoder;
    return value->type == VALUE_STRING && audience_of(value->bytes, member) ? 0 : CC_EINVAL;
}

static int read_read_marks(struct wire_decoder *decoder, const struct field *field,
                           const struct value *value, struct cc_command *command)
{
    enum cc_read_marks *member = member_of(command, field);

    (void)decoder;
    return value->type == VALUE_STRING && read_marks_of(value->bytes, member) ? 0 : CC_EINVAL;
}

static int read_id(struct wire_decoder *decoder, const struct field *field,
                   const struct value *value, struct cc_command *command)
{
    struct cc_id *member = member_of(command, field);
    struct cc_id id;

    (void)decoder;
    if (value->type == VALUE_BIN && value->bytes.size == sizeof id.bytes)
        memcpy(id.bytes, value->bytes.data, sizeof id.bytes);
    else if (value->type != VALUE_STRING || !uuid_parse(value->bytes, &id))
        return CC_EINVAL;
    if (uuid_is_none(&id))
        return CC_EINVAL;
    *member = id;
    return 0;
}

/* --- numbers ------------------------------------------------------------------------------------
 */

bool value_integer(const struct value *value, uint64_t max, uint64_t *ret_integer)
{
    uint64_t integer;

    if (value->type == VALUE_INT && value->integer >= 0) {
        integer = (uint64_t)value->integer;
    } else if (value->type == VALUE_REAL && value->real >= 0 &&
               value->real <= (double)WIRE_INTEGER_MAX) {
        integer = (uint64_t)value->real;
        if ((double)integer < value->real)
            return false;
    } else {
        return false;
    }
    if (integer > max)
        return false;
    *ret_integer = integer;
    return true;
}

static int read_number(struct wire_decoder *decoder, const struct field *field,
                       const struct value *value, struct cc_command *command)
{
    uint64_t *member = member_of(command, field);

    (void)decoder;
    return value_integer(value, WIRE_INTEGER_MAX, member) ? 0 : CC_EINVAL;
}

static int read_number32(struct wire_decoder *decoder, const struct field *field,
                         const struct value *value, struct cc_command *command)
{
    uint32_t *member = member_of(command, field);
    uint64_t integer;

    (void)decoder;
    if (!value_integer(value, UINT32_MAX, &integer))
        return CC_EINVAL;
    *member = (uint32_t)integer;
    return 0;
}

static int read_time(struct wire_decoder *decoder, const struct field *field,
                     const struct value *value, struct cc_command *command)
{
    int64_t *member = member_of(command, field);
    uint64_t integer;

    (void)decoder;
    if (!value_integer(value, WIRE_INTEGER_MAX, &integer))
        return CC_EINVAL;
    *member = (int64_t)integer;
    return 0;
}

static int read_bool(struct wire_decoder *decoder, const struct field *field,
                     const struct value *value, struct cc_command *command)
{
    bool *member = member_of(command, field);

    (void)decoder;
    if (value->type != VALUE_BOOL)
        return CC_EINVAL;
    *member = value->boolean;
    return 0;
}

/* --- containers ---------------------------------------------------------------------------------
 */

/* Doubles an array of the arena that is full: at 0, 4, 8, 16 … */
static int grow_names(struct arena *arena, struct cc_slice **names, size_t count)
{
    struct cc_slice *bigger;

    if (count && (count < 4 || (count & (count - 1))))
        return 0;
    bigger = arena_alloc(arena, (count ? 2 * count : 4) * sizeof *bigger);
    if (!bigger)
        return CC_ENOMEM;
    if (count)
        memcpy(bigger, *names, count * sizeof *bigger);
    *names = bigger;
    return 0;
}

static int add_name(struct arena *arena, const struct value *value, size_t max,
                    struct cc_slice **names, size_t *count)
{
    int r;

    if (value->type != VALUE_STRING || !name_is_valid(value->bytes))
        return CC_EINVAL;
    if (*count == max)
        return CC_ETOOLARGE;
    r = grow_names(arena, names, *count);
    if (r)
        return r;
    (*names)[(*count)++] = value->bytes;
    return 0;
}

static int read_names(struct wire_decoder *decoder, const struct field *field,
                      const struct value *value, struct cc_command *command)
{
    const struct cc_slice **member = member_of(command, field);
    size_t *member_count = (size_t *)(void *)((char *)command + field->count);
    struct cc_slice *names = NULL;
    size_t count = 0;
    struct scope scope;
    struct value element;
    int r = 0;

    (void)value;
    reader_open_array(&decoder->reader, &scope);
    while (reader_next_element(&decoder->reader, &scope)) {
        reader_value(&decoder->reader, &element);
        reader_skip_container(&decoder->reader, &element);
        if (!r)
            r = add_name(&decoder->arena, &element, field->max, &names, &count);
    }
    if (r)
        return r;
    *member = names;
    *member_count = count;
    return 0;
}

static int read_meta(struct wire_decoder *decoder, const struct field *field,
                     const struct value *value, struct cc_command *command)
{
    struct cc_slice *member = member_of(command, field);
    struct writer writer;
    int r;

    (void)value;
    buffer_clear(&decoder->meta);
    writer_init(&writer, &decoder->meta, WIRE_MSGPACK);
    r = meta_read(&decoder->reader, &writer);
    return r ? r : arena_copy(&decoder->arena, buffer_slice(&decoder->meta), member);
}

static int read_push(struct wire_decoder *decoder, const struct field *field,
                     const struct value *value, struct cc_command *command)
{
    (void)field;
    (void)value;
    (void)command;
    fields_read(decoder, fields_of_push(), "push");
    return 0;
}

/* --- the table ----------------------------------------------------------------------------------
 */

#define SLICE_BYTES sizeof(struct cc_slice)

const struct field_type field_name = {
    VALUE_NONE, SLICE_BYTES, "must be 1 to 64 bytes of UTF-8 without spaces or control characters",
    read_name};
const struct field_type field_text = {VALUE_NONE, SLICE_BYTES, "must be a string of valid UTF-8",
                                      read_text};
const struct field_type field_sha256 = {VALUE_NONE, SLICE_BYTES, "must be 64 hexadecimal digits",
                                        read_sha256};
const struct field_type field_id = {VALUE_NONE, sizeof(struct cc_id), "must be a UUID", read_id};
const struct field_type field_number = {VALUE_NONE, sizeof(uint64_t),
                                        "must be an integer from 0 to 2^53 - 1", read_number};
const struct field_type field_number32 = {VALUE_NONE, sizeof(uint32_t),
                                          "must be an integer from 0 to 2^32 - 1", read_number32};
const struct field_type field_time = {VALUE_NONE, sizeof(int64_t),
                                      "must be milliseconds from 0 to 2^53 - 1", read_time};
const struct field_type field_bool = {VALUE_NONE, sizeof(bool), "must be true or false", read_bool};
const struct field_type field_kind = {VALUE_NONE, sizeof(enum cc_conversation_kind),
                                      "must be group or channel", read_kind};
const struct field_type field_role = {VALUE_NONE, sizeof(enum cc_role),
                                      "must be owner, admin or member", read_role};
const struct field_type field_audience = {VALUE_NONE, sizeof(enum cc_audience),
                                          "must be everyone, contacts or nobody", read_audience};
const struct field_type field_read_marks = {VALUE_NONE, sizeof(enum cc_read_marks),
                                            "must be public or private", read_read_marks};
const struct field_type field_names = {
    VALUE_ARRAY, sizeof(struct cc_slice *),
    "must be an array of names of 1 to 64 bytes without spaces or control characters", read_names};
const struct field_type field_meta = {VALUE_OBJECT, SLICE_BYTES,
                                      "must be an object of what JSON can express", read_meta};
const struct field_type field_push = {VALUE_OBJECT, SLICE_BYTES, "must be an object", read_push};
