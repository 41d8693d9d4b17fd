/*
 * Puts the messages of each conversation in order, each once. A message that is not the next one
 * waits until history has given what is missing; what history does not have (said while the user
 * was no member, removed since) is taken for not there. While a gap is open no cursor is recorded:
 * what waits would be lost.
 */
#include "internal.h"

#include <string.h>

#define PAGE     200
#define RETRY_US 1000000
#define SEQ_MOST (((json_int_t)1 << 53) - 1)

struct held {
    struct held *next;
    json_t *message;
};

/* 0: it has none that the protocol knows. */
static uint64_t seq_of(json_t *message)
{
    json_int_t seq = json_integer_value(json_object_get(message, "seq"));

    return seq > 0 && seq <= SEQ_MOST ? (uint64_t)seq : 0;
}

struct position *order_position(struct cc_client *client, const char *conversation)
{
    struct position *position;

    HASH_FIND_STR(client->positions, conversation, position);
    if (position || strlen(conversation) >= NAME_SIZE)
        return position;
    position = calloc(1, sizeof *position);
    if (!position)
        return NULL;
    strcpy(position->conversation, conversation);
    HASH_ADD_STR(client->positions, conversation, position);
    if (position->hh.tbl)
        return position;
    free(position);
    return NULL;
}

/* The first one of a conversation is where it begins. */
static bool is_next(const struct position *position, uint64_t seq)
{
    return !position->seq || seq == position->seq + 1;
}

/* On a connection that is being cut nothing is: it comes again on the next one. */
static void hand_out(struct cc_client *client, struct position *position, json_t *message)
{
    if (!client->is_cut && events_push(client, CC_CLIENT_EVENT_MESSAGE, "message", message))
        position->seq = seq_of(message);
}

static bool hold(struct position *position, json_t *message)
{
    struct held *held = calloc(1, sizeof *held);

    if (!held)
        return false;
    held->message = json_incref(message);
    if (!position->held)
        position->held_last = &position->held;
    *position->held_last = held;
    position->held_last = &held->next;
    position->held_count++;
    return true;
}

static void release_first(struct position *position)
{
    struct held *first = position->held;

    position->held = first->next;
    position->held_count--;
    json_decref(first->message);
    free(first);
}

/* The first, over whatever gap is left, and all that follow it without one. */
static void hand_out_held(struct cc_client *client, struct position *position)
{
    bool is_first = true;

    while (position->held) {
        json_t *message = position->held->message;
        uint64_t seq = seq_of(message);

        if (!is_first && seq > position->seq && !is_next(position, seq))
            return;
        if (seq > position->seq)
            hand_out(client, position, message);
        release_first(position);
        is_first = false;
    }
}

static void ask_history(struct cc_client *client, struct position *position);

static void close_gap(struct cc_client *client, struct position *position)
{
    if (position->held) {
        ask_history(client, position);
        return;
    }
    if (--client->gap_count == 0)
        client_settled(client);
}

/* True: ask again before anything that waits is handed out. */
static bool take_page(struct cc_client *client, struct position *position, json_t *page)
{
    uint64_t before = position->seq;
    json_t *message;
    size_t i;

    json_array_foreach(json_object_get(page, "messages"), i,
                       message) if (seq_of(message) > position->seq)
        hand_out(client, position, message);
    return json_is_true(json_object_get(page, "more")) && position->seq > before &&
           position->seq + 1 < seq_of(position->held->message);
}

/* Every gap that has been waiting since history could not be asked. */
static void retry(lws_sorted_usec_list_t *timer)
{
    struct cc_client *client = lws_container_of(timer, struct cc_client, order_timer);

    for (struct position *at = client->positions; at; at = at->hh.next)
        if (at->held)
            ask_history(client, at);
}

static void history_came(struct cc_client *client, void *context, const char *error, json_t *body)
{
    struct position *position = context;

    if (!position->held || !client->is_greeted)
        return; /* the connection it was asked on is gone */
    if (error && json_is_true(json_object_get(body, "temporary"))) {
        lws_sul_schedule(client->context, 0, &client->order_timer, retry, RETRY_US);
        return;
    }
    if (!error && take_page(client, position, body)) {
        ask_history(client, position);
        return;
    }
    hand_out_held(client, position);
    close_gap(client, position);
}

static void ask_history(struct cc_client *client, struct position *position)
{
    json_t *fields = json_pack("{s:s, s:I, s:i}", "conversation", position->conversation, "after",
                               (json_int_t)position->seq, "limit", PAGE);

    if (!fields || connection_request(client, "history", fields, history_came, position))
        connection_cut(client, 0, "no memory");
}

void order_take(struct cc_client *client, json_t *message)
{
    const char *conversation = json_string_value(json_object_get(message, "conversation"));
    struct position *position = conversation ? order_position(client, conversation) : NULL;
    uint64_t seq = seq_of(message);
    bool is_first_gap;

    if (!position || !seq) {
        connection_cut(client, 0, "a message that can't be taken");
    } else if (!position->held && is_next(position, seq)) {
        hand_out(client, position, message);
    } else if (position->held || seq > position->seq) {
        is_first_gap = !position->held;
        if (position->held_count >= HELD_MOST || !hold(position, message)) {
            connection_cut(client, 0, "too many messages behind a gap");
            return;
        }
        if (is_first_gap) {
            client->gap_count++;
            ask_history(client, position);
        }
    }
}

/* The connection is gone: what waits comes again on the next one. */
void order_drop(struct cc_client *client)
{
    lws_sul_cancel(&client->order_timer);
    for (struct position *at = client->positions; at; at = at->hh.next)
        while (at->held)
            release_first(at);
    client->gap_count = 0;
}

void order_free(struct cc_client *client)
{
    struct position *position, *next;

    HASH_ITER(hh, client->positions, position, next)
    {
        while (position->held)
            release_first(position);
        HASH_DEL(client->positions, position); /* NOLINT(clang-analyzer-*): in uthash */
        free(position);
    }
}
