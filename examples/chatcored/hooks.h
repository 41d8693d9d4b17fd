/*
 * Event hooks: the addresses that everything said is posted to.
 */
#ifndef CHATCORED_HOOKS_H
#define CHATCORED_HOOKS_H

#include "settings.h"

#include <chatcore/backend/event_hook.h>
#include <chatcore/gateway.h>

#define HOOKS_MAX 8

struct hooks {
    struct cc_event_hook *list[HOOKS_MAX];
    size_t count;
};

/* Starts them. False after saying on standard error what is wrong; some may run then. */
bool hooks_open(const struct settings *settings, const struct cc_trace *trace,
                struct cc_engine *engine, struct hooks *hooks);

/* Gives them secrets that notifiers_read_secrets() has read. */
void hooks_renew(const struct hooks *hooks, const char *secrets);

/* Their figures, for /metrics. Any thread. */
void hooks_metrics(const struct hooks *hooks, struct cc_http_response *response);

/* After the engine has stopped. */
void hooks_close(struct hooks *hooks);

#endif
