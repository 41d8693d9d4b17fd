/*
 * Writes commands, in either encoding, member by member:
 *
 *     struct wsc_command c = wsc_command_begin(out, WSC_MSGPACK, id, "send");
 *     wsc_command_text(&c, "conversation", name);
 *     wsc_command_end(&c);
 *
 * Appends to `out`; a command has at most 15 members (a MessagePack fixmap).
 */
#ifndef WSCLIENT_COMMAND_H
#define WSCLIENT_COMMAND_H

#include "object.h"

struct wsc_command {
    struct wsc_bytes *out;
    enum wsc_encoding encoding;
    size_t map_at; /* MessagePack: the byte that holds the count */
    unsigned count;
};

struct wsc_command wsc_command_begin(struct wsc_bytes *out, enum wsc_encoding encoding, uint64_t id,
                                     const char *key);
void wsc_command_text(struct wsc_command *command, const char *name, struct wsc_slice value);
void wsc_command_number(struct wsc_command *command, const char *name, uint64_t value);
void wsc_command_flag(struct wsc_command *command, const char *name, int value);
/* A message id: text in JSON, a 16-byte bin in MessagePack. */
void wsc_command_uuid(struct wsc_command *command, const char *name, const uint8_t value[16]);
void wsc_command_texts(struct wsc_command *command, const char *name,
                       const struct wsc_slice *values, size_t count);
void wsc_command_end(struct wsc_command *command);

#endif
