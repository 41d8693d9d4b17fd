/*
 * Webhook requests.
 */
#include "backends/notify/post.h"

#include "backends/notify/address.h"
#include "base/trace_parent.h"
#include "chatcore/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Nobody needs to answer a webhook with more. */
#define ANSWER_MAX 65536

/* --- the settings -------------------------------------------------------------------------------
 */

int post_settings_init(struct post_settings *settings, const char *secrets)
{
    if (!secrets || !signing_secrets_read(secrets, &settings->secrets))
        return CC_EINVAL;
    return pthread_mutex_init(&settings->lock, NULL) ? CC_ENOMEM : 0;
}

void post_settings_deinit(struct post_settings *settings)
{
    pthread_mutex_destroy(&settings->lock);
}

int post_settings_renew(struct post_settings *settings, const char *secrets)
{
    struct signing_secrets fresh;

    if (!secrets || !signing_secrets_read(secrets, &fresh))
        return CC_EINVAL;
    pthread_mutex_lock(&settings->lock);
    settings->secrets = fresh;
    pthread_mutex_unlock(&settings->lock);
    return 0;
}

static struct signing_secrets secrets_of(struct post_settings *settings)
{
    struct signing_secrets secrets;

    pthread_mutex_lock(&settings->lock);
    secrets = settings->secrets;
    pthread_mutex_unlock(&settings->lock);
    return secrets;
}

void post_init(struct post *post, struct post_settings *settings,
               const struct cc_allocator *allocator)
{
    memset(post, 0, sizeof *post);
    post->settings = settings;
    buffer_init(&post->body, allocator);
}

void post_deinit(struct post *post)
{
    curl_slist_free_all(post->headers);
    buffer_deinit(&post->body);
}

/* --- the body -----------------------------------------------------------------------------------
 */

void post_open_body(struct post *post, struct writer *writer, struct writer_scope *scope,
                    const char *type, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    char when[32];

    gmtime_r(&seconds, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    writer_init(writer, &post->body, WIRE_JSON);
    writer_open_object(writer, scope);
    writer_key(writer, "type");
    writer_string(writer, slice_str(type));
    writer_key(writer, "timestamp");
    writer_string(writer, slice_str(when));
    writer_key(writer, "data");
}

/* --- the request --------------------------------------------------------------------------------
 */

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct post *post = context;

    (void)data;
    post->answered += size * count;
    return post->answered > ANSWER_MAX ? 0 : size * count;
}

/* Here the name has been resolved: what is checked is what is connected to. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct post *post = context;

    (void)purpose;
    if (!post->settings->allow_private && !address_is_public(&address->addr)) {
        post->is_forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool add_header(struct post *post, const char *name, const char *value)
{
    char line[SIGNATURES_SIZE + 64];
    struct curl_slist *headers;

    snprintf(line, sizeof line, "%s: %s", name, value);
    headers = curl_slist_append(post->headers, line);
    if (!headers)
        return false;
    post->headers = headers;
    return true;
}

/* The receiver's work is part of the sender's trace. */
static bool add_trace(struct post *post, struct cc_slice trace_parent)
{
    char text[TRACE_PARENT_SIZE + 1] = "";

    if (!trace_parent_is_valid(trace_parent) || trace_parent.size >= sizeof text)
        return true;
    memcpy(text, trace_parent.data, trace_parent.size);
    return add_header(post, "traceparent", text);
}

static bool write_headers(struct post *post, const struct post_stamp *stamp)
{
    const struct signing_secrets secrets = secrets_of(post->settings);
    char signatures[SIGNATURES_SIZE];
    char timestamp[24];
    char id[4 + 2 * 16 + 1] = "msg_";

    for (size_t i = 0; i < 16; i++)
        snprintf(id + 4 + 2 * i, 3, "%02x", stamp->id->bytes[i]);
    snprintf(timestamp, sizeof timestamp, "%" PRId64, stamp->wall_ms / 1000);
    signatures_write(&secrets, slice_str(id), slice_str(timestamp), buffer_slice(&post->body),
                     signatures);
    return add_header(post, "Content-Type", "application/json") &&
           add_header(post, "webhook-id", id) && add_header(post, "webhook-timestamp", timestamp) &&
           add_header(post, "webhook-signature", signatures) &&
           add_trace(post, stamp->trace_parent);
}

static bool set_callbacks(struct post *post, CURL *easy)
{
    return !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) &&
           !curl_easy_setopt(easy, CURLOPT_WRITEDATA, post) &&
           !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
           !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, post);
}

/* Where users name the receivers, a connection serves one request: each one's address is checked.
 */
static bool set_options(struct post *post, CURL *easy, const char *url)
{
    return !curl_easy_setopt(easy, CURLOPT_URL, url) &&
           !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
           !curl_easy_setopt(easy, CURLOPT_PROXY, "") &&
           !curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
           !curl_easy_setopt(easy, CURLOPT_FORBID_REUSE,
                             (long)!post->settings->keeps_connections) &&
           !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)post->settings->timeout_ms) &&
           !curl_easy_setopt(easy, CURLOPT_USERAGENT, "chatcore") &&
           !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, post->headers) &&
           !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.size) &&
           !curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post->body.data) &&
           set_callbacks(post, easy);
}

bool post_prepare(struct post *post, CURL *easy, const char *url, const struct post_stamp *stamp)
{
    return !post->body.failed && write_headers(post, stamp) && set_options(post, easy, url);
}

enum cc_notifier_result post_judge(const struct post *post, CURL *easy, CURLcode code)
{
    long status = 0;

    if (post->is_forbidden || code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return CC_NOTIFIER_REFUSED;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 410)
        return CC_NOTIFIER_GONE;
    return !code && status >= 200 && status < 300 ? CC_NOTIFIER_SENT : CC_NOTIFIER_LATER;
}
