/*
 * Starting event hooks, and their figures.
 */
#include "hooks.h"

#include "notifiers.h"
#include "value.h"

#include <chatcore/consumer.h>
#include <chatcore/error.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the hook at a place in the list, from 1: a new address goes on where the old one was. */
#define NAME_SIZE 32

static void name_hook(size_t place, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "chatcored.webhook.%zu", place);
}

/* Places that have no address now may have had one: they would hold the log for ever. */
static void forget_others(struct cc_engine *engine, size_t used)
{
    for (size_t place = used + 1; place <= HOOKS_MAX; place++) {
        struct cc_consumer_options options = CC_CONSUMER_OPTIONS_INIT;
        struct cc_consumer *consumer;
        char name[NAME_SIZE];

        name_hook(place, name);
        options.name.data = name;
        options.name.size = strlen(name);
        options.start = CC_CONSUMER_NEWEST;
        if (!cc_consumer_open(cc_engine_queue(engine), &options, &consumer))
            cc_consumer_close(consumer, true);
    }
}

static bool open_one(const struct settings *settings, const struct cc_trace *trace,
                     struct cc_engine *engine, const char *url, const char *secrets,
                     struct hooks *hooks)
{
    struct cc_event_hook_options options = CC_EVENT_HOOK_OPTIONS_INIT;
    char name[NAME_SIZE];
    int r;

    name_hook(hooks->count + 1, name);
    options.name = name;
    options.url = url;
    options.secrets = secrets;
    options.allow_private = settings->webhook_allow_private;
    options.trace = *trace;
    r = cc_event_hook_new(engine, &options, &hooks->list[hooks->count]);
    if (!r)
        hooks->count++;
    else
        settings_blame(settings, SETTING_INDEX_event_webhooks,
                       r == CC_EINVAL ? "no URL, or no secrets" : cc_strerror(r));
    return r == 0;
}

static bool open_all(const struct settings *settings, const struct cc_trace *trace,
                     struct cc_engine *engine, const char *secrets, struct hooks *hooks)
{
    const char *urls[HOOKS_MAX];
    char *text = strdup(settings->event_webhooks);
    size_t count = text ? value_split(text, urls, HOOKS_MAX) : 0;
    bool is_good = text != NULL;

    for (size_t i = 0; is_good && i < count; i++)
        is_good = open_one(settings, trace, engine, urls[i], secrets, hooks);
    free(text);
    return is_good;
}

bool hooks_open(const struct settings *settings, const struct cc_trace *trace,
                struct cc_engine *engine, struct hooks *hooks)
{
    char *secrets;
    bool is_good;

    if (!settings->event_webhooks) {
        forget_others(engine, 0);
        return true;
    }
    if (!settings->webhook_secret_file) {
        settings_blame(settings, SETTING_INDEX_event_webhooks, "needs webhook-secret-file");
        return false;
    }
    secrets = notifiers_read_secrets(settings);
    if (!secrets)
        return false;
    is_good = open_all(settings, trace, engine, secrets, hooks);
    forget_others(engine, hooks->count);
    free(secrets);
    return is_good;
}

void hooks_renew(const struct hooks *hooks, const char *secrets)
{
    for (size_t i = 0; i < hooks->count; i++)
        cc_event_hook_renew(hooks->list[i], secrets);
}

/* --- figures ---------------------------------------------------------------------------------- */

struct figure {
    const char *name;
    const char *kind;
    const char *help;
    size_t offset; /* in the stats */
};

/* URLs may hold secrets: hooks are told apart by their place in the setting, from 1. */
static void write_figure(const struct hooks *hooks, const struct figure *figure,
                         struct cc_http_response *response)
{
    char text[256];
    struct cc_slice slice = {text, 0};

    slice.size = (size_t)snprintf(text, sizeof text, "# HELP %s %s\n# TYPE %s %s\n", figure->name,
                                  figure->help, figure->name, figure->kind);
    cc_http_response_write(response, slice);
    for (size_t i = 0; i < hooks->count; i++) {
        struct cc_event_hook_stats stats = {.size = sizeof stats};
        uint64_t value;

        cc_event_hook_get_stats(hooks->list[i], &stats);
        memcpy(&value, (char *)&stats + figure->offset, sizeof value);
        slice.size = (size_t)snprintf(text, sizeof text, "%s{webhook=\"%zu\"} %" PRIu64 "\n",
                                      figure->name, i + 1, value);
        cc_http_response_write(response, slice);
    }
}

void hooks_metrics(const struct hooks *hooks, struct cc_http_response *response)
{
    static const struct figure figures[] = {
        {"chatcored_event_webhook_sent_total", "counter", "Events taken by the receiver.",
         offsetof(struct cc_event_hook_stats, sent)},
        {"chatcored_event_webhook_failed_total", "counter", "Requests that failed, repeated.",
         offsetof(struct cc_event_hook_stats, failed)},
        {"chatcored_event_webhook_failing", "gauge", "1 since a failure, until a success.",
         offsetof(struct cc_event_hook_stats, is_failing)},
        {"chatcored_event_webhook_disabled", "gauge", "1 when given up, until the next start.",
         offsetof(struct cc_event_hook_stats, is_disabled)},
    };

    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        write_figure(hooks, &figures[i], response);
}

void hooks_close(struct hooks *hooks)
{
    for (size_t i = 0; i < hooks->count; i++)
        cc_event_hook_free(hooks->list[i]);
    hooks->count = 0;
}
