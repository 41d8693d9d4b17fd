/*
 * Connections: lines in, bounded and throttled; the end of a client.
 *
 * Who sends faster than LINES_PER_S, after LINES_BURST, is not read from until he has credit again:
 * what he sends then waits in the kernel, and costs this server nothing.
 */
#include "ircd.h"
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_BURST 40
#define LINES_PER_S 10
#define TICK_MS     500
#define REGISTER_MS 30000 /* from accepting to the welcome */
#define QUIET_MS    90000 /* then it is pinged; after twice as long it is gone */
#define CLOSE_S     3     /* for the last lines to go out */
#define INPUT_MAX   (2 * LINE_MAX_IN)

static void socket_gone(struct client *client)
{
    if (client->io)
        bufferevent_free(client->io);
    client->io = NULL;
    client_settle(client);
}

/* Frees a client that is closed and of which no session has an event to come. */
void client_settle(struct client *client)
{
    if (!client->io && !client->probe.session && !client->live.session)
        client_free(client);
}

void client_free(struct client *client)
{
    struct request *request;
    struct channel *channel;

    while ((request = TAILQ_FIRST(&client->requests))) {
        TAILQ_REMOVE(&client->requests, request, entry);
        label_unref(client, request->label);
        free(request);
    }
    while ((channel = TAILQ_FIRST(&client->channels)))
        channel_forget(client, channel);
    TAILQ_REMOVE(&client->server->clients, client, entry);
    client->server->client_count--;
    if (client->io)
        bufferevent_free(client->io);
    if (client->tick)
        event_free(client->tick);
    if (client->sasl)
        evbuffer_free(client->sasl);
    free(client->token);
    free(client);
}

/* Says goodbye (`reason` NULL: cuts); the rest follows from the loop: the client outlives this. */
void client_close(struct client *client, const char *reason)
{
    struct timeval soon = {reason ? CLOSE_S : 0, 0};

    if (client->is_closing || !client->io)
        return;
    client->label = NULL;
    if (reason)
        say(client, NULL, "ERROR :Closing link: %s", reason);
    client->is_closing = true;
    bufferevent_disable(client->io, EV_READ);
    if (client->probe.session)
        cc_session_close(client->probe.session);
    if (client->live.session)
        cc_session_close(client->live.session);
    event_add(client->tick, &soon);
}

struct client *client_find(struct server *server, uint32_t number)
{
    struct client *client;

    TAILQ_FOREACH(client, &server->clients, entry)
    if (client->number == number)
        return client;
    return NULL;
}

/* --- reading --- */

static bool has_credit(struct client *client)
{
    int64_t now = cc_host_now().mono_ms;
    int64_t gained = (now - client->credit_ms) * LINES_PER_S / 1000;

    if (gained > 0) {
        client->credit_ms = now;
        client->credit += gained > LINES_BURST ? LINES_BURST : (int)gained;
        if (client->credit > LINES_BURST)
            client->credit = LINES_BURST;
    }
    return client->credit > 0;
}

static bool is_too_long(const char *text, size_t size)
{
    const char *space = *text == '@' ? memchr(text, ' ', size) : NULL;
    size_t tags = space ? (size_t)(space - text) + 1 : 0;

    return tags > TAGS_MAX || size - tags > BODY_MAX - 2;
}

static void take_line(struct client *client, char *text, size_t size)
{
    char label[LABEL_MAX + 1];
    struct label *begun = NULL;
    struct line line;

    if (is_too_long(text, size)) {
        numeric(client, 417, ":Input line was too long");
        return;
    }
    if (strlen(text) != size || !line_parse(text, &line))
        return;
    if ((client->caps & CAP_LABEL) && line_tag(line.tags, "label", label, sizeof label) && *label &&
        !strpbrk(label, "; \r\n\\")) /* it is given back as it is */ {
        label_begin(client, label);
        begun = client->label;
    }
    command_run(client, &line);
    client->label = NULL;
    label_unref(client, begun);
}

/* The rest of a line longer than any may be is thrown away as it comes. */
static void skip_long(struct client *client, struct evbuffer *input)
{
    if (evbuffer_get_length(input) <= LINE_MAX_IN)
        return;
    evbuffer_drain(input, evbuffer_get_length(input));
    if (!client->skips_line)
        numeric(client, 417, ":Input line was too long");
    client->skips_line = true;
}

