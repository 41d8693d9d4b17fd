/*
 * The public functions, the thread, and a client's life: connecting, catching up, online; waiting
 * for the next try; refused.
 *
 * Other threads leave what they want under the lock and wake the thread, which does it in
 * client_woken().
 */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

/* For the handshake of the WebSocket. */
#define OPEN_S 15
/* The first bound of the back-off: a lost packet should cost less than a second. */
#define FIRST_MS 500
/* The last: an hour of outage, and everybody is back within half a minute of its end. */
#define LAST_MS 30000
/* Between signs of life, if the server names no sensible time. */
#define BEAT_LEAST_MS 5000

/* --- back-off --------------------------------------------------------------------------------- */

double client_random(struct cc_client *client)
{
    uint32_t bits = 0;

    if (client->options.random)
        return client->options.random(client->options.context);
    if (getrandom(&bits, sizeof bits, 0) != sizeof bits)
        bits = (uint32_t)lws_now_usecs();
    return bits / 4294967296.0;
}

/* Full jitter: any time from 0 to a bound that doubles with each failure. */
int64_t backoff_next(struct cc_client *client, struct backoff *backoff, int64_t at_least_ms)
{
    int64_t bound = LAST_MS;

    at_least_ms = at_least_ms < 0 ? 0 : at_least_ms > WAIT_MOST_MS ? WAIT_MOST_MS : at_least_ms;
    if (backoff->failures < 6)
        bound = (int64_t)FIRST_MS << backoff->failures;
    backoff->failures++;
    return at_least_ms + (int64_t)(client_random(client) * (double)bound);
}

/* --- connecting ------------------------------------------------------------------------------- */

static bool is_wanted(struct cc_client *client)
{
    bool is;

    pthread_mutex_lock(&client->lock);
    is = client->is_wanted && !client->is_ending;
    pthread_mutex_unlock(&client->lock);
    return is;
}

static void end_as(struct cc_client *client, int code, const char *reason)
{
    client->ending_code = code;
    snprintf(client->ending_reason, sizeof client->ending_reason, "%s", reason);
}

static void refused(struct cc_client *client)
{
    client->is_token_refused = false;
    pthread_mutex_lock(&client->lock);
    client->is_wanted = false;
    pthread_mutex_unlock(&client->lock);
    events_record(client);
    events_state(client, CC_CLIENT_REFUSED, 0);
    pthread_cond_broadcast(&client->stopped); /* cc_client_stop() may have come meanwhile */
}

static void wait_after(struct cc_client *client);

static void connect_now(struct cc_client *client)
{
    int r;

    lws_sul_cancel(&client->retry_timer);
    events_state(client, CC_CLIENT_CONNECTING, 0);
    if (!token_ask(client)) {
        end_as(client, 4501, "there is no valid token");
        refused(client);
        return;
    }
    r = connection_open(client);
    if (r == -ENOMEM) {
        end_as(client, 0, "no memory");
        wait_after(client);
    } else if (r) {
        end_as(client, 4500, "the URL can't be read");
        refused(client);
    }
}

static void retry(lws_sorted_usec_list_t *timer)
{
    struct cc_client *client = lws_container_of(timer, struct cc_client, retry_timer);
    bool has_room;

    pthread_mutex_lock(&client->lock);
    has_room = client->event_count < EVENTS_MOST / 2;
    pthread_mutex_unlock(&client->lock);
    if (has_room && !client->is_connected)
        connect_now(client);
    else if (!client->is_connected && client->status != CC_CLIENT_WAITING)
        events_state(client, CC_CLIENT_WAITING, 0); /* for room: see client_has_room() */
}

/* A program that was too slow has caught up. */
void client_has_room(struct cc_client *client)
{
    if (client->status == CC_CLIENT_WAITING && !client->retry_timer.list.owner)
        connect_now(client);
}

static void wait_for(struct cc_client *client, int64_t ms)
{
    events_state(client, CC_CLIENT_WAITING, ms);
    lws_sul_schedule(client->context, 0, &client->retry_timer, retry, ms * 1000 + 1);
}

static void wait_after(struct cc_client *client)
{
    int64_t within;

    if (client->ending_code != 4001) {
        wait_for(client, backoff_next(client, &client->backoff, client->ending_retry_ms));
        return;
    }
    within = strtol(client->ending_reason, NULL, 10); /* a draining server's */
    within = within <= 0 ? 1000 : within > WAIT_MOST_MS ? WAIT_MOST_MS : within;
    wait_for(client, (int64_t)(client_random(client) * (double)within));
}

void client_lost(struct cc_client *client)
{
    token_lost(client);
    free(client->next_cursor);
    client->next_cursor = NULL;
    if (!is_wanted(client)) {
        events_record(client);
        pthread_mutex_lock(&client->lock);
        client->status = CC_CLIENT_STOPPED;
        pthread_mutex_unlock(&client->lock);
        end_as(client, 0, "");
        events_state(client, CC_CLIENT_STOPPED, 0);
        pthread_cond_broadcast(&client->stopped);
    } else if (client->ending_code == 4501 && !client->is_token_refused) {
        client->is_token_refused = true;
        lws_sul_schedule(client->context, 0, &client->retry_timer, retry, 1);
    } else if (client->ending_code >= 4500) {
        refused(client);
    } else {
        wait_after(client);
    }
}

