/*
 * Channels: the groups that a client's user is a member of, all of which he is in as long as he is
 * connected. JOIN and PART change the membership, in the engine; what others do comes back as
 * system messages (talk.c).
 *
 * Anybody may join a group whose id begins with #: the server's own session, an administrator's,
 * adds him; the first one creates it. Into any other (&) its admins let people, by INVITE.
 */
#include "ircd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct channel *channel_find(struct client *client, struct cc_slice id)
{
    struct channel *channel;

    TAILQ_FOREACH(channel, &client->channels, entry)
    if (slice_is(id, channel->id))
        return channel;
    return NULL;
}

struct channel *channel_named(struct client *client, const char *name)
{
    struct channel *channel;

    TAILQ_FOREACH(channel, &client->channels, entry)
    if (strcmp(channel->name, name) == 0)
        return channel;
    return NULL;
}

/* NULL: out of memory. */
static struct channel *make(struct client *client, struct cc_slice id)
{
    struct channel *channel = id.size > ID_MAX ? NULL : calloc(1, sizeof *channel);

    if (!channel)
        return NULL;
    slice_copy(channel->id, sizeof channel->id, id);
    channel_name_of(id, channel->name);
    TAILQ_INSERT_TAIL(&client->channels, channel, entry);
    return channel;
}

/* What was said there is shown once the engine has told what it is. NULL: out of memory. */
struct channel *channel_pending(struct client *client, struct cc_slice id)
{
    struct channel *channel = make(client, id);

    if (channel)
        channel->is_pending = true;
    return channel;
}

void channel_forget(struct client *client, struct channel *channel)
{
    TAILQ_REMOVE(&client->channels, channel, entry);
    free(channel);
}

struct channel *channel_direct(struct client *client, struct cc_slice id, struct cc_slice peer)
{
    struct channel *channel = channel_find(client, id);

    if (!channel)
        channel = make(client, id);
    if (!channel)
        return NULL;
    channel->is_direct = true;
    nick_of(peer, channel->name);
    return channel;
}

/* NULL: out of memory. */
struct channel *channel_learn(struct client *client, const struct cc_conversation_summary *summary)
{
    struct cc_slice id = summary->conversation.id;
    struct channel *channel = summary->conversation.kind == CC_KIND_DIRECT
                                  ? channel_direct(client, id, summary->peer)
                                  : channel_find(client, id);

    if (!channel)
        channel = make(client, id);
    if (!channel)
        return NULL;
    slice_copy(channel->topic, sizeof channel->topic, summary->conversation.name);
    channel->role = summary->role;
    channel->members = summary->conversation.member_count;
    if (summary->ts > channel->ts)
        channel->ts = summary->ts;
    if (summary->read > channel->read)
        channel->read = summary->read;
    if (summary->delivered > channel->told)
        channel->told = summary->delivered;
    return channel;
}

static struct channel *joined(struct client *client, const char *name)
{
    struct channel *channel = channel_named(client, name);

    if (channel && channel->is_joined)
        return channel;
    numeric(client, *name == '#' || *name == '&' ? 442 : 403, "%.200s :You're not on that channel",
            name);
    return NULL;
}

static void refused(struct client *client, const char *name, const struct cc_reply *reply)
{
    numeric(client, reply->error == CC_EFORBIDDEN ? 482 : 437, "%s :%s", name,
            cc_strerror(reply->error));
}

/* --- names --- */

/* An owner may all that an operator may: who asked for all signs sees both. */
const char *role_sign(const struct client *client, enum cc_role role)
{
    if (role == CC_ROLE_OWNER)
        return client->caps & CAP_PREFIXES ? "~@" : "~";
    return role == CC_ROLE_ADMIN ? "@" : "";
}

