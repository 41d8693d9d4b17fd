/*
 * Sockets on libwebsockets, one context for each worker, on the worker's own libuv loop.
 *
 * What is worth knowing of it (4.1.6):
 * - A socket's opaque pointer is its connection. It is set after the adoption, so that a failed
 *   adoption tells nobody, and cleared when connection_closed() has been called.
 * - A frame is received in pieces of at most the protocol's rx_buffer_size.
 * - LWS_WRITE_RAW writes bytes as they are. What the kernel doesn't take is copied and sent later
 *   by libwebsockets itself, which then calls back with SERVER_WRITEABLE.
 * - A close frame of its own is not to be relied on: a build with _DEBUG, as Debian's is, closes
 *   twice in a row where a callback failed, and the second time cuts. So the close frames that the
 *   gateway begins with are its own; the answer to a client's close frame is libwebsockets'.
 * - Its own timers are a sorted list, walked from the front: they are used for nothing that every
 *   connection has. Its own heartbeat ("validity") is such a timer, so it is off.
 */
#include "gateway/socket.h"

#include "chatcore/error.h"
#include "gateway/dispatch.h"
#include "gateway/listener.h"
#include "gateway/request_socket.h"
#include "gateway/tls.h"
#include "gateway/traced.h"
#include "gateway/transfer_socket.h"

#include <libwebsockets.h>

/* Read at once from a socket, and kept for each connection. */
#define SOCKET_READ_SIZE 1024

/* Larger than any frame that is written at once: libwebsockets would write in portions and keep the
 * rest. */
#define SOCKET_WRITE_SIZE (1 << 20)

struct sockets {
    struct worker *worker;
    struct lws_context *context; /* libwebsockets sets it to NULL at the end */
    struct lws_vhost *vhost;
    SSL_CTX *tls; /* the vhost's, or NULL */
    void *loops[1];
    struct lws_protocols protocols[3];
    struct lws_token_limits limits;
};

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size);

/* --- the context ------------------------------------------------------------------------------ */

/* Its own heartbeats never fire. */
static const lws_retry_bo_t no_heartbeat;

static void fill_protocols(struct sockets *sockets)
{
    static const char *const names[] = {ADMISSION_PROTOCOL_JSON, ADMISSION_PROTOCOL_MSGPACK};

    for (size_t i = 0; i < 2; i++) {
        struct lws_protocols *protocol = &sockets->protocols[i];

        protocol->name = names[i];
        protocol->callback = callback;
        protocol->rx_buffer_size = SOCKET_READ_SIZE;
        protocol->tx_packet_size = SOCKET_WRITE_SIZE;
        protocol->id = (unsigned)(i ? WIRE_MSGPACK : WIRE_JSON);
    }
}

static void fill_info(struct sockets *sockets, struct lws_context_creation_info *info)
{
    const struct cc_gateway *gateway = sockets->worker->gateway;

    memset(info, 0, sizeof *info);
    info->options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                    LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    info->foreign_loops = sockets->loops;
    info->pcontext = &sockets->context;
    info->user = sockets->worker;
    info->protocols = sockets->protocols;
    info->port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info->retry_and_idle_policy = &no_heartbeat;
    info->max_http_header_data2 = REQUEST_HEADERS_MAX;
    info->token_limits = &sockets->limits;
    info->max_http_header_pool2 = gateway->options.max_handshakes + 1;
    info->timeout_secs = gateway->options.handshake_ms / 1000 + 1;
    info->keepalive_timeout = (int)info->timeout_secs;
    if (gateway->tls_cert_file) {
        info->options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info->ssl_cert_filepath = gateway->tls_cert_file;
        info->ssl_private_key_filepath = gateway->tls_key_file;
        info->alpn = "http/1.1";
    }
}

int sockets_new(struct worker *worker, struct sockets **ret_sockets)
{
    struct sockets *sockets = mem_zalloc(worker->allocator, 1, sizeof *sockets);
    struct lws_context_creation_info info;

    if (!sockets)
        return CC_ENOMEM;
    sockets->worker = worker;
    sockets->loops[0] = &worker->loop;
    fill_protocols(sockets);
    request_limits(&sockets->limits);
    fill_info(sockets, &info);
    lws_set_log_level(0, NULL);
    sockets->context = lws_create_context(&info);
    if (!sockets->context) {
        mem_free(worker->allocator, sockets);
        return CC_ENOTSUP;
    }
    *ret_sockets = sockets;
    sockets->vhost = lws_create_vhost(sockets->context, &info);
    return sockets->vhost ? 0 : CC_EINVAL;
}

