/*
 * What is said, both ways.
 *
 * A /me (CTCP ACTION) is stored as the text "/me …", so that others read it; a NOTICE carries
 * {"irc":"notice"} as its meta. Messages sent here have a client id of the connection's nonce and
 * the request's number: so their echo finds the label of the command.
 */
#include "ircd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IS_ACTION "\001ACTION "
#define TEXT_MIN  100 /* of a line, however long the names are */
static const char notice_meta[] = "\x81\xa3irc\xa6notice"; /* one MessagePack map */

/* --- out --- */

/* request.low: its echo was shown. */
static void sent(struct client *client, struct request *request, const struct cc_reply *reply)
{
    int number =
        reply->error == CC_ENOTFOUND && *request->name != '#' && *request->name != '&' ? 401 : 404;
    char user[CC_NAME_MAX + 1];

    if (reply->error && !request->flag)
        numeric(client, number, "%s :%s", request->name, cc_strerror(reply->error));
    if (!reply->error && *request->name != '#' && *request->name != '&' &&
        user_of(request->name, user))
        channel_direct(client, reply->conversation, cc_text(user));
    if (!reply->error)
        await_echo(client, request);
}

struct outgoing {
    const char *text;
    struct cc_id reply_to;
    bool is_notice;
};

static void send_to(struct client *client, const char *target, const struct outgoing *outgoing)
{
    struct cc_command command = {.type = CC_COMMAND_SEND, .reply_to = outgoing->reply_to};
    struct channel *channel = channel_named(client, target);
    char user[CC_NAME_MAX + 1], client_id[CC_NAME_MAX + 1];
    struct request *request;

    if (channel && channel->is_joined)
        command.conversation = cc_text(channel->id);
    else if (*target == '#' || *target == '&') {
        if (!outgoing->is_notice) /* nothing answers a NOTICE */
            numeric(client, id_of(target, user) ? 404 : 403, "%.200s :Cannot send to channel",
                    target);
        return;
    } else if (user_of(target, user))
        command.user = cc_text(user);
    else {
        if (!outgoing->is_notice)
            numeric(client, 401, "%.200s :No such nick", target);
        return;
    }
    snprintf(client_id, sizeof client_id, "%s-%u", client->nonce,
             (unsigned)client->next_request + 1);
    command.client_id = cc_text(client_id);
    command.text = cc_text(outgoing->text);
    if (outgoing->is_notice)
        command.meta = cc_text(notice_meta);
    request = request_submit(client, client->live.session, &command, sent, target);
    if (request)
        request->flag = outgoing->is_notice;
}

/* False: another CTCP, which has no meaning here. */
static bool take_action(char *text, char room[BODY_MAX + 8], const char **ret_text)
{
    size_t size = strlen(text);

    *ret_text = text;
    if (*text != '\001')
        return true;
    if (strncmp(text, IS_ACTION, strlen(IS_ACTION)) != 0)
        return false;
    if (text[size - 1] == '\001')
        text[size - 1] = 0;
    snprintf(room, BODY_MAX + 8, "/me %s", text + strlen(IS_ACTION));
    *ret_text = room;
    return true;
}

static void talk(struct client *client, struct line *line, bool is_notice)
{
    struct outgoing outgoing = {.is_notice = is_notice};
    char room[BODY_MAX + 8], id[40], *list = line->params[0], *target;

    if (line->count < 2 || !*line->params[1]) {
        if (!is_notice)
            numeric(client, line->count ? 412 : 411, ":No %s",
                    line->count ? "text to send" : "recipient given");
        return;
    }
    if (!utf8_is_valid(line->params[1])) {
        fail(client, line->verb, "INVALID_UTF8", "", "Messages are UTF-8");
        return;
    }
    if (!take_action(line->params[1], room, &outgoing.text))
        return;
    if (line_tag(line->tags, "+draft/reply", id, sizeof id) && !id_parse(id, &outgoing.reply_to))
        outgoing.reply_to = (struct cc_id){{0}};
    for (int i = 0; i < TARGETS_MAX && (target = next_item(&list)); i++)
        send_to(client, target, &outgoing);
}

void do_privmsg(struct client *client, struct line *line)
{
    talk(client, line, false);
}

void do_notice(struct client *client, struct line *line)
{
    talk(client, line, true);
}

/* Of tags alone only typing and reactions have a meaning here. */
void do_tagmsg(struct client *client, struct line *line)
{
    struct cc_command command = {.type = CC_COMMAND_TYPING};
    struct channel *channel = channel_named(client, line->params[0]);
    char value[16];

    if (!channel || take_reaction(client, channel, line->tags) ||
        !line_tag(line->tags, "+typing", value, sizeof value))
        return;
    command.conversation = cc_text(channel->id);
    command.on = strcmp(value, "active") == 0;
    request_submit(client, client->live.session, &command, ignore_answer, channel->name);
}