static int print_member(const struct client *client, const struct cc_member *member, char *to,
                        size_t size)
{
    char nick[NAME_MAX_ESCAPED + 1];

    nick_of(member->user, nick);
    if (client->caps & CAP_USERHOST)
        return snprintf(to, size, "%s%s!%s@%s", role_sign(client, member->role), nick, nick,
                        client->server->name);
    return snprintf(to, size, "%s%s", role_sign(client, member->role), nick);
}

static void names_answered(struct client *client, struct request *request,
                           const struct cc_reply *reply);

static void ask_names(struct client *client, const char *id, const char *name, const char *after)
{
    struct cc_command command = {.type = CC_COMMAND_MEMBERS, .limit = 1000};

    command.conversation = cc_text(id);
    command.after_name = cc_text(after);
    request_submit(client, client->live.session, &command, names_answered, name);
}

static void show_names(struct client *client, const char *name, const struct cc_reply *reply)
{
    char list[BODY_MAX], member[2 * NAME_MAX_ESCAPED + 128];
    size_t used = 0, room = BODY_MAX - 60 - strlen(name) - strlen(client->nick) -
                            strlen(client->server->name);

    for (size_t i = 0; i < reply->member_count; i++) {
        size_t size = (size_t)print_member(client, &reply->members[i], member, sizeof member);

        if (used && used + size + 1 > room) {
            numeric(client, 353, "= %s :%s", name, list);
            used = 0;
        }
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? " " : "", member);
    }
    if (used)
        numeric(client, 353, "= %s :%s", name, list);
}

static void names_answered(struct client *client, struct request *request,
                           const struct cc_reply *reply)
{
    struct channel *channel = channel_named(client, request->name);

    if (!reply->error)
        show_names(client, request->name, reply);
    if (!reply->error && reply->more && reply->member_count && channel) {
        char last[CC_NAME_MAX + 1];

        slice_copy(last, sizeof last, reply->members[reply->member_count - 1].user);
        ask_names(client, channel->id, channel->name, last);
    } else
        numeric(client, 366, "%s :End of NAMES list", request->name);
}

void do_names(struct client *client, struct line *line)
{
    struct channel *channel = line->count ? channel_named(client, line->params[0]) : NULL;

    if (!line->count) /* of all: nobody is asked for that */
        numeric(client, 366, "* :End of NAMES list");
    else if (channel && channel->is_joined)
        ask_names(client, channel->id, channel->name, "");
    else
        numeric(client, 366, "%.200s :End of NAMES list", line->params[0]);
}

/* --- join and part --- */

static void show_topic(struct client *client, const struct channel *channel, bool says_none)
{
    if (*channel->topic)
        numeric(client, 332, "%s :%s", channel->name, channel->topic);
    else if (says_none)
        numeric(client, 331, "%s :No topic is set", channel->name);
}

void channel_enter(struct client *client, struct channel *channel)
{
    if (channel->is_joined)
        return;
    channel->is_joined = true;
    say(client, NULL, ":%s!%s@%s JOIN %s", client->nick, client->nick, client->server->name,
        channel->name);
    show_topic(client, channel, false);
    if (client->caps & CAP_MARKER)
        show_marker(client, channel);
    ask_names(client, channel->id, channel->name, "");
}

void channel_pushed(struct client *client, const struct cc_conversation_summary *summary)
{
    struct channel *channel = channel_find(client, summary->conversation.id);

    if (!summary->gone) {
        channel = channel_learn(client, summary);
        if (channel && !channel->is_direct)
            channel_enter(client, channel);
        if (channel && channel->is_bare)
            show_topic(client, channel, false);
        if (channel)
            channel->is_bare = false;
        if (channel && channel->is_pending)
            catch_up(client, channel);
        return;
    }
    if (!channel)
        return;
    if (channel->is_joined)
        say(client, NULL, ":%s!%s@%s PART %s", client->nick, client->nick, client->server->name,
            channel->name);
    channel_forget(client, channel);
}

