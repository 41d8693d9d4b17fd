/*
 * The table of commands, and those that need nothing of the engine.
 */
#include "ircd.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void do_ping(struct client *client, struct line *line)
{
    say(client, NULL, ":%s PONG %s :%s", client->server->name, client->server->name,
        line->params[0]);
}

static void do_pong(struct client *client, struct line *line)
{
    (void)client;
    (void)line;
}

static void do_quit(struct client *client, struct line *line)
{
    client_close(client, line->count ? line->params[0] : "Quit");
}

void send_motd(struct client *client)
{
    if (!client->server->motd) {
        numeric(client, 422, ":There is no message of the day");
        return;
    }
    numeric(client, 375, ":- %s message of the day -", client->server->name);
    numeric(client, 372, ":- %s", client->server->motd);
    numeric(client, 376, ":End of MOTD");
}

static void do_motd(struct client *client, struct line *line)
{
    (void)line;
    send_motd(client);
}

void send_isupport(struct client *client)
{
    numeric(client, 5,
            "NETWORK=chatcore CASEMAPPING=ascii CHANTYPES=#& PREFIX=(qo)~@ CHANMODES=,,, "
            "NICKLEN=%d CHANNELLEN=%d TOPICLEN=%d MODES=1 :are supported by this server",
            CC_NAME_MAX, CC_NAME_MAX, TOPIC_MAX);
    numeric(client, 5,
            "UTF8ONLY CHATHISTORY=%d MSGREFTYPES=msgid,timestamp "
            "CLIENTTAGDENY=*,-draft/react,-draft/reply,-draft/unreact,-typing "
            "TARGMAX=JOIN:%d,PART:%d,PRIVMSG:%d,NOTICE:%d,NAMES:1,WHOIS:1,KICK:1 "
            ":are supported by this server",
            HISTORY_MAX, TARGETS_MAX, TARGETS_MAX, TARGETS_MAX, TARGETS_MAX);
}

static void do_version(struct client *client, struct line *line)
{
    (void)line;
    numeric(client, 351, "chatcore-%s %s :", cc_version(), client->server->name);
    send_isupport(client);
}

static void do_time(struct client *client, struct line *line)
{
    char text[32];

    (void)line;
    time_print(cc_host_now().wall_ms, text);
    numeric(client, 391, "%s :%s", client->server->name, text);
}

static void do_lusers(struct client *client, struct line *line)
{
    (void)line;
    numeric(client, 251, ":There are %u clients on IRC", (unsigned)client->server->client_count);
}

/* The engine knows no such state: whoever has a session is there. */
static void do_away(struct client *client, struct line *line)
{
    if (line->count && *line->params[0])
        numeric(client, 306, ":You have been marked as being away (others are not told)");
    else
        numeric(client, 305, ":You are no longer marked as being away");
}

static const struct command {
    const char *verb;
    void (*run)(struct client *client, struct line *line);
    int params;    /* at least: else 461 */
    bool is_early; /* also before the welcome: else 451 */
} commands[] = {
    {"AUTHENTICATE", do_authenticate, 1, true},
    {"AWAY", do_away, 0, false},
    {"CAP", do_cap, 1, true},
    {"CHATHISTORY", do_chathistory, 0, false},
    {"INVITE", do_invite, 2, false},
    {"JOIN", do_join, 1, false},
    {"KICK", do_kick, 2, false},
    {"LIST", do_list, 0, false},
    {"LUSERS", do_lusers, 0, false},
    {"MARKREAD", do_markread, 0, false},
    {"MODE", do_mode, 1, false},
    {"MOTD", do_motd, 0, false},
    {"NAMES", do_names, 0, false},
    {"NICK", do_nick, 0, true},
    {"NOTICE", do_notice, 0, false},
    {"PART", do_part, 1, false},
    {"PASS", do_pass, 1, true},
    {"PING", do_ping, 1, true},
    {"PONG", do_pong, 0, true},
    {"PRIVMSG", do_privmsg, 0, false},
    {"QUIT", do_quit, 0, true},
    {"REDACT", do_redact, 2, false},
    {"TAGMSG", do_tagmsg, 1, false},
    {"TIME", do_time, 0, false},
    {"TOPIC", do_topic, 1, false},
    {"USER", do_user, 4, true},
    {"USERHOST", do_userhost, 1, false},
    {"VERSION", do_version, 0, false},
    {"WHO", do_who, 1, false},
    {"WHOIS", do_whois, 1, false},
};

static const struct command *find(const char *verb)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcasecmp(commands[i].verb, verb) == 0)
            return &commands[i];
    return NULL;
}

void command_run(struct client *client, struct line *line)
{
    const struct command *command = find(line->verb);

    if (!command && client->is_registered)
        numeric(client, 421, "%.64s :Unknown command", line->verb);
    else if (!client->is_registered && (!command || !command->is_early))
        numeric(client, 451, ":You have not registered");
    else if (line->count < command->params)
        numeric(client, 461, "%s :Not enough parameters", command->verb);
    else
        command->run(client, line);
}
