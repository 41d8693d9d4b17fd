/*
 * What transfers do, without sockets.
 */
#include "gateway/transfer.h"

#include "base/buffer.h"
#include "chatcore/backend/media_folder.h"
#include "chatcore/error.h"
#include "gateway/http.h"
#include "gateway/origin.h"
#include "gateway/transfer_socket.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const struct cc_media_server *server_of(const struct transfer *transfer)
{
    return &transfer->worker->gateway->options.media;
}

bool transfer_is_wanted(const struct cc_gateway *gateway, struct cc_slice path)
{
    size_t size = sizeof CC_MEDIA_PATH - 1;

    return gateway->options.media.vtable && path.size >= size &&
           memcmp(path.data, CC_MEDIA_PATH, size) == 0;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

/* A page of another host reads the answer, and its length and hash, only where it is allowed. */
static void append_cors(const struct transfer *transfer, struct buffer *out)
{
    append_text(out, "Vary: Origin\r\n");
    if (!transfer->origin.size)
        return;
    append_text(out, "Access-Control-Allow-Origin: ");
    buffer_append_slice(out, transfer->origin);
    append_text(out, "\r\nAccess-Control-Expose-Headers: Content-Length, Content-Range, ETag\r\n");
}

static void append_head(const struct transfer *transfer, struct buffer *out)
{
    const struct cc_media_answer *answer = &transfer->answer;
    char line[96];

    snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", answer->status,
             http_status_text(answer->status));
    append_text(out, line);
    if (answer->status != 204 && answer->status != 304) {
        snprintf(line, sizeof line, "Content-Length: %" PRIu64 "\r\n", answer->size);
        append_text(out, line);
    }
    append_text(out, answer->headers);
    append_cors(transfer, out);
    if (transfer->closes)
        append_text(out, "Connection: close\r\n");
    append_text(out, "\r\n");
    if (!transfer->is_head)
        append_text(out, answer->text);
}