static void entered(struct client *client, const char *name)
{
    struct channel *channel = channel_named(client, name);
    char id[CC_NAME_MAX + 1];

    if (!channel && id_of(name, id))
        channel = make(client, cc_text(id));
    if (!channel)
        return;
    channel->is_bare = !channel->members;
    channel_enter(client, channel);
}

static void ask_in(struct client *client, const char *name, bool may_create);

static void created(struct client *client, struct request *request, const struct cc_reply *reply)
{
    if (!reply->error)
        entered(client, request->name);
    else if (reply->error == CC_EEXISTS)
        ask_in(client, request->name, false); /* somebody was faster */
    else
        refused(client, request->name, reply);
}

static void create(struct client *client, const char *name)
{
    struct cc_command command = {.type = CC_COMMAND_CREATE, .kind = CC_KIND_GROUP};
    char id[CC_NAME_MAX + 1];

    id_of(name, id);
    command.conversation = cc_text(id);
    command.has_name = true;
    request_submit(client, client->live.session, &command, created, name);
}

static void let_in(struct client *client, struct request *request, const struct cc_reply *reply)
{
    if (!reply->error)
        entered(client, request->name);
    else if (reply->error == CC_ENOTFOUND && request->flag)
        create(client, request->name);
    else
        refused(client, request->name, reply);
}

static void ask_in(struct client *client, const char *name, bool may_create)
{
    struct cc_command command = {.type = CC_COMMAND_ADD};
    struct cc_slice user = cc_text(client->user);
    struct request *request;
    char id[CC_NAME_MAX + 1];

    id_of(name, id);
    command.conversation = cc_text(id);
    command.users = &user;
    command.user_count = 1;
    request = request_submit(client, client->server->operator, & command, let_in, name);
    if (request)
        request->flag = may_create;
}

void do_join(struct client *client, struct line *line)
{
    char *list = line->params[0], *name, id[CC_NAME_MAX + 1];

    for (int i = 0; i < TARGETS_MAX && (name = next_item(&list)); i++) {
        struct channel *channel = channel_named(client, name);

        if (channel && channel->is_joined)
            continue;
        if (!id_of(name, id))
            numeric(client, 403, "%.200s :No such channel", name);
        else if (*name == '&')
            numeric(client, 473, "%s :Cannot join channel (+i)", name);
        else
            ask_in(client, name, true);
    }
}

static void parted(struct client *client, struct request *request, const struct cc_reply *reply)
{
    struct channel *channel = channel_named(client, request->name);

    if (reply->error) {
        refused(client, request->name, reply);
        return;
    }
    if (!channel || !channel->is_joined)
        return;
    say(client, NULL, ":%s!%s@%s PART %s", client->nick, client->nick, client->server->name,
        channel->name);
    channel_forget(client, channel);
}

void do_part(struct client *client, struct line *line)
{
    char *list = line->params[0], *name;

    for (int i = 0; i < TARGETS_MAX && (name = next_item(&list)); i++) {
        struct cc_command command = {.type = CC_COMMAND_LEAVE};
        struct channel *channel = joined(client, name);

        if (!channel)
            continue;
        command.conversation = cc_text(channel->id);
        request_submit(client, client->live.session, &command, parted, name);
    }
}

/* --- what changes a group --- */

static void changed(struct client *client, struct request *request, const struct cc_reply *reply)
{
    if (reply->error)
        refused(client, request->name, reply);
}

void do_topic(struct client *client, struct line *line)
{
    struct cc_command command = {.type = CC_COMMAND_UPDATE, .has_name = true};
    struct channel *channel = joined(client, line->params[0]);

    if (!channel)
        return;
    if (line->count < 2) {
        show_topic(client, channel, true);
        return;
    }
    command.conversation = cc_text(channel->id);
    command.name = cc_text(line->params[1]);
    request_submit(client, client->live.session, &command, changed, channel->name);
}

