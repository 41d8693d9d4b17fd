/*
 * One webhook request, as Standard Webhooks has it: a POST of JSON with the headers webhook-id,
 * webhook-timestamp and webhook-signature. It follows no redirect, uses no proxy, and connects to
 * no address that is not public unless it is told to: looked at when the socket is opened, behind
 * the resolving of the name.
 *
 * Owner: the thread of the transfer.
 */
#ifndef CC_BACKENDS_NOTIFY_POST_H
#define CC_BACKENDS_NOTIFY_POST_H

#include "backends/notify/signature.h"
#include "base/buffer.h"
#include "chatcore/backend/notifier.h"
#include "wire/writer.h"

#include <curl/curl.h>
#include <pthread.h>

/* How requests are made. The secrets may be renewed while a thread signs; the rest stays. */
struct post_settings {
    pthread_mutex_t lock; /* of the secrets */
    struct signing_secrets secrets;
    bool allow_private;
    bool keeps_connections; /* all are of one receiver */
    uint32_t timeout_ms;
};

/* Takes the secrets; the other members are for the caller to set. 0, CC_EINVAL, CC_ENOMEM: then
 * there is nothing to deinit. */
int post_settings_init(struct post_settings *settings, const char *secrets);
void post_settings_deinit(struct post_settings *settings);

/* Other secrets, for requests that are signed from now on. Any thread. 0, or CC_EINVAL: those that
 * are there stay. */
int post_settings_renew(struct post_settings *settings, const char *secrets);

struct post {
    struct post_settings *settings;
    struct curl_slist *headers;
    struct buffer body;
    size_t answered;
    bool is_forbidden; /* the address may not be called */
};

void post_init(struct post *post, struct post_settings *settings,
               const struct cc_allocator *allocator);
void post_deinit(struct post *post);

/* Begins the body's object: its type and time; `data` is written next, and the scope closed. */
void post_open_body(struct post *post, struct writer *writer, struct writer_scope *scope,
                    const char *type, int64_t wall_ms);

/* What is signed: the id, and when. */
struct post_stamp {
    const struct cc_id *id;
    int64_t wall_ms;
    struct cc_slice trace_parent; /* told as traceparent; not signed. Empty: none */
};

/* Sets what `easy` needs, from the body that has been written. `url` lives as long. False without
 * memory. */
bool post_prepare(struct post *post, CURL *easy, const char *url, const struct post_stamp *stamp);

/* What the receiver has said: 2xx is sent, 410 gone, all else for later; an address that may not
 * be called, or is none, is refused. */
enum cc_notifier_result post_judge(const struct post *post, CURL *easy, CURLcode code);

#endif
