/*
 * An IRC server on the public interface: a chat engine in this process, IRC on sockets of its own,
 * and, if asked for, the WebSocket gateway on the same engine. See docs/irc.md.
 */
#include "ircd.h"
#include <event2/listener.h>
#include <getopt.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct settings {
    const char *data; /* NULL: in memory */
    const char *listen;
    const char *irc_ws_listen; /* IRC over WebSocket; NULL: none */
    const char *ws_listen;     /* the gateway; NULL: none */
    const char *secret_file;
    const char *tls_cert, *tls_key;
};

/* --- sockets --- */

static void accept_from(struct server *server, evutil_socket_t socket, struct sockaddr *address,
                        bool is_websocket)
{
    char text[64] = "";

    if (address->sa_family == AF_INET)
        evutil_inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)address)->sin_addr, text,
                         sizeof text);
    else if (address->sa_family == AF_INET6)
        evutil_inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)address)->sin6_addr, text,
                         sizeof text);
    client_accept(server, socket, text, is_websocket);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t socket,
                      struct sockaddr *address, int size, void *context)
{
    (void)listener;
    (void)size;
    accept_from(context, socket, address, false);
}

static void on_accept_websocket(struct evconnlistener *listener, evutil_socket_t socket,
                                struct sockaddr *address, int size, void *context)
{
    (void)listener;
    (void)size;
    accept_from(context, socket, address, true);
}

/* "ADDR:PORT", the port separate: libevent's parser takes no port 0. False: malformed. */
static bool split_address(const char *where, char ret_address[64], int *ret_port)
{
    const char *colon = where ? strrchr(where, ':') : NULL;
    char *end;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;

    if (!colon || colon - where >= 64 || *end || port < 0 || port > 65535)
        return false;
    snprintf(ret_address, 64, "%.*s", (int)(colon - where), where);
    *ret_port = (int)port;
    return true;
}

static struct evconnlistener *listen_on(struct server *server, const char *where,
                                        evconnlistener_cb on_connection)
{
    struct sockaddr_storage address = {0};
    int size = sizeof address, port;
    char text[64];

    if (!split_address(where, text, &port) ||
        evutil_parse_sockaddr_port(text, (struct sockaddr *)&address, &size))
        return NULL;
    if (address.ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)&address)->sin_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in6 *)(void *)&address)->sin6_port = htons((uint16_t)port);
    return evconnlistener_new_bind(server->base, on_connection, server,
                                   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
                                   (struct sockaddr *)&address, size);
}

static int port_of(struct evconnlistener *listener)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;

    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

/* --- the end --- */

/* On a gateway thread. */
static void on_gateway_stopped(void *context)
{
    cc_engine_stop(((struct server *)context)->engine, CC_CLOSE_DRAINING);
}

static void on_interrupt(evutil_socket_t number, short what, void *context)
{
    struct server *server = context;
    struct client *client, *next;

    (void)number;
    (void)what;
    server->is_stopping = true;
    for (client = TAILQ_FIRST(&server->clients); client; client = next) {
        next = TAILQ_NEXT(client, entry);
        client_close(client, "The server is stopping");
    }
    if (server->gateway)
        cc_gateway_stop(server->gateway);
    else
        cc_engine_stop(server->engine, CC_CLOSE_DRAINING);
}

static void end(struct server *server)
{
    while (!TAILQ_EMPTY(&server->clients))
        client_free(TAILQ_FIRST(&server->clients));
    if (server->gateway)
        cc_gateway_free(server->gateway);
    cc_engine_free(server->engine);
    cc_host_free(server->host);
    SSL_CTX_free(server->tls);
    event_base_free(server->base);
}

/* --- the start --- */

static int add_secret(struct cc_auth *auth, const char *path)
{
    char secret[1024];
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(secret, 1, sizeof secret, file) : 0;

    if (file)
        fclose(file);
    while (size && (secret[size - 1] == '\n' || secret[size - 1] == '\r'))
        size--;
    return cc_auth_tokens_add_secret(auth, NULL, (struct cc_slice){secret, size});
}

static int open_engine(struct server *server, const struct settings *settings)
{
    struct cc_host_options host = CC_HOST_OPTIONS_INIT;
    struct cc_embedded_options embedded = CC_EMBEDDED_OPTIONS_INIT;
    struct cc_auth_tokens_options tokens = CC_AUTH_TOKENS_OPTIONS_INIT;
    int r;

    host.on_event = on_engine_event;
    host.context = server;
    embedded.history_for_joiners = true; /* as a channel's log is on IRC */
    r = cc_host_new(&host, &server->host);
    if (!r && settings->secret_file) {
        r = cc_auth_tokens_new(cc_allocator_default(), &tokens, &embedded.auth);
        if (!r)
            r = add_secret(&embedded.auth, settings->secret_file);
    }
    if (!r)
        r = cc_open_embedded(settings->data, &embedded, server->host, &server->engine);
    return r ? r : cc_host_attach(server->host, server->engine, server->base);
}

