/* Commands in JSON and MessagePack: see command.h. */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>

static void append_text(struct wsc_bytes *out, const char *text)
{
    wsc_bytes_append(out, text, strlen(text));
}

static void json_string(struct wsc_bytes *out, struct wsc_slice text)
{
    uint8_t *at = wsc_bytes_reserve(out, 6 * text.size + 2);
    uint8_t *start = at;
    *at++ = '"';
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            *at++ = '\\';
        if (c >= 0x20)
            *at++ = c;
        else
            at += sprintf((char *)at, "\\u%04x", c);
    }
    *at++ = '"';
    out->size += (size_t)(at - start);
}

static void json_number(struct wsc_bytes *out, uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, value);
    wsc_bytes_append(out, digits, (size_t)length);
}

static void big_endian(struct wsc_bytes *out, uint8_t tag, uint64_t value, size_t size)
{
    uint8_t *at = wsc_bytes_reserve(out, size + 1);
    at[0] = tag;
    for (size_t i = 0; i < size; i++)
        at[1 + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    out->size += size + 1;
}

static void pack_number(struct wsc_bytes *out, uint64_t value)
{
    if (value < 0x80)
        wsc_bytes_byte(out, (uint8_t)value);
    else if (value <= 0xff)
        big_endian(out, 0xcc, value, 1);
    else if (value <= 0xffff)
        big_endian(out, 0xcd, value, 2);
    else if (value <= 0xffffffffu)
        big_endian(out, 0xce, value, 4);
    else
        big_endian(out, 0xcf, value, 8);
}

static void pack_string(struct wsc_bytes *out, struct wsc_slice text)
{
    if (text.size < 32)
        wsc_bytes_byte(out, (uint8_t)(0xa0 | text.size));
    else if (text.size <= 0xff)
        big_endian(out, 0xd9, text.size, 1);
    else if (text.size <= 0xffff)
        big_endian(out, 0xda, text.size, 2);
    else
        big_endian(out, 0xdb, text.size, 4);
    wsc_bytes_append(out, text.data, text.size);
}

struct wsc_command wsc_command_begin(struct wsc_bytes *out, enum wsc_encoding encoding, uint64_t id,
                                     const char *key)
{
    struct wsc_command command = {out, encoding, 0, 0};
    if (encoding == WSC_JSON) {
        append_text(out, "{\"id\":");
        json_number(out, id);
        append_text(out, ",\"");
        append_text(out, key);
        append_text(out, "\":{");
        return command;
    }
    wsc_bytes_byte(out, 0x82);
    pack_string(out, wsc_text("id"));
    pack_number(out, id);
    pack_string(out, wsc_text(key));
    command.map_at = out->size;
    wsc_bytes_byte(out, 0x80);
    return command;
}

static void member(struct wsc_command *command, const char *name)
{
    if (command->encoding == WSC_MSGPACK) {
        pack_string(command->out, wsc_text(name));
    } else {
        append_text(command->out, command->count ? ",\"" : "\"");
        append_text(command->out, name);
        append_text(command->out, "\":");
    }
    command->count++;
}

void wsc_command_text(struct wsc_command *command, const char *name, struct wsc_slice value)
{
    member(command, name);
    if (command->encoding == WSC_MSGPACK)
        pack_string(command->out, value);
    else
        json_string(command->out, value);
}

void wsc_command_number(struct wsc_command *command, const char *name, uint64_t value)
{
    member(command, name);
    if (command->encoding == WSC_MSGPACK)
        pack_number(command->out, value);
    else
        json_number(command->out, value);
}

void wsc_command_flag(struct wsc_command *command, const char *name, int value)
{
    member(command, name);
    if (command->encoding == WSC_MSGPACK)
        wsc_bytes_byte(command->out, value ? 0xc3 : 0xc2);
    else
        append_text(command->out, value ? "true" : "false");
}

void wsc_command_uuid(struct wsc_command *command, const char *name, const uint8_t value[16])
{
    member(command, name);
    if (command->encoding == WSC_MSGPACK) {
        big_endian(command->out, 0xc4, 16, 1);
        wsc_bytes_append(command->out, value, 16);
        return;
    }
    char text[40];
    char *at = text;
    for (int i = 0; i < 16; i++)
        at += sprintf(at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", value[i]);
    json_string(command->out, wsc_text(text));
}

void wsc_command_texts(struct wsc_command *command, const char *name,
                       const struct wsc_slice *values, size_t count)
{
    member(command, name);
    if (command->encoding == WSC_MSGPACK)
        big_endian(command->out, 0xdc, count, 2);
    else
        wsc_bytes_byte(command->out, '[');
    for (size_t i = 0; i < count; i++) {
        if (command->encoding == WSC_MSGPACK) {
            pack_string(command->out, values[i]);
        } else {
            if (i)
                wsc_bytes_byte(command->out, ',');
            json_string(command->out, values[i]);
        }
    }
    if (command->encoding == WSC_JSON)
        wsc_bytes_byte(command->out, ']');
}

void wsc_command_end(struct wsc_command *command)
{
    if (command->encoding == WSC_JSON)
        append_text(command->out, "}}");
    else
        command->out->data[command->map_at] = (uint8_t)(0x80 | command->count);
}
