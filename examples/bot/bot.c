/*
 * A bot that says again what it is told: bot URL TOKEN_FILE FOLDER. It may be killed at any moment:
 * what it has not answered comes again, and the answer's client_id is made of the message's id, so
 * that nobody is answered twice.
 */
#include "chatcore/client.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct bot {
    struct cc_client *client;
    const char *token_file;
    char name[65];
};

static int read_token(void *context, enum cc_client_token_reason reason, char *token, size_t size)
{
    const struct bot *bot = context;
    FILE *file = fopen(bot->token_file, "r");
    int has_one = file && fgets(token, (int)size, file);

    (void)reason; /* a file that was renewed has another one */
    if (file)
        fclose(file);
    token[has_one ? strcspn(token, "\n") : 0] = 0;
    return has_one ? 0 : -1;
}

static void learn_name(struct bot *bot, const char *hello)
{
    json_t *fields = json_loads(hello, 0, NULL);
    const char *user = json_string_value(json_object_get(fields, "user"));

    snprintf(bot->name, sizeof bot->name, "%s", user ? user : "");
    json_decref(fields);
}

static void answer(const struct bot *bot, const struct cc_client_message *message)
{
    struct cc_client_draft draft = {.conversation = message->conversation, .text = message->text};
    char client_id[64];

    if (strcmp(message->kind, "text") != 0 || strcmp(message->from, bot->name) == 0)
        return;
    snprintf(client_id, sizeof client_id, "echo-%s", message->id);
    draft.client_id = client_id;
    cc_client_send(bot->client, &draft); /* -EEXIST: it is being answered already */
}

static void on_event(void *context, const struct cc_client_event *event)
{
    struct bot *bot = context;

    if (event->type == CC_CLIENT_EVENT_HELLO)
        learn_name(bot, event->json);
    else if (event->type == CC_CLIENT_EVENT_MESSAGE)
        answer(bot, &event->message);
    else if (event->type == CC_CLIENT_EVENT_STATE && event->status == CC_CLIENT_REFUSED)
        fprintf(stderr, "refused: %s\n", event->reason);
}

int main(int argc, char **argv)
{
    struct cc_client_options options = CC_CLIENT_OPTIONS_INIT;
    struct bot bot = {.token_file = argc == 4 ? argv[2] : NULL};
    sigset_t ends;
    int number, r;

    if (argc != 4)
        return fprintf(stderr, "usage: bot URL TOKEN_FILE FOLDER\n"), 2;
    cc_client_quiet();
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    options.url = argv[1];
    options.device = "bot";
    options.folder = argv[3];
    options.token = read_token;
    options.on_event = on_event;
    options.context = &bot;
    r = cc_client_new(&options, &bot.client);
    if (r)
        return fprintf(stderr, "%s: %s\n", argv[3], strerror(-r)), 1;
    cc_client_start(bot.client);
    sigwait(&ends, &number);
    cc_client_free(bot.client);
    return 0;
}