/* Lets users into public channels. It is the session that may, not the user of this name. */
static int open_operator(struct server *server)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct cc_command connect = {.id = 1, .type = CC_COMMAND_CONNECT};
    int r;

    options.user = cc_text("irc-server");
    options.requests_only = true;
    options.is_admin = true;
    r = cc_session_open(cc_engine_queue(server->engine), &options, &server->operator);
    return r ? r : cc_session_submit(server->operator, & connect);
}

static int open_gateway(struct server *server, const char *where)
{
    struct cc_gateway_options options = CC_GATEWAY_OPTIONS_INIT;
    char address[64];

    if (!split_address(where, address, &options.port))
        return CC_EINVAL;
    options.address = address;
    options.on_stopped = on_gateway_stopped;
    options.context = server;
    return cc_gateway_new(server->engine, &options, &server->gateway);
}

static int open_tls(struct server *server, const struct settings *settings)
{
    if (!settings->tls_cert)
        return 0;
    server->tls = SSL_CTX_new(TLS_server_method());
    if (!server->tls || !SSL_CTX_set_min_proto_version(server->tls, TLS1_2_VERSION) ||
        SSL_CTX_use_certificate_chain_file(server->tls, settings->tls_cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(server->tls, settings->tls_key, SSL_FILETYPE_PEM) != 1)
        return CC_EINVAL;
    return 0;
}

static int run(struct server *server, const struct settings *settings)
{
    struct evconnlistener *listener = listen_on(server, settings->listen, on_accept);
    struct evconnlistener *web = NULL;
    struct event *term = evsignal_new(server->base, SIGTERM, on_interrupt, server);
    struct event *interrupt = evsignal_new(server->base, SIGINT, on_interrupt, server);
    int r = listener && term && interrupt ? open_tls(server, settings) : CC_EIO;

    if (!r && settings->irc_ws_listen) {
        web = listen_on(server, settings->irc_ws_listen, on_accept_websocket);
        r = web ? 0 : CC_EIO;
    }
    if (!r)
        r = open_engine(server, settings);
    if (!r)
        r = open_operator(server);
    if (!r && settings->ws_listen)
        r = open_gateway(server, settings->ws_listen);
    if (r) {
        fprintf(stderr, "ircd: %s\n", cc_strerror(r));
        return 1; /* the process ends: nothing was acknowledged yet */
    }
    event_add(term, NULL);
    event_add(interrupt, NULL);
    if (server->gateway)
        printf("websocket 127.0.0.1:%d\n", cc_gateway_port(server->gateway));
    if (web)
        printf("irc-websocket 127.0.0.1:%d\n", port_of(web));
    printf("ready 127.0.0.1:%d\n", port_of(listener));
    fflush(stdout);
    event_base_dispatch(server->base);
    evconnlistener_free(listener);
    if (web)
        evconnlistener_free(web);
    event_free(term);
    event_free(interrupt);
    end(server);
    return 0;
}

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [--data DIR] [--listen ADDR:PORT] [--ws-listen ADDR:PORT]\n"
            "    [--irc-ws-listen ADDR:PORT]\n"
            "    (--jwt-secret-file FILE | --trust) [--tls-cert FILE --tls-key FILE]\n"
            "    [--name NAME] [--motd TEXT]\n"
            "--trust: whoever has no token is who he says he is\n",
            program);
    return 2;
}

static const struct option options[] = {
    {"data", 1, NULL, 'd'},          {"listen", 1, NULL, 'l'},   {"ws-listen", 1, NULL, 'w'},
    {"irc-ws-listen", 1, NULL, 'i'}, {"tls-cert", 1, NULL, 'c'}, {"jwt-secret-file", 1, NULL, 's'},
    {"tls-key", 1, NULL, 'k'},       {"name", 1, NULL, 'n'},     {"motd", 1, NULL, 'm'},
    {"trust", 0, NULL, 't'},         {NULL, 0, NULL, 0},
};

/* False: there is no such option. */
static bool set_option(int option, struct settings *settings, struct server *server)
{
    const char **const places[] = {
        ['d'] = &settings->data,        ['l'] = &settings->listen,
        ['w'] = &settings->ws_listen,   ['i'] = &settings->irc_ws_listen,
        ['s'] = &settings->secret_file, ['c'] = &settings->tls_cert,
        ['k'] = &settings->tls_key,     ['n'] = &server->name,
        ['m'] = &server->motd,
    };

    if (option == 't')
        server->is_trusting = true;
    else if (option < 0 || (size_t)option >= sizeof places / sizeof *places || !places[option])
        return false;
    else
        *places[option] = optarg;
    return true;
}

int main(int argc, char **argv)
{
    struct settings settings = {.listen = "127.0.0.1:6667"};
    struct server server = {.name = "irc.local", .started = cc_host_now().wall_ms};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!set_option(option, &settings, &server))
            return usage(argv[0]);
    if ((!settings.secret_file && !server.is_trusting) || !settings.tls_cert != !settings.tls_key ||
        !server.name || strlen(server.name) > 63 || optind < argc)
        return usage(argv[0]);
    TAILQ_INIT(&server.clients);
    signal(SIGPIPE, SIG_IGN);
    server.base = event_base_new();
    return server.base ? run(&server, &settings) : 1;
}
