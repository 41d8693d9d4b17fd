/*
 * What the program is told, on which thread, and what it has had.
 *
 * Each event is a node. Without dispatching the client's thread runs it at once; else it waits for
 * cc_client_dispatch(), which runs it on the program's thread and gives it back. Only the client's
 * thread finishes nodes, in their order: there a message counts as had, and what is had is recorded
 * some time later, together.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RECORD_US 1000000
#define BATCH     64

enum node_kind { NODE_EVENT, NODE_REPLY, NODE_CURSOR };

struct event {
    struct event *next;
    enum node_kind kind;
    struct cc_client_event told;
    json_t *body;
    char *json;
    char reason[128];
    char client_id[NAME_SIZE];
    char error[NAME_SIZE];
    char *cursor;
    cc_client_reply_handler on_reply;
    void *context;
};

static void node_free(struct event *node)
{
    if (!node)
        return;
    json_decref(node->body);
    free(node->json);
    free(node->cursor);
    free(node);
}

static const char *member(const struct event *node, const char *key)
{
    const char *text = json_string_value(json_object_get(node->body, key));

    return text ? text : "";
}

static void fill_message(struct event *node)
{
    node->told.message = (struct cc_client_message){
        .conversation = member(node, "conversation"),
        .id = member(node, "id"),
        .from = member(node, "from"),
        .kind = member(node, "kind"),
        .text = member(node, "text"),
        .seq = (uint64_t)json_integer_value(json_object_get(node->body, "seq")),
        .ts = json_integer_value(json_object_get(node->body, "ts")),
    };
}

/* Any thread. */
static void run(const struct cc_client *client, const struct event *node)
{
    if (node->kind == NODE_REPLY && node->on_reply)
        node->on_reply(node->context, *node->error ? node->error : NULL, node->json);
    else if (node->kind == NODE_EVENT && client->options.on_event)
        client->options.on_event(client->options.context, &node->told);
}

static void record_later(lws_sorted_usec_list_t *timer)
{
    events_record(lws_container_of(timer, struct cc_client, record_timer));
}

static void note_had(struct cc_client *client, struct event *node)
{
    struct position *position;

    if (node->kind == NODE_CURSOR) {
        free(client->had_cursor);
        client->had_cursor = node->cursor;
        client->is_cursor_unrecorded = true;
        node->cursor = NULL;
    } else if (node->kind == NODE_EVENT && node->told.type == CC_CLIENT_EVENT_MESSAGE) {
        HASH_FIND_STR(client->positions, node->told.message.conversation, position);
        if (!position)
            return;
        position->had = node->told.message.seq;
        position->is_unrecorded = true;
    } else {
        return;
    }
    if (!client->record_timer.list.owner)
        lws_sul_schedule(client->context, 0, &client->record_timer, record_later, RECORD_US);
}

static void finish(struct cc_client *client, struct event *node)
{
    note_had(client, node);
    if (client->spare)
        node_free(node);
    else
        client->spare = node;
}

static void enqueue(struct cc_client *client, struct event *node)
{
    uint64_t one = 1;
    bool is_over;

    pthread_mutex_lock(&client->lock);
    *client->events_last = node;
    client->events_last = &node->next;
    is_over = ++client->event_count > EVENTS_MOST;
    pthread_mutex_unlock(&client->lock);
    if (write(client->event_fd, &one, sizeof one) < 0 || is_over)
        connection_cut(client, 0, "the program is too slow");
}

static void emit(struct cc_client *client, struct event *node)
{
    if (client->event_fd >= 0) {
        enqueue(client, node);
        return;
    }
    run(client, node);
    finish(client, node);
}

/* NULL without memory: the connection is cut, and what is missed comes again. */
static struct event *node_new(struct cc_client *client, enum node_kind kind, json_t *body)
{
    struct event *node = calloc(1, sizeof *node);

    if (node && body)
        node->json = codec_text(body);
    if (!node || (body && !node->json)) {
        free(node);
        connection_cut(client, 0, "no memory");
        return NULL;
    }
    node->kind = kind;
    node->body = json_incref(body);
    node->told.json = node->json ? node->json : "";
    node->told.reason = node->reason;
    node->told.name = node->told.client_id = node->told.error = "";
    return node;
}

/* A state is told without memory as well; a second one, while the program is not done with that, is
 * not. NULL then. */
static struct event *take_spare(struct cc_client *client)
{
    struct event *node = client->spare;

    client->spare = NULL;
    if (!node)
        return NULL;
    json_decref(node->body);
    free(node->json);
    free(node->cursor);
    memset(node, 0, sizeof *node);
    node->told.json = node->told.name = node->told.client_id = node->told.error = "";
    node->told.reason = node->reason;
    return node;
}

void events_state(struct cc_client *client, enum cc_client_status status, int64_t retry_in_ms)
{
    struct event *node = node_new(client, NODE_EVENT, NULL);

    if (!node)
        node = take_spare(client);
    pthread_mutex_lock(&client->lock);
    client->status = status;
    pthread_mutex_unlock(&client->lock);
    if (!node)
        return;
    node->told.type = CC_CLIENT_EVENT_STATE;
    node->told.status = status;
    node->told.retry_in_ms = retry_in_ms;
    node->told.code = client->ending_code;
    memcpy(node->reason, client->ending_reason, sizeof node->reason);
    emit(client, node);
}

bool events_push(struct cc_client *client, enum cc_client_event_type type, const char *name,
                 json_t *body)
{
    struct event *node = node_new(client, NODE_EVENT, body);

    if (!node)
        return false;
    node->told.type = type;
    snprintf(node->error, sizeof node->error, "%s", name);
    node->told.name = node->error;
    if (type == CC_CLIENT_EVENT_MESSAGE)
        fill_message(node);
    emit(client, node);
    return true;
}