/* NULL: nothing was asked, and the client has been told. */
static struct request *act_on(struct client *client, struct channel *channel,
                              struct cc_command *command, const char *nick, answer_fn *answer)
{
    char user[CC_NAME_MAX + 1];
    struct cc_slice name;

    if (!user_of(nick, user)) {
        numeric(client, 401, "%.200s :No such nick", nick);
        return NULL;
    }
    name = cc_text(user);
    command->conversation = cc_text(channel->id);
    command->user = name;
    command->users = &name;
    command->user_count = 1;
    return request_submit(client, client->live.session, command, answer, channel->name);
}

void do_kick(struct client *client, struct line *line)
{
    struct cc_command command = {.type = CC_COMMAND_REMOVE};
    struct channel *channel = joined(client, line->params[0]);

    if (channel)
        act_on(client, channel, &command, line->params[1], changed);
}

/* request.word: whom. Who is let in has joined: there is nothing that he would have to do. */
static void invited(struct client *client, struct request *request, const struct cc_reply *reply)
{
    if (reply->error)
        refused(client, request->name, reply);
    else
        numeric(client, 341, "%s %s", request->word, request->name);
}

void do_invite(struct client *client, struct line *line)
{
    struct cc_command command = {.type = CC_COMMAND_ADD, .role = CC_ROLE_MEMBER};
    struct channel *channel = joined(client, line->params[1]);
    struct request *request;

    if (!channel)
        return;
    request = act_on(client, channel, &command, line->params[0], invited);
    if (request)
        snprintf(request->word, sizeof request->word, "%s", line->params[0]);
}

static void set_mode(struct client *client, struct channel *channel, struct line *line)
{
    struct cc_command command = {.type = CC_COMMAND_ROLE};
    const char *mode = line->params[1];

    if ((mode[0] != '+' && mode[0] != '-') || !mode[1] || !strchr("oq", mode[1]) || mode[2]) {
        if (strchr(mode, 'b'))
            numeric(client, 368, "%s :End of channel ban list", channel->name);
        else
            numeric(client, 472, "%.8s :is unknown mode char to me", mode);
        return;
    }
    command.role = mode[0] == '-' ? CC_ROLE_MEMBER : mode[1] == 'o' ? CC_ROLE_ADMIN : CC_ROLE_OWNER;
    if (line->count > 2)
        act_on(client, channel, &command, line->params[2], changed);
    else
        numeric(client, 461, "MODE :Not enough parameters");
}

void do_mode(struct client *client, struct line *line)
{
    const char *name = line->params[0];
    struct channel *channel;

    if (*name != '#' && *name != '&') {
        if (strcmp(name, client->nick) != 0)
            numeric(client, 502, ":Cannot change mode for other users");
        else
            numeric(client, 221, "+i");
        return;
    }
    channel = joined(client, name);
    if (!channel)
        return;
    if (line->count > 1)
        set_mode(client, channel, line);
    else
        numeric(client, 324, "%s +%s", name, *name == '#' ? "" : "i");
}

/* The user's own: the engine has no list of all. */
void do_list(struct client *client, struct line *line)
{
    struct channel *channel;

    (void)line;
    numeric(client, 321, "Channel :Users  Name");
    TAILQ_FOREACH(channel, &client->channels, entry)
    if (channel->is_joined)
        numeric(client, 322, "%s %u :%s", channel->name, (unsigned)channel->members,
                channel->topic);
    numeric(client, 323, ":End of LIST");
}

/* What was shown has been delivered; told now and then, not for each message. */
void channels_tell_delivered(struct client *client)
{
    struct channel *channel;

    TAILQ_FOREACH(channel, &client->channels, entry)
    {
        struct cc_command command = {.type = CC_COMMAND_DELIVERED, .seq = channel->seen};

        if (channel->seen <= channel->told)
            continue;
        command.conversation = cc_text(channel->id);
        channel->told = channel->seen;
        if (!request_submit(client, client->live.session, &command, ignore_answer, ""))
            return;
    }
}
