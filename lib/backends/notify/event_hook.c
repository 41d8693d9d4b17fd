/*
 * Event hooks: a thread that drains a queue of the engine's and posts with libcurl.
 *
 * One batch of the consumer is held at a time, as its event: the queue is not drained on until all
 * of its messages have been taken, so nothing is copied, and what waits, waits in the log. The
 * position is committed behind the first messages of the batch that have all been taken.
 */
#include "chatcore/backend/event_hook.h"

#include "backends/notify/post.h"
#include "base/crypto.h"
#include "base/options.h"
#include "base/thread.h"
#include "base/trace.h"
#include "chatcore/consumer.h"
#include "chatcore/error.h"
#include "wire/encode.h"

#include <stdatomic.h>
#include <time.h>

/* Requests at a time: enough for 100 events a second over a way of 80 ms. */
#define PARALLEL 8

#define TIMEOUT_MS      15000
#define DISABLE_AFTER_S (5 * 24 * 3600)
#define POLL_MS         1000

/* The first repetition comes after about so long; each next one after twice that. */
#define BACKOFF_MS     1000
#define BACKOFF_MAX_MS 300000

enum message_state { WAITING, UNDER_WAY, TAKEN };

/* A request that is under way. */
struct attempt {
    CURL *easy; /* NULL: none */
    struct post post;
    size_t index; /* of its message */
};

struct cc_event_hook {
    struct cc_allocator allocator;
    struct cc_trace trace;
    struct post_settings settings;
    char *url;
    char name[CC_CONSUMER_NAME_MAX];
    size_t name_size;
    int64_t disable_after_ms;
    CURLM *multi;
    pthread_t thread;
    struct cc_queue *queue;

    /* the thread's */
    struct cc_consumer *consumer; /* NULL: not open yet, or closed */
    bool was_opened;
    const struct cc_event *event; /* CONSUMED, or NULL: none is held */
    enum message_state states[CC_CONSUMER_BATCH];
    size_t committed; /* messages of the event */
    struct attempt attempts[PARALLEL];
    unsigned failures; /* in a row */
    int64_t failing_since_ms;
    int64_t not_before_ms;

    /* all threads' */
    _Atomic bool has_queue; /* the thread may use it */
    _Atomic bool is_ending;
    _Atomic uint64_t sent;
    _Atomic uint64_t failed;
    _Atomic bool is_failing;
    _Atomic bool is_disabled;
};