static void read_lines(struct client *client)
{
    struct evbuffer *input = bufferevent_get_input(client->io);
    size_t size;
    char *text;

    while (!client->is_closing) {
        if (!has_credit(client)) {
            client->is_throttled = true;
            bufferevent_disable(client->io, EV_READ);
            return;
        }
        text = evbuffer_readln(input, &size, EVBUFFER_EOL_CRLF);
        if (!text)
            break;
        client->credit--;
        if (client->skips_line)
            client->skips_line = false;
        else
            take_line(client, text, size);
        free(text);
    }
    if (!client->is_closing)
        skip_long(client, input);
}

static void on_read(struct bufferevent *io, void *context)
{
    struct client *client = context;

    (void)io;
    client->heard_ms = cc_host_now().mono_ms;
    client->was_pinged = false;
    read_lines(client);
}

static void on_end(struct bufferevent *io, short what, void *context)
{
    struct client *client = context;

    (void)io;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        client_close(client, NULL);
}

/* --- time --- */

static void check_silence(struct client *client)
{
    int64_t now = cc_host_now().mono_ms;
    int64_t quiet = now - client->heard_ms;

    if (!client->is_registered && now - client->opened_ms > REGISTER_MS)
        client_close(client, "Registration took too long");
    else if (quiet > 2 * QUIET_MS)
        client_close(client, "Ping timeout");
    else if (quiet > QUIET_MS && !client->was_pinged) {
        client->was_pinged = true;
        say(client, NULL, "PING :%s", client->server->name);
    }
}

static void on_tick(evutil_socket_t none, short what, void *context)
{
    struct client *client = context;
    struct timeval next = {0, TICK_MS * 1000};

    (void)none;
    (void)what;
    if (client->is_closing) {
        socket_gone(client);
        return;
    }
    event_add(client->tick, &next);
    check_silence(client);
    if (client->is_registered && !client->is_closing)
        channels_tell_delivered(client);
    if (client->is_throttled && !client->is_closing) {
        client->is_throttled = false;
        bufferevent_enable(client->io, EV_READ);
        read_lines(client);
    }
}

/* --- accepting --- */

static struct bufferevent *wrap(struct server *server, evutil_socket_t socket)
{
    SSL *tls;

    if (!server->tls)
        return bufferevent_socket_new(server->base, socket, BEV_OPT_CLOSE_ON_FREE);
    tls = SSL_new(server->tls);
    return tls ? bufferevent_openssl_socket_new(server->base, socket, tls,
                                                BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
               : NULL;
}

static void init(struct client *client, struct server *server, const char *address)
{
    uint64_t random;

    client->server = server;
    client->number = ++server->next_number;
    snprintf(client->address, sizeof client->address, "%s", address);
    cc_random_default()->fill(cc_random_default()->context, &random, sizeof random);
    snprintf(client->nonce, sizeof client->nonce, "%016llx", (unsigned long long)random);
    client->probe.client = client->live.client = client;
    client->credit = LINES_BURST;
    client->opened_ms = client->heard_ms = client->credit_ms = cc_host_now().mono_ms;
    TAILQ_INIT(&client->channels);
    TAILQ_INIT(&client->requests);
    TAILQ_INSERT_TAIL(&server->clients, client, entry);
    server->client_count++;
}

/* What the client reads from and writes to; NULL: out of memory, and the socket is closed. */
static struct bufferevent *open_io(struct server *server, evutil_socket_t socket, bool is_websocket)
{
    struct bufferevent *io = wrap(server, socket);

    if (!io)
        evutil_closesocket(socket);
    return io && is_websocket ? websocket_wrap(io) : io;
}

void client_accept(struct server *server, evutil_socket_t socket, const char *address,
                   bool is_websocket)
{
    struct client *client = NULL;
    struct timeval next = {0, TICK_MS * 1000};

    if (server->is_stopping || server->client_count >= CLIENTS_MAX ||
        !(client = calloc(1, sizeof *client))) {
        evutil_closesocket(socket);
        return;
    }
    init(client, server, address);
    client->io = open_io(server, socket, is_websocket);
    client->tick = evtimer_new(server->base, on_tick, client);
    if (!client->io || !client->tick || event_add(client->tick, &next)) {
        client_free(client);
        return;
    }
    bufferevent_setcb(client->io, on_read, NULL, on_end, client);
    bufferevent_setwatermark(client->io, EV_READ, 0, INPUT_MAX);
    bufferevent_enable(client->io, EV_READ | EV_WRITE);
}
