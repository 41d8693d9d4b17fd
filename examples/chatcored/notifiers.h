/*
 * Who is told of messages when nobody is online: the notifiers that the settings name.
 */
#ifndef CHATCORED_NOTIFIERS_H
#define CHATCORED_NOTIFIERS_H

#include "settings.h"

#include <chatcore/backend/notifier.h>

#define NOTIFIERS_MAX 4

struct notifiers {
    struct cc_notifier list[NOTIFIERS_MAX];
    size_t count;
    struct cc_notify_options options;
    bool can_unsubscribe; /* there are mails, and an address for the links in them */
    uint8_t unsubscribe_key[CC_UNSUBSCRIBE_KEY];
};

/* Opens them. False after saying on standard error what is wrong, with none open. */
bool notifiers_open(const struct settings *settings, const struct cc_trace *trace,
                    struct notifiers *ret_notifiers);

/* The secrets that webhooks are signed with today, to be freed, or NULL after saying what is wrong:
 * the file that the settings name, which they must. */
char *notifiers_read_secrets(const struct settings *settings);

/* Gives a webhook notifier, if there is one, secrets that notifiers_read_secrets() has read. */
void notifiers_renew(const struct notifiers *notifiers, const char *secrets);

void notifiers_close(struct notifiers *notifiers);

#endif