/* --- in --- */

static void show_line(struct shown *shown, const char *verb, const char *text, size_t size,
                      bool is_action)
{
    struct client *client = shown->client;

    say(client, &shown->tags, ":%s!%s@%s %s %s :%s%s%.*s%s", shown->from, shown->from,
        client->server->name, verb, shown->target, is_action ? IS_ACTION : "",
        shown->mark ? shown->mark : "", (int)size, text, is_action ? "\001" : "");
    shown->tags.id = NULL; /* an id stands on one line only */
    shown->mark = NULL;
}

/* How much text fits into one line. The longest names leave less than that: then it is cut. */
static size_t room_of(const struct shown *shown, const char *verb, bool is_action)
{
    size_t names = 2 * strlen(shown->from) + strlen(shown->client->server->name) + strlen(verb) +
                   strlen(shown->target);
    size_t used = names + strlen(":!@   :\r\n") + (is_action ? strlen(IS_ACTION "\001") : 0) +
                  (shown->mark ? strlen(shown->mark) : 0);

    return used + TEXT_MIN > BODY_MAX ? TEXT_MIN : BODY_MAX - used;
}

/* Long texts and those of several lines become several messages. */
void show_text(struct shown *shown, const struct cc_message *message)
{
    struct cc_slice text = message->text;
    bool is_action = text.size > 4 && memcmp(text.data, "/me ", 4) == 0;
    const char *verb = slice_is(message->meta, notice_meta) ? "NOTICE" : "PRIVMSG";

    if (is_action)
        text = (struct cc_slice){text.data + 4, text.size - 4};
    while (text.size) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t whole = end ? (size_t)(end - text.data) : text.size;
        size_t size = utf8_cut(text.data, whole, room_of(shown, verb, is_action));

        if (size)
            show_line(shown, verb, text.data, size, is_action);
        size += size == whole && end;
        text = (struct cc_slice){text.data + size, text.size - size};
    }
}

static void show_files(struct shown *shown, const struct cc_message *message)
{
    char id[64];

    for (size_t i = 0; i < message->media_count; i++) {
        char text[96];
        int size;

        slice_copy(id, sizeof id, message->media[i]);
        size = snprintf(text, sizeof text, "[file %s]", id);
        show_line(shown, "PRIVMSG", text, (size_t)size, false);
    }
}

static void show_members(struct shown *shown, struct channel *channel,
                         const struct cc_message *message)
{
    struct client *client = shown->client;
    char nick[NAME_MAX_ESCAPED + 1];
    const char *host = client->server->name;

    for (size_t i = 0; i < message->user_count; i++) {
        nick_of(message->users[i], nick);
        if (message->action == CC_SYSTEM_ROLE)
            say(client, &shown->tags, ":%s!%s@%s MODE %s %s %s", shown->from, shown->from, host,
                channel->name,
                message->role == CC_ROLE_OWNER   ? "+q"
                : message->role == CC_ROLE_ADMIN ? "+o"
                                                 : "-o",
                nick);
        else if (strcmp(nick, client->nick) == 0)
            continue; /* one's own comings and goings: channel.c */
        else if (message->action == CC_SYSTEM_REMOVED)
            say(client, &shown->tags, ":%s!%s@%s KICK %s %s :%s", shown->from, shown->from, host,
                channel->name, nick, shown->from);
        else
            say(client, &shown->tags, ":%s!%s@%s %s %s", nick, nick, host,
                message->action == CC_SYSTEM_LEFT ? "PART" : "JOIN", channel->name);
    }
}

static void show_system(struct shown *shown, struct channel *channel,
                        const struct cc_message *message)
{
    if (channel->is_direct || !channel->is_joined)
        return;
    shown->tags.account = (struct cc_slice){NULL, 0};
    shown->tags.id = NULL;
    if (message->action == CC_SYSTEM_RENAMED) {
        slice_copy(channel->topic, sizeof channel->topic, message->name);
        say(shown->client, &shown->tags, ":%s!%s@%s TOPIC %s :%s", shown->from, shown->from,
            shown->client->server->name, channel->name, channel->topic);
    } else if (message->action == CC_SYSTEM_ADDED || message->action == CC_SYSTEM_REMOVED ||
               message->action == CC_SYSTEM_LEFT || message->action == CC_SYSTEM_ROLE)
        show_members(shown, channel, message);
}

/* The request that sent a message; NULL: it has been answered. `ret_is_mine`: it was this
 * connection. */
