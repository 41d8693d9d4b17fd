/*
 * Reading history: access → where the user joined → memory and store → reply.
 *
 * `before` counts the limit from the newest, `after` from the oldest; with neither, from the
 * newest. One message more than the limit is read to know whether there are more.
 */
#include "engine/history.h"

#include "chatcore/error.h"
#include "engine/conversation.h"
#include "engine/history_wait.h"
#include "engine/lists.h"
#include "engine/user.h"
#include "engine/visible.h"

struct history {
    uint64_t from; /* the range asked for, both inclusive */
    uint64_t to;
    bool descending; /* the limit counts from `to` */
    bool has_waited; /* once is enough */
    size_t limit;
    struct message **recent; /* references: those of the range that are in memory, ascending */
    size_t recent_count;
    struct cc_message *messages; /* limit + 1 */
    size_t count;
};

static void recent_free(struct cc_engine *engine, struct message **recent, size_t count)
{
    for (size_t i = 0; i < count; i++)
        message_unref(recent[i]);
    mem_free(&engine->allocator, recent);
}

static void fail(struct request *request, int status)
{
    const struct history *history = request->state;

    recent_free(request_engine(request), history->recent, history->recent_count);
    request_fail(request, status);
}

/* --- the reply ---------------------------------------------------------------------------------
 */

/* A client_id is its sender's own affair. */
static void add(struct request *request, const struct cc_message *message,
                struct cc_slice client_id)
{
    struct history *history = request->state;
    struct cc_message *added = &history->messages[history->count++];
    bool is_own = slice_equal(message->from, request->user->name);

    *added = *message;
    added->client_id = is_own ? client_id : slice_of(NULL, 0);
}

static void add_recent(struct request *request)
{
    const struct history *history = request->state;

    for (size_t i = 0; i < history->recent_count && history->count <= history->limit; i++)
        add(request, &history->recent[i]->view, history->recent[i]->client_id);
}

static size_t bytes_of(const struct cc_message *message)
{
    size_t names = message->user_count + message->mention_count + message->media_count;

    return sizeof *message + message->text.size + message->meta.size + names * CC_NAME_MAX;
}

/* Cuts the page where it gets too long, at the end that the limit does not count from. */
static void cut(const struct history *history, struct cc_reply *reply)
{
    size_t bytes = 0;
    size_t fits = 0;

    while (fits < reply->message_count) {
        size_t at = history->descending ? reply->message_count - 1 - fits : fits;

        bytes += bytes_of(&reply->messages[at]);
        if (fits && bytes > HISTORY_BYTES_MAX)
            break;
        fits++;
    }
    if (fits == reply->message_count)
        return;
    if (history->descending)
        reply->messages += reply->message_count - fits;
    reply->message_count = fits;
    reply->more = true;
}

static void visible(struct request *request, uint64_t from, int status);

/* Reads once more, from the rights on. */
static void waited(struct request *request)
{
    struct history *history = request->state;

    history->has_waited = true;
    visible_from(request, visible);
}

/* Nothing is there yet: it may be waited for. */
static bool waits(struct request *request)
{
    struct history *history = request->state;

    if (history->count || history->descending || history->has_waited ||
        history->to < history->from || !history_wait(request, history->from, waited))
        return false;
    recent_free(request_engine(request), history->recent, history->recent_count);
    history->recent = NULL;
    history->recent_count = 0;
    return true;
}

static void reply(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct history *history = request->state;
    struct message **recent = history->recent;
    size_t recent_count = history->recent_count;
    struct cc_reply reply = {.messages = history->messages, .message_count = history->count};

    reply.more = history->count > history->limit;
    if (reply.more) {
        reply.message_count--;
        if (history->descending)
            reply.messages++;
    }
    cut(history, &reply);
    request_reply(request, &reply); /* copies; with the request its arena goes */
    recent_free(engine, recent, recent_count);
}

/* --- the store ---------------------------------------------------------------------------------
 */