/* --- greeting --------------------------------------------------------------------------------- */

static void greeting_failed(struct cc_client *client, json_t *error)
{
    int code = (int)json_integer_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));

    client->ending_retry_ms = json_integer_value(json_object_get(error, "retry_after_ms"));
    if (code == 401)
        code = 4501;
    else if (!json_is_true(json_object_get(error, "temporary")) && !client->ending_retry_ms &&
             code < 500)
        code = 4500;
    connection_cut(client, code, message ? message : "");
}

static void greeted(struct cc_client *client, void *context, const char *error, json_t *body)
{
    int64_t interval_ms;

    (void)context;
    if (error) {
        if (body)
            greeting_failed(client, body);
        return;
    }
    client->is_greeted = true;
    client->is_token_refused = false;
    interval_ms = json_integer_value(json_object_get(body, "ping_interval_ms"));
    if (interval_ms < BEAT_LEAST_MS || interval_ms > WAIT_MOST_MS)
        interval_ms = BEAT_LEAST_MS;
    client->beat_interval_us = interval_ms * 1000;
    client->beat_us = lws_now_usecs() + client->beat_interval_us;
    token_greeted(client, body);
    events_state(client, CC_CLIENT_CATCHING_UP, 0);
    events_push(client, CC_CLIENT_EVENT_HELLO, "hello", body);
    outbox_pump(client);
}

void client_opened(struct cc_client *client)
{
    json_t *fields = json_pack("{s:s, s:s, s:s*}", "token", client->token, "device", client->device,
                               "cursor", client->cursor);

    if (!fields || connection_request(client, "connect", fields, greeted, NULL))
        connection_cut(client, 0, "no memory");
}

/* --- what comes ------------------------------------------------------------------------------- */

void client_settled(struct cc_client *client)
{
    if (!client->next_cursor)
        return;
    free(client->cursor);
    client->cursor = client->next_cursor;
    client->next_cursor = NULL;
    client->backoff.failures = 0;
    events_cursor(client, client->cursor);
    if (client->status == CC_CLIENT_CATCHING_UP)
        events_state(client, CC_CLIENT_ONLINE, 0);
}

static void synced(struct cc_client *client, json_t *body)
{
    const char *cursor = json_string_value(json_object_get(body, "cursor"));

    free(client->next_cursor);
    client->next_cursor = cursor ? strdup(cursor) : NULL;
    if (!client->next_cursor)
        connection_cut(client, 0, "no cursor, or no memory for it");
    else if (!client->gap_count)
        client_settled(client);
}

void client_pushed(struct cc_client *client, const char *key, json_t *body)
{
    if (!strcmp(key, "message"))
        order_take(client, body);
    else if (!strcmp(key, "synced"))
        synced(client, body);
    else
        events_push(client, CC_CLIENT_EVENT_PUSH, key, body);
}

/* --- the thread, woken -------------------------------------------------------------------------
 */

static void stop_now(struct cc_client *client)
{
    lws_sul_cancel(&client->retry_timer);
    if (client->is_connected)
        connection_cut(client, 0, "stopped");
    else
        client_lost(client);
}

static void client_woken(struct cc_client *client)
{
    bool wants = is_wanted(client);
    enum cc_client_status status = client->status;

    events_take_done(client);
    calls_do(client);
    transfers_look(client);
    if (wants && (status == CC_CLIENT_STOPPED || status == CC_CLIENT_REFUSED))
        connect_now(client);
    else if (!wants && status != CC_CLIENT_STOPPED && status != CC_CLIENT_REFUSED)
        stop_now(client);
    else if (!wants && status == CC_CLIENT_REFUSED)
        events_record(client);
    outbox_pump(client);
}

void client_wake(struct cc_client *client)
{
    lws_cancel_service(client->context);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size)
{
    if (reason != LWS_CALLBACK_EVENT_WAIT_CANCELLED)
        return connection_callback(wsi, reason, user, in, size);
    client_woken(lws_context_user(lws_get_context(wsi)));
    return 0;
}

int cc_client_start(struct cc_client *client)
{
    pthread_mutex_lock(&client->lock);
    client->is_wanted = true;
    pthread_mutex_unlock(&client->lock);
    client_wake(client);
    return 0;
}

void cc_client_stop(struct cc_client *client)
{
    pthread_mutex_lock(&client->lock);
    client->is_wanted = false;
    while (client->status != CC_CLIENT_STOPPED && client->status != CC_CLIENT_REFUSED) {
        pthread_mutex_unlock(&client->lock);
        client_wake(client);
        pthread_mutex_lock(&client->lock);
        if (client->status != CC_CLIENT_STOPPED && client->status != CC_CLIENT_REFUSED)
            pthread_cond_wait(&client->stopped, &client->lock);
    }
    pthread_mutex_unlock(&client->lock);
}

void cc_client_quiet(void)
{
    lws_set_log_level(0, NULL);
}