static int64_t clock_ms(clockid_t which)
{
    struct timespec now;

    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- a request ----------------------------------------------------------------------------------
 */

static const char *type_of(const struct cc_message *message)
{
    switch (message->kind) {
    case CC_MESSAGE_EDIT:
        return "message.edited";
    case CC_MESSAGE_DELETE:
        return "message.deleted";
    case CC_MESSAGE_REACTION:
        return "message.reaction";
    case CC_MESSAGE_SYSTEM:
        return "conversation.changed";
    default:
        return "message.created";
    }
}

static bool write_body(struct post *post, const struct cc_message *message)
{
    struct cc_message shown = *message;
    struct cc_event event = {.type = CC_EVENT_MESSAGE, .u.message = &shown};
    struct writer_scope scope;
    struct writer writer;

    shown.client_id = slice_of(NULL, 0);
    post_open_body(post, &writer, &scope, type_of(message), message->ts);
    if (wire_encode_event(&post->body, &event, WIRE_JSON))
        return false;
    writer_close_object(&writer, &scope);
    return !post->body.failed;
}

static void attempt_end(struct cc_event_hook *hook, struct attempt *attempt)
{
    curl_multi_remove_handle(hook->multi, attempt->easy);
    curl_easy_cleanup(attempt->easy);
    attempt->easy = NULL;
    post_deinit(&attempt->post);
}

/* False without memory: the message waits. */
static bool attempt_begin(struct cc_event_hook *hook, struct attempt *attempt, size_t index)
{
    const struct cc_message *message = &hook->event->u.consumed.messages[index];
    const struct post_stamp stamp = {&message->id, clock_ms(CLOCK_REALTIME), message->trace_parent};

    attempt->easy = curl_easy_init();
    if (!attempt->easy)
        return false;
    attempt->index = index;
    post_init(&attempt->post, &hook->settings, &hook->allocator);
    if (write_body(&attempt->post, message) &&
        post_prepare(&attempt->post, attempt->easy, hook->url, &stamp) &&
        !curl_easy_setopt(attempt->easy, CURLOPT_PRIVATE, attempt) &&
        !curl_multi_add_handle(hook->multi, attempt->easy)) {
        hook->states[index] = UNDER_WAY;
        return true;
    }
    attempt_end(hook, attempt);
    return false;
}

/* --- failing ------------------------------------------------------------------------------------
 */

/* What waited for it is not kept any more. */
static void disable(struct cc_event_hook *hook, const char *reason)
{
    if (atomic_exchange(&hook->is_disabled, true))
        return;
    trace_write(&hook->trace, CC_TRACE_ERROR, "webhook", "disabled, %s: %s", reason, hook->url);
    if (hook->consumer)
        cc_consumer_close(hook->consumer, true);
}

/* Doubling, with half of it drawn. */
static int64_t backoff_ms(unsigned failures)
{
    int64_t most = (int64_t)BACKOFF_MS << (failures < 16 ? failures : 16);
    uint32_t drawn;

    crypto_random(&drawn, sizeof drawn);
    if (most > BACKOFF_MAX_MS)
        most = BACKOFF_MAX_MS;
    return most / 2 + (int64_t)(drawn % (uint32_t)(most / 2 + 1));
}

/* Of several that were under way, the first tells as much as all. */
static void note_failure(struct cc_event_hook *hook, CURL *easy, CURLcode code)
{
    int64_t now = clock_ms(CLOCK_MONOTONIC);
    curl_off_t after_s = 0;
    long status = 0;

    atomic_store(&hook->is_failing, true);
    atomic_fetch_add(&hook->failed, 1);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after_s);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (!hook->failures) {
        hook->failing_since_ms = now;
        trace_write(&hook->trace, CC_TRACE_WARNING, "webhook", "not taken: %s; %ld: %s",
                    curl_easy_strerror(code), status, hook->url);
    }
    if (hook->not_before_ms > now)
        return;
    hook->not_before_ms = now + backoff_ms(hook->failures++);
    if (after_s > 0 && after_s < DISABLE_AFTER_S && now + after_s * 1000 > hook->not_before_ms)
        hook->not_before_ms = now + after_s * 1000;
    if (now - hook->failing_since_ms > hook->disable_after_ms)
        disable(hook, "after failing too long");
}

static void attempt_done(struct cc_event_hook *hook, struct attempt *attempt, CURLcode code)
{
    enum cc_notifier_result result = post_judge(&attempt->post, attempt->easy, code);
    size_t index = attempt->index;

    hook->states[index] = result == CC_NOTIFIER_SENT ? TAKEN : WAITING;
    if (result == CC_NOTIFIER_SENT) {
        atomic_fetch_add(&hook->sent, 1);
        atomic_store(&hook->is_failing, false);
        hook->failures = 0;
    } else if (result == CC_NOTIFIER_GONE) {
        disable(hook, "by its receiver");
    } else {
        note_failure(hook, attempt->easy, code);
    }
    attempt_end(hook, attempt);
}

/* --- the batch ----------------------------------------------------------------------------------
 */

static void commit(struct cc_event_hook *hook, uint64_t offset)
{
    /* without memory, a later one commits this as well */
    (void)cc_consumer_commit(hook->consumer, hook->event->u.consumed.partition, offset);
}

static bool holds_messages(const struct cc_event_hook *hook)
{
    return hook->event && !atomic_load(&hook->is_disabled);
}

