/*
 * Carrying out requests.
 */
#include "support/object_client.h"

#include "chatcore/backend/media_folder.h"
#include "chatcore/error.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PIECE 7

static struct cc_slice slice(const char *data, size_t size)
{
    struct cc_slice made = {data, size};

    return made;
}

static void fill(const struct object_client *client, const struct cc_media_client_request *request,
                 struct cc_media_request *to)
{
    const char *end = request->url.data + request->url.size;
    const char *path = request->url.data + strlen(CC_MEDIA_PATH);
    const char *query = memchr(request->url.data, '?', request->url.size);

    memset(to, 0, sizeof *to);
    to->method = request->method;
    to->path = slice(path, (size_t)((query ? query : end) - path));
    if (query)
        to->query = slice(query + 1, (size_t)(end - query - 1));
    for (size_t i = 0; i < request->header_count; i++)
        if (strncasecmp(request->headers[i].name.data, "content-type", 12) == 0)
            to->type = request->headers[i].value;
    to->range = client->range;
    to->if_none_match = client->if_none_match;
    to->if_range = client->if_range;
    to->size = request->body.size;
}

static void complete(struct cc_op *op)
{
    op->mailbox = NULL;
}

static void finish(struct object_client *client)
{
    struct cc_mailbox mailbox = {0};
    struct cc_media_finish finish = {.stream = client->answer.stream};
    void *stream = client->answer.stream;

    finish.op.mailbox = &mailbox;
    finish.op.complete = complete;
    client->server.vtable->finish(client->server.self, &finish);
    while (!cc_mailbox_drain(&mailbox))
        usleep(200);
    client->answer = finish.ret_answer;
    client->server.vtable->close(client->server.self, stream);
}

static void put(struct object_client *client, struct cc_slice body)
{
    int r = 0;

    for (size_t at = 0; !r && at < body.size; at += PIECE)
        r = client->server.vtable->write(
            client->server.self, client->answer.stream,
            slice(body.data + at, body.size - at < PIECE ? body.size - at : PIECE));
    if (!r) {
        finish(client);
        return;
    }
    client->server.vtable->close(client->server.self, client->answer.stream);
    client->answer.status = r;
}

static int get(struct object_client *client)
{
    size_t size = (size_t)client->answer.size;
    int r = 0;

    client->body = malloc(size + 1);
    if (!client->body)
        r = CC_ENOMEM;
    for (size_t at = 0; !r && at < size; at += PIECE)
        r = client->server.vtable->read(client->server.self, client->answer.stream,
                                        client->body + at, size - at < PIECE ? size - at : PIECE);
    client->server.vtable->close(client->server.self, client->answer.stream);
    return r;
}

int object_client_do(struct object_client *client, struct cc_media_client_request *request)
{
    struct cc_media_request asked;
    int r = 0;

    object_client_end(client);
    fill(client, request, &asked);
    client->server.vtable->open(client->server.self, &asked, &client->answer);
    if (!client->answer.status)
        put(client, request->body);
    else if (client->answer.stream)
        r = get(client);
    request->ret_status = client->answer.status;
    request->ret_body = slice(client->body, client->body ? (size_t)client->answer.size : 0);
    return r;
}

void object_client_end(struct object_client *client)
{
    free(client->body);
    client->body = NULL;
}
