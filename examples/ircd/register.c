/*
 * Until the welcome: capabilities, SASL, nick and user; then the token goes to the engine, the
 * conversations are asked for, and the client is in the channels that he is a member of.
 *
 * The nick is the user: who asks for another one gets his own.
 */
#include "ircd.h"
#include <event2/buffer.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    const char *value; /* with CAP LS 302 */
    unsigned cap;
} caps[] = {
    {"message-tags", "", CAP_TAGS},
    {"server-time", "", CAP_TIME},
    {"echo-message", "", CAP_ECHO},
    {"labeled-response", "", CAP_LABEL},
    {"batch", "", CAP_BATCH},
    {"away-notify", "", CAP_AWAY},
    {"account-tag", "", CAP_ACCOUNT},
    {"sasl", "=PLAIN", CAP_SASL},
    {"draft/chathistory", "", CAP_HISTORY},
    {"draft/read-marker", "", CAP_MARKER},
    {"draft/message-redaction", "", CAP_REDACT},
    {"multi-prefix", "", CAP_PREFIXES},
    {"userhost-in-names", "", CAP_USERHOST},
    {"cap-notify", "", CAP_NOTIFY},
};
#define CAP_COUNT (sizeof caps / sizeof *caps)

static void go_on(struct client *client);

/* --- capabilities --- */

static void list_caps(struct client *client, const char *verb, unsigned which, bool has_values)
{
    char text[400] = "";
    size_t used = 0;

    for (size_t i = 0; i < CAP_COUNT; i++)
        if (caps[i].cap & which)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s", used ? " " : "",
                                     caps[i].name, has_values ? caps[i].value : "");
    say(client, NULL, ":%s CAP %s %s :%s", client->server->name, *client->nick ? client->nick : "*",
        verb, text);
}

/* All of a request is taken, or nothing. */
static void request_caps(struct client *client, const char *list)
{
    char copy[BODY_MAX + 1], *rest = copy, *name;
    unsigned wanted = client->caps;

    snprintf(copy, sizeof copy, "%s", list);
    while ((name = strsep(&rest, " "))) {
        bool is_off = *name == '-';
        size_t i = 0;

        if (!*name)
            continue;
        while (i < CAP_COUNT && strcmp(caps[i].name, name + is_off) != 0)
            i++;
        if (i == CAP_COUNT) {
            say(client, NULL, ":%s CAP %s NAK :%s", client->server->name,
                *client->nick ? client->nick : "*", list);
            return;
        }
        wanted = is_off ? wanted & ~caps[i].cap : wanted | caps[i].cap;
    }
    client->caps = wanted;
    say(client, NULL, ":%s CAP %s ACK :%s", client->server->name,
        *client->nick ? client->nick : "*", list);
}

void do_cap(struct client *client, struct line *line)
{
    const char *verb = line->params[0];

    if (strcasecmp(verb, "LS") == 0) {
        bool is_302 = line->count > 1 && strtol(line->params[1], NULL, 10) >= 302;

        client->is_negotiating = !client->is_registered;
        if (is_302)
            client->caps |= CAP_NOTIFY;
        list_caps(client, "LS", ~0u, is_302);
    } else if (strcasecmp(verb, "LIST") == 0)
        list_caps(client, "LIST", client->caps, false);
    else if (strcasecmp(verb, "REQ") == 0) {
        client->is_negotiating = !client->is_registered;
        request_caps(client, line->count > 1 ? line->params[1] : "");
    } else if (strcasecmp(verb, "END") == 0) {
        client->is_negotiating = false;
        go_on(client);
    } else
        numeric(client, 410, "%s :Invalid CAP command", verb);
}

/* --- nick, user, pass --- */

void do_pass(struct client *client, struct line *line)
{
    if (client->is_registered) {
        numeric(client, 462, ":You may not reregister");
        return;
    }
    free(client->token);
    client->token = strdup(line->params[0]);
}

void do_nick(struct client *client, struct line *line)
{
    char user[CC_NAME_MAX + 1];

    if (!line->count || !*line->params[0])
        numeric(client, 431, ":No nickname given");
    else if (!user_of(line->params[0], user))
        numeric(client, 432, "%.64s :Erroneous nickname", line->params[0]);
    else if (client->is_registered && strcmp(line->params[0], client->nick) != 0)
        numeric(client, 447, ":Your nickname is your account's");
    else if (!client->is_registered) {
        snprintf(client->nick, sizeof client->nick, "%s", line->params[0]);
        go_on(client);
    }
}