/* True when all of it has been taken. */
static bool commit_taken(struct cc_event_hook *hook)
{
    size_t count = hook->event->u.consumed.count;
    size_t taken = hook->committed;

    while (taken < count && hook->states[taken] == TAKEN)
        taken++;
    if (taken == count)
        commit(hook, hook->event->u.consumed.next);
    else if (taken > hook->committed)
        commit(hook, hook->event->u.consumed.offsets[taken - 1] + 1);
    hook->committed = taken;
    return taken == count;
}

/* While it fails, one at a time asks whether it still does. */
static void begin_attempts(struct cc_event_hook *hook)
{
    size_t parallel = hook->failures ? 1 : PARALLEL;
    size_t count = hook->event->u.consumed.count;
    size_t next = hook->committed;

    if (hook->not_before_ms > clock_ms(CLOCK_MONOTONIC))
        return;
    for (size_t i = 0; i < parallel; i++) {
        struct attempt *attempt = &hook->attempts[i];

        if (attempt->easy)
            continue;
        while (next < count && hook->states[next] != WAITING)
            next++;
        if (next == count || !attempt_begin(hook, attempt, next))
            return;
    }
}

static void take_event(struct cc_event_hook *hook)
{
    const struct cc_event *event;

    hook->event = NULL;
    while (!hook->event && (event = cc_queue_next(hook->queue)) != NULL) {
        if (event->type == CC_EVENT_CONSUMER_CLOSED)
            hook->consumer = NULL;
        else if (event->type == CC_EVENT_CONSUMED && event->u.consumed.count <= CC_CONSUMER_BATCH)
            hook->event = event;
    }
    memset(hook->states, 0, sizeof hook->states);
    hook->committed = 0;
}

/* --- the thread ---------------------------------------------------------------------------------
 */

static void end_attempts(struct cc_event_hook *hook)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(hook->multi, &left)) != NULL) {
        struct attempt *attempt = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&attempt);
        attempt_done(hook, attempt, message->data.result);
    }
}

/* Without memory, the next turn tries again. */
static void open_consumer(struct cc_event_hook *hook)
{
    struct cc_consumer_options options = CC_CONSUMER_OPTIONS_INIT;

    options.name = slice_of(hook->name, hook->name_size);
    options.start = CC_CONSUMER_NEWEST;
    hook->was_opened = cc_consumer_open(hook->queue, &options, &hook->consumer) == 0;
}

/* The attempts' bodies are their own, so a batch may go under them. */
static void turn(struct cc_event_hook *hook)
{
    int running;

    if (!hook->was_opened)
        open_consumer(hook);

    curl_multi_perform(hook->multi, &running);
    end_attempts(hook);
    while (!holds_messages(hook) || commit_taken(hook)) {
        take_event(hook);
        if (!hook->event)
            return;
    }
    begin_attempts(hook);
    curl_multi_perform(hook->multi, &running); /* what has begun wants its sockets watched */
}

static int wait_ms(const struct cc_event_hook *hook)
{
    int64_t left = hook->not_before_ms - clock_ms(CLOCK_MONOTONIC);

    return left > 0 && left < POLL_MS ? (int)left + 1 : POLL_MS;
}

static void *run(void *context)
{
    struct cc_event_hook *hook = context;

    while (!atomic_load(&hook->is_ending)) {
        if (atomic_load(&hook->has_queue))
            turn(hook);
        curl_multi_poll(hook->multi, NULL, 0, wait_ms(hook), NULL);
    }
    for (size_t i = 0; i < PARALLEL; i++)
        if (hook->attempts[i].easy)
            attempt_end(hook, &hook->attempts[i]);
    return NULL;
}

/* --- its life -----------------------------------------------------------------------------------
 */

static void wake(void *context)
{
    curl_multi_wakeup(((struct cc_event_hook *)context)->multi);
}

static void hook_close(struct cc_event_hook *hook)
{
    struct cc_allocator allocator = hook->allocator;

    if (hook->multi)
        curl_multi_cleanup(hook->multi);
    mem_free(&allocator, hook->url);
    mem_free(&allocator, hook);
}

