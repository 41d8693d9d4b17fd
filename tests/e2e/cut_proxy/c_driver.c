/*
 * clients/c as run.py's client under test: what is read and told stands there. c_driver
 * [dispatched]: with it, events come to a thread of this program through cc_client_dispatch().
 */
#include "chatcore/client.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cc_client *client;
static char *token_text;
static double scale;
static int is_dispatched;
static _Atomic int is_stopping;
static _Atomic int is_refused;
static pthread_t dispatcher;

/* Takes `line`. */
static void tell(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);

    flockfile(stdout);
    puts(text);
    fflush(stdout);
    funlockfile(stdout);
    free(text);
    json_decref(line);
}

static int give_token(void *context, enum cc_client_token_reason reason, char *token, size_t size)
{
    (void)context, (void)reason;
    return snprintf(token, size, "%s", token_text) < (int)size ? 0 : -1;
}

static double give_random(void *context)
{
    (void)context;
    return (double)random() / ((double)RAND_MAX + 1) * scale;
}

static void tell_message(const struct cc_client_event *event)
{
    json_t *line = json_loads(event->json, 0, NULL);

    json_object_set_new(line, "tell", json_string("message"));
    tell(line);
}

static const char *status_name(enum cc_client_status status)
{
    static const char *const names[] = {"stopped", "connecting", "catching up",
                                        "online",  "waiting",    "refused"};

    return names[status];
}

static void on_event(void *context, const struct cc_client_event *event)
{
    (void)context;
    switch (event->type) {
    case CC_CLIENT_EVENT_STATE:
        is_refused = event->status == CC_CLIENT_REFUSED;
        tell(json_pack("{s:s, s:s}", "tell", "state", "status", status_name(event->status)));
        break;
    case CC_CLIENT_EVENT_MESSAGE:
        tell_message(event);
        break;
    case CC_CLIENT_EVENT_SENT:
        tell(json_pack("{s:s, s:s}", "tell", "sent", "client_id", event->client_id));
        break;
    case CC_CLIENT_EVENT_FAILED:
        tell(json_pack("{s:s, s:s, s:s}", "tell", "failed", "client_id", event->client_id, "error",
                       event->error));
        break;
    default:
        break;
    }
}

static void *dispatch(void *context)
{
    struct pollfd readable = {.fd = cc_client_fd(client), .events = POLLIN};

    (void)context;
    while (!is_stopping) {
        poll(&readable, 1, 20);
        cc_client_dispatch(client, 0);
    }
    cc_client_dispatch(client, 0);
    return NULL;
}

static const char *text(json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

static void open_client(json_t *line)
{
    struct cc_client_options options = CC_CLIENT_OPTIONS_INIT;
    int r;

    free(token_text);
    token_text = strdup(text(line, "token"));
    scale = json_is_true(json_object_get(line, "is_hasty")) ? 0.02 : 1;
    options.url = text(line, "url");
    options.device = text(line, "device");
    options.folder = text(line, "folder");
    options.token = give_token;
    options.random = give_random;
    options.on_event = on_event;
    options.dispatched = is_dispatched;
    options.encoding =
        strcmp(text(line, "encoding"), "msgpack") ? CC_CLIENT_JSON : CC_CLIENT_MSGPACK;
    r = cc_client_new(&options, &client);
    if (r) {
        fprintf(stderr, "%s: %s\n", options.folder, strerror(-r));
        exit(1);
    }
    is_stopping = 0;
    if (is_dispatched)
        pthread_create(&dispatcher, NULL, dispatch, NULL);
}

static void close_client(void)
{
    if (!client)
        return;
    cc_client_stop(client);
    is_stopping = 1;
    if (is_dispatched)
        pthread_join(dispatcher, NULL);
    cc_client_free(client);
    client = NULL;
}

static void send_draft(json_t *line)
{
    struct cc_client_draft draft = {.conversation = text(line, "conversation"),
                                    .user = text(line, "user"),
                                    .text = text(line, "text"),
                                    .client_id = text(line, "client_id")};
    int r = cc_client_send(client, &draft);

    if (r && r != -EEXIST) {
        fprintf(stderr, "send: %s\n", strerror(-r));
        exit(1);
    }
    tell(json_pack("{s:s, s:s}", "tell", "kept", "client_id", draft.client_id));
}

static void obey(json_t *line)
{
    const char *what = text(line, "do");

    if (!strcmp(what, "send")) {
        send_draft(line);
    } else if (!strcmp(what, "stop")) {
        close_client();
        tell(json_pack("{s:s}", "tell", "stopped"));
    } else {
        if (!client)
            open_client(line);
        cc_client_start(client);
    }
}

int main(int argc, char **argv)
{
    char buffer[1 << 17];

    cc_client_quiet();
    is_dispatched = argc > 1 && !strcmp(argv[1], "dispatched");
    srandom((unsigned)(size_t)&argc);
    while (fgets(buffer, sizeof buffer, stdin)) {
        json_t *line = json_loads(buffer, 0, NULL);

        obey(line);
        json_decref(line);
    }
    close_client();
    free(token_text);
    return 0;
}
