/*
 * chatcored: a chat server of one node, on the embedded engine.
 *
 * The main thread drives the engine on a libevent base; the gateway has threads of its own.
 * SIGTERM or SIGINT: the sessions are sent elsewhere, then the gateway stops, then the engine, and
 * the process ends with 0. A second signal skips the rest of the draining.
 */
#include "dev.h"
#include "keys.h"
#include "media.h"
#include "settings.h"

#include <chatcore/error.h>
#include <chatcore/gateway.h>
#include <chatcore/host.h>

#include <event2/event.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* How often it is looked whether the engine has become ready. */
#define READY_CHECK_US 5000

#define LIST_MAX 64

struct server {
    struct settings settings;
    struct cc_trace trace;
    struct event_base *base;
    struct cc_host *host;
    struct cc_engine *engine;
    struct cc_gateway *gateway;
    struct cc_media_server media;
    struct cc_api_keys *api_keys;
    struct dev dev;
    char address[64];
    struct event *signals[2];
    struct event *ready;
    bool is_draining;
};

/* --- diagnostics ------------------------------------------------------------------------------ */

static const char *const levels[] = {"error", "warning", "info", "debug"};

static void trace(void *context, enum cc_trace_level level, const char *area, const char *text)
{
    struct timespec now;
    struct tm utc;
    char when[32];

    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    fprintf(stderr, "%s.%03ldZ %s %s: %s\n", when, now.tv_nsec / 1000000, levels[level], area,
            text);
}

static bool set_trace(struct server *server)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(server->settings.log_level, levels[i]) != 0)
            continue;
        server->trace.write = trace;
        server->trace.level = (enum cc_trace_level)i;
        return true;
    }
    fprintf(stderr, "chatcored: no such log level: %s\n", server->settings.log_level);
    return false;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* The first signal drains; what follows is a chain of on_…; a second signal skips the draining. */
static void on_signal(evutil_socket_t number, short what, void *context)
{
    struct server *server = context;

    (void)number;
    (void)what;
    if (server->is_draining)
        cc_gateway_stop(server->gateway);
    else
        cc_gateway_drain(server->gateway, (uint32_t)server->settings.drain_ms);
    server->is_draining = true;
}

/* On a gateway thread. */
static void on_drained(void *context)
{
    cc_gateway_stop(((struct server *)context)->gateway);
}

/* On a gateway thread. */
static void on_stopped(void *context)
{
    cc_engine_stop(((struct server *)context)->engine, CC_CLOSE_DRAINING);
}

static void on_event(void *context, const struct cc_event *event)
{
    struct server *server = context;

    if (event->type == CC_EVENT_STOPPED)
        event_base_loopbreak(server->base);
}

/* --- the start -------------------------------------------------------------------------------- */

/* As many connections as the system lets this process have. */
static void raise_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == files.rlim_max)
        return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files))
        fprintf(stderr, "chatcored: the limit of open files can't be raised\n");
}

/* A whole number from 1 to `most` that ends at `stop`; `*text` moves behind it. */
static bool take_number(const char **text, char stop, unsigned long most, uint32_t *ret_number)
{
    char *end;
    unsigned long number = strtoul(*text, &end, 10);

    if (end == *text || *end != stop || !number || number > most)
        return false;
    *text = end + 1;
    *ret_number = (uint32_t)number;
    return true;
}

/* "50/10" is a burst of 50, and 10 a second. */
static bool parse_rate(const char *text, struct cc_rate *rate)
{
    uint32_t burst, second;
    const char *at = text;

    if (!text)
        return true;
    if (!strcmp(text, "off")) {
        rate->burst = 1;
        rate->per_second_milli = 0;
        return true;
    }
    if (!take_number(&at, '/', UINT32_MAX, &burst) ||
        !take_number(&at, '\0', UINT32_MAX / 1000, &second)) {
        fprintf(stderr, "chatcored: not a rate: %s\n", text);
        return false;
    }
    rate->burst = burst;
    rate->per_second_milli = second * 1000;
    return true;
}

