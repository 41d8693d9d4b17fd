/*
 * Headers in, pieces out.
 *
 * libwebsockets has a time-out of its own for a body that is coming and for an answer. Here the
 * connection's timer alone decides, which looks at how much has moved.
 */
#include "gateway/transfer_socket.h"

#include "chatcore/error.h"
#include "gateway/request_socket.h"
#include "gateway/transfer.h"

#include <libwebsockets.h>

/* A header that is longer is as if it were not there. */
#define HEADER_MAX 2048

static struct cc_slice header(struct connection *connection, struct lws *wsi,
                              enum lws_token_indexes token)
{
    int size = lws_hdr_total_length(wsi, token);
    char *text;

    if (size <= 0 || size > HEADER_MAX)
        return slice_of(NULL, 0);
    text = arena_alloc(&connection->worker->headers, (size_t)size + 1);
    if (!text || lws_hdr_copy(wsi, text, size + 1, token) < 0)
        return slice_of(NULL, 0);
    return slice_of(text, strlen(text));
}

static const struct {
    const char *name;
    enum lws_token_indexes token;
} methods[] = {
    {"GET", WSI_TOKEN_GET_URI},         {"HEAD", WSI_TOKEN_HEAD_URI},
    {"PUT", WSI_TOKEN_PUT_URI},         {"POST", WSI_TOKEN_POST_URI},
    {"OPTIONS", WSI_TOKEN_OPTIONS_URI}, {"DELETE", WSI_TOKEN_DELETE_URI},
    {"PATCH", WSI_TOKEN_PATCH_URI},
};

static void read_target(struct connection *connection, struct lws *wsi,
                        struct cc_media_request *request)
{
    for (size_t i = 0; !request->path.size && i < sizeof methods / sizeof *methods; i++) {
        request->method = slice_str(methods[i].name);
        request->path = header(connection, wsi, methods[i].token);
    }
}

/* False when a body comes whose size is not told, or makes no sense. */
static bool read_size(struct connection *connection, struct lws *wsi,
                      struct cc_media_request *request)
{
    struct cc_slice text = header(connection, wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);

    if (header(connection, wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING).size || text.size > 15)
        return false;
    if (!text.size)
        return !slice_equal(request->method, slice_str("PUT"));
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        request->size = request->size * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

static void read_headers(struct connection *connection, struct lws *wsi,
                         struct transfer_request *request)
{
    struct cc_media_request *of_server = &request->of_server;

    of_server->query = header(connection, wsi, WSI_TOKEN_HTTP_URI_ARGS);
    of_server->type = header(connection, wsi, WSI_TOKEN_HTTP_CONTENT_TYPE);
    of_server->range = header(connection, wsi, WSI_TOKEN_HTTP_RANGE);
    of_server->if_range = header(connection, wsi, WSI_TOKEN_HTTP_IF_RANGE);
    of_server->if_none_match = header(connection, wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH);
    request->origin = header(connection, wsi, WSI_TOKEN_ORIGIN);
    request->host = header(connection, wsi, WSI_TOKEN_HOST);
}

int transfer_socket_request(struct connection *connection, struct lws *wsi)
{
    struct transfer_request request = {0};

    arena_clear(&connection->worker->headers);
    read_target(connection, wsi, &request.of_server);
    if (!transfer_is_wanted(connection->worker->gateway, request.of_server.path))
        return 1;
    if (connection->transfer || connection->exchange)
        return -1;
    request.has_no_size = !read_size(connection, wsi, &request.of_server);
    connection_forwarded(connection, request_header(wsi, WSI_TOKEN_X_FORWARDED_FOR));
    read_headers(connection, wsi, &request);
    if (transfer_begin(connection, &request))
        return -1;
    return transfer_is_receiving(connection->transfer)
               ? request_invite_body(wsi, &connection->worker->answer)
               : 0;
}

static void no_time_out(struct lws *wsi)
{
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
}

int transfer_socket_body(struct connection *connection, struct lws *wsi, const void *bytes,
                         size_t size)
{
    no_time_out(wsi);
    transfer_receive(connection->transfer, slice_of(bytes, size));
    return 0;
}

int transfer_socket_body_complete(struct connection *connection, struct lws *wsi)
{
    no_time_out(wsi);
    transfer_received(connection->transfer);
    return 0;
}

void transfer_socket_write(struct connection *connection)
{
    lws_callback_on_writable((struct lws *)connection->socket);
}

/* The connection goes on to its next request. */
static int end(struct connection *connection, struct lws *wsi)
{
    bool closes = connection->transfer->closes;

    transfer_end(connection);
    connection_answered(connection);
    return closes || lws_http_transaction_completed(wsi) ? -1 : 0;
}

int transfer_socket_writable(struct connection *connection, struct lws *wsi)
{
    struct transfer *transfer = connection->transfer;
    struct buffer *piece = &connection->worker->answer;
    int r;

    if (transfer->state != TRANSFER_ANSWERING)
        return 0;
    no_time_out(wsi);
    buffer_clear(piece);
    r = transfer_next_piece(transfer, piece);
    if (r < 0)
        return -1;
    if (lws_write(wsi, (unsigned char *)piece->data, piece->size,
                  r ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
        return -1;
    if (r)
        return end(connection, wsi);
    lws_callback_on_writable(wsi);
    return 0;
}
