/*
 * chatcored: a chat server of one node, on the embedded engine.
 *
 * The main thread drives the engine on a libevent base; the gateway has threads of its own.
 * SIGTERM or SIGINT: the sessions are sent elsewhere, then the gateway stops, then the engine, and
 * the process ends with 0. A second signal skips the rest of the draining. SIGHUP: renew.h.
 */
#include "dev.h"
#include "hooks.h"
#include "keys.h"
#include "media.h"
#include "notifiers.h"
#include "notify.h"
#include "page.h"
#include "renew.h"
#include "settings.h"
#include "trace.h"
#include "value.h"

#include <chatcore/error.h>
#include <chatcore/gateway.h>
#include <chatcore/host.h>

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* How often it is looked whether the engine has become ready. */
#define READY_CHECK_US 5000

#define LIST_MAX 64
#define LISTS    3

/* What opening everything takes, with a few connections: libuv ends the process when it is out of
 * files at its start. */
#define FILES_MIN 64

enum { EVENT_TERM, EVENT_INT, EVENT_HUP, EVENT_READY, EVENT_WATCHDOG, EVENTS };

struct server {
    struct settings settings;
    struct cc_trace trace;
    struct event_base *base;
    struct cc_host *host;
    struct cc_engine *engine;
    struct cc_gateway *gateway;
    struct cc_media_server media;
    struct notifiers notifiers; /* the engine's, once it is open */
    struct hooks hooks;
    struct cc_api_keys *api_keys;
    struct dev dev;
    struct page page;
    char address[64];
    int port;
    struct event *events[EVENTS];
    struct renewal renewal;
    bool is_draining;
};

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
    notify_send("STOPPING=1");
}

static void on_hangup(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    renew(&((struct server *)context)->renewal);
}

static void on_watchdog(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    notify_send("WATCHDOG=1");
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

/* As many connections as the system lets this process have. False when that is too few. */
static bool raise_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files))
        return true;
    if (files.rlim_max < FILES_MIN) {
        fprintf(stderr, "chatcored: %d open files are too few: %d at least\n", (int)files.rlim_max,
                FILES_MIN);
        return false;
    }
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files))
        fprintf(stderr, "chatcored: the limit of open files can't be raised\n");
    return true;
}

