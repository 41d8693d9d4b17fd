/*
 * A program that already has its own libevent loop and its own HTTP server (libevent's evhttp), and
 * gets chat: the engine is driven by its loop, the gateway takes WebSocket connections on a second
 * port, and the program itself takes part in the chat without a socket, as the user "server".
 *
 *   existing_libevent_app DIR HTTP_PORT CHAT_PORT      (0: any free port)
 *
 *   GET  /                   how many messages it has seen
 *   POST /say?conversation=C the body becomes a message from "server" in conversation C
 *   GET  /token?user=U       a token for the WebSocket port (a real program knows its users)
 *
 * What was there before chat is marked (1), what chat adds (2).
 */
#include <chatcore/error.h>
#include <chatcore/gateway.h>
#include <chatcore/host.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

static const char secret[] = "a secret of 32 bytes, for example";

struct app {
    struct event_base *base; /* (1) */
    struct evhttp *http;     /* (1) */
    struct evhttp_bound_socket *socket;
    struct event *interrupt;       /* (1) */
    unsigned long seen;            /* (2) */
    uint64_t next_id;              /* (2) */
    struct cc_host *host;          /* (2) */
    struct cc_engine *engine;      /* (2) */
    struct cc_gateway *gateway;    /* (2) */
    struct cc_session *session;    /* (2) the program's own */
    struct evhttp_request *saying; /* (2) waits for its message to be durable */
    uint64_t saying_id;
};

static struct cc_slice slice(const char *text)
{
    struct cc_slice slice = {text, strlen(text)};

    return slice;
}

/* --- HTTP, as the program had it before ---------------------------------------------------------
 */

static void answer(struct evhttp_request *request, int status, const char *text)
{
    struct evbuffer *body = evbuffer_new();

    evbuffer_add_printf(body, "%s\n", text);
    evhttp_send_reply(request, status, NULL, body);
    evbuffer_free(body);
}

static void get_root(struct evhttp_request *request, void *context)
{
    const struct app *app = context;
    char text[64];

    snprintf(text, sizeof text, "%lu messages seen", app->seen);
    answer(request, 200, text);
}

static char *parameter(struct evhttp_request *request, const char *name)
{
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    struct evkeyvalq values;
    const char *found;
    char *copy;

    if (!query || evhttp_parse_query_str(query, &values))
        return NULL;
    found = evhttp_find_header(&values, name);
    copy = found ? strdup(found) : NULL;
    evhttp_clear_headers(&values);
    return copy;
}

/* --- chat: commands out ------------------------------------------------------------------------
 */

/* The reply comes later, as an event; until then this one request waits. */
static void post_say(struct evhttp_request *request, void *context)
{
    struct app *app = context;
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    char *conversation = parameter(request, "conversation");
    struct cc_command send = {.type = CC_COMMAND_SEND};
    char client_id[64];

    if (!conversation || app->saying) {
        answer(request, app->saying ? 503 : 400, "not now");
        free(conversation);
        return;
    }
    snprintf(client_id, sizeof client_id, "%ld-%llu", (long)time(NULL),
             (unsigned long long)app->next_id);
    send.id = app->saying_id = app->next_id++;
    send.conversation = slice(conversation);
    send.client_id = slice(client_id);
    send.text.size = evbuffer_get_length(body);
    send.text.data = (const char *)evbuffer_pullup(body, -1);
    if (cc_session_submit(app->session, &send) == 0)
        app->saying = request;
    else
        answer(request, 503, "busy");
    cc_queue_flush(cc_engine_queue(app->engine));
    free(conversation);
}

static void get_token(struct evhttp_request *request, void *context)
{
    char *user = parameter(request, "user");
    char *token = NULL;

    (void)context;
    if (user && !cc_auth_tokens_sign(cc_allocator_default(), slice(secret), slice(user),
                                     time(NULL) + 3600, &token))
        answer(request, 200, token);
    else
        answer(request, 400, "no user");
    free(token);
    free(user);
}

/* --- chat: events in ---------------------------------------------------------------------------
 */

static void on_reply(struct app *app, const struct cc_reply *reply)
{
    if (!app->saying || reply->id != app->saying_id)
        return;
    answer(app->saying, reply->error ? cc_error_code(reply->error) : 200,
           reply->error ? cc_strerror(reply->error) : "said");
    app->saying = NULL;
}

