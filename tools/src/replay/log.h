/*
 * A chat log as the replay needs it: rooms, their members, and who says what in which order.
 * Lines are `ts TAB room TAB user TAB text`, gzip or plain; lines of one room stand in order.
 * All text lives until chat_log_free.
 */
#ifndef REPLAY_LOG_H
#define REPLAY_LOG_H

#include "bytes.h"

#define CHAT_LOG_NONE UINT32_MAX

struct chat_line {
    int64_t ts;
    uint32_t room;
    uint32_t user;
    uint32_t direct_to; /* the member of the room that the line addresses, or CHAT_LOG_NONE */
    struct wsc_slice text;
};

struct chat_room {
    char *name;
    uint32_t *lines; /* indexes */
    size_t line_count;
    size_t line_capacity;
    uint32_t *members; /* users, in the order of their first line */
    size_t member_count;
    size_t member_capacity;
};

struct chat_log {
    char *content;
    struct chat_line *lines;
    size_t line_count;
    size_t line_capacity;
    struct chat_room *rooms;
    size_t room_count;
    size_t room_capacity;
    char **users; /* names as the protocol allows them: a space becomes an underscore */
    size_t user_count;
    size_t user_capacity;
};

struct chat_log_options {
    size_t room_limit;  /* 0: all */
    const char *suffix; /* behind every name of a room or user, so that runs do not meet */
    int direct;         /* look for lines that address somebody */
};

/* 0, or -1 after printing why. */
int chat_log_read(const char *path, const struct chat_log_options *options,
                  struct chat_log *ret_log);
void chat_log_free(struct chat_log *log);

#endif
