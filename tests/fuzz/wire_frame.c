/*
 * The promises of wire/decode.h, checked on every item.
 */
#include "wire_frame.h"

#include "chatcore/error.h"
#include "wire/decode.h"
#include "wire/meta.h"

#include <stdlib.h>

static const size_t names[] = {
    offsetof(struct cc_command, device),   offsetof(struct cc_command, conversation),
    offsetof(struct cc_command, user),     offsetof(struct cc_command, client_id),
    offsetof(struct cc_command, media_id), offsetof(struct cc_command, after_name),
    offsetof(struct cc_command, provider),
};

static const size_t texts[] = {
    offsetof(struct cc_command, token),      offsetof(struct cc_command, cursor),
    offsetof(struct cc_command, text),       offsetof(struct cc_command, emoji),
    offsetof(struct cc_command, name),       offsetof(struct cc_command, avatar),
    offsetof(struct cc_command, media_type), offsetof(struct cc_command, sha256),
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct cc_slice slice_at(const struct cc_command *command, size_t offset)
{
    struct cc_slice slice;

    memcpy(&slice, (const char *)command + offset, sizeof slice);
    return slice;
}

static void check_names(const struct cc_slice *list, size_t count, size_t max)
{
    require(count <= max);
    for (size_t i = 0; i < count; i++)
        require(name_is_valid(list[i]));
}

static void check_command(const struct cc_command *command)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct cc_slice name = slice_at(command, names[i]);

        require(!name.size || name_is_valid(name));
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct cc_slice text = slice_at(command, texts[i]);

        require(utf8_is_valid(text));
        require(!text.size || !memchr(text.data, 0, text.size));
    }
    check_names(command->users, command->user_count, CC_COMMAND_USERS_MAX);
    check_names(command->media, command->media_count, CC_COMMAND_MEDIA_MAX);
    require(!command->has_meta || meta_check(command->meta) == 0);
    require(command->id <= WIRE_INTEGER_MAX && command->seq <= WIRE_INTEGER_MAX);
    require((command->type == CC_COMMAND_HEARTBEAT) == (command->id == 0));
}

static bool is_documented(int error)
{
    return error == CC_EINVAL || error == CC_ETOOLARGE || error == CC_EPROTOCOL;
}

static void check_frame(struct wire_decoder *decoder, struct cc_slice frame,
                        enum wire_format format)
{
    struct wire_item item;

    wire_decode_start(decoder, frame, format);
    while (wire_decode_next(decoder, &item)) {
        if (!item.error) {
            check_command(&item.command);
            continue;
        }
        require(is_documented(item.error) && item.error_text.size > 0);
        require(utf8_is_valid(item.error_text));
        if (item.error == CC_EPROTOCOL) {
            require(!wire_decode_next(decoder, &item));
            break;
        }
    }
    require(decoder->arena.total <= 24 * frame.size + 4096);
}

void frame_check(const uint8_t *data, size_t size, enum wire_format format)
{
    struct wire_decoder decoder;
    struct wire_item item = {.command = {.id = 1}};

    wire_decoder_init(&decoder, cc_allocator_default());
    check_frame(&decoder, slice_of(data, size), format);
    if (size) { /* the same as the body of a request */
        item.command.type = (enum cc_command_type)(
            CC_COMMAND_CONNECT + data[0] % (CC_COMMAND_COUNT - CC_COMMAND_CONNECT));
        wire_decode_body(&decoder, slice_of(data + 1, size - 1), format, &item);
        require(!item.error || is_documented(item.error));
    }
    wire_decoder_deinit(&decoder);
}