/* Runs from the loop, never inside of a call above. */
static void on_event(void *context, const struct cc_event *event)
{
    struct app *app = context;

    switch (event->type) {
    case CC_EVENT_REPLY:
        on_reply(app, event->u.reply);
        break;
    case CC_EVENT_MESSAGE:
        app->seen++;
        break;
    case CC_EVENT_STOPPED:
        event_base_loopbreak(app->base);
        break;
    default:
        break;
    }
}

/* --- start and end -----------------------------------------------------------------------------
 */

static int open_session(struct app *app)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct cc_command connect = {.type = CC_COMMAND_CONNECT};
    int r;

    options.user = slice("server"); /* trusted: no token */
    options.data = app;
    connect.id = app->next_id++;
    connect.device = slice("program");
    r = cc_session_open(cc_engine_queue(app->engine), &options, &app->session);
    return r ? r : cc_session_submit(app->session, &connect);
}

/* On a gateway thread. */
static void on_gateway_stopped(void *context)
{
    cc_engine_stop(((struct app *)context)->engine, CC_CLOSE_DRAINING);
}

/* All that it takes to add chat. */
static int add_chat(struct app *app, const char *folder, int port)
{
    struct cc_host_options host = CC_HOST_OPTIONS_INIT;
    struct cc_embedded_options embedded = CC_EMBEDDED_OPTIONS_INIT;
    struct cc_auth_tokens_options tokens = CC_AUTH_TOKENS_OPTIONS_INIT;
    struct cc_gateway_options gateway = CC_GATEWAY_OPTIONS_INIT;
    int r;

    host.on_event = on_event;
    host.context = app;
    gateway.port = port;
    gateway.on_stopped = on_gateway_stopped;
    gateway.context = app;
    r = cc_host_new(&host, &app->host);
    if (!r)
        r = cc_auth_tokens_new(cc_allocator_default(), &tokens, &embedded.auth);
    if (!r)
        r = cc_auth_tokens_add_secret(&embedded.auth, NULL, slice(secret));
    if (!r)
        r = cc_open_embedded(folder, &embedded, app->host, &app->engine);
    if (!r)
        r = cc_host_attach(app->host, app->engine, app->base);
    if (!r)
        r = open_session(app);
    return r ? r : cc_gateway_new(app->engine, &gateway, &app->gateway);
}

static void on_interrupt(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    cc_gateway_stop(((struct app *)context)->gateway);
}

static int add_http(struct app *app, int port)
{
    app->base = event_base_new();
    app->http = app->base ? evhttp_new(app->base) : NULL;
    app->interrupt = app->base ? evsignal_new(app->base, SIGTERM, on_interrupt, app) : NULL;
    if (!app->http || !app->interrupt || event_add(app->interrupt, NULL))
        return -1;
    evhttp_set_cb(app->http, "/", get_root, app);
    evhttp_set_cb(app->http, "/say", post_say, app);
    evhttp_set_cb(app->http, "/token", get_token, app);
    app->socket = evhttp_bind_socket_with_handle(app->http, "127.0.0.1", (unsigned short)port);
    return app->socket ? 0 : -1;
}

static void end(struct app *app)
{
    cc_gateway_free(app->gateway);
    cc_engine_free(app->engine);
    cc_host_free(app->host);
    evhttp_free(app->http);
    event_free(app->interrupt);
    event_base_free(app->base);
}

static int http_port(const struct app *app)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;

    getsockname(evhttp_bound_socket_get_fd(app->socket), (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

int main(int argc, char **argv)
{
    struct app app = {.next_id = 1};
    int r;

    if (argc != 4) {
        fprintf(stderr, "usage: %s DIR HTTP_PORT CHAT_PORT\n", argv[0]);
        return 2;
    }
    if (add_http(&app, (int)strtol(argv[2], NULL, 10))) {
        perror("existing_libevent_app");
        return 1;
    }
    r = add_chat(&app, argv[1], (int)strtol(argv[3], NULL, 10));
    if (r) {
        fprintf(stderr, "existing_libevent_app: %s\n", cc_strerror(r));
        return 1;
    }
    printf("ready http 127.0.0.1:%d chat 127.0.0.1:%d\n", http_port(&app),
           cc_gateway_port(app.gateway));
    fflush(stdout);
    event_base_dispatch(app.base);
    end(&app);
    return 0;
}
