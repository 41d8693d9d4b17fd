/*
 * Commands to the engine, and where its events go. A reply finds its client by the number in its
 * id, and may find it gone: then nobody waits for it.
 */
#include "ircd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: nothing was submitted, and the client has been told. The request takes the current label
 * along. */
struct request *request_submit(struct client *client, struct cc_session *session,
                               struct cc_command *command, answer_fn *answer, const char *name)
{
    struct request *request = session ? calloc(1, sizeof *request) : NULL;

    if (request) {
        request->id = (uint64_t)client->number << 32 | ++client->next_request;
        request->answer = answer;
        snprintf(request->name, sizeof request->name, "%s", name);
        command->id = request->id;
    }
    if (!request || cc_session_submit(session, command)) {
        free(request);
        fail(client, "*", "TEMPORARILY_UNAVAILABLE", "", "Try again later");
        return NULL;
    }
    request->label = label_ref(client->label);
    TAILQ_INSERT_TAIL(&client->requests, request, entry);
    cc_queue_flush(cc_engine_queue(client->server->engine));
    return request;
}

void ignore_answer(struct client *client, struct request *request, const struct cc_reply *reply)
{
    (void)client;
    (void)request;
    (void)reply;
}

/* The echo has the command's label: where the reply came first, something keeps it until then. */
void await_echo(struct client *client, const struct request *request)
{
    struct request *waiting;

    if (!request->label || request->low || !(client->caps & CAP_ECHO))
        return;
    waiting = calloc(1, sizeof *waiting);
    if (!waiting)
        return;
    waiting->id = request->id;
    waiting->label = label_ref(request->label);
    memcpy(waiting->name, request->name, sizeof waiting->name);
    memcpy(waiting->word, request->word, sizeof waiting->word);
    TAILQ_INSERT_TAIL(&client->requests, waiting, entry);
}

/* What the request did has been shown to who asked for it. */
void request_echoed(struct client *client, struct request *request)
{
    request->low = 1;
    if (request->answer)
        return; /* its reply is to come */
    TAILQ_REMOVE(&client->requests, request, entry);
    label_unref(client, request->label);
    free(request);
}

static struct request *find(struct client *client, uint64_t id)
{
    struct request *request;

    TAILQ_FOREACH(request, &client->requests, entry)
    if (request->id == id)
        return request;
    return NULL;
}

static void on_reply(struct server *server, const struct cc_reply *reply)
{
    struct client *client = client_find(server, (uint32_t)(reply->id >> 32));
    struct request *request = client ? find(client, reply->id) : NULL;

    if (!request)
        return;
    TAILQ_REMOVE(&client->requests, request, entry);
    client->label = request->label;
    if (!client->is_closing)
        request->answer(client, request, reply);
    client->label = NULL;
    label_unref(client, request->label);
    free(request);
}

static void on_closed(struct link *link, struct cc_slice reason)
{
    struct client *client = link->client;
    bool is_live = link == &client->live;

    link->session = NULL;
    if (is_live && client->io && !client->is_closing) {
        char text[128];

        slice_copy(text, sizeof text, reason);
        client_close(client, *text ? text : "The session has ended");
    }
    if (!is_live && client->io && !client->is_closing)
        probe_ended(client);
    client_settle(client);
}

static void on_push(struct client *client, const struct cc_event *event)
{
    switch (event->type) {
    case CC_EVENT_MESSAGE:
        show_message(client, event->u.message, NULL);
        break;
    case CC_EVENT_TYPING:
        show_typing(client, event->u.typing);
        break;
    case CC_EVENT_PRESENCE:
        show_presence(client, event->u.presence);
        break;
    case CC_EVENT_CONVERSATION:
        channel_pushed(client, event->u.conversation);
        break;
    case CC_EVENT_RECEIPT: {
        struct channel *channel = channel_find(client, event->u.receipt->conversation);

        if (channel && event->u.receipt->read > channel->read &&
            slice_is(event->u.receipt->user, client->user)) {
            channel->read = event->u.receipt->read;
            show_marker(client, channel);
        }
        break;
    }
    default:
        break;
    }
}

void on_engine_event(void *context, const struct cc_event *event)
{
    struct server *server = context;

    if (event->type == CC_EVENT_STOPPED)
        event_base_loopbreak(server->base);
    else if (event->type == CC_EVENT_REPLY)
        on_reply(server, event->u.reply);
    for (size_t i = 0; event->type != CC_EVENT_REPLY && i < event->session_count; i++) {
        struct link *link = event->sessions[i];

        if (!link)
            server->operator= NULL; /* its only event but replies: it has ended */
        else if (event->type == CC_EVENT_CLOSED)
            on_closed(link, event->u.closed.reason);
        else if (!link->client->is_closing)
            on_push(link->client, event);
    }
}
