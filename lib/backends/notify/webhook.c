/*
 * The webhook notifier: a thread with libcurl's multi interface, which owns all transfers. Pushes
 * come to it through a list; it completes them. What is durable here is the engine's log: a push
 * that fails is the engine's to repeat, also after a crash.
 */
#include "backends/notify/address.h"
#include "backends/notify/json.h"
#include "backends/notify/signature.h"
#include "base/options.h"
#include "chatcore/error.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Requests at a time; the others wait: receivers are many, and one that hangs ends by its time. */
#define ACTIVE_MAX 128

#define TIMEOUT_MS 15000

/* Nobody needs to answer a webhook with more. */
#define ANSWER_MAX 65536

#define POLL_MS 1000

struct webhook {
    struct cc_allocator allocator;
    struct signing_secrets secrets;
    bool allow_private;
    uint32_t timeout_ms;
    CURLM *multi;
    pthread_t thread;

    pthread_mutex_t lock;  /* what follows */
    struct cc_op *waiting; /* oldest first */
    struct cc_op **last;
    bool is_stopping; /* nothing is begun any more, what is under way ends */
    bool is_ending;   /* the thread goes */

    struct transfer *transfers; /* the thread's own */
    size_t active;
};

struct transfer {
    struct transfer *next;
    struct webhook *webhook;
    struct cc_notifier_push *push;
    CURL *easy;
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
    struct transfer *transfer = context;

    (void)data;
    transfer->answered += size * count;
    return transfer->answered > ANSWER_MAX ? 0 : size * count;
}

/* Here the name has been resolved: what is checked is what is connected to. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = context;

    (void)purpose;
    if (!transfer->webhook->allow_private && !address_is_public(&address->addr)) {
        transfer->is_forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool write_body(struct transfer *transfer)
{
    const struct cc_notifier_push *push = transfer->push;
    bool is_shown = push->notification.action == CC_NOTIFICATION_SHOW;
    time_t seconds = (time_t)(push->now.wall_ms / 1000);
    struct writer_scope scope;
    struct writer writer;
    struct tm utc;
    char when[32];

    gmtime_r(&seconds, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    writer_init(&writer, &transfer->body, WIRE_JSON);
    writer_open_object(&writer, &scope);
    writer_key(&writer, "type");
    writer_string(&writer, slice_str(is_shown ? "notification.show" : "notification.cancel"));
    writer_key(&writer, "timestamp");
    writer_string(&writer, slice_str(when));
    writer_key(&writer, "data");
    json_notification(&writer, &push->notification, false);
    writer_close_object(&writer, &scope);
    return !transfer->body.failed;
}

static bool add_header(struct transfer *transfer, const char *name, const char *value)
{
    char line[SIGNATURES_SIZE + 64];
    struct curl_slist *headers;

    snprintf(line, sizeof line, "%s: %s", name, value);
    headers = curl_slist_append(transfer->headers, line);
    if (!headers)
        return false;
    transfer->headers = headers;
    return true;
}

static bool write_headers(struct transfer *transfer)
{
    const struct cc_notifier_push *push = transfer->push;
    char signatures[SIGNATURES_SIZE];
    char timestamp[24];
    char id[4 + 2 * 16 + 1] = "msg_";

    for (size_t i = 0; i < 16; i++)
        snprintf(id + 4 + 2 * i, 3, "%02x", push->notification.id.bytes[i]);
    snprintf(timestamp, sizeof timestamp, "%" PRId64, push->now.wall_ms / 1000);
    signatures_write(&transfer->webhook->secrets, slice_str(id), slice_str(timestamp),
                     buffer_slice(&transfer->body), signatures);
    return add_header(transfer, "Content-Type", "application/json") &&
           add_header(transfer, "webhook-id", id) &&
           add_header(transfer, "webhook-timestamp", timestamp) &&
           add_header(transfer, "webhook-signature", signatures);
}

static bool set_callbacks(struct transfer *transfer)
{
    CURL *easy = transfer->easy;

    return !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) &&
           !curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) &&
           !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
           !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) &&
           !curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
}

/* A connection serves one request: each one's address is checked. */
static bool set_options(struct transfer *transfer)
{
    CURL *easy = transfer->easy;

    return !curl_easy_setopt(easy, CURLOPT_URL, transfer->url) &&
           !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
           !curl_easy_setopt(easy, CURLOPT_PROXY, "") &&
           !curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
           !curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)transfer->webhook->timeout_ms) &&
           !curl_easy_setopt(easy, CURLOPT_USERAGENT, "chatcore") &&
           !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) &&
           !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.size) &&
           !curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.data) &&
           set_callbacks(transfer);
}