bool events_outbox(struct cc_client *client, enum cc_client_event_type type, const char *client_id,
                   const char *error, json_t *body)
{
    struct event *node = node_new(client, NODE_EVENT, body);

    if (!node)
        return false;
    node->told.type = type;
    snprintf(node->client_id, sizeof node->client_id, "%s", client_id);
    snprintf(node->error, sizeof node->error, "%s", error ? error : "");
    node->told.client_id = node->client_id;
    node->told.error = node->error;
    emit(client, node);
    return true;
}

/* One that can't be told is passed over: the next one says more. */
void events_progress(struct cc_client *client, const char *client_id, const char *media,
                     uint64_t done, uint64_t total)
{
    struct event *node = node_new(client, NODE_EVENT, NULL);

    if (!node)
        return;
    node->told.type = CC_CLIENT_EVENT_PROGRESS;
    node->told.done = done;
    node->told.total = total;
    snprintf(node->client_id, sizeof node->client_id, "%s", client_id);
    snprintf(node->error, sizeof node->error, "%s", *client_id ? "" : media);
    node->told.client_id = node->client_id;
    node->told.name = node->error;
    emit(client, node);
}

struct event *events_reply_new(cc_client_reply_handler on_reply, void *context)
{
    struct event *node = calloc(1, sizeof *node);

    if (!node)
        return NULL;
    node->kind = NODE_REPLY;
    node->on_reply = on_reply;
    node->context = context;
    return node;
}

void events_reply(struct cc_client *client, struct event *node, const char *error, json_t *body)
{
    node->json = body ? codec_text(body) : NULL;
    if (!error && !node->json)
        error = "no_memory";
    snprintf(node->error, sizeof node->error, "%s", error ? error : "");
    emit(client, node);
}

void events_node_free(struct event *node)
{
    node_free(node);
}

void events_cursor(struct cc_client *client, const char *cursor)
{
    struct event *node = node_new(client, NODE_CURSOR, NULL);

    if (!node)
        return;
    node->cursor = strdup(cursor);
    if (node->cursor)
        emit(client, node);
    else
        node_free(node);
}

/* --- dispatching ------------------------------------------------------------------------------ */

int cc_client_fd(const struct cc_client *client)
{
    return client->event_fd;
}

static struct event *take_first(struct cc_client *client)
{
    struct event *node;

    pthread_mutex_lock(&client->lock);
    node = client->events;
    if (node) {
        client->events = node->next;
        if (!client->events)
            client->events_last = &client->events;
        client->event_count--;
        node->next = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    return node;
}

static void give_back(struct cc_client *client, struct event *node)
{
    pthread_mutex_lock(&client->lock);
    *client->done_last = node;
    client->done_last = &node->next;
    pthread_mutex_unlock(&client->lock);
}

size_t cc_client_dispatch(struct cc_client *client, size_t most)
{
    uint64_t value;
    size_t count = 0;
    struct event *node;
    bool is_left;

    if (client->event_fd < 0)
        return 0;
    if (read(client->event_fd, &value, sizeof value) < 0)
        value = 0; /* not readable: it is looked all the same */
    while ((!most || count < most) && (node = take_first(client))) {
        run(client, node);
        give_back(client, node);
        count++;
    }
    pthread_mutex_lock(&client->lock);
    is_left = client->events != NULL;
    pthread_mutex_unlock(&client->lock);
    value = 1;
    if (is_left && write(client->event_fd, &value, sizeof value) < 0)
        return count; /* a full counter is readable as well */
    if (count)
        client_wake(client);
    return count;
}

void events_take_done(struct cc_client *client)
{
    struct event *node;
    bool has_room;

    pthread_mutex_lock(&client->lock);
    node = client->done;
    client->done = NULL;
    client->done_last = &client->done;
    has_room = client->event_count < EVENTS_MOST / 2;
    pthread_mutex_unlock(&client->lock);
    while (node) {
        struct event *next = node->next;

        finish(client, node);
        node = next;
    }
    if (has_room)
        client_has_room(client);
}

/* --- recording -------------------------------------------------------------------------------- */

static size_t gather(struct cc_client *client, struct storage_position batch[BATCH])
{
    size_t count = 0;

    for (struct position *at = client->positions; at && count < BATCH; at = at->hh.next) {
        if (!at->is_unrecorded)
            continue;
        at->is_unrecorded = false;
        batch[count++] = (struct storage_position){at->conversation, at->had};
    }
    return count;
}

/* The positions before the cursor. What could not be recorded comes again, no more. */
void events_record(struct cc_client *client)
{
    struct storage_position batch[BATCH];
    size_t count;

    lws_sul_cancel(&client->record_timer);
    do {
        count = gather(client, batch);
        if (count)
            storage_put_positions(&client->storage, batch, count, NULL);
    } while (count == BATCH);
    if (client->is_cursor_unrecorded)
        storage_put_positions(&client->storage, NULL, 0, client->had_cursor);
    client->is_cursor_unrecorded = false;
}

static void free_all(struct event *node)
{
    while (node) {
        struct event *next = node->next;

        node_free(node);
        node = next;
    }
}

int events_init(struct cc_client *client)
{
    client->spare = calloc(1, sizeof *client->spare);
    return client->spare ? 0 : -ENOMEM;
}

void events_free(struct cc_client *client)
{
    node_free(client->spare);
    free_all(client->events);
    free_all(client->done);
}