/* --- making and freeing ----------------------------------------------------------------------- */

static void *run(void *context)
{
    struct cc_client *client = context;
    bool is_ending = false;

    while (!is_ending && lws_service(client->context, 0) >= 0) {
        pthread_mutex_lock(&client->lock);
        is_ending = client->is_ending;
        pthread_mutex_unlock(&client->lock);
    }
    return NULL;
}

static int load_position(void *context, const char *conversation, size_t size, uint64_t seq)
{
    char name[NAME_SIZE] = "";
    struct position *position;

    if (size >= sizeof name)
        return -EIO;
    memcpy(name, conversation, size);
    position = order_position(context, name);
    if (!position)
        return -ENOMEM;
    position->seq = position->had = seq;
    return 0;
}

static int load_cursor(void *context, const char *cursor, size_t size)
{
    struct cc_client *client = context;

    client->cursor = strndup(cursor, size);
    return client->cursor ? 0 : -ENOMEM;
}

static int load_entry(void *context, uint64_t place, const char *json, size_t size)
{
    return outbox_load(context, place, json, size);
}

static int open_storage(struct cc_client *client)
{
    struct storage_reader reader = {load_entry, load_position, load_cursor, client};
    int r = storage_open(&client->storage, client->options.folder);

    return r ? r : storage_read(&client->storage, &reader);
}

static int open_context(struct cc_client *client)
{
    static const struct lws_protocols protocols[] = {
        {.name = LOCAL_PROTOCOL, .callback = callback, .rx_buffer_size = 4096},
        {0},
    };
    static const lws_retry_bo_t no_pings = {0};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .user = client,
        .retry_and_idle_policy = &no_pings,
        .timeout_secs = OPEN_S,
        .connect_timeout_secs = OPEN_S,
    };

    client->context = lws_create_context(&info);
    return client->context ? 0 : -ENOMEM;
}

static int set_url(struct cc_client *client, const char *url)
{
    struct {
        const char *from, *to;
    } schemes[] = {
        {"https://", "wss://"}, {"http://", "ws://"}, {"wss://", "wss://"}, {"ws://", "ws://"}};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t size = strlen(schemes[i].from);

        if (strncmp(url, schemes[i].from, size) != 0)
            continue;
        client->url = malloc(strlen(url) + 8);
        if (!client->url)
            return -ENOMEM;
        sprintf(client->url, "%s%s", schemes[i].to, url + size);
        return 0;
    }
    return -EINVAL;
}

static int check(const struct cc_client_options *options)
{
    if (!options || options->size < sizeof *options || !options->url || !options->device ||
        !options->folder || !options->token)
        return -EINVAL;
    if (options->encoding != CC_CLIENT_JSON && options->encoding != CC_CLIENT_MSGPACK)
        return -EINVAL;
    return strlen(options->device) < NAME_SIZE ? 0 : -EINVAL;
}

static int open_parts(struct cc_client *client)
{
    int r = set_url(client, client->options.url);

    client->device = strdup(client->options.device);
    if (!r && !client->device)
        r = -ENOMEM;
    if (!r)
        r = events_init(client);
    if (!r && client->options.dispatched) {
        client->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (client->event_fd < 0)
            r = -errno;
    }
    if (!r)
        r = open_storage(client);
    if (!r)
        r = open_context(client);
    if (!r)
        r = -pthread_create(&client->thread, NULL, run, client);
    return r;
}

static void release(struct cc_client *client)
{
    if (client->context)
        lws_context_destroy(client->context);
    storage_close(&client->storage);
    calls_free(client);
    outbox_free(client);
    order_free(client);
    events_free(client);
    if (client->event_fd >= 0)
        close(client->event_fd);
    pthread_cond_destroy(&client->stopped);
    pthread_cond_destroy(&client->transfer_wanted);
    pthread_mutex_destroy(&client->lock);
    free(client->url);
    free(client->device);
    free(client->cursor);
    free(client->next_cursor);
    free(client->had_cursor);
    free(client->received);
    free(client);
}

int cc_client_new(const struct cc_client_options *options, struct cc_client **ret_client)
{
    struct cc_client *client;
    int r = check(options);

    if (r)
        return r;
    client = calloc(1, sizeof *client);
    if (!client)
        return -ENOMEM;
    client->options = *options;
    client->event_fd = -1;
    client->storage.lock_fd = -1;
    client->calls_last = &client->calls;
    client->events_last = &client->events;
    client->done_last = &client->done;
    client->queued_last = &client->queued;
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->stopped, NULL);
    pthread_cond_init(&client->transfer_wanted, NULL);
    r = open_parts(client);
    if (r) {
        release(client);
        return r;
    }
    *ret_client = client;
    return 0;
}

void cc_client_free(struct cc_client *client)
{
    if (!client)
        return;
    cc_client_stop(client);
    pthread_mutex_lock(&client->lock);
    client->is_ending = true;
    pthread_mutex_unlock(&client->lock);
    client_wake(client);
    pthread_join(client->thread, NULL);
    transfers_end(client);
    events_take_done(client);
    events_record(client);
    release(client);
}