static uint32_t as_u32(uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static bool fill_limits(const struct settings *settings, struct cc_limits *limits)
{
    limits->max_message_bytes = as_u32(settings->max_message_bytes);
    limits->max_sessions = as_u32(settings->max_sessions);
    limits->max_user_sessions = as_u32(settings->max_user_sessions);
    limits->max_members = as_u32(settings->max_members);
    limits->max_unflushed_bytes = settings->max_unflushed_bytes;
    limits->retention_s = settings->retention_s;
    limits->max_recent_bytes = settings->max_recent_bytes;
    limits->ping_interval_ms = as_u32(settings->ping_interval_ms);
    limits->max_media_bytes = settings->max_media_bytes;
    limits->max_unsent_bytes = settings->max_unsent_bytes;
    limits->unsent_s = as_u32(settings->unsent_s);
    return parse_rate(settings->send_rate, &limits->send) &&
           parse_rate(settings->request_rate, &limits->request) &&
           parse_rate(settings->connect_rate, &limits->connect);
}

static bool open_engine(struct server *server)
{
    const struct settings *settings = &server->settings;
    struct cc_embedded_options options = CC_EMBEDDED_OPTIONS_INIT;
    int r;

    options.trace = server->trace;
    options.presence_off = settings->presence_off;
    options.search_off = settings->search_off;
    options.history_for_joiners = settings->history_for_joiners;
    options.spam_off = settings->spam_filter_off;
    options.no_sync = settings->no_sync;
    if (!fill_limits(settings, &options.limits) || !keys_load(settings, &options.auth))
        return false;
    if (settings->dev && !dev_init(&server->dev, settings, &options.auth)) {
        options.auth.vtable->free(options.auth.self);
        return false;
    }
    r = media_open(settings, &server->trace, &options.media, &server->media);
    if (!r)
        r = cc_open_embedded(settings->data, &options, server->host, &server->engine);
    if (!r)
        return true;
    fprintf(stderr, "chatcored: %s: %s\n", settings->data ? settings->data : "memory",
            cc_strerror(r));
    options.auth.vtable->free(options.auth.self);
    if (options.media.vtable)
        options.media.vtable->free(options.media.self);
    return false;
}

/* "127.0.0.1:8080", "[::1]:8080" */
static bool parse_listen(struct server *server, struct cc_gateway_options *options)
{
    const char *text = server->settings.listen;
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;
    char *end;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;

    if (port < 0 || port > 65535 || *end || end == colon + 1 || size >= sizeof server->address) {
        fprintf(stderr, "chatcored: not an address and port: %s\n", text);
        return false;
    }
    if (text[0] == '[' && size > 1 && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    memcpy(server->address, text, size);
    server->address[size] = 0;
    options->address = server->address;
    options->port = (int)port;
    return true;
}

/* Cuts a list at its commas, in place. */
static size_t split(char *text, const char **items)
{
    char *rest = NULL;
    size_t count = 0;

    for (char *item = text ? strtok_r(text, ", ", &rest) : NULL; item && count < LIST_MAX;
         item = strtok_r(NULL, ", ", &rest))
        items[count++] = item;
    return count;
}

static void fill_gateway(struct server *server, struct cc_gateway_options *options)
{
    const struct settings *settings = &server->settings;

    options->trace = server->trace;
    options->share_port = settings->share_port;
    options->threads = as_u32(settings->threads);
    options->tls_cert_file = settings->tls_cert;
    options->tls_key_file = settings->tls_key;
    options->max_connections = as_u32(settings->max_connections);
    options->max_address_connections = as_u32(settings->max_address_connections);
    options->max_frame_bytes = as_u32(settings->max_frame_bytes);
    options->max_output_bytes = settings->max_output_bytes;
    options->ping_interval_ms = as_u32(settings->ping_interval_ms);
    options->handshake_ms = as_u32(settings->handshake_ms);
    options->on_drained = on_drained;
    options->on_stopped = on_stopped;
    options->context = server;
    options->media = server->media;
    options->media_stall_ms = as_u32(server->settings.media_stall_ms);
    options->api_keys = server->api_keys;
}

/* The keys of servers, in the data folder; a tool changes them, also while this runs. */
static bool open_api_keys(struct server *server)
{
    char path[PATH_MAX];
    int r;

    if (!server->settings.data)
        return true;
    snprintf(path, sizeof path, "%s/api_keys", server->settings.data);
    r = cc_api_keys_open(NULL, path, &server->api_keys);
    if (r)
        fprintf(stderr, "chatcored: %s: %s\n", path, cc_strerror(r));
    return r == 0;
}

static bool open_gateway(struct server *server)
{
    struct cc_gateway_options options = CC_GATEWAY_OPTIONS_INIT;
    struct cc_http_route routes[DEV_ROUTES];
    const char *origins[LIST_MAX];
    const char *cors_origins[LIST_MAX];
    const char *proxies[LIST_MAX];
    int r;

    if (!parse_listen(server, &options) || !open_api_keys(server))
        return false;
    fill_gateway(server, &options);
    options.origins = origins;
    options.origin_count = split(server->settings.origins, origins);
    options.cors_origins = cors_origins;
    options.cors_origin_count = split(server->settings.cors_origins, cors_origins);
    options.trusted_proxies = proxies;
    options.trusted_proxy_count = split(server->settings.trusted_proxies, proxies);
    if (server->settings.dev) {
        dev_routes(&server->dev, routes);
        options.routes = routes;
        options.route_count = DEV_ROUTES;
    }
    r = cc_gateway_new(server->engine, &options, &server->gateway);
    if (r)
        fprintf(stderr, "chatcored: the gateway can't be opened on %s: %s\n",
                server->settings.listen, cc_strerror(r));
    return r == 0;
}

static void on_ready(evutil_socket_t fd, short what, void *context)
{
    struct server *server = context;
    const struct timeval soon = {.tv_usec = READY_CHECK_US};
    bool is_ipv6 = strchr(server->address, ':') != NULL;

    (void)fd;
    (void)what;
    if (!cc_engine_is_ready(server->engine)) {
        event_add(server->ready, &soon);
        return;
    }
    printf("ready %s%s%s:%d\n", is_ipv6 ? "[" : "", server->address, is_ipv6 ? "]" : "",
           cc_gateway_port(server->gateway));
    fflush(stdout);
}

static bool add_events(struct server *server)
{
    const struct timeval now = {0};

    server->signals[0] = evsignal_new(server->base, SIGTERM, on_signal, server);
    server->signals[1] = evsignal_new(server->base, SIGINT, on_signal, server);
    server->ready = evtimer_new(server->base, on_ready, server);
    return server->signals[0] && server->signals[1] && server->ready &&
           !event_add(server->signals[0], NULL) && !event_add(server->signals[1], NULL) &&
           !event_add(server->ready, &now);
}

static bool open_base(struct server *server)
{
    struct cc_host_options options = CC_HOST_OPTIONS_INIT;

    options.trace = server->trace;
    options.on_event = on_event;
    options.context = server;
    server->base = event_base_new();
    if (server->base && add_events(server) && !cc_host_new(&options, &server->host))
        return true;
    fprintf(stderr, "chatcored: out of memory or files\n");
    return false;
}

/* An engine that has to go without having been driven: nothing is in it yet. */
static bool open_all(struct server *server)
{
    raise_files();
    signal(SIGPIPE, SIG_IGN);
    if (!set_trace(server) || !open_base(server) || !open_engine(server))
        return false;
    if (cc_host_attach(server->host, server->engine, server->base)) {
        fprintf(stderr, "chatcored: out of memory\n");
        return false;
    }
    if (open_gateway(server))
        return true;
    cc_engine_stop(server->engine, CC_CLOSE_NORMAL);
    event_base_dispatch(server->base);
    return false;
}

static void close_all(struct server *server)
{
    struct event *events[] = {server->signals[0], server->signals[1], server->ready};

    cc_gateway_free(server->gateway);
    if (server->engine && cc_host_has_stopped(server->host))
        cc_engine_free(server->engine);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i])
            event_free(events[i]);
    if (server->base)
        event_base_free(server->base);
    cc_host_free(server->host);
    cc_api_keys_free(server->api_keys);
    dev_deinit(&server->dev);
    settings_free(&server->settings);
}

int main(int argc, char **argv)
{
    struct server server = {0};
    bool is_open;

    settings_read(&server.settings, argc, argv);
    is_open = open_all(&server);
    if (is_open)
        event_base_dispatch(server.base);
    close_all(&server);
    return is_open ? 0 : 1;
}
