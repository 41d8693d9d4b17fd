/*
 * Who is told of messages when nobody is online: the notifiers that the settings name.
 */
#ifndef CHATCORED_NOTIFIERS_H
#define CHATCORED_NOTIFIERS_H

#include "settings.h"

#include <chatcore/backend/notifier.h>

#define NOTIFIERS_MAX 4

/* Opens them into `ret_notifiers`, NOTIFIERS_MAX of them. 0 or a CC_E…, with none open. */
int notifiers_open(const struct settings *settings, struct cc_notifier *ret_notifiers,
                   size_t *ret_count, struct cc_notify_options *ret_options);

void notifiers_close(struct cc_notifier *notifiers, size_t count);

#endif