static int add_row(struct request *request, const struct cc_store_row *row)
{
    struct record record;
    int r = record_decode(row->body, &request->arena, &record);

    if (r)
        return r;
    record.message.conversation = request->conversation;
    record.message.seq = row->seq;
    add(request, &record.message, record.message.client_id);
    return 0;
}

static void rows_read(struct request *request, int status)
{
    const struct history *history = request->state;
    const struct cc_store_read_rows *op = &request->op.rows;

    for (size_t i = 0; !status && i < op->ret_count && history->count <= history->limit; i++)
        status = add_row(request, &op->ret_rows[i]);
    if (status) {
        fail(request, status);
        return;
    }
    add_recent(request);
    if (!waits(request))
        reply(request);
}

/* What the memory has not: all below its first message, or nothing when it has enough. */
static void read_rows(struct request *request, uint64_t to)
{
    struct cc_engine *engine = request_engine(request);
    const struct history *history = request->state;
    struct cc_store_read_rows *op = &request->op.rows;
    size_t wanted = history->limit + 1;

    if (history->descending)
        wanted -= history->recent_count;
    if (to < history->from || !wanted) {
        add_recent(request);
        if (!waits(request))
            reply(request);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    op->conversation = request->conversation;
    op->from = history->from;
    op->to = to;
    op->limit = wanted;
    op->descending = history->descending;
    request_op_begin(request, rows_read);
    engine->store.vtable->read_rows(engine->store.self, op);
}

/* --- memory ------------------------------------------------------------------------------------
 */

/* Takes those of the range that the memory has: as many as the limit can want from its end. */
static void take_recent(struct history *history, const struct conversation *conversation)
{
    uint64_t first = conversation_recent_first(conversation);
    uint64_t from = history->from > first ? history->from : first;
    uint64_t to = history->to < conversation->seq ? history->to : conversation->seq;
    uint64_t most = history->limit + 1;

    if (to < from)
        return;
    if (to - from >= most && history->descending)
        from = to - most + 1;
    else if (to - from >= most)
        to = from + most - 1;
    for (uint64_t seq = from; seq <= to; seq++)
        history->recent[history->recent_count++] =
            message_ref(conversation_recent(conversation, seq));
}

static void collect(struct request *request)
{
    struct history *history = request->state;
    const struct conversation *conversation =
        conversation_find(request_engine(request), request->conversation);
    size_t room = history->limit + 1;
    uint64_t to = history->to;

    history->recent =
        mem_zalloc(&request_engine(request)->allocator, room, sizeof(struct message *));
    history->messages = arena_alloc(&request->arena, room * sizeof *history->messages);
    if (!history->recent || !history->messages) {
        fail(request, CC_ENOMEM);
        return;
    }
    if (conversation && conversation->is_known) {
        take_recent(history, conversation);
        if (conversation_recent_first(conversation) <= to)
            to = conversation_recent_first(conversation) - 1;
    }
    read_rows(request, to);
}

/* --- from where --------------------------------------------------------------------------------
 */

static void visible(struct request *request, uint64_t from, int status)
{
    struct history *history = request->state;

    if (status) {
        request_fail(request, status);
        return;
    }
    history->count = 0;
    if (from > history->from)
        history->from = from;
    collect(request);
}

static void set_range(struct history *history, const struct cc_command *command)
{
    history->from = command->has_after ? command->after : 0;
    history->from += history->from < UINT64_MAX;
    history->to = command->before ? command->before - 1 : UINT64_MAX;
    history->descending = !command->has_after;
    history->limit = lists_limit(command->limit, HISTORY_LIMIT, HISTORY_LIMIT_MAX);
}

void history_read(struct request *request)
{
    struct history *history = arena_alloc(&request->arena, sizeof *history);

    if (!history) {
        request_fail(request, CC_ENOMEM);
        return;
    }
    memset(history, 0, sizeof *history);
    set_range(history, request->command);
    request->state = history;
    visible_from(request, visible);
}
