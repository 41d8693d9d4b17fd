/*
 * Opening the notifiers.
 */
#include "notifiers.h"

#include <chatcore/error.h>

#include <stdio.h>

#define SECRETS_FILE_MAX 1024

static uint32_t as_u32(uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static int open_webhook(const struct settings *settings, struct cc_notifier *ret_notifier)
{
    struct cc_webhook_options options = CC_WEBHOOK_OPTIONS_INIT;
    char secrets[SECRETS_FILE_MAX] = "";
    FILE *file = fopen(settings->webhook_secret_file, "re");
    size_t size;

    if (!file)
        return CC_EIO;
    size = fread(secrets, 1, sizeof secrets - 1, file);
    secrets[size] = 0;
    fclose(file);
    options.secrets = secrets;
    options.allow_private = settings->webhook_allow_private;
    return cc_notifier_webhook_new(cc_allocator_default(), &options, ret_notifier);
}

void notifiers_close(struct cc_notifier *notifiers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        notifiers[i].vtable->free(notifiers[i].self);
}

int notifiers_open(const struct settings *settings, struct cc_notifier *ret_notifiers,
                   size_t *ret_count, struct cc_notify_options *ret_options)
{
    struct cc_notify_options options = CC_NOTIFY_OPTIONS_INIT;
    size_t count = 0;
    int r = 0;

    options.urgent_ms = as_u32(settings->notify_urgent_ms);
    options.window_ms = as_u32(settings->notify_window_ms);
    options.retry_for_s = as_u32(settings->notify_retry_s);
    options.preview_off = settings->notify_preview_off;
    if (settings->notify_file && !settings->check_config)
        r = cc_notifier_file_new(cc_allocator_default(), settings->notify_file, "file",
                                 &ret_notifiers[count++]);
    if (!r && settings->webhook_secret_file && !settings->check_config) {
        r = open_webhook(settings, &ret_notifiers[count]);
        if (r)
            notifiers_close(ret_notifiers, count);
        else
            count++;
    }
    if (r)
        return r;
    *ret_count = count;
    *ret_options = options;
    return 0;
}