/* An answer that is no object: its text is what the server says, or the status. */
static void set_text(struct cc_media_answer *answer)
{
    if (!answer->text[0] && answer->status >= 400) {
        http_error_text(answer->status, answer->text, sizeof answer->text);
        strcat(answer->headers, "Content-Type: " HTTP_TYPE_JSON "\r\n");
    }
    if (answer->status != 304)
        strcat(answer->headers, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    answer->size = strlen(answer->text);
}

static void begin_answer(struct transfer *transfer)
{
    struct cc_media_answer *answer = &transfer->answer;

    transfer->state = TRANSFER_ANSWERING;
    if (!transfer->has_body && answer->status != 200 && answer->status != 206)
        set_text(answer);
    transfer->left = transfer->has_body ? answer->size : 0;
    transfer->left_then = transfer->left;
    transfer_socket_write(transfer->connection);
}

static void refuse(struct transfer *transfer, int status)
{
    transfer->answer.status = status;
    strcpy(transfer->answer.headers, status == 405 ? "Allow: GET, HEAD, PUT, OPTIONS\r\n" : "");
    transfer->answer.text[0] = 0;
    transfer->closes = true;
    begin_answer(transfer);
}

int transfer_next_piece(struct transfer *transfer, struct buffer *out)
{
    const struct cc_media_server *server = server_of(transfer);
    size_t size =
        transfer->left < TRANSFER_PIECE_BYTES ? (size_t)transfer->left : TRANSFER_PIECE_BYTES;
    char *bytes;

    if (!transfer->is_head_sent)
        append_head(transfer, out);
    transfer->is_head_sent = true;
    if (size) {
        bytes = buffer_reserve(out, size);
        if (!bytes)
            return CC_ENOMEM;
        if (server->vtable->read(server->self, transfer->stream, bytes, size))
            return CC_EIO;
        out->size += size;
        transfer->left -= size;
        stats_add(&transfer->worker->stats.download_bytes, size);
    }
    if (out->failed)
        return CC_ENOMEM;
    return transfer->left == 0;
}

/* --- beginning -------------------------------------------------------------------------------- */

static void note_origin(struct transfer *transfer, const struct transfer_request *request)
{
    const struct admission *admission = &transfer->worker->gateway->admission;
    struct cc_slice origin = request->origin;

    if (!origin.size || origin.size > sizeof transfer->origin_bytes ||
        !origin_is_allowed(origin, request->host, admission->origins, admission->origin_count))
        return;
    memcpy(transfer->origin_bytes, origin.data, origin.size);
    transfer->origin = slice_of(transfer->origin_bytes, origin.size);
}

/* A browser asks before a page may upload. */
static void answer_preflight(struct transfer *transfer)
{
    struct cc_media_answer *answer = &transfer->answer;

    answer->status = 204;
    if (transfer->origin.size)
        snprintf(answer->headers, sizeof answer->headers,
                 "Access-Control-Allow-Methods: GET, HEAD, PUT\r\n"
                 "Access-Control-Allow-Headers: content-type, range, if-range, if-none-match\r\n"
                 "Access-Control-Max-Age: 3600\r\n");
    begin_answer(transfer);
}

static bool is_method(const struct transfer_request *request, const char *method)
{
    return slice_equal(request->of_server.method, slice_str(method));
}

static void open_stream(struct transfer *transfer, const struct transfer_request *request)
{
    const struct cc_media_server *server = server_of(transfer);
    struct cc_media_request asked = request->of_server;
    size_t prefix = sizeof CC_MEDIA_PATH - 1;

    asked.path = slice_of(asked.path.data + prefix, asked.path.size - prefix);
    server->vtable->open(server->self, &asked, &transfer->answer);
    transfer->stream = transfer->answer.stream;
    if (is_method(request, "PUT") && !transfer->answer.status) {
        transfer->left = asked.size;
        transfer->left_then = asked.size;
        return;
    }
    transfer->has_body = transfer->stream != NULL;
    transfer->closes = asked.size > 0;
    begin_answer(transfer);
}

static struct transfer *transfer_new(struct connection *connection)
{
    struct worker *worker = connection->worker;
    struct transfer *transfer = mem_zalloc(worker->allocator, 1, sizeof *transfer);

    if (!transfer)
        return NULL;
    transfer->worker = worker;
    transfer->connection = connection;
    connection->transfer = transfer;
    worker->transfer_count++;
    stats_add(&worker->stats.transfers, 1);
    worker_timer_set(worker, &connection->timer,
                     worker_now(worker) + worker->gateway->options.media_stall_ms);
    return transfer;
}

/* Whether the client's address has as many under way as it may. Loopback is not counted. */
static bool is_over_share(struct transfer *transfer)
{
    const struct connection *connection = transfer->connection;
    struct quota *quota = &transfer->worker->gateway->transfers;
    struct address client = address_client(&connection->address);

    if (!connection->has_address || address_is_loopback(&connection->address))
        return false;
    return quota_take(quota, &client, &transfer->share) != 0;
}

int transfer_begin(struct connection *connection, const struct transfer_request *request)
{
    struct worker *worker = connection->worker;
    bool is_full = connection->is_over_limit ||
                   worker->transfer_count >= worker->gateway->options.max_transfers;
    struct transfer *transfer = transfer_new(connection);

    if (!transfer)
        return CC_ENOMEM;
    transfer->is_head = is_method(request, "HEAD");
    note_origin(transfer, request);
    if (is_method(request, "OPTIONS")) {
        answer_preflight(transfer);
    } else if (!is_method(request, "GET") && !is_method(request, "HEAD") &&
               !is_method(request, "PUT")) {
        refuse(transfer, 405);
    } else if (request->has_no_size) {
        refuse(transfer, 411);
    } else if (is_full || is_over_share(transfer)) {
        refuse(transfer, 503);
    } else {
        open_stream(transfer, request);
    }
    return 0;
}

/* --- receiving -------------------------------------------------------------------------------- */

void transfer_receive(struct transfer *transfer, struct cc_slice bytes)
{
    const struct cc_media_server *server = server_of(transfer);
    int status;

    if (transfer->state != TRANSFER_RECEIVING)
        return;
    status = server->vtable->write(server->self, transfer->stream, bytes);
    if (status) {
        refuse(transfer, status);
        return;
    }
    transfer->left -= bytes.size < transfer->left ? bytes.size : transfer->left;
    stats_add(&transfer->worker->stats.upload_bytes, bytes.size);
}

static void transfer_free(struct transfer *transfer)
{
    const struct cc_media_server *server = server_of(transfer);
    struct worker *worker = transfer->worker;

    if (transfer->stream)
        server->vtable->close(server->self, transfer->stream);
    quota_give(&worker->gateway->transfers, transfer->share);
    worker->transfer_count--;
    stats_sub(&worker->stats.transfers, 1);
    mem_free(worker->allocator, transfer);
}

static void finished(struct cc_op *op)
{
    struct transfer *transfer =
        (struct transfer *)(void *)((char *)op - offsetof(struct transfer, finish.op));
    struct worker *worker = transfer->worker;

    worker->finishing_count--;
    if (!transfer->connection) {
        transfer_free(transfer);
        worker_check_end(worker);
        return;
    }
    if (op->status)
        transfer->answer.status = 503;
    else
        transfer->answer = transfer->finish.ret_answer;
    begin_answer(transfer);
}

void transfer_received(struct transfer *transfer)
{
    const struct cc_media_server *server = server_of(transfer);
    struct cc_media_finish *finish = &transfer->finish;

    if (transfer->state != TRANSFER_RECEIVING)
        return;
    transfer->state = TRANSFER_FINISHING;
    transfer->worker->finishing_count++;
    finish->stream = transfer->stream;
    finish->op.mailbox = &transfer->worker->finished;
    finish->op.complete = finished;
    server->vtable->finish(server->self, finish);
}

/* --- the end ---------------------------------------------------------------------------------- */

void transfer_end(struct connection *connection)
{
    struct transfer *transfer = connection->transfer;

    connection->transfer = NULL;
    if (!transfer)
        return;
    if (transfer->state == TRANSFER_FINISHING)
        transfer->connection = NULL;
    else
        transfer_free(transfer);
}

bool transfer_is_moving(struct transfer *transfer)
{
    uint64_t moved = transfer->left_then - transfer->left;

    transfer->left_then = transfer->left;
    if (transfer->state == TRANSFER_FINISHING || moved >= TRANSFER_STALL_BYTES)
        return true;
    stats_add(&transfer->worker->stats.transfers_cut, 1);
    return false;
}

static void wake(void *context)
{
    worker_ring(context);
}

void transfers_init(struct worker *worker)
{
    worker->finished.wake = wake;
    worker->finished.context = worker;
}

void transfers_drain(struct worker *worker)
{
    cc_mailbox_drain(&worker->finished);
}

/* The server's thread ends each by itself: this only waits for it. */
void transfers_wait(struct worker *worker)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    while (worker->finishing_count) {
        if (!cc_mailbox_drain(&worker->finished))
            nanosleep(&moment, NULL);
    }
}
