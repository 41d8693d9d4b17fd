/*
 * What changes a message that was said: deletions (IRCv3 draft/message-redaction), reactions
 * (+draft/react and +draft/unreact with +draft/reply), edits. The engine stores each as a message
 * of its own, which names the one meant.
 *
 * Who asked for a change sees it as the others do, and with the label of his command: so it is
 * shown when the engine pushes it, and the request waits for that as a message waits for its echo.
 * Without the capability for it a deletion or a reaction is not shown at all; an edit is the new
 * text, marked, for there is no other way to say it.
 */
#include "ircd.h"
#include <stdio.h>
#include <string.h>

#define EMOJI_MAX 64 /* the protocol's bound, in bytes */

/* --- out --- */

static bool is_channel(const char *name)
{
    return *name == '#' || *name == '&';
}

static void redacted(struct client *client, struct request *request, const struct cc_reply *reply)
{
    char context[NAME_MAX_ESCAPED + 40];

    snprintf(context, sizeof context, "%s %.37s", request->name, request->word);
    if (reply->error == CC_EFORBIDDEN)
        fail(client, "REDACT", "REDACT_FORBIDDEN", context, "It is not yours to delete");
    else if (reply->error)
        fail(client, "REDACT", "UNKNOWN_MSGID", context, cc_strerror(reply->error));
    else
        await_echo(client, request);
}

static void reacted(struct client *client, struct request *request, const struct cc_reply *reply)
{
    if (reply->error)
        fail(client, "TAGMSG", "MESSAGE_ERROR", request->name, cc_strerror(reply->error));
    else
        await_echo(client, request);
}

static void submit(struct client *client, struct channel *channel, struct cc_command *command,
                   answer_fn *answer, const char *id)
{
    struct request *request;

    command->conversation = cc_text(channel->id);
    request = request_submit(client, client->live.session, command, answer, channel->name);
    if (request)
        snprintf(request->word, sizeof request->word, "%s", id);
}

/* REDACT target msgid [reason]: the engine keeps no reason. */
void do_redact(struct client *client, struct line *line)
{
    struct channel *channel = channel_named(client, line->params[0]);
    struct cc_command command = {.type = CC_COMMAND_DELETE};
    char context[2 * BODY_MAX];

    snprintf(context, sizeof context, "%.200s %.64s", line->params[0], line->params[1]);
    if (!channel || (is_channel(channel->name) && !channel->is_joined))
        fail(client, "REDACT", "INVALID_TARGET", line->params[0], "You are not there");
    else if (!id_parse(line->params[1], &command.message))
        fail(client, "REDACT", "UNKNOWN_MSGID", context, "There is no such message");
    else
        submit(client, channel, &command, redacted, line->params[1]);
}

/* A TAGMSG with a reaction and what it is to. False: it has none. */
bool take_reaction(struct client *client, struct channel *channel, const char *tags)
{
    struct cc_command command = {.type = CC_COMMAND_REACT, .on = true};
    char emoji[EMOJI_MAX + 1], id[40];

    if (!line_tag(tags, "+draft/reply", id, sizeof id) || !id_parse(id, &command.message))
        return false;
    if (!line_tag(tags, "+draft/react", emoji, sizeof emoji)) {
        command.on = false;
        if (!line_tag(tags, "+draft/unreact", emoji, sizeof emoji))
            return false;
    }
    command.emoji = cc_text(emoji);
    submit(client, channel, &command, reacted, id);
    return true;
}

/* --- in --- */

/* The request of this connection that made the change; NULL: none did. */
static struct request *request_of_change(struct client *client, const struct channel *channel,
                                         const char *id)
{
    struct request *request;

    TAILQ_FOREACH(request, &client->requests, entry)
    if ((!request->answer || request->answer == redacted || request->answer == reacted) &&
        strcmp(request->name, channel->name) == 0 && strcmp(request->word, id) == 0)
        return request;
    return NULL;
}

static void show_reaction(struct shown *shown, const struct cc_message *message, const char *id)
{
    struct client *client = shown->client;
    char emoji[2 * EMOJI_MAX + 1], text[2 * EMOJI_MAX + 100];

    if (!(client->caps & CAP_TAGS))
        return;
    tag_escape(message->emoji, emoji, sizeof emoji);
    snprintf(text, sizeof text, "+draft/%s=%s;+draft/reply=%s", message->on ? "react" : "unreact",
             emoji, id);
    shown->tags.client = text;
    say(client, &shown->tags, ":%s!%s@%s TAGMSG %s", shown->from, shown->from, client->server->name,
        shown->target);
    shown->tags.client = NULL;
}

static void show_edit(struct shown *shown, const struct cc_message *message, const char *id)
{
    char reply[64];

    if (!message->text.size)
        return; /* what it was an edit of has been deleted since */
    snprintf(reply, sizeof reply, "+draft/reply=%s", id);
    shown->tags.client = reply;
    shown->mark = "[edited] ";
    show_text(shown, message);
    shown->tags.client = NULL;
}

/* Of an edit, a deletion or a reaction. */
void show_change(struct shown *shown, const struct channel *channel,
                 const struct cc_message *message)
{
    struct client *client = shown->client;
    struct request *request;
    char id[37];

    id_print(&message->target, id);
    request = request_of_change(client, channel, id);
    client->label = request ? request->label : NULL;
    if ((client->caps & CAP_ECHO) || !slice_is(message->from, client->user)) {
        if (message->kind == CC_MESSAGE_REACTION)
            show_reaction(shown, message, id);
        else if (message->kind == CC_MESSAGE_EDIT)
            show_edit(shown, message, id);
        else if (client->caps & CAP_REDACT)
            say(client, &shown->tags, ":%s!%s@%s REDACT %s %s", shown->from, shown->from,
                client->server->name, shown->target, id);
    }
    client->label = NULL;
    if (request)
        request_echoed(client, request);
}
