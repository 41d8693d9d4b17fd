/*
 * IRC over WebSocket (IRCv3 text.ircv3.net and binary.ircv3.net): a filter between a connection's
 * socket and its client, who sees lines as of any other socket. A message is a line without its
 * end; so there is nothing of it in the rest of this server but the one call that lays it there.
 *
 * The state belongs to the filter and is freed with it. A connection that ends, or errs, as a
 * WebSocket ends as IRC: the client reads a QUIT, and what comes after it is thrown away.
 *
 * By hand, for the libwebsockets that Debian has runs on no libevent loop, and RFC 6455 without
 * extensions is this file. Origins are not looked at: who logs in shows a token, never a cookie.
 */
#include "ircd.h"
#include <event2/buffer.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HANDSHAKE_MAX 8192  /* of its head, with the cookies of a page */
#define UNSENT_MAX    65536 /* framed; the rest waits as lines, where OUTPUT_MAX bounds it */
#define KEY_SIZE      24    /* of 16 bytes in base64 */
#define HEAD_MAX      14    /* of a frame: two bytes, eight of the size, four of the mask */
#define SMALL_SIZE    126   /* a size from here on stands in bytes of its own */
#define ACCEPT_SIZE   29    /* of 20 bytes in base64, with its 0 */
#define SECRET        "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */

enum opcode { OP_MORE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum close_code { CLOSE_DONE = 1000, CLOSE_ERROR = 1002, CLOSE_UTF8 = 1007, CLOSE_LONG = 1009 };

struct websocket {
    struct bufferevent *raw;  /* below the filter; freed by it */
    struct evbuffer *message; /* what has come of one in several frames */
    enum opcode kind;         /* of that message; OP_MORE: none is under way */
    bool is_open;             /* the handshake is done */
    bool is_text;             /* text.ircv3.net, or no subprotocol */
    bool is_over;
};

struct frame {
    enum opcode opcode;
    bool is_last;
    size_t head, size;
    unsigned char mask[4];
};

/* --- out --- */

static void put_frame(struct evbuffer *to, enum opcode opcode, const char *data, size_t size)
{
    unsigned char head[4] = {(unsigned char)(0x80 | (unsigned)opcode), (unsigned char)size};
    size_t used = 2;

    if (size >= SMALL_SIZE) { /* never 64 KiB: a line is shorter */
        head[1] = SMALL_SIZE;
        head[used++] = (unsigned char)(size >> 8);
        head[used++] = (unsigned char)size;
    }
    evbuffer_add(to, head, used);
    evbuffer_add(to, data, size);
}

static void put_close(struct websocket *websocket, struct evbuffer *to, enum close_code code)
{
    const char data[2] = {(char)((unsigned)code >> 8), (char)code};

    if (!websocket->is_over)
        put_frame(to, OP_CLOSE, data, sizeof data);
    websocket->is_over = true;
}

/* A text frame has to be UTF-8: what was repeated of somebody's line may be none. */
static void make_utf8(char *text)
{
    if (utf8_is_valid(text))
        return;
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            *text = '?';
}

static void put_line(struct websocket *websocket, struct evbuffer *to, char *line, size_t size)
{
    if (websocket->is_text)
        make_utf8(line);
    put_frame(to, websocket->is_text ? OP_TEXT : OP_BINARY, line, size);
    if (strncmp(line, "ERROR ", 6) == 0) /* the last line that there is */
        put_close(websocket, to, CLOSE_DONE);
}

static enum bufferevent_filter_result lines_out(struct evbuffer *from, struct evbuffer *to,
                                                ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                                void *context)
{
    struct websocket *websocket = context;
    enum bufferevent_filter_result result = BEV_NEED_MORE;
    size_t size;
    char *line;

    (void)limit;
    (void)mode;
    while (evbuffer_get_length(to) < UNSENT_MAX &&
           (line = evbuffer_readln(from, &size, EVBUFFER_EOL_CRLF_STRICT))) {
        if (websocket->is_open && !websocket->is_over)
            put_line(websocket, to, line, size);
        free(line);
        result = BEV_OK;
    }
    return result;
}

/* --- the handshake --- */

struct handshake {
    char key[KEY_SIZE + 1];
    bool is_upgrade, is_version, is_get;
    bool offers_any, offers_known;
    char protocol[32];
};

/* Takes the first of the two that is offered. */
static void take_protocols(struct handshake *handshake, char *list)
{
    char *name;

    handshake->offers_any = true;
    while ((name = strsep(&list, ", \t")))
        if (!handshake->offers_known &&
            (strcmp(name, "text.ircv3.net") == 0 || strcmp(name, "binary.ircv3.net") == 0)) {
            snprintf(handshake->protocol, sizeof handshake->protocol, "%s", name);
            handshake->offers_known = true;
        }
}

static void take_header(struct handshake *handshake, char *line)
{
    char *value = strchr(line, ':');

    if (!value)
        return;
    *value++ = 0;
    value += strspn(value, " \t");
    if (strcasecmp(line, "Upgrade") == 0)
        handshake->is_upgrade = strcasecmp(value, "websocket") == 0;
    else if (strcasecmp(line, "Sec-WebSocket-Version") == 0)
        handshake->is_version = strcmp(value, "13") == 0;
    else if (strcasecmp(line, "Sec-WebSocket-Key") == 0 && strlen(value) == KEY_SIZE)
        memcpy(handshake->key, value, KEY_SIZE + 1);
    else if (strcasecmp(line, "Sec-WebSocket-Protocol") == 0)
        take_protocols(handshake, value);
}

static void read_handshake(struct evbuffer *from, struct handshake *ret_handshake)
{
    char *line = evbuffer_readln(from, NULL, EVBUFFER_EOL_CRLF_STRICT);

    *ret_handshake = (struct handshake){.key = ""};
    ret_handshake->is_get = line && strncmp(line, "GET /", 5) == 0;
    while (line && *line) {
        free(line);
        line = evbuffer_readln(from, NULL, EVBUFFER_EOL_CRLF_STRICT);
        if (line)
            take_header(ret_handshake, line);
    }
    free(line);
}

static void accept_handshake(struct websocket *websocket, const struct handshake *handshake)
{
    struct evbuffer *to = bufferevent_get_output(websocket->raw);
    char text[KEY_SIZE + sizeof SECRET], accept[ACCEPT_SIZE];
    unsigned char hash[SHA_DIGEST_LENGTH];

    snprintf(text, sizeof text, "%s%s", handshake->key, SECRET);
    SHA1((const unsigned char *)text, strlen(text), hash);
    sodium_bin2base64(accept, sizeof accept, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    evbuffer_add_printf(to,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                        accept, handshake->offers_known ? "Sec-WebSocket-Protocol: " : "",
                        handshake->protocol, handshake->offers_known ? "\r\n" : "");
    websocket->is_text = strcmp(handshake->protocol, "binary.ircv3.net") != 0;
    websocket->is_open = true;
}

static void refuse_handshake(struct websocket *websocket)
{
    evbuffer_add_printf(bufferevent_get_output(websocket->raw),
                        "HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 13\r\n"
                        "Content-Length: 0\r\nConnection: close\r\n\r\n");
    websocket->is_over = true;
}

/* False: its end has not come. */
static bool take_handshake(struct websocket *websocket, struct evbuffer *from)
{
    struct evbuffer_ptr end = evbuffer_search(from, "\r\n\r\n", 4, NULL);
    struct handshake handshake;

    if (end.pos < 0 && evbuffer_get_length(from) <= HANDSHAKE_MAX)
        return false;
    if (end.pos < 0 || end.pos > HANDSHAKE_MAX) {
        refuse_handshake(websocket);
        return true;
    }
    read_handshake(from, &handshake);
    if (handshake.is_get && handshake.is_upgrade && handshake.is_version && *handshake.key &&
        (handshake.offers_known || !handshake.offers_any))
        accept_handshake(websocket, &handshake);
    else
        refuse_handshake(websocket);
    return true;
}

/* --- in --- */

static void fail_with(struct websocket *websocket, enum close_code code)
{
    put_close(websocket, bufferevent_get_output(websocket->raw), code);
}

/* False: more has to come. What is no frame of a client is told as soon as its head shows it. A
 * frame of 64 KiB and more is longer than any line may be. */
static bool read_head(struct evbuffer *from, struct frame *ret_frame, bool *ret_is_sound)
{
    unsigned char head[HEAD_MAX] = {0};
    ev_ssize_t got = evbuffer_copyout(from, head, sizeof head);
    size_t size = head[1] & 0x7f, extra = size == 126 ? 2 : size == 127 ? 8 : 0;

    *ret_frame = (struct frame){.opcode = head[0] & 0x0f, .is_last = head[0] & 0x80};
    if (got < 2)
        return false;
    *ret_is_sound = !(head[0] & 0x70) && (head[1] & 0x80) &&
                    (ret_frame->opcode < OP_CLOSE || (size < SMALL_SIZE && ret_frame->is_last));
    ret_frame->head = 2 + extra + 4;
    if (!*ret_is_sound)
        return true;
    if ((size_t)got < ret_frame->head)
        return false;
    if (extra == 2)
        size = (size_t)head[2] << 8 | head[3];
    else if (extra == 8)
        size = SIZE_MAX;
    ret_frame->size = size;
    memcpy(ret_frame->mask, head + 2 + extra, 4);
    return true;
}

static void unmask(char *data, const struct frame *frame)
{
    for (size_t i = 0; i < frame->size; i++)
        data[i] = (char)((unsigned char)data[i] ^ frame->mask[i % 4]);
}

/* One message is one line: what follows an end of line in it is dropped. */
static void take_message(struct websocket *websocket, struct evbuffer *to)
{
    size_t size = evbuffer_get_length(websocket->message);
    char *text = calloc(1, size + 1);

    if (!text) {
        fail_with(websocket, CLOSE_LONG);
        return;
    }
    evbuffer_remove(websocket->message, text, size);
    if (websocket->kind == OP_TEXT && !utf8_is_valid(text))
        fail_with(websocket, CLOSE_UTF8);
    else if (strlen(text) == size) /* IRC has no NUL */
        evbuffer_add_printf(to, "%.*s\r\n", (int)strcspn(text, "\r\n"), text);
    free(text);
    websocket->kind = OP_MORE;
}

static void take_data(struct websocket *websocket, const struct frame *frame, const char *data,
                      struct evbuffer *to)
{
    if ((frame->opcode == OP_MORE) == (websocket->kind == OP_MORE)) {
        fail_with(websocket, CLOSE_ERROR);
        return;
    }
    if (frame->opcode != OP_MORE)
        websocket->kind = frame->opcode;
    if (evbuffer_get_length(websocket->message) + frame->size > LINE_MAX_IN)
        fail_with(websocket, CLOSE_LONG);
    else if (evbuffer_add(websocket->message, data, frame->size))
        fail_with(websocket, CLOSE_LONG);
    else if (frame->is_last)
        take_message(websocket, to);
}

static void take_frame(struct websocket *websocket, const struct frame *frame, const char *data,
                       struct evbuffer *to)
{
    switch (frame->opcode) {
    case OP_MORE:
    case OP_TEXT:
    case OP_BINARY:
        take_data(websocket, frame, data, to);
        break;
    case OP_PING:
        put_frame(bufferevent_get_output(websocket->raw), OP_PONG, data, frame->size);
        break;
    case OP_PONG:
        break;
    case OP_CLOSE:
        fail_with(websocket, CLOSE_DONE);
        break;
    default:
        fail_with(websocket, CLOSE_ERROR);
    }
}

/* False: there is no whole frame. */
static bool next_frame(struct websocket *websocket, struct evbuffer *from, struct evbuffer *to)
{
    char data[LINE_MAX_IN];
    struct frame frame;
    bool is_sound;

    if (!read_head(from, &frame, &is_sound))
        return false;
    if (!is_sound || frame.size > LINE_MAX_IN) {
        fail_with(websocket, is_sound ? CLOSE_LONG : CLOSE_ERROR);
        return true;
    }
    if (evbuffer_get_length(from) < frame.head + frame.size)
        return false;
    evbuffer_drain(from, frame.head);
    evbuffer_remove(from, data, frame.size);
    unmask(data, &frame);
    take_frame(websocket, &frame, data, to);
    return true;
}

static enum bufferevent_filter_result lines_in(struct evbuffer *from, struct evbuffer *to,
                                               ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                               void *context)
{
    struct websocket *websocket = context;
    bool was_over = websocket->is_over;
    size_t before = evbuffer_get_length(to);

    (void)limit;
    (void)mode;
    while (!websocket->is_over &&
           (websocket->is_open ? next_frame(websocket, from, to) : take_handshake(websocket, from)))
        ;
    if (websocket->is_over)
        evbuffer_drain(from, evbuffer_get_length(from));
    if (websocket->is_over && !was_over)
        evbuffer_add_printf(to, "QUIT\r\n");
    return evbuffer_get_length(to) > before ? BEV_OK : BEV_NEED_MORE;
}

static void websocket_free(void *context)
{
    struct websocket *websocket = context;

    evbuffer_free(websocket->message);
    free(websocket);
}

/* Takes `raw`. NULL: out of memory, and `raw` is freed. */
struct bufferevent *websocket_wrap(struct bufferevent *raw)
{
    struct websocket *websocket = calloc(1, sizeof *websocket);
    struct bufferevent *io = NULL;

    if (websocket && (websocket->message = evbuffer_new())) {
        websocket->raw = raw;
        io = bufferevent_filter_new(raw, lines_in, lines_out, BEV_OPT_CLOSE_ON_FREE, websocket_free,
                                    websocket);
    }
    if (io) {
        bufferevent_setwatermark(raw, EV_READ, 0, 2 * LINE_MAX_IN);
        bufferevent_setwatermark(raw, EV_WRITE, 0, UNSENT_MAX);
        return io;
    }
    if (websocket && websocket->message)
        evbuffer_free(websocket->message);
    free(websocket);
    bufferevent_free(raw);
    return NULL;
}