/* --- transfers ----------------------------------------------------------------------------------
 */

static void complete(struct cc_notifier_push *push, enum cc_notifier_result result,
                     uint32_t retry_after_ms)
{
    push->ret_result = result;
    push->ret_retry_after_ms = retry_after_ms;
    cc_op_done(&push->op, 0);
}

static void transfer_free(struct transfer *transfer)
{
    struct webhook *webhook = transfer->webhook;

    if (transfer->easy)
        curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    buffer_deinit(&transfer->body);
    mem_free(&webhook->allocator, transfer->url);
    mem_free(&webhook->allocator, transfer);
}

static bool transfer_prepare(struct transfer *transfer)
{
    struct cc_slice token = transfer->push->notification.token;

    transfer->url = mem_zalloc(&transfer->webhook->allocator, 1, token.size + 1);
    transfer->easy = curl_easy_init();
    if (!transfer->url || !transfer->easy)
        return false;
    memcpy(transfer->url, token.data, token.size);
    return write_body(transfer) && write_headers(transfer) && set_options(transfer);
}

static void transfer_begin(struct webhook *webhook, struct cc_notifier_push *push)
{
    struct transfer *transfer = mem_zalloc(&webhook->allocator, 1, sizeof *transfer);

    if (!transfer) {
        complete(push, CC_NOTIFIER_LATER, 0);
        return;
    }
    transfer->webhook = webhook;
    transfer->push = push;
    buffer_init(&transfer->body, &webhook->allocator);
    if (!transfer_prepare(transfer) || curl_multi_add_handle(webhook->multi, transfer->easy)) {
        transfer_free(transfer);
        complete(push, CC_NOTIFIER_LATER, 0);
        return;
    }
    transfer->next = webhook->transfers;
    webhook->transfers = transfer;
    webhook->active++;
}

static void transfer_unlink(struct transfer *transfer)
{
    struct webhook *webhook = transfer->webhook;
    struct transfer **at = &webhook->transfers;

    while (*at != transfer)
        at = &(*at)->next;
    *at = transfer->next;
    webhook->active--;
    curl_multi_remove_handle(webhook->multi, transfer->easy);
}

static enum cc_notifier_result judge(const struct transfer *transfer, CURLcode code)
{
    long status = 0;

    if (transfer->is_forbidden || code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return CC_NOTIFIER_REFUSED;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 410)
        return CC_NOTIFIER_GONE;
    return !code && status >= 200 && status < 300 ? CC_NOTIFIER_SENT : CC_NOTIFIER_LATER;
}

static void transfer_done(struct transfer *transfer, CURLcode code)
{
    enum cc_notifier_result result = judge(transfer, code);
    struct cc_notifier_push *push = transfer->push;
    curl_off_t seconds = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds < 0 || seconds > 86400)
        seconds = 86400;
    transfer_unlink(transfer);
    transfer_free(transfer);
    complete(push, result, (uint32_t)seconds * 1000);
}

/* --- the thread ---------------------------------------------------------------------------------
 */

static void cancel_all(struct webhook *webhook)
{
    while (webhook->transfers) {
        struct transfer *transfer = webhook->transfers;
        struct cc_notifier_push *push = transfer->push;

        transfer_unlink(transfer);
        transfer_free(transfer);
        cc_op_done(&push->op, CC_ECANCELED);
    }
}

/* The next push that waits, or NULL. */
static struct cc_op *take_waiting(struct webhook *webhook)
{
    struct cc_op *op;

    pthread_mutex_lock(&webhook->lock);
    op = webhook->waiting;
    if (op)
        webhook->waiting = op->next;
    if (!webhook->waiting)
        webhook->last = &webhook->waiting;
    pthread_mutex_unlock(&webhook->lock);
    return op;
}

