/*
 * Others: WHO, WHOIS, and who comes and goes. The engine tells that of contacts and fellow members.
 */
#include "ircd.h"
#include <stdio.h>
#include <string.h>

static void show_who(struct client *client, const char *channel, struct cc_slice user, char here,
                     const char *sign)
{
    char nick[NAME_MAX_ESCAPED + 1];

    nick_of(user, nick);
    numeric(client, 352, "%s %s %s %s %s %c%s :0 %s", channel, nick, client->server->name,
            client->server->name, nick, here, sign, nick);
}

static void who_answered(struct client *client, struct request *request,
                         const struct cc_reply *reply);

static void ask_who(struct client *client, const struct channel *channel, struct cc_slice after)
{
    struct cc_command command = {.type = CC_COMMAND_MEMBERS, .limit = 1000, .after_name = after};

    command.conversation = cc_text(channel->id);
    request_submit(client, client->live.session, &command, who_answered, channel->name);
}

/* Whether each is there is not asked for: AWAY tells it of those who let it be known. */
static void who_answered(struct client *client, struct request *request,
                         const struct cc_reply *reply)
{
    struct channel *channel = channel_named(client, request->name);

    for (size_t i = 0; !reply->error && i < reply->member_count; i++)
        show_who(client, request->name, reply->members[i].user, 'H',
                 role_sign(client, reply->members[i].role));
    if (!reply->error && reply->more && reply->member_count && channel)
        ask_who(client, channel, reply->members[reply->member_count - 1].user);
    else
        numeric(client, 315, "%s :End of WHO list", request->name);
}

static void who_is_there(struct client *client, struct request *request,
                         const struct cc_reply *reply)
{
    for (size_t i = 0; !reply->error && i < reply->presence_count; i++)
        show_who(client, "*", reply->presence[i].user,
                 reply->presence[i].status == CC_PRESENCE_ONLINE ? 'H' : 'G', "");
    numeric(client, 315, "%s :End of WHO list", request->name);
}

/* Of somebody who is a contact or a fellow member; there are no masks. */
static void who_user(struct client *client, const char *nick)
{
    struct cc_command command = {.type = CC_COMMAND_PRESENCE, .user_count = 1};
    char user[CC_NAME_MAX + 1];
    struct cc_slice users;

    if (strcmp(nick, client->nick) == 0)
        show_who(client, "*", cc_text(client->user), 'H', "");
    if (strcmp(nick, client->nick) == 0 || !user_of(nick, user)) {
        numeric(client, 315, "%.200s :End of WHO list", nick);
        return;
    }
    users = cc_text(user);
    command.users = &users;
    request_submit(client, client->live.session, &command, who_is_there, nick);
}

void do_who(struct client *client, struct line *line)
{
    struct channel *channel = channel_named(client, line->params[0]);

    if (channel && channel->is_joined)
        ask_who(client, channel, cc_text(""));
    else
        who_user(client, line->params[0]);
}

/* Of oneself: whether others are there is told to those whom they let know (WHOIS). */
void do_userhost(struct client *client, struct line *line)
{
    bool is_self = strcmp(line->params[0], client->nick) == 0;

    if (is_self)
        numeric(client, 302, ":%s=+%s@%s", client->nick, client->nick, client->server->name);
    else
        numeric(client, 302, ":");
}

/* --- whois --- */

/* request.flag: somebody whom the client may see; .low: who is offline. */
static void whois_profile(struct client *client, struct request *request,
                          const struct cc_reply *reply)
{
    char real[TOPIC_MAX + 1] = "";

    if (!reply->error)
        slice_copy(real, sizeof real, reply->profile->name);
    if (reply->error && !request->flag)
        numeric(client, 401, "%s :No such nick", request->name);
    else {
        numeric(client, 311, "%s %s %s * :%s", request->name, request->name, client->server->name,
                *real ? real : request->name);
        numeric(client, 312, "%s %s :chatcore", request->name, client->server->name);
        numeric(client, 330, "%s %s :is logged in as", request->name, request->name);
        if (request->low)
            numeric(client, 301, "%s :offline", request->name);
    }
    numeric(client, 318, "%s :End of WHOIS list", request->name);
}

/* Who has set no profile has none, but may be there. */
static void whois_presence(struct client *client, struct request *request,
                           const struct cc_reply *reply)
{
    struct cc_command command = {.type = CC_COMMAND_PROFILE};
    bool is_seen = !reply->error && reply->presence_count;
    struct request *next;
    char user[CC_NAME_MAX + 1];

    user_of(request->name, user);
    command.user = cc_text(user);
    next = request_submit(client, client->live.session, &command, whois_profile, request->name);
    if (!next)
        return;
    next->flag = is_seen || strcmp(user, client->user) == 0;
    next->low = is_seen && reply->presence[0].status == CC_PRESENCE_OFFLINE;
}

void do_whois(struct client *client, struct line *line)
{
    struct cc_command command = {.type = CC_COMMAND_PRESENCE, .user_count = 1};
    const char *nick = line->params[line->count > 1 ? 1 : 0];
    char user[CC_NAME_MAX + 1];
    struct cc_slice users;

    if (!user_of(nick, user)) {
        numeric(client, 401, "%.200s :No such nick", nick);
        numeric(client, 318, "%.200s :End of WHOIS list", nick);
        return;
    }
    users = cc_text(user);
    command.users = &users;
    request_submit(client, client->live.session, &command, whois_presence, nick);
}

void show_presence(struct client *client, const struct cc_presence *presence)
{
    char nick[NAME_MAX_ESCAPED + 1];

    if (!(client->caps & CAP_AWAY) || slice_is(presence->user, client->user))
        return;
    nick_of(presence->user, nick);
    say(client, NULL, ":%s!%s@%s AWAY%s", nick, nick, client->server->name,
        presence->status == CC_PRESENCE_ONLINE ? "" : " :offline");
}