void do_user(struct client *client, struct line *line)
{
    const char *name = line->params[0];

    if (client->is_registered) {
        numeric(client, 462, ":You may not reregister");
        return;
    }
    if (!*line->params[3]) {
        numeric(client, 461, "USER :Not enough parameters");
        return;
    }
    /* It becomes part of the device's name. */
    snprintf(client->username, sizeof client->username, "%.*s",
             (int)utf8_cut(name, strlen(name), 32), utf8_is_valid(name) && *name ? name : "irc");
    go_on(client);
}

/* --- the welcome --- */

static int open_session(struct client *client, struct link *link, bool is_live)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct cc_slice address = cc_text(client->address);

    options.data = link;
    options.address = address;
    options.requests_only = !is_live;
    if (!client->token)
        options.user = cc_text(client->user);
    return cc_session_open(cc_engine_queue(client->server->engine), &options, &link->session);
}

static void refuse(struct client *client, const char *text)
{
    numeric(client, 464, ":%s", text);
    client_close(client, text);
}

static void live_answered(struct client *client, struct request *request,
                          const struct cc_reply *reply)
{
    (void)request;
    if (reply->error)
        client_close(client, cc_strerror(reply->error));
}

static void go_live(struct client *client)
{
    struct cc_command command = {.type = CC_COMMAND_CONNECT};
    char device[CC_NAME_MAX + 1];

    snprintf(device, sizeof device, "irc-%.48s", client->username);
    command.device = cc_text(device);
    command.token = cc_text(client->token);
    if (open_session(client, &client->live, true)) {
        client_close(client, "Try again later");
        return;
    }
    request_submit(client, client->live.session, &command, live_answered, "");
    if (client->probe.session)
        cc_session_close(client->probe.session);
}

static void welcome(struct client *client)
{
    struct server *server = client->server;
    struct channel *channel;
    char nick[NAME_MAX_ESCAPED + 1], since[32];

    nick_of(cc_text(client->user), nick);
    if (strcmp(nick, client->nick) != 0)
        say(client, NULL, ":%s!%s@%s NICK :%s", client->nick, client->nick, server->name, nick);
    strcpy(client->nick, nick);
    client->is_registered = true;
    time_print(server->started, since);
    numeric(client, 1, ":Welcome, %s", client->nick);
    numeric(client, 2, ":Your host is %s, running chatcore-%s", server->name, cc_version());
    numeric(client, 3, ":This server was started %s", since);
    numeric(client, 4, "%s chatcore-%s i qo oq", server->name, cc_version());
    send_isupport(client);
    send_motd(client);
    go_live(client);
    TAILQ_FOREACH(channel, &client->channels, entry)
    if (!channel->is_direct && !client->is_closing)
        channel_enter(client, channel);
}

static void list_answered(struct client *client, struct request *request,
                          const struct cc_reply *reply);

static void list_conversations(struct client *client, const char *after)
{
    struct cc_command command = {.type = CC_COMMAND_CONVERSATIONS, .limit = 200};

    command.after_name = cc_text(after);
    if (!request_submit(client, client->probe.session, &command, list_answered, ""))
        client_close(client, "Try again later");
}

static void list_answered(struct client *client, struct request *request,
                          const struct cc_reply *reply)
{
    char last[ID_MAX + 1] = "";

    (void)request;
    if (reply->error) {
        client_close(client, cc_strerror(reply->error));
        return;
    }
    for (size_t i = 0; i < reply->conversation_count; i++) {
        channel_learn(client, &reply->conversations[i]);
        slice_copy(last, sizeof last, reply->conversations[i].conversation.id);
    }
    if (reply->more && *last)
        list_conversations(client, last);
    else
        welcome(client);
}

/* --- logging in --- */

static void login_failed(struct client *client, const struct cc_reply *reply, bool is_sasl)
{
    cc_session_close(client->probe.session);
    free(client->token);
    client->token = NULL;
    if (is_sasl && !client->is_registered)
        numeric(client, 904, ":SASL authentication failed");
    else
        refuse(client, cc_strerror(reply->error));
}

