/*
 * Frames into items: the outer object, its id and its one command.
 */
#include "wire/decode.h"

#include "chatcore/error.h"
#include "wire/fields.h"
#include "wire/names.h"

static const struct cc_slice no_key = {NULL, 0};

void wire_decoder_init(struct wire_decoder *decoder, const struct cc_allocator *allocator)
{
    memset(decoder, 0, sizeof *decoder);
    arena_init(&decoder->arena, allocator);
    buffer_init(&decoder->meta, allocator);
}

void wire_decoder_deinit(struct wire_decoder *decoder)
{
    arena_deinit(&decoder->arena);
    buffer_deinit(&decoder->meta);
}

void wire_decode_start(struct wire_decoder *decoder, struct cc_slice frame, enum wire_format format)
{
    arena_clear(&decoder->arena);
    reader_init(&decoder->reader, format, frame, &decoder->arena);
}

/* --- one object ---------------------------------------------------------------------------------
 */

static void read_id(struct wire_decoder *decoder)
{
    static const struct cc_slice key = {"id", 2};
    uint64_t *id = &decoder->item->command.id;
    struct value value;

    reader_value(&decoder->reader, &value);
    reader_skip_container(&decoder->reader, &value);
    if (*id)
        item_reject(decoder, CC_EINVAL, "", key, "is given twice");
    else
        value_integer(&value, WIRE_INTEGER_MAX, id);
}

static void read_command(struct wire_decoder *decoder, enum cc_command_type type)
{
    struct cc_command *command = &decoder->item->command;
    struct value value;

    reader_value(&decoder->reader, &value);
    if (command->type != CC_COMMAND_NONE) {
        item_reject(decoder, CC_EINVAL, "", no_key, "an object carries one command only");
        reader_skip_container(&decoder->reader, &value);
        return;
    }
    command->type = type;
    if (value.type == VALUE_OBJECT) {
        fields_read(decoder, fields_of(type), cc_command_key(type));
        return;
    }
    reader_skip_container(&decoder->reader, &value);
    item_reject(decoder, CC_EINVAL, cc_command_key(type), no_key, "must be an object");
}

static void read_member(struct wire_decoder *decoder, const struct value *key)
{
    enum cc_command_type type;

    if (key->type != VALUE_STRING) {
        reader_skip(&decoder->reader);
        return;
    }
    if (slice_equal(key->bytes, slice_str("id"))) {
        read_id(decoder);
        return;
    }
    type = command_type_of(key->bytes);
    if (type == CC_COMMAND_NONE)
        reader_skip(&decoder->reader);
    else
        read_command(decoder, type);
}

static void read_object(struct wire_decoder *decoder)
{
    struct cc_command *command = &decoder->item->command;
    struct scope scope;
    struct value key;
    bool is_empty = true;

    reader_open_object(&decoder->reader, &scope);
    while (reader_next_member(&decoder->reader, &scope, &key)) {
        is_empty = false;
        read_member(decoder, &key);
    }
    if (is_empty)
        command->type = CC_COMMAND_HEARTBEAT;
    else if (!command->id)
        item_reject(decoder, CC_EINVAL, "id", no_key, "must be an integer from 1 to 2^53 - 1");
    else if (command->type == CC_COMMAND_NONE)
        item_reject(decoder, CC_EINVAL, "", no_key, "there is no command that this server knows");
}

/* After a failure of the reader nothing can be trusted but what was read before: the id. */
static void check_reader(struct wire_decoder *decoder)
{
    struct reader *reader = &decoder->reader;

    if (!reader_failed(reader))
        return;
    decoder->item->error = 0;
    if (reader->no_memory)
        item_reject(decoder, CC_ENOMEM, "", no_key, "out of memory");
    else
        item_reject(decoder, CC_EPROTOCOL, "", no_key,
                    reader->format == WIRE_JSON ? "the frame is not JSON objects"
                                                : "the frame is not MessagePack maps");
    reader_init(reader, reader->format, no_key, reader->arena); /* at its end */
}

static void fail_reader(struct reader *reader)
{
    if (reader->format == WIRE_JSON)
        scan_fail(&reader->scan);
    else
        unpack_fail(&reader->unpack);
}

bool wire_decode_next(struct wire_decoder *decoder, struct wire_item *ret_item)
{
    struct value value;

    if (reader_is_at_end(&decoder->reader))
        return false;
    memset(ret_item, 0, sizeof *ret_item);
    decoder->item = ret_item;
    reader_value(&decoder->reader, &value);
    if (value.type == VALUE_OBJECT)
        read_object(decoder);
    else
        fail_reader(&decoder->reader);
    check_reader(decoder);
    decoder->item = NULL;
    return true;
}

void wire_decode_body(struct wire_decoder *decoder, struct cc_slice body, enum wire_format format,
                      struct wire_item *item)
{
    struct value value;

    wire_decode_start(decoder, body, format);
    item->error = 0;
    item->error_text = no_key;
    decoder->item = item;
    reader_value(&decoder->reader, &value);
    if (value.type == VALUE_OBJECT)
        fields_read(decoder, fields_of(item->command.type), "");
    if (value.type != VALUE_OBJECT || !reader_is_at_end(&decoder->reader))
        fail_reader(&decoder->reader);
    check_reader(decoder);
    decoder->item = NULL;
}
