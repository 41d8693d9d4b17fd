/* Reads a chat log: see log.h. */
#include "log.h"

#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* What only the reading needs. */
struct reading {
    struct chat_log *log;
    const struct chat_log_options *options;
    struct wsc_table room_by_name;
    struct wsc_table user_by_name;
    struct wsc_table member; /* (room, user) */
};

static char *read_file(const char *path)
{
    gzFile file = gzopen(path, "rb");
    struct wsc_bytes content = {0};
    int got = 0;
    if (!file) {
        perror(path);
        return NULL;
    }
    do {
        content.size += (size_t)got;
        got = gzread(file, wsc_bytes_reserve(&content, 1u << 20), 1u << 20);
    } while (got > 0);
    wsc_bytes_byte(&content, '\0');
    gzclose(file);
    if (got == 0)
        return (char *)content.data;
    fprintf(stderr, "%s: cannot be read\n", path);
    wsc_bytes_free(&content);
    return NULL;
}

static void *add_item(void *items, size_t *count, size_t *capacity, size_t size)
{
    if (*count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 16;
        items = wsc_grow(items, *capacity * size);
    }
    memset((char *)items + (*count)++ * size, 0, size);
    return items;
}

static char *name_with_suffix(const struct reading *reading, struct wsc_slice name)
{
    struct wsc_bytes text = {0};
    for (size_t i = 0; i < name.size; i++)
        wsc_bytes_byte(&text, name.data[i] == ' ' ? '_' : (uint8_t)name.data[i]);
    wsc_bytes_append(&text, reading->options->suffix, strlen(reading->options->suffix) + 1);
    return (char *)text.data;
}

static uint32_t find_room(struct reading *reading, struct wsc_slice name)
{
    struct chat_log *log = reading->log;
    uint64_t key = wsc_hash(name.data, name.size);
    uint32_t room = wsc_table_get(&reading->room_by_name, key);
    if (room != WSC_TABLE_NONE)
        return room;
    if (reading->options->room_limit && log->room_count == reading->options->room_limit)
        return CHAT_LOG_NONE;
    log->rooms = add_item(log->rooms, &log->room_count, &log->room_capacity, sizeof *log->rooms);
    room = (uint32_t)log->room_count - 1;
    log->rooms[room].name = name_with_suffix(reading, name);
    wsc_table_put(&reading->room_by_name, key, room);
    return room;
}

static uint32_t find_user(struct reading *reading, struct wsc_slice name)
{
    struct chat_log *log = reading->log;
    uint64_t key = wsc_hash(name.data, name.size);
    uint32_t user = wsc_table_get(&reading->user_by_name, key);
    if (user != WSC_TABLE_NONE)
        return user;
    log->users = add_item(log->users, &log->user_count, &log->user_capacity, sizeof *log->users);
    user = (uint32_t)log->user_count - 1;
    log->users[user] = name_with_suffix(reading, name);
    wsc_table_put(&reading->user_by_name, key, user);
    return user;
}

static void join_room(struct reading *reading, uint32_t room_index, uint32_t user)
{
    struct chat_room *room = &reading->log->rooms[room_index];
    uint64_t key = wsc_pair(room_index, user);
    if (wsc_table_get(&reading->member, key) != WSC_TABLE_NONE)
        return;
    wsc_table_put(&reading->member, key, 1);
    room->members =
        add_item(room->members, &room->member_count, &room->member_capacity, sizeof *room->members);
    room->members[room->member_count - 1] = user;
}

static struct wsc_slice take_column(char **at, char separator)
{
    struct wsc_slice column = {*at, 0};
    char *end = strchr(*at, separator);
    if (!end)
        return (struct wsc_slice){NULL, 0};
    column.size = (size_t)(end - *at);
    *at = end + 1;
    return column;
}

static void add_line(struct reading *reading, int64_t ts, const struct wsc_slice columns[3])
{
    struct chat_log *log = reading->log;
    uint32_t room_index = find_room(reading, columns[0]);
    if (room_index == CHAT_LOG_NONE || !columns[1].size || !columns[2].size)
        return;
    uint32_t user = find_user(reading, columns[1]);
    join_room(reading, room_index, user);
    log->lines = add_item(log->lines, &log->line_count, &log->line_capacity, sizeof *log->lines);
    log->lines[log->line_count - 1] =
        (struct chat_line){ts, room_index, user, CHAT_LOG_NONE, columns[2]};
    struct chat_room *room = &log->rooms[room_index];
    room->lines =
        add_item(room->lines, &room->line_count, &room->line_capacity, sizeof *room->lines);
    room->lines[room->line_count - 1] = (uint32_t)log->line_count - 1;
}

static int read_lines(struct reading *reading, const char *path)
{
    char *at = reading->log->content;
    for (size_t number = 1; *at; number++) {
        struct wsc_slice ts = take_column(&at, '\t');
        struct wsc_slice columns[3] = {{NULL, 0}};
        for (size_t i = 0; ts.data && i < 3; i++)
            if (i == 0 || columns[i - 1].data)
                columns[i] = take_column(&at, i < 2 ? '\t' : '\n');
        if (!columns[2].data) {
            fprintf(stderr, "%s:%zu: not ts, room, user and text\n", path, number);
            return -1;
        }
        add_line(reading, strtoll(ts.data, NULL, 10), columns);
    }
    return 0;
}

/* "NICK: …" or "NICK, …" where NICK has a line of its own in the room */
static void find_direct(struct reading *reading, struct chat_line *line)
{
    size_t size = 0;
    while (size < line->text.size && !strchr(" :,", line->text.data[size]))
        size++;
    if (!size || size == line->text.size || line->text.data[size] == ' ')
        return;
    uint32_t user = wsc_table_get(&reading->user_by_name, wsc_hash(line->text.data, size));
    if (user == WSC_TABLE_NONE || user == line->user)
        return;
    if (wsc_table_get(&reading->member, wsc_pair(line->room, user)) != WSC_TABLE_NONE)
        line->direct_to = user;
}

int chat_log_read(const char *path, const struct chat_log_options *options,
                  struct chat_log *ret_log)
{
    struct chat_log log = {0};
    struct reading reading = {.log = &log, .options = options};
    log.content = read_file(path);
    int status = log.content ? read_lines(&reading, path) : -1;
    for (size_t i = 0; status == 0 && options->direct && i < log.line_count; i++)
        find_direct(&reading, &log.lines[i]);
    if (status == 0 && !log.line_count) {
        fprintf(stderr, "%s: holds no line\n", path);
        status = -1;
    }
    wsc_table_free(&reading.room_by_name);
    wsc_table_free(&reading.user_by_name);
    wsc_table_free(&reading.member);
    if (status == 0)
        *ret_log = log;
    else
        chat_log_free(&log);
    return status;
}

void chat_log_free(struct chat_log *log)
{
    for (size_t i = 0; i < log->room_count; i++) {
        free(log->rooms[i].name);
        free(log->rooms[i].lines);
        free(log->rooms[i].members);
    }
    for (size_t i = 0; i < log->user_count; i++)
        free(log->users[i]);
    free(log->content);
    free(log->lines);
    free(log->rooms);
    free(log->users);
    *log = (struct chat_log){0};
}