void sockets_end(struct sockets *sockets)
{
    if (sockets->context)
        lws_context_destroy(sockets->context);
}

/* The second call frees: on a loop that is not its own, libwebsockets does not do so by itself. */
void sockets_free(struct sockets *sockets)
{
    if (sockets->context)
        lws_context_destroy(sockets->context);
    mem_free(sockets->worker->allocator, sockets);
}

/* OpenSSL's buffers of a connection (34 KB) are given back while it is idle. */
static void tune_tls(SSL_CTX *tls)
{
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
}

int sockets_renew_tls(struct sockets *sockets, struct ssl_ctx_st *loaded)
{
    return sockets->tls ? tls_replace(sockets->tls, loaded) : 0;
}

/* --- one socket ------------------------------------------------------------------------------- */

static struct lws *wsi_of(struct socket *socket)
{
    return (struct lws *)socket;
}

int sockets_adopt(struct sockets *sockets, int fd, struct connection *connection)
{
    struct lws *wsi = lws_adopt_socket_vhost(sockets->vhost, fd);

    if (!wsi)
        return CC_ENOMEM;
    connection->socket = (struct socket *)wsi;
    lws_set_opaque_user_data(wsi, connection);
    return 0;
}

int socket_write(struct socket *socket, unsigned char *data, size_t size)
{
    return lws_write(wsi_of(socket), data, size, LWS_WRITE_RAW) < 0 ? CC_EIO : 0;
}

bool socket_is_blocked(struct socket *socket)
{
    return lws_partial_buffered(wsi_of(socket)) != 0;
}

void socket_want_writable(struct socket *socket)
{
    lws_callback_on_writable(wsi_of(socket));
}