static uint32_t as_u32(uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static void fill_spam(const struct settings *settings, struct cc_filter_spam_options *spam)
{
    const struct cc_filter_spam_options defaults = CC_FILTER_SPAM_OPTIONS_INIT;

    *spam = defaults;
    value_quota(settings->spam_repeats, &spam->repeat_conversations, &spam->repeat_window_ms);
    value_quota(settings->spam_strangers, &spam->strangers, &spam->strangers_window_ms);
    value_quota(settings->spam_links, &spam->links, &spam->links_window_ms);
}

/* The parts would make it, too; here the reason is the system's own word for it. */
static bool make_folder(const struct settings *settings)
{
    if (!settings->data || settings->check_config || !mkdir(settings->data, 0700) ||
        errno == EEXIST)
        return true;
    fprintf(stderr, "chatcored: %s: %s\n", settings->data, strerror(errno));
    return false;
}

static bool open_engine(struct server *server)
{
    const struct settings *settings = &server->settings;
    struct cc_embedded_options options = CC_EMBEDDED_OPTIONS_INIT;
    struct notifiers *notifiers = &server->notifiers;
    int r;

    options.trace = server->trace;
    options.presence_off = settings->presence_off;
    options.search_off = settings->search_off;
    options.history_for_joiners = settings->history_for_joiners;
    options.spam_off = settings->spam_filter_off;
    options.no_sync = settings->no_sync;
    fill_spam(settings, &options.spam);
    fill_limits(settings, &options.limits);
    if (!make_folder(settings) || !keys_load(settings, &options.auth))
        return false;
    if (settings->dev && !dev_init(&server->dev, settings, &options.auth)) {
        options.auth.vtable->free(options.auth.self);
        return false;
    }
    server->renewal.auth = options.auth;
    r = settings->check_config
            ? 0
            : media_open(settings, &server->trace, &options.media, &server->media);
    if (!r && !notifiers_open(settings, &server->trace, notifiers))
        r = CC_EINVAL;
    options.notifiers = notifiers->list;
    options.notifier_count = notifiers->count;
    options.notify = notifiers->options;
    if (!r)
        r = cc_open_embedded(settings->check_config ? NULL : settings->data, &options, server->host,
                             &server->engine);
    if (!r)
        return true;
    fprintf(stderr, "chatcored: %s: %s\n", settings->data ? settings->data : "memory",
            cc_strerror(r));
    options.auth.vtable->free(options.auth.self);
    notifiers_close(notifiers);
    if (options.media.vtable)
        options.media.vtable->free(options.media.self);
    return false;
}

static void add_metrics(void *context, struct cc_http_response *response)
{
    hooks_metrics(&((struct server *)context)->hooks, response);
}

static void fill_gateway(struct server *server, struct cc_gateway_options *options)
{
    const struct settings *settings = &server->settings;

    options->trace = server->trace;
    options->traced = trace_request;
    options->address = server->address;
    options->port = settings->check_config ? -1 : server->port;
    options->share_port = settings->share_port;
    options->proxy_protocol = settings->proxy_protocol;
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
    options->add_metrics = add_metrics;
    if (server->notifiers.can_unsubscribe)
        options->unsubscribe_key = server->notifiers.unsubscribe_key;
}

/* The keys of servers, in the data folder; a tool changes them, also while this runs. */
static bool open_api_keys(struct server *server)
{
    char path[PATH_MAX];
    int r;

    if (!server->settings.data || server->settings.check_config)
        return true;
    snprintf(path, sizeof path, "%s/api_keys", server->settings.data);
    r = cc_api_keys_open(NULL, path, &server->api_keys);
    if (r)
        fprintf(stderr, "chatcored: %s: %s\n", path, cc_strerror(r));
    return r == 0;
}

/* The items of the settings that are lists; the texts are cut in copies. */
struct lists {
    char *texts[LISTS];
    const char *items[LISTS][LIST_MAX];
};

static void lists_free(struct lists *lists)
{
    for (int i = 0; i < LISTS; i++)
        free(lists->texts[i]);
}

/* The number of items; SIZE_MAX without memory. */
static size_t list_split(struct lists *lists, int which, const char *text)
{
    lists->texts[which] = text ? strdup(text) : NULL;
    if (text && !lists->texts[which])
        return SIZE_MAX;
    return value_split(lists->texts[which], lists->items[which], LIST_MAX);
}

static bool lists_split(struct lists *lists, const struct settings *settings,
                        struct cc_gateway_options *options)
{
    memset(lists, 0, sizeof *lists);
    options->origins = lists->items[0];
    options->origin_count = list_split(lists, 0, settings->origins);
    options->cors_origins = lists->items[1];
    options->cors_origin_count = list_split(lists, 1, settings->cors_origins);
    options->trusted_proxies = lists->items[2];
    options->trusted_proxy_count = list_split(lists, 2, settings->trusted_proxies);
    if (options->origin_count != SIZE_MAX && options->cors_origin_count != SIZE_MAX &&
        options->trusted_proxy_count != SIZE_MAX)
        return true;
    lists_free(lists);
    return false;
}

/* Addresses and lists have been checked: what is left to make no sense are the files. */
static void blame_gateway(const struct settings *settings, int error)
{
    char reason[128];

    snprintf(reason, sizeof reason, "the gateway can't be opened: %s",
             error == CC_EINVAL    ? "no certificate with its key"
             : error == CC_ENOTSUP ? "libwebsockets-evlib-uv is not installed"
                                   : cc_strerror(error));
    if (error == CC_EINVAL && settings->tls_cert)
        settings_blame(settings, SETTING_INDEX_tls_cert, reason);
    else if (error == CC_EINVAL && settings->tls_key)
        settings_blame(settings, SETTING_INDEX_tls_key, reason);
    else
        settings_blame(settings, SETTING_INDEX_listen, reason);
}

static bool proxies_are_named(const struct settings *settings)
{
    if (!settings->proxy_protocol || settings->trusted_proxies)
        return true;
    settings_blame(settings, SETTING_INDEX_proxy_protocol, "needs trusted-proxies");
    return false;
}

static bool open_page(struct server *server)
{
    const struct settings *settings = &server->settings;

    if (page_init(&server->page, settings->media_cdn, settings->public_url))
        return true;
    settings_blame(settings,
                   settings->media_cdn ? SETTING_INDEX_media_cdn : SETTING_INDEX_public_url,
                   "an http or https URL is needed");
    return false;
}

static bool open_gateway(struct server *server)
{
    struct cc_gateway_options options = CC_GATEWAY_OPTIONS_INIT;
    struct cc_http_route routes[PAGE_ROUTES + DEV_ROUTES];
    struct lists lists;
    int r;

    if (!proxies_are_named(&server->settings) || !open_page(server) || !open_api_keys(server))
        return false;
    fill_gateway(server, &options);
    if (!lists_split(&lists, &server->settings, &options))
        return false;
    page_routes(&server->page, routes);
    options.routes = routes;
    options.route_count = PAGE_ROUTES;
    if (server->settings.dev) {
        dev_routes(&server->dev, routes + PAGE_ROUTES);
        options.route_count += DEV_ROUTES;
    }
    r = cc_gateway_new(server->engine, &options, &server->gateway);
    lists_free(&lists);
    if (r)
        blame_gateway(&server->settings, r);
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
        event_add(server->events[EVENT_READY], &soon);
        return;
    }
    printf("ready %s%s%s:%d\n", is_ipv6 ? "[" : "", server->address, is_ipv6 ? "]" : "",
           cc_gateway_port(server->gateway));
    fflush(stdout);
    notify_send("READY=1");
}

