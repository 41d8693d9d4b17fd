/* The opening handshake (RFC 6455, section 4) of a client. */
#include "internal.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <strings.h>

#define ANSWER_MAX (16u * 1024)

static const char *subprotocol(enum wsc_encoding encoding)
{
    return encoding == WSC_JSON ? "chatcore.v1.json" : "chatcore.v1.msgpack";
}

static void expect_accept(struct wsc *client, const char *key)
{
    char text[96];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int length = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    EVP_Digest(text, (size_t)length, digest, &size, EVP_sha1(), NULL);
    EVP_EncodeBlock((uint8_t *)client->accept, digest, (int)size);
}

void wsc_handshake_write(struct wsc *client)
{
    const struct wsc_target *target = client->target;
    uint32_t nonce[4];
    char key[32];
    char request[640];
    for (size_t i = 0; i < 4; i++)
        nonce[i] = wsc_random32(client->loop);
    EVP_EncodeBlock((uint8_t *)key, (const uint8_t *)nonce, sizeof nonce);
    expect_accept(client, key);
    int length =
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
                 target->path, target->host, target->port, key, subprotocol(target->encoding));
    wsc_bytes_append(&client->out, request, (size_t)length);
    wsc_mark_dirty(client);
}

/* The value of a header line, compared without case; not terminated. */
static struct wsc_slice header_value(const char *answer, size_t size, const char *name)
{
    size_t name_size = strlen(name);
    const char *end = answer + size;
    const char *line = memchr(answer, '\n', size);
    while (line && line + 1 + name_size < end) {
        line++;
        const char *stop = memchr(line, '\r', (size_t)(end - line));
        if (stop && strncasecmp(line, name, name_size) == 0 && line[name_size] == ':') {
            const char *value = line + name_size + 1;
            while (value < stop && *value == ' ')
                value++;
            return (struct wsc_slice){value, (size_t)(stop - value)};
        }
        line = memchr(line, '\n', (size_t)(end - line));
    }
    return (struct wsc_slice){"", 0};
}

/* Empty when the answer is right; for another status than 101, its status line. */
static struct wsc_slice check_answer(const struct wsc *client, const char *answer, size_t size)
{
    if (size < 12 || memcmp(answer, "HTTP/1.1 101", 12) != 0) {
        const char *stop = memchr(answer, '\r', size);
        return (struct wsc_slice){answer, stop ? (size_t)(stop - answer) : size};
    }
    if (!wsc_slice_is(header_value(answer, size, "Sec-WebSocket-Accept"), client->accept))
        return wsc_text("wrong Sec-WebSocket-Accept");
    if (!wsc_slice_is(header_value(answer, size, "Sec-WebSocket-Protocol"),
                      subprotocol(client->target->encoding)))
        return wsc_text("the server did not choose the subprotocol");
    return wsc_text("");
}

static size_t answer_size(const struct wsc_bytes *in)
{
    for (size_t i = 3; i < in->size; i++)
        if (memcmp(in->data + i - 3, "\r\n\r\n", 4) == 0)
            return i + 1;
    return 0;
}

long wsc_handshake_read(struct wsc *client, struct wsc_slice *ret_reason)
{
    size_t size = answer_size(&client->in);
    if (!size && client->in.size < ANSWER_MAX)
        return 0;
    struct wsc_slice reason = size ? check_answer(client, (const char *)client->in.data, size)
                                   : wsc_text("the handshake's answer is too long");
    if (!reason.size)
        return (long)size;
    *ret_reason = reason;
    return -1;
}