void socket_cut(struct socket *socket)
{
    lws_set_timeout(wsi_of(socket), PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* --- HTTP ------------------------------------------------------------------------------------- */

static int write_answer(struct worker *worker, struct lws *wsi)
{
    struct buffer *answer = &worker->answer;

    if (answer->failed)
        return -1;
    if (lws_write(wsi, (unsigned char *)answer->data, answer->size, LWS_WRITE_HTTP_FINAL) < 0)
        return -1;
    return 0;
}

/* An error that ends the connection. Always answers -1: libwebsockets sends the rest and closes. */
static int refuse(struct connection *connection, struct lws *wsi, int status)
{
    struct worker *worker = connection->worker;
    char extra[64] = "";

    if (status == 503)
        snprintf(extra, sizeof extra, "Retry-After: %u\r\n",
                 worker->gateway->options.retry_after_s);
    else if (status == 426)
        snprintf(extra, sizeof extra, "Sec-WebSocket-Version: 13\r\n");
    buffer_clear(&worker->answer);
    http_refuse(status, extra, &worker->answer);
    write_answer(worker, wsi);
    return -1;
}

/*
 * Takes input again, and tells whether there may be some in libwebsockets' own buffer: a request
 * that came in one read with the one before. Those are not served. libwebsockets, when it finds a
 * request with a body in its buffer, reads the same bytes again and again, for ever.
 *
 * That nothing is in any buffer is all that can be asked; between two turns, all connections but
 * this one have either an empty one, or take no input.
 */
static bool resume_input(struct lws *wsi)
{
    struct lws_context *context = lws_get_context(wsi);
    bool is_other = lws_service_adjust_timeout(context, 1, 0) == 0;

    lws_rx_flow_control(wsi, 1);
    return is_other || lws_service_adjust_timeout(context, 1, 0) == 0;
}

int socket_answer(struct connection *connection)
{
    struct worker *worker = connection->worker;
    struct lws *wsi = wsi_of(connection->socket);
    bool closes;
    int r;

    if (resume_input(wsi))
        connection->exchange->closes = true;
    buffer_clear(&worker->answer);
    http_write(connection->exchange, &worker->answer);
    closes = connection->exchange->closes;
    r = write_answer(worker, wsi);
    traced_answered(&worker->gateway->options, connection->exchange);
    connection_answered(connection);
    return r || closes || lws_http_transaction_completed(wsi) ? CC_EIO : 0;
}

/* What else comes on the connection waits until the answer is written. */
static int serve(struct connection *connection, struct lws *wsi)
{
    lws_rx_flow_control(wsi, 0);
    connection_asked(connection);
    dispatch(connection->worker, connection->exchange);
    return 0;
}

static void answer_ready(struct http_exchange *exchange)
{
    connection_answer_ready(exchange->connection);
}

/* 0, or the status to refuse the request with. */
static int check_request(const struct connection *connection, struct lws *wsi,
                         const struct request_method *method, long long size)
{
    const struct cc_gateway *gateway = connection->worker->gateway;

    if (!method || connection->exchange || request_is_ambiguous(wsi))
        return 400;
    if (connection->is_over_limit)
        return 503;
    if (size < REQUEST_BODY_UNTOLD)
        return 411;
    if (request_is_packed(wsi))
        return 415;
    return size > (long long)gateway->options.max_body_bytes ? 413 : 0;
}

/* Without memory for it, the request is served all the same. */
static void trace_begin(struct http_exchange *exchange, struct lws *wsi)
{
    struct cc_slice header = request_trace_parent(wsi);

    if (header.size && !arena_copy(&exchange->arena, header, &exchange->trace_parent))
        exchange->started_us = traced_now_us();
}

static struct http_exchange *new_exchange(struct connection *connection, struct lws *wsi,
                                          const struct request_method *method)
{
    struct worker *worker = connection->worker;
    struct cc_http_request request;
    struct http_headers headers;
    char address[ADDRESS_TEXT_MAX];
    struct http_exchange *exchange;

    request_fill(wsi, method, &request, &headers);
    request.query = request_query(wsi, &worker->encoded);
    if (connection->has_address) {
        address_text(&connection->address, address);
        request.address = slice_str(address);
    }
    exchange = http_exchange_new(worker->allocator, &request, &headers);
    if (!exchange)
        return NULL;
    trace_begin(exchange, wsi);
    exchange->done = answer_ready;
    exchange->connection = connection;
    exchange->retry_after_s = worker->gateway->options.retry_after_s;
    return exchange;
}

/* A request whose body has no length ends with its headers. But libwebsockets expects one where the
 * method can have it, so such a connection is not used again. */
static int http_request(struct connection *connection, struct lws *wsi)
{
    const struct request_method *method = request_method(wsi);
    long long size;
    int status;

    arena_clear(&connection->worker->headers);
    connection_forwarded(connection, request_header(wsi, WSI_TOKEN_X_FORWARDED_FOR));
    size = request_body_size(wsi);
    status = check_request(connection, wsi, method, size);
    if (status)
        return refuse(connection, wsi, status);
    connection->exchange = new_exchange(connection, wsi, method);
    if (!connection->exchange)
        return refuse(connection, wsi, 503);
    connection->exchange->closes = method->has_body && size == REQUEST_BODY_UNTOLD;
    if (size <= 0)
        return serve(connection, wsi);
    return request_invite_body(wsi, &connection->worker->answer);
}

static int http_body(struct connection *connection, struct lws *wsi, const void *bytes, size_t size)
{
    struct http_exchange *exchange = connection->exchange;

    if (!exchange || exchange->state != HTTP_RECEIVING)
        return 0;
    if (exchange->body.size + size > connection->worker->gateway->options.max_body_bytes)
        return -1;
    if (!connection_charge(connection, size))
        return refuse(connection, wsi, 503);
    buffer_append(&exchange->body, bytes, size);
    return exchange->body.failed ? -1 : 0;
}

/* Called for empty bodies, too, whose request is being served already. */
static int http_body_complete(struct connection *connection, struct lws *wsi)
{
    struct http_exchange *exchange = connection->exchange;

    return exchange && exchange->state == HTTP_RECEIVING ? serve(connection, wsi) : 0;
}

/* 0: may be upgraded. */
static int upgrade_request(struct connection *connection, struct lws *wsi, const char *upgrade)
{
    struct cc_gateway *gateway = connection->worker->gateway;
    struct upgrade_request request = {.upgrade = slice_str(upgrade)};
    int status;

    arena_clear(&connection->worker->headers);
    connection_forwarded(connection, request_header(wsi, WSI_TOKEN_X_FORWARDED_FOR));
    request.path = request_header(wsi, WSI_TOKEN_GET_URI);
    request.version = request_header(wsi, WSI_TOKEN_VERSION);
    request.key = request_header(wsi, WSI_TOKEN_KEY);
    request.protocols = request_header(wsi, WSI_TOKEN_PROTOCOL);
    request.origin = request_header(wsi, WSI_TOKEN_ORIGIN);
    request.host = request_header(wsi, WSI_TOKEN_HOST);
    request.is_get = request.path.size != 0;
    request.is_draining = gateway_is_draining(gateway);
    request.is_over_limit = connection->is_over_limit;
    status = request_is_cut(wsi);
    if (!status)
        status = admission_check(&gateway->admission, &request);
    if (gateway->options.traced)
        traced_handshake(&gateway->options, request_trace_parent(wsi), request.path,
                         status ? status : 101);
    if (!status)
        return 0;
    stats_add(&connection->worker->stats.handshakes_refused, 1);
    return refuse(connection, wsi, status);
}

/* --- transfers ---------------------------------------------------------------------------------
 */

/* What a connection with a transfer has to do with it; requests that begin one come in here, too.
 */
static int of_transfer(struct connection *connection, struct lws *wsi,
                       enum lws_callback_reasons reason, const void *in, size_t size)
{
    switch (reason) {
    case LWS_CALLBACK_HTTP_BODY:
        return transfer_socket_body(connection, wsi, in, size);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return transfer_socket_body_complete(connection, wsi);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return transfer_socket_writable(connection, wsi);
    default:
        return -1; /* a second request before the first is answered */
    }
}

static bool is_transfers(const struct connection *connection, enum lws_callback_reasons reason)
{
    return connection->transfer &&
           (reason == LWS_CALLBACK_HTTP || reason == LWS_CALLBACK_HTTP_BODY ||
            reason == LWS_CALLBACK_HTTP_BODY_COMPLETION || reason == LWS_CALLBACK_HTTP_WRITEABLE);
}

/* --- requests of either kind -------------------------------------------------------------------
 */

static int asked(struct connection *connection, struct lws *wsi)
{
    int status = request_is_cut(wsi);
    int r;

    if (status)
        return refuse(connection, wsi, status);
    r = transfer_socket_request(connection, wsi);
    return r == 1 ? http_request(connection, wsi) : r;
}

/* --- callbacks -------------------------------------------------------------------------------- */

static int receive(struct connection *connection, struct lws *wsi, const void *bytes, size_t size)
{
    struct assembly_piece piece = {
        .bytes = slice_of(bytes, size),
        .is_last = lws_is_final_fragment(wsi) != 0,
        .missing = lws_remaining_packet_payload(wsi),
    };

    connection_input(connection, &piece, lws_frame_is_binary(wsi) != 0);
    return 0;
}

static int gone(struct connection *connection, struct lws *wsi)
{
    lws_set_opaque_user_data(wsi, NULL);
    connection_closed(connection);
    return 0;
}

static int of_connection(struct connection *connection, struct lws *wsi,
                         enum lws_callback_reasons reason, void *in, size_t size)
{
    if (is_transfers(connection, reason))
        return of_transfer(connection, wsi, reason, in, size);
    switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return upgrade_request(connection, wsi, in);
    case LWS_CALLBACK_ESTABLISHED:
        return connection_open(connection, lws_get_protocol(wsi)->id ? WIRE_MSGPACK : WIRE_JSON)
                   ? -1
                   : 0;
    case LWS_CALLBACK_RECEIVE:
        return receive(connection, wsi, in, size);
    case LWS_CALLBACK_RECEIVE_PONG:
        connection_heard(connection);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return connection_writable(connection) ? -1 : 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return connection_hangup(connection) ? -1 : 0;
    case LWS_CALLBACK_HTTP:
        return asked(connection, wsi);
    case LWS_CALLBACK_HTTP_BODY:
        return http_body(connection, wsi, in, size);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return http_body_complete(connection, wsi);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY:
        return gone(connection, wsi);
    default:
        return 0;
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size)
{
    struct connection *connection;
    struct worker *worker;

    switch (reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        /* libwebsockets passes the TLS context as the user pointer. */
        worker = lws_context_user(lws_get_context(wsi));
        worker->sockets->tls = user;
        tune_tls(user);
        return 0;
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_RX:
        return -1; /* neither HTTP nor WebSocket */
    case LWS_CALLBACK_PROTOCOL_INIT:
    case LWS_CALLBACK_PROTOCOL_DESTROY:
        return 0;
    default:
        connection = wsi ? lws_get_opaque_user_data(wsi) : NULL;
        return connection ? of_connection(connection, wsi, reason, in, size) : 0;
    }
}
