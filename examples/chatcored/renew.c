/*
 * Renewing. What can fail is tried first, so that a mistake in the file changes nothing.
 */
#include "renew.h"

#include "keys.h"
#include "trace.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The settings that count at once. */
static const enum setting_index renewed[] = {
    SETTING_INDEX_jwt_secret_file,  SETTING_INDEX_jwt_key_file,
    SETTING_INDEX_jwks_file,        SETTING_INDEX_paseto_key_file,
    SETTING_INDEX_max_sessions,     SETTING_INDEX_max_user_sessions,
    SETTING_INDEX_max_members,      SETTING_INDEX_max_unflushed_bytes,
    SETTING_INDEX_max_recent_bytes, SETTING_INDEX_send_rate,
    SETTING_INDEX_request_rate,     SETTING_INDEX_connect_rate,
    SETTING_INDEX_drain_ms,         SETTING_INDEX_log_level,
    SETTING_INDEX_log_format,
};

static uint32_t as_u32(uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

void fill_limits(const struct settings *settings, struct cc_limits *limits)
{
    limits->max_message_bytes = as_u32(settings->max_message_bytes);
    limits->max_sessions = as_u32(settings->max_sessions);
    limits->max_user_sessions = as_u32(settings->max_user_sessions);
    limits->max_members = as_u32(settings->max_members);
    limits->max_unflushed_bytes = settings->max_unflushed_bytes;
    limits->retention_s = settings->retention_s;
    limits->retention_least_s = settings->retention_least_s;
    limits->max_media_bytes = settings->max_media_bytes;
    limits->max_unsent_bytes = settings->max_unsent_bytes;
    limits->unsent_s = as_u32(settings->unsent_s);
    limits->max_recent_bytes = settings->max_recent_bytes;
    limits->ping_interval_ms = as_u32(settings->ping_interval_ms);
    value_rate(settings->send_rate, &limits->send);
    value_rate(settings->request_rate, &limits->request);
    value_rate(settings->connect_rate, &limits->connect);
}

void renew_trace(const struct settings *settings)
{
    enum cc_trace_level level = CC_TRACE_WARNING;

    value_level(settings->log_level, &level);
    trace_set(level, !strcmp(settings->log_format, "json"));
}

/* Webhooks that were started go on, with the secrets of the file that is named now. */
static bool signs_webhooks(const struct renewal *renewal, const struct settings *fresh)
{
    return renewal->settings->webhook_secret_file && fresh->webhook_secret_file;
}

struct comparison {
    const struct renewal *renewal;
    const struct settings *fresh;
};

static void differs(void *context, enum setting_index which, const char *name)
{
    const struct comparison *comparison = context;
    char text[128];

    if (which == SETTING_INDEX_webhook_secret_file &&
        signs_webhooks(comparison->renewal, comparison->fresh))
        return;
    for (size_t i = 0; i < sizeof renewed / sizeof *renewed; i++)
        if (renewed[i] == which)
            return;
    snprintf(text, sizeof text, "%s has changed, and counts from the next start", name);
    trace_line(CC_TRACE_WARNING, "settings", text, NULL, 0);
}

/* Keys that --dev made up stand in no file: there, keys stay. */
static bool renew_keys(struct renewal *renewal, const struct settings *fresh)
{
    const struct settings *settings = renewal->settings;

    if (settings->tls_cert && cc_gateway_renew_tls(renewal->gateway)) {
        settings_blame(settings, SETTING_INDEX_tls_cert, "no certificate with its key");
        return false;
    }
    return settings->dev || keys_renew(fresh, &renewal->auth);
}

static bool renew_secrets(struct renewal *renewal, const struct settings *fresh)
{
    bool signs = signs_webhooks(renewal, fresh);
    char *secrets = signs ? notifiers_read_secrets(fresh) : NULL;
    bool is_good = (!signs || secrets) && renew_keys(renewal, fresh);

    if (secrets && is_good) {
        notifiers_renew(renewal->notifiers, secrets);
        hooks_renew(renewal->hooks, secrets);
    }
    free(secrets);
    return is_good;
}

void renew(struct renewal *renewal)
{
    struct cc_limits limits = {0};
    struct settings fresh;
    struct comparison comparison = {renewal, &fresh};

    if (!settings_read_again(&fresh, renewal->argc, renewal->argv)) {
        trace_line(CC_TRACE_ERROR, "settings", "nothing is renewed", NULL, 0);
        return;
    }
    if (renew_secrets(renewal, &fresh)) {
        fill_limits(&fresh, &limits);
        cc_engine_renew_limits(renewal->engine, &limits);
        renew_trace(&fresh);
        renewal->settings->drain_ms = fresh.drain_ms;
        settings_compare(renewal->settings, &fresh, differs, &comparison);
        trace_line(CC_TRACE_INFO, "settings", "renewed", NULL, 0);
    } else {
        trace_line(CC_TRACE_ERROR, "settings", "nothing is renewed", NULL, 0);
    }
    settings_free(&fresh);
}