static void read_flags(struct webhook *webhook, bool *ret_stopping, bool *ret_ending)
{
    pthread_mutex_lock(&webhook->lock);
    *ret_stopping = webhook->is_stopping;
    *ret_ending = webhook->is_ending;
    pthread_mutex_unlock(&webhook->lock);
}

static void begin_waiting(struct webhook *webhook, bool is_stopping)
{
    struct cc_op *op;

    while ((webhook->active < ACTIVE_MAX || is_stopping) && (op = take_waiting(webhook)) != NULL) {
        if (is_stopping)
            cc_op_done(op, CC_ECANCELED);
        else
            transfer_begin(webhook, (struct cc_notifier_push *)op);
    }
}

static void end_transfers(struct webhook *webhook)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(webhook->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        transfer_done(transfer, message->data.result);
    }
}

static void *run(void *context)
{
    struct webhook *webhook = context;
    bool is_stopping, is_ending;
    int running;

    read_flags(webhook, &is_stopping, &is_ending);
    while (!is_ending) {
        if (is_stopping)
            cancel_all(webhook);
        begin_waiting(webhook, is_stopping);
        curl_multi_perform(webhook->multi, &running);
        end_transfers(webhook);
        curl_multi_poll(webhook->multi, NULL, 0, POLL_MS, NULL);
        read_flags(webhook, &is_stopping, &is_ending);
    }
    return NULL;
}

/* --- the port -----------------------------------------------------------------------------------
 */

static void webhook_push(void *self, struct cc_notifier_push *op)
{
    struct webhook *webhook = self;

    op->op.next = NULL;
    pthread_mutex_lock(&webhook->lock);
    *webhook->last = &op->op;
    webhook->last = &op->op.next;
    pthread_mutex_unlock(&webhook->lock);
    curl_multi_wakeup(webhook->multi);
}

/* The engine cancels when it stops, and then all. */
static void webhook_cancel(void *self, struct cc_op *op)
{
    struct webhook *webhook = self;

    (void)op;
    pthread_mutex_lock(&webhook->lock);
    webhook->is_stopping = true;
    pthread_mutex_unlock(&webhook->lock);
    curl_multi_wakeup(webhook->multi);
}

static void webhook_close(struct webhook *webhook)
{
    struct cc_allocator allocator = webhook->allocator;

    if (webhook->multi)
        curl_multi_cleanup(webhook->multi);
    pthread_mutex_destroy(&webhook->lock);
    mem_free(&allocator, webhook);
}

static void webhook_free(void *self)
{
    struct webhook *webhook = self;

    pthread_mutex_lock(&webhook->lock);
    webhook->is_ending = true;
    pthread_mutex_unlock(&webhook->lock);
    curl_multi_wakeup(webhook->multi);
    pthread_join(webhook->thread, NULL);
    webhook_close(webhook);
}

int cc_notifier_webhook_new(const struct cc_allocator *allocator,
                            const struct cc_webhook_options *options,
                            struct cc_notifier *ret_notifier)
{
    static const struct cc_notifier_vtable vtable = {sizeof vtable, webhook_push, webhook_cancel,
                                                     webhook_free};
    struct cc_webhook_options given;
    struct webhook *webhook;

    if (options_read(&given, sizeof given, options))
        return CC_EINVAL;
    webhook = mem_zalloc(allocator, 1, sizeof *webhook);
    if (!webhook)
        return CC_ENOMEM;
    webhook->allocator = *allocator;
    webhook->allow_private = given.allow_private;
    webhook->timeout_ms = given.timeout_ms ? given.timeout_ms : TIMEOUT_MS;
    webhook->last = &webhook->waiting;
    pthread_mutex_init(&webhook->lock, NULL);
    if (!given.secrets || !signing_secrets_read(given.secrets, &webhook->secrets)) {
        webhook_close(webhook);
        return CC_EINVAL;
    }
    webhook->multi = curl_global_init(CURL_GLOBAL_DEFAULT) ? NULL : curl_multi_init();
    if (!webhook->multi || pthread_create(&webhook->thread, NULL, run, webhook)) {
        webhook_close(webhook);
        return CC_ENOMEM;
    }
    *ret_notifier = (struct cc_notifier){&vtable, webhook, slice_str("webhook"), true};
    return 0;
}
