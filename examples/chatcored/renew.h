/*
 * What SIGHUP renews while the server runs: keys, the certificate, the secrets of webhooks, the
 * trace's level and format, rates and some limits, the time for draining. The other settings count
 * from the next start; that they differ is told.
 */
#ifndef CHATCORED_RENEW_H
#define CHATCORED_RENEW_H

#include "hooks.h"
#include "notifiers.h"
#include "settings.h"

#include <chatcore/gateway.h>

struct renewal {
    int argc;
    char **argv;
    struct settings *settings; /* those that the server was started with */
    struct cc_auth auth;       /* the engine's */
    struct cc_engine *engine;
    struct cc_gateway *gateway;
    const struct notifiers *notifiers;
    const struct hooks *hooks;
};

/* All of it or, after saying what is wrong, nothing. The engine's thread, between two steps. */
void renew(struct renewal *renewal);

/* Members that are not set stay as they are. */
void fill_limits(const struct settings *settings, struct cc_limits *limits);

/* What the trace is told of a setting's words. */
void renew_trace(const struct settings *settings);

#endif
