/*
 * The webhook notifier: an HTTP request for each push, on the sender's thread.
 */
#include "backends/notify/address.h"
#include "backends/notify/json.h"
#include "backends/notify/sender.h"
#include "backends/notify/signature.h"
#include "base/options.h"
#include "chatcore/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Requests at a time; the others wait: receivers are many, and one that hangs ends by its time. */
#define ACTIVE_MAX 128

#define TIMEOUT_MS 15000

/* Nobody needs to answer a webhook with more. */
#define ANSWER_MAX 65536

struct webhook {
    struct cc_allocator allocator;
    struct signing_secrets secrets;
    bool allow_private;
    uint32_t timeout_ms;
    struct sender *sender;
};

struct request {
    struct transfer transfer;
    struct webhook *webhook;
    struct curl_slist *headers;
    struct buffer body;
    char *url;
    size_t answered;
    bool is_forbidden; /* the address may not be called */
};

/* --- a request ----------------------------------------------------------------------------------
 */

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct request *request = context;

    (void)data;
    request->answered += size * count;
    return request->answered > ANSWER_MAX ? 0 : size * count;
}

/* Here the name has been resolved: what is checked is what is connected to. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct request *request = context;

    (void)purpose;
    if (!request->webhook->allow_private && !address_is_public(&address->addr)) {
        request->is_forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool write_body(struct request *request)
{
    const struct cc_notifier_push *push = request->transfer.push;
    bool is_shown = push->notification.action == CC_NOTIFICATION_SHOW;
    time_t seconds = (time_t)(push->now.wall_ms / 1000);
    struct writer_scope scope;
    struct writer writer;
    struct tm utc;
    char when[32];

    gmtime_r(&seconds, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    writer_init(&writer, &request->body, WIRE_JSON);
    writer_open_object(&writer, &scope);
    writer_key(&writer, "type");
    writer_string(&writer, slice_str(is_shown ? "notification.show" : "notification.cancel"));
    writer_key(&writer, "timestamp");
    writer_string(&writer, slice_str(when));
    writer_key(&writer, "data");
    json_notification(&writer, &push->notification, false);
    writer_close_object(&writer, &scope);
    return !request->body.failed;
}

static bool add_header(struct request *request, const char *name, const char *value)
{
    char line[SIGNATURES_SIZE + 64];
    struct curl_slist *headers;

    snprintf(line, sizeof line, "%s: %s", name, value);
    headers = curl_slist_append(request->headers, line);
    if (!headers)
        return false;
    request->headers = headers;
    return true;
}

static bool write_headers(struct request *request)
{
    const struct cc_notifier_push *push = request->transfer.push;
    char signatures[SIGNATURES_SIZE];
    char timestamp[24];
    char id[4 + 2 * 16 + 1] = "msg_";

    for (size_t i = 0; i < 16; i++)
        snprintf(id + 4 + 2 * i, 3, "%02x", push->notification.id.bytes[i]);
    snprintf(timestamp, sizeof timestamp, "%" PRId64, push->now.wall_ms / 1000);
    signatures_write(&request->webhook->secrets, slice_str(id), slice_str(timestamp),
                     buffer_slice(&request->body), signatures);
    return add_header(request, "Content-Type", "application/json") &&
           add_header(request, "webhook-id", id) &&
           add_header(request, "webhook-timestamp", timestamp) &&
           add_header(request, "webhook-signature", signatures);
}

static bool set_callbacks(struct request *request)
{
    CURL *easy = request->transfer.easy;

    return !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) &&
           !curl_easy_setopt(easy, CURLOPT_WRITEDATA, request) &&
           !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
           !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request);
}

/* A connection serves one request: each one's address is checked. */
static bool set_options(struct request *request)
{
    CURL *easy = request->transfer.easy;

    return !curl_easy_setopt(easy, CURLOPT_URL, request->url) &&
           !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
           !curl_easy_setopt(easy, CURLOPT_PROXY, "") &&
           !curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
           !curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->webhook->timeout_ms) &&
           !curl_easy_setopt(easy, CURLOPT_USERAGENT, "chatcore") &&
           !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers) &&
           !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size) &&
           !curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data) &&
           set_callbacks(request);
}

/* --- its life -----------------------------------------------------------------------------------
 */

static enum cc_notifier_result prepare(void *self, struct transfer *transfer)
{
    struct request *request = (struct request *)transfer;
    struct cc_slice token = transfer->push->notification.token;

    request->webhook = self;
    buffer_init(&request->body, &request->webhook->allocator);
    request->url = mem_zalloc(&request->webhook->allocator, 1, token.size + 1);
    if (!request->url)
        return CC_NOTIFIER_LATER;
    memcpy(request->url, token.data, token.size);
    return write_body(request) && write_headers(request) && set_options(request)
               ? 0
               : CC_NOTIFIER_LATER;
}

static enum cc_notifier_result judge(void *self, struct transfer *transfer, CURLcode code)
{
    const struct request *request = (struct request *)transfer;
    long status = 0;

    (void)self;
    if (request->is_forbidden || code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return CC_NOTIFIER_REFUSED;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 410)
        return CC_NOTIFIER_GONE;
    return !code && status >= 200 && status < 300 ? CC_NOTIFIER_SENT : CC_NOTIFIER_LATER;
}

static void release(void *self, struct transfer *transfer)
{
    struct request *request = (struct request *)transfer;
    struct webhook *webhook = self;

    curl_slist_free_all(request->headers);
    buffer_deinit(&request->body);
    mem_free(&webhook->allocator, request->url);
}

/* --- the port -----------------------------------------------------------------------------------
 */

static void webhook_push(void *self, struct cc_notifier_push *op)
{
    sender_push(((struct webhook *)self)->sender, op);
}

/* The engine cancels when it stops, and then all. */
static void webhook_cancel(void *self, struct cc_op *op)
{
    (void)op;
    sender_stop(((struct webhook *)self)->sender);
}

static void webhook_free(void *self)
{
    struct webhook *webhook = self;
    struct cc_allocator allocator = webhook->allocator;

    sender_free(webhook->sender);
    mem_free(&allocator, webhook);
}

static int webhook_open(struct webhook *webhook, const struct cc_webhook_options *options)
{
    static const struct sender_backend backend = {.transfer_size = sizeof(struct request),
                                                  .active_max = ACTIVE_MAX,
                                                  .prepare = prepare,
                                                  .judge = judge,
                                                  .release = release};

    webhook->allow_private = options->allow_private;
    webhook->timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS;
    if (!options->secrets || !signing_secrets_read(options->secrets, &webhook->secrets))
        return CC_EINVAL;
    return sender_new(&webhook->allocator, &backend, webhook, &webhook->sender);
}

int cc_notifier_webhook_new(const struct cc_allocator *allocator,
                            const struct cc_webhook_options *options,
                            struct cc_notifier *ret_notifier)
{
    static const struct cc_notifier_vtable vtable = {sizeof vtable, webhook_push, webhook_cancel,
                                                     webhook_free};
    struct cc_webhook_options given;
    struct webhook *webhook;
    int r;

    if (options_read(&given, sizeof given, options))
        return CC_EINVAL;
    webhook = mem_zalloc(allocator, 1, sizeof *webhook);
    if (!webhook)
        return CC_ENOMEM;
    webhook->allocator = *allocator;
    r = webhook_open(webhook, &given);
    if (r) {
        mem_free(allocator, webhook);
        return r;
    }
    *ret_notifier = (struct cc_notifier){
        .vtable = &vtable, .self = webhook, .provider = slice_str("webhook"), .cancels = true};
    return 0;
}