static void new_events(struct server *server)
{
    struct event_base *base = server->base;

    server->events[EVENT_TERM] = evsignal_new(base, SIGTERM, on_signal, server);
    server->events[EVENT_INT] = evsignal_new(base, SIGINT, on_signal, server);
    server->events[EVENT_HUP] = evsignal_new(base, SIGHUP, on_hangup, server);
    server->events[EVENT_READY] = evtimer_new(base, on_ready, server);
    server->events[EVENT_WATCHDOG] = event_new(base, -1, EV_PERSIST, on_watchdog, server);
}

static bool add_events(struct server *server)
{
    unsigned long watchdog = notify_watchdog_us();
    const struct timeval now = {0};
    const struct timeval beat = {(time_t)(watchdog / 1000000), (suseconds_t)(watchdog % 1000000)};

    new_events(server);
    for (int i = 0; i < EVENTS; i++)
        if (!server->events[i])
            return false;
    for (int i = EVENT_TERM; i <= EVENT_HUP; i++)
        if (event_add(server->events[i], NULL))
            return false;
    return !event_add(server->events[EVENT_READY], &now) &&
           (!watchdog || !event_add(server->events[EVENT_WATCHDOG], &beat));
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
    const struct settings *settings = &server->settings;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* at a limit of file sizes, as on a full disk, writing fails */
    server->trace = trace_for_library();
    renew_trace(settings);
    value_listen(settings->listen, server->address, sizeof server->address, &server->port);
    if (!raise_files() || !open_base(server) || !open_engine(server))
        return false;
    if (cc_host_attach(server->host, server->engine, server->base)) {
        fprintf(stderr, "chatcored: out of memory\n");
        return false;
    }
    if (hooks_open(settings, &server->trace, server->engine, &server->hooks) &&
        open_gateway(server))
        return true;
    cc_engine_stop(server->engine, CC_CLOSE_NORMAL);
    event_base_dispatch(server->base);
    return false;
}

static void close_all(struct server *server)
{
    cc_gateway_free(server->gateway);
    hooks_close(&server->hooks);
    if (server->engine && cc_host_has_stopped(server->host))
        cc_engine_free(server->engine);
    for (int i = 0; i < EVENTS; i++)
        if (server->events[i])
            event_free(server->events[i]);
    if (server->base)
        event_base_free(server->base);
    cc_host_free(server->host);
    cc_api_keys_free(server->api_keys);
    dev_deinit(&server->dev);
    settings_free(&server->settings);
}

/* Until the engine has stopped. */
static void serve(struct server *server)
{
    server->renewal.settings = &server->settings;
    server->renewal.engine = server->engine;
    server->renewal.gateway = server->gateway;
    server->renewal.notifiers = &server->notifiers;
    server->renewal.hooks = &server->hooks;
    if (server->settings.check_config) {
        event_del(server->events[EVENT_READY]);
        cc_gateway_stop(server->gateway);
    }
    event_base_dispatch(server->base);
    if (server->settings.check_config)
        printf("a server could start with these settings\n");
}

int main(int argc, char **argv)
{
    struct server server = {.renewal = {.argc = argc, .argv = argv}};
    bool is_open;

    settings_read(&server.settings, argc, argv);
    is_open = open_all(&server);
    if (is_open)
        serve(&server);
    close_all(&server);
    return is_open ? 0 : 1;
}