static struct request *request_of(struct client *client, struct cc_slice client_id,
                                  bool *ret_is_mine)
{
    char text[CC_NAME_MAX + 1];
    size_t length = strlen(client->nonce);
    struct request *request;
    uint64_t id;

    slice_copy(text, sizeof text, client_id);
    *ret_is_mine = strncmp(text, client->nonce, length) == 0 && text[length] == '-';
    if (!*ret_is_mine)
        return NULL;
    id = (uint64_t)client->number << 32 | strtoul(text + length + 1, NULL, 10);
    TAILQ_FOREACH(request, &client->requests, entry)
    if (request->id == id)
        return request;
    return NULL;
}

/* Where it is shown; NULL: nowhere, or not yet. */
static struct channel *place(struct client *client, const struct cc_message *message)
{
    struct channel *channel = channel_find(client, message->conversation);
    bool is_mine;
    const struct request *request = request_of(client, message->client_id, &is_mine);
    char user[CC_NAME_MAX + 1];

    if (!channel && message->kind == CC_MESSAGE_SYSTEM)
        return NULL;
    if (!channel && request && user_of(request->name, user))
        channel = channel_direct(client, message->conversation, cc_text(user));
    if (!channel)
        channel = channel_pending(client, message->conversation);
    if (!channel || !channel->is_pending)
        return channel;
    if (!channel->first)
        channel->first = message->seq;
    channel->skipped = message->seq;
    return NULL;
}

static void show_said(struct shown *shown, const struct cc_message *message)
{
    char id[37], reply[64];

    if (memcmp(&message->reply_to, &(struct cc_id){{0}}, sizeof message->reply_to) != 0) {
        id_print(&message->reply_to, id);
        snprintf(reply, sizeof reply, "+draft/reply=%s", id);
        shown->tags.client = reply;
    }
    show_text(shown, message);
    show_files(shown, message);
    shown->tags.client = NULL;
}

/* Not what this connection said itself, unless it wants the echo; nor, without that, what one's
 * other devices said to somebody: no line of old IRC can say so. */
static bool is_wanted(const struct client *client, const struct channel *channel,
                      const struct cc_message *message, bool is_mine)
{
    if (message->kind != CC_MESSAGE_TEXT && message->kind != CC_MESSAGE_MEDIA)
        return false;
    return (client->caps & CAP_ECHO) ||
           !(is_mine || (channel->is_direct && slice_is(message->from, client->user)));
}

static void show_live(struct shown *shown, struct channel *channel,
                      const struct cc_message *message)
{
    struct client *client = shown->client;
    bool is_mine = false;
    struct request *request = request_of(client, message->client_id, &is_mine);

    if (message->seq > channel->seen) {
        channel->seen = message->seq;
        channel->ts = message->ts;
    }
    if (message->kind == CC_MESSAGE_EDIT || message->kind == CC_MESSAGE_DELETE ||
        message->kind == CC_MESSAGE_REACTION) {
        show_change(shown, channel, message);
        return;
    }
    client->label = request ? request->label : NULL;
    if (message->kind == CC_MESSAGE_SYSTEM)
        show_system(shown, channel, message);
    else if (is_wanted(client, channel, message, is_mine))
        show_said(shown, message);
    client->label = NULL;
    if (request)
        request_echoed(client, request);
}

/* `batch`: it is of the history, and a name may be empty; NULL: it is new. */
void show_message(struct client *client, const struct cc_message *message, const char *batch)
{
    struct channel *channel = place(client, message);
    struct shown shown = {.client = client};

    if (!channel)
        return;
    shown.tags = (struct tags){.ts = message->ts, .id = &message->id, .account = message->from};
    shown.tags.batch = batch && *batch ? batch : NULL;
    nick_of(message->from, shown.from);
    shown.target =
        channel->is_direct && !slice_is(message->from, client->user) ? client->nick : channel->name;
    if (!batch)
        show_live(&shown, channel, message);
    else if (message->kind == CC_MESSAGE_TEXT || message->kind == CC_MESSAGE_MEDIA)
        show_said(&shown, message);
}

void show_typing(struct client *client, const struct cc_typing *typing)
{
    struct channel *channel = channel_find(client, typing->conversation);
    struct tags tags = {.client = typing->on ? "+typing=active" : "+typing=done"};
    char nick[NAME_MAX_ESCAPED + 1];

    if (!channel || !(client->caps & CAP_TAGS) || slice_is(typing->user, client->user))
        return;
    nick_of(typing->user, nick);
    say(client, &tags, ":%s!%s@%s TAGMSG %s", nick, nick, client->server->name,
        channel->is_direct ? client->nick : channel->name);
}
