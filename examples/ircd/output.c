/*
 * Lines to a client: tags for those who asked for them, numerics, labels, batches. While a client
 * has a current label its lines are kept there, and go out together when the label's last
 * reference goes: alone with the label's tag, or in a batch, or as an ACK where there are none.
 */
#include "ircd.h"
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAGS_OUT_MAX                                                                               \
    1024 /* what this server adds: ids, times, names, a client's typing or reply                   \
          */

static void put(struct client *client, const char *text, size_t size)
{
    struct evbuffer *output;

    if (!client->io || client->is_closing)
        return;
    output = bufferevent_get_output(client->io);
    if (evbuffer_add(output, text, size) || evbuffer_get_length(output) > OUTPUT_MAX)
        client_close(client, NULL);
}

/* Tags have their own escapes; what stands here has neither spaces nor control characters. */
static void escape(const char *value, char *to)
{
    for (; *value; value++) {
        if (*value == ';' || *value == '\\')
            *to++ = '\\';
        *to++ = (char)(*value == ';' ? ':' : *value);
    }
    *to = 0;
}

/* `value` NULL: `key` is a whole tag, ready. */
static void add(char *room, size_t *used, const char *key, const char *value)
{
    char escaped[2 * NAME_MAX_ESCAPED + 1] = "";
    int more;

    if (value)
        escape(value, escaped);
    more = snprintf(room + *used, TAGS_OUT_MAX - *used, "%s%s%s%s", *used ? ";" : "@", key,
                    value ? "=" : "", escaped);
    if (more > 0 && *used + (size_t)more < TAGS_OUT_MAX - 1)
        *used += (size_t)more;
    room[*used] = 0;
}

static size_t print_tags(const struct client *client, const struct tags *tags, char *room)
{
    char text[NAME_MAX_ESCAPED + 1];
    size_t used = 0;

    if (tags->batch && (client->caps & CAP_BATCH))
        add(room, &used, "batch", tags->batch);
    if (tags->ts && (client->caps & CAP_TIME)) {
        time_print(tags->ts, text);
        add(room, &used, "time", text);
    }
    if (tags->id && (client->caps & CAP_TAGS)) {
        id_print(tags->id, text);
        add(room, &used, "msgid", text);
    }
    if (tags->account.size && (client->caps & CAP_ACCOUNT)) {
        nick_of(tags->account, text);
        add(room, &used, "account", text);
    }
    if (tags->client && *tags->client && (client->caps & CAP_TAGS))
        add(room, &used, tags->client, NULL);
    if (used)
        room[used++] = ' ';
    return used;
}

/* A terminated line of at most BODY_MAX without its tags. */
static void send_line(struct client *client, const struct tags *tags, const char *body, size_t size)
{
    char room[TAGS_OUT_MAX + BODY_MAX + 1];
    size_t used = tags ? print_tags(client, tags, room) : 0;

    memcpy(room + used, body, size);
    used += size;
    room[used++] = '\r';
    room[used++] = '\n';
    if (!client->label) {
        put(client, room, used);
        return;
    }
    if (evbuffer_get_length(client->label->lines) > OUTPUT_MAX ||
        evbuffer_add(client->label->lines, room, used))
        client_close(client, NULL);
    else
        client->label->count++;
}

static void vsay(struct client *client, const struct tags *tags, const char *format, va_list args)
{
    char body[2 * BODY_MAX];
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): the caller has begun it */
    int size = vsnprintf(body, sizeof body, format, args);
    size_t length = size < 0 ? 0 : (size_t)size;

    if (length >= sizeof body)
        length = sizeof body - 1;
    for (size_t i = 0; i < length; i++)
        if (body[i] == '\r' || body[i] == '\n' || !body[i])
            body[i] = ' ';
    send_line(client, tags, body, utf8_cut(body, length, BODY_MAX - 2));
}

void say(struct client *client, const struct tags *tags, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsay(client, tags, format, args);
    va_end(args);
}

void numeric(struct client *client, int number, const char *format, ...)
{
    char text[2 * BODY_MAX];
    va_list args;

    va_start(args, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): begun in the line before */
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    say(client, NULL, ":%s %03d %s %s", client->server->name, number,
        *client->nick ? client->nick : "*", text);
}

/* IRCv3 standard replies. */
void fail(struct client *client, const char *verb, const char *code, const char *context,
          const char *text)
{
    say(client, NULL, ":%s FAIL %s %s %s%s:%s", client->server->name, verb, code, context,
        *context ? " " : "", text);
}

/* --- labels --- */

/* Without memory the command is answered without its label. */
void label_begin(struct client *client, const char *text)
{
    struct label *label = calloc(1, sizeof *label);

    if (!label || !(label->lines = evbuffer_new())) {
        free(label);
        return;
    }
    label->refs = 1;
    snprintf(label->text, sizeof label->text, "%s", text);
    client->label = label;
}

struct label *label_ref(struct label *label)
{
    if (label)
        label->refs++;
    return label;
}

static void put_tagged(struct client *client, const char *key, const char *value, const char *line)
{
    char head[LABEL_MAX + 32];
    int size = snprintf(head, sizeof head, "@%s=%s%c", key, value, *line == '@' ? ';' : ' ');

    put(client, head, (size_t)size);
    put(client, line + (*line == '@'), strlen(line + (*line == '@')));
    put(client, "\r\n", 2);
}

static void put_in_batch(struct client *client, struct label *label, char *line)
{
    char open[64], name[16];

    snprintf(name, sizeof name, "L%u", (unsigned)client->next_batch++);
    snprintf(open, sizeof open, "BATCH +%s labeled-response", name);
    put_tagged(client, "label", label->text, open);
    for (; line; line = evbuffer_readln(label->lines, NULL, EVBUFFER_EOL_CRLF_STRICT)) {
        put_tagged(client, "batch", name, line);
        free(line);
    }
    snprintf(open, sizeof open, "BATCH -%s\r\n", name);
    put(client, open, strlen(open));
}

static void label_flush(struct client *client, struct label *label)
{
    char *line = evbuffer_readln(label->lines, NULL, EVBUFFER_EOL_CRLF_STRICT);
    char ack[64];

    if (!line) {
        snprintf(ack, sizeof ack, ":%s ACK", client->server->name);
        put_tagged(client, "label", label->text, ack);
    } else if (label->count == 1 || strncmp(line, "BATCH +", 7) == 0) {
        /* A whole batch of its own is marked at its beginning. */
        put_tagged(client, "label", label->text, line);
        free(line);
        if (client->io && !client->is_closing)
            bufferevent_write_buffer(client->io, label->lines);
    } else
        put_in_batch(client, label, line);
}

/* The label's lines go out with its last reference. */
void label_unref(struct client *client, struct label *label)
{
    if (!label || --label->refs)
        return;
    label_flush(client, label);
    evbuffer_free(label->lines);
    free(label);
}

/* False: the client knows no batches. */
bool batch_begin(struct client *client, const char *kind, const char *target, char ret_name[16])
{
    if (!(client->caps & CAP_BATCH))
        return false;
    snprintf(ret_name, 16, "B%u", (unsigned)client->next_batch++);
    say(client, NULL, "BATCH +%s %s%s%s", ret_name, kind, *target ? " " : "", target);
    return true;
}