static bool is_url(const char *text)
{
    CURLU *url = curl_url();
    char *scheme = NULL;
    bool is_good = url && !curl_url_set(url, CURLUPART_URL, text, 0) &&
                   !curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) &&
                   (!strcmp(scheme, "http") || !strcmp(scheme, "https"));

    curl_free(scheme);
    curl_url_cleanup(url);
    return is_good;
}

static int take_options(struct cc_event_hook *hook, const struct cc_event_hook_options *given)
{
    size_t size = given->url ? strlen(given->url) + 1 : 0;
    size_t name_size = given->name ? strlen(given->name) : 0;
    uint32_t disable_after_s = given->disable_after_s ? given->disable_after_s : DISABLE_AFTER_S;

    hook->trace = given->trace;
    hook->settings.allow_private = given->allow_private;
    hook->settings.keeps_connections = true;
    hook->settings.timeout_ms = given->timeout_ms ? given->timeout_ms : TIMEOUT_MS;
    hook->disable_after_ms = (int64_t)disable_after_s * 1000;
    if (!name_size || name_size > sizeof hook->name)
        return CC_EINVAL;
    memcpy(hook->name, given->name, name_size);
    hook->name_size = name_size;
    if (!size || !is_url(given->url))
        return CC_EINVAL;
    hook->url = mem_alloc(&hook->allocator, size);
    if (!hook->url)
        return CC_ENOMEM;
    memcpy(hook->url, given->url, size);
    return post_settings_init(&hook->settings, given->secrets);
}

static void end_thread(struct cc_event_hook *hook)
{
    atomic_store(&hook->is_ending, true);
    curl_multi_wakeup(hook->multi);
    pthread_join(hook->thread, NULL);
}

/* The queue is made last, since it stays with the engine, and wakes the thread. */
static int hook_open(struct cc_event_hook *hook, struct cc_engine *engine)
{
    int r;

    hook->multi = curl_global_init(CURL_GLOBAL_DEFAULT) ? NULL : curl_multi_init();
    if (!hook->multi || thread_start(&hook->thread, run, hook))
        return CC_ENOMEM;
    r = cc_queue_new(engine, wake, hook, &hook->queue);
    if (r) {
        end_thread(hook);
        return r;
    }
    atomic_store(&hook->has_queue, true);
    curl_multi_wakeup(hook->multi);
    return 0;
}

int cc_event_hook_new(struct cc_engine *engine, const struct cc_event_hook_options *options,
                      struct cc_event_hook **ret_hook)
{
    struct cc_event_hook_options given;
    struct cc_event_hook *hook;
    int r;

    if (options_read(&given, sizeof given, options))
        return CC_EINVAL;
    hook = mem_zalloc(cc_allocator_default(), 1, sizeof *hook);
    if (!hook)
        return CC_ENOMEM;
    hook->allocator = *cc_allocator_default();
    r = take_options(hook, &given);
    if (!r) {
        r = hook_open(hook, engine);
        if (r)
            post_settings_deinit(&hook->settings);
    }
    if (r)
        hook_close(hook);
    else
        *ret_hook = hook;
    return r;
}

void cc_event_hook_free(struct cc_event_hook *hook)
{
    if (!hook)
        return;
    end_thread(hook);
    post_settings_deinit(&hook->settings);
    hook_close(hook);
}

int cc_event_hook_renew(struct cc_event_hook *hook, const char *secrets)
{
    return post_settings_renew(&hook->settings, secrets);
}

void cc_event_hook_get_stats(const struct cc_event_hook *hook,
                             struct cc_event_hook_stats *ret_stats)
{
    struct cc_event_hook_stats stats = {.size = ret_stats->size,
                                        .sent = atomic_load(&hook->sent),
                                        .failed = atomic_load(&hook->failed),
                                        .is_failing = atomic_load(&hook->is_failing),
                                        .is_disabled = atomic_load(&hook->is_disabled)};

    memcpy(ret_stats, &stats, stats.size < sizeof stats ? stats.size : sizeof stats);
}
