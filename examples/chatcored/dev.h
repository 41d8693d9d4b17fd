/*
 * --dev: POST /v1/dev/token, which gives everybody a token for any name.
 */
#ifndef CHATCORED_DEV_H
#define CHATCORED_DEV_H

#include "settings.h"

#include <chatcore/backend/auth.h>
#include <chatcore/gateway.h>

struct dev {
    char *secret;
    size_t secret_size;
};

#define DEV_ROUTES 1

/* Takes the secret of the settings, or makes one and adds it to the verifier. False after saying
 * what is wrong. */
bool dev_init(struct dev *dev, const struct settings *settings, struct cc_auth *auth);
void dev_deinit(struct dev *dev);

void dev_routes(struct dev *dev, struct cc_http_route routes[DEV_ROUTES]);

#endif
