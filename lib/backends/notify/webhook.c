/*
 * The webhook notifier: an HTTP request for each push, on the sender's thread.
 */
#include "backends/notify/json.h"
#include "backends/notify/post.h"
#include "backends/notify/sender.h"
#include "base/options.h"
#include "chatcore/error.h"

/* Requests at a time; the others wait: receivers are many, and one that hangs ends by its time. */
#define ACTIVE_MAX 128

#define TIMEOUT_MS 15000

struct webhook {
    struct cc_allocator allocator;
    struct post_settings settings;
    struct sender *sender;
};

struct request {
    struct transfer transfer;
    struct post post;
    char *url;
};

/* --- a request ----------------------------------------------------------------------------------
 */

static bool write_body(struct request *request)
{
    const struct cc_notifier_push *push = request->transfer.push;
    bool is_shown = push->notification.action == CC_NOTIFICATION_SHOW;
    struct writer_scope scope;
    struct writer writer;

    post_open_body(&request->post, &writer, &scope,
                   is_shown ? "notification.show" : "notification.cancel", push->now.wall_ms);
    json_notification(&writer, &push->notification, false);
    writer_close_object(&writer, &scope);
    return !request->post.body.failed;
}

static enum cc_notifier_result prepare(void *self, struct transfer *transfer)
{
    struct request *request = (struct request *)transfer;
    const struct cc_notifier_push *push = transfer->push;
    struct webhook *webhook = self;
    struct cc_slice token = push->notification.token;
    const struct post_stamp stamp = {&push->notification.id, push->now.wall_ms,
                                     push->notification.trace_parent};

    post_init(&request->post, &webhook->settings, &webhook->allocator);
    request->url = mem_zalloc(&webhook->allocator, 1, token.size + 1);
    if (!request->url)
        return CC_NOTIFIER_LATER;
    memcpy(request->url, token.data, token.size);
    return write_body(request) && post_prepare(&request->post, transfer->easy, request->url, &stamp)
               ? 0
               : CC_NOTIFIER_LATER;
}

static enum cc_notifier_result judge(void *self, struct transfer *transfer, CURLcode code)
{
    (void)self;
    return post_judge(&((struct request *)transfer)->post, transfer->easy, code);
}

static void release(void *self, struct transfer *transfer)
{
    struct request *request = (struct request *)transfer;
    struct webhook *webhook = self;

    post_deinit(&request->post);
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
    post_settings_deinit(&webhook->settings);
    mem_free(&allocator, webhook);
}

static int webhook_open(struct webhook *webhook, const struct cc_webhook_options *options)
{
    static const struct sender_backend backend = {.transfer_size = sizeof(struct request),
                                                  .active_max = ACTIVE_MAX,
                                                  .prepare = prepare,
                                                  .judge = judge,
                                                  .release = release};

    int r = post_settings_init(&webhook->settings, options->secrets);

    if (r)
        return r;
    webhook->settings.allow_private = options->allow_private;
    webhook->settings.timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS;
    r = sender_new(&webhook->allocator, &backend, webhook, &webhook->sender);
    if (r)
        post_settings_deinit(&webhook->settings);
    return r;
}

static const struct cc_notifier_vtable vtable = {sizeof vtable, webhook_push, webhook_cancel,
                                                 webhook_free};

int cc_notifier_webhook_new(const struct cc_allocator *allocator,
                            const struct cc_webhook_options *options,
                            struct cc_notifier *ret_notifier)
{
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

int cc_notifier_webhook_renew(const struct cc_notifier *notifier, const char *secrets)
{
    if (notifier->vtable != &vtable)
        return CC_EINVAL;
    return post_settings_renew(&((struct webhook *)notifier->self)->settings, secrets);
}

int cc_webhook_secrets_check(const char *secrets)
{
    struct signing_secrets read;

    return secrets && signing_secrets_read(secrets, &read) ? 0 : CC_EINVAL;
}