static void login_answered(struct client *client, struct request *request,
                           const struct cc_reply *reply)
{
    client->is_checking = false;
    if (reply->error) {
        login_failed(client, reply, request->flag);
        return;
    }
    slice_copy(client->user, sizeof client->user, reply->user);
    if (request->flag) {
        char nick[NAME_MAX_ESCAPED + 1];

        nick_of(reply->user, nick);
        numeric(client, 900, "%s!%s@%s %s :You are now logged in as %s", nick, nick,
                client->server->name, nick, nick);
        numeric(client, 903, ":SASL authentication successful");
    }
    go_on(client);
}

static void log_in(struct client *client, bool is_sasl)
{
    struct cc_command command = {.type = CC_COMMAND_CONNECT};
    struct request *request = NULL;

    client->is_checking = true;
    client->wants_sasl = is_sasl;
    client->wants_login = client->probe.session != NULL;
    if (client->wants_login)
        return;
    if (open_session(client, &client->probe, false)) {
        client_close(client, "Try again later");
        return;
    }
    command.token = cc_text(client->token);
    command.device = cc_text("irc");
    request = request_submit(client, client->probe.session, &command, login_answered, "");
    if (!request) {
        client_close(client, "Try again later");
        return;
    }
    request->flag = is_sasl;
}

/* After a wrong token the next one has been waiting; what was never answered cannot go on. */
void probe_ended(struct client *client)
{
    if (client->wants_login)
        log_in(client, client->wants_sasl);
    else if (client->is_checking && !client->is_registered)
        client_close(client, "Try again later");
}

static void go_on(struct client *client)
{
    if (client->is_registered || client->is_negotiating || client->is_checking || !*client->nick ||
        !*client->username || client->is_closing)
        return;
    if (*client->user && client->probe.session) {
        client->is_checking = true;
        list_conversations(client, "");
    } else if (client->token)
        log_in(client, false);
    else if (!client->server->is_trusting)
        refuse(client, "A token is required: as the password, or by SASL PLAIN");
    else {
        user_of(client->nick, client->user);
        log_in(client, false);
    }
}

/* --- SASL --- */

static void end_sasl(struct client *client)
{
    evbuffer_free(client->sasl);
    client->sasl = NULL;
}

/* authzid NUL authcid NUL password: the password is the token, which says who it is. */
static bool take_token(struct client *client)
{
    char plain[TOKEN_MAX + 2 * 256 + 3];
    size_t coded = evbuffer_get_length(client->sasl), size = 0, first, second;
    const char *base64 = (const char *)evbuffer_pullup(client->sasl, -1);

    if (!base64 || sodium_base642bin((unsigned char *)plain, sizeof plain - 1, base64, coded, NULL,
                                     &size, NULL, sodium_base64_VARIANT_ORIGINAL))
        return false;
    plain[size] = 0;
    first = strlen(plain) + 1;
    if (first >= size)
        return false;
    second = first + strlen(plain + first) + 1;
    if (second >= size || strlen(plain + second) != size - second)
        return false;
    free(client->token);
    client->token = strdup(plain + second);
    return client->token != NULL;
}

static void take_sasl(struct client *client, const char *chunk)
{
    size_t size = strlen(chunk);

    if (size > 400 || evbuffer_get_length(client->sasl) > 2 * TOKEN_MAX) {
        end_sasl(client);
        numeric(client, 905, ":SASL message too long");
        return;
    }
    if (strcmp(chunk, "+") != 0)
        evbuffer_add(client->sasl, chunk, size);
    if (size == 400)
        return;
    if (take_token(client))
        log_in(client, true);
    else
        numeric(client, 904, ":SASL authentication failed");
    end_sasl(client);
}

void do_authenticate(struct client *client, struct line *line)
{
    const char *word = line->params[0];

    if (!(client->caps & CAP_SASL) || client->is_registered || *client->user || client->is_checking)
        numeric(client, *client->user ? 907 : 904, ":SASL is not possible now");
    else if (strcmp(word, "*") == 0) {
        if (client->sasl)
            end_sasl(client);
        numeric(client, 906, ":SASL authentication aborted");
    } else if (client->sasl)
        take_sasl(client, word);
    else if (strcasecmp(word, "PLAIN") != 0) {
        numeric(client, 908, "PLAIN :are available SASL mechanisms");
        numeric(client, 904, ":SASL authentication failed");
    } else if ((client->sasl = evbuffer_new()))
        say(client, NULL, "AUTHENTICATE +");
}
