/*
 * Opening the notifiers.
 */
#include "notifiers.h"

#include "keys.h"

#include <chatcore/error.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRETS_FILE_MAX 1024

static uint32_t as_u32(uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static bool blame(const struct settings *settings, enum setting_index which, int error)
{
    settings_blame(settings, which, cc_strerror(error));
    return false;
}

static bool open_file(const struct settings *settings, struct notifiers *notifiers)
{
    int r;

    if (!settings->notify_file || settings->check_config)
        return true;
    r = cc_notifier_file_new(cc_allocator_default(), settings->notify_file, "file",
                             &notifiers->list[notifiers->count]);
    if (r)
        return blame(settings, SETTING_INDEX_notify_file, r);
    notifiers->count++;
    return true;
}

/* Bytes of a file as a text, to be freed. */
static char *read_text(const struct settings *settings, enum setting_index which, const char *path)
{
    size_t size;
    char *bytes = keys_read_file(path, SECRETS_FILE_MAX, &size);
    char *text = bytes ? strndup(bytes, size) : NULL;

    if (!text)
        settings_blame(settings, which, strerror(errno));
    free(bytes);
    return text;
}

char *notifiers_read_secrets(const struct settings *settings)
{
    const enum setting_index which = SETTING_INDEX_webhook_secret_file;
    char *secrets = read_text(settings, which, settings->webhook_secret_file);

    if (secrets && cc_webhook_secrets_check(secrets)) {
        settings_blame(settings, which, "no secrets of 24 to 64 bytes in base64");
        free(secrets);
        secrets = NULL;
    }
    return secrets;
}

static bool open_webhook(const struct settings *settings, struct notifiers *notifiers)
{
    struct cc_webhook_options options = CC_WEBHOOK_OPTIONS_INIT;
    char *secrets;
    int r;

    if (!settings->webhook_secret_file)
        return true;
    secrets = notifiers_read_secrets(settings);
    if (!secrets)
        return false;
    options.secrets = secrets;
    options.allow_private = settings->webhook_allow_private;
    r = cc_notifier_webhook_new(cc_allocator_default(), &options,
                                &notifiers->list[notifiers->count]);
    free(secrets);
    if (r)
        return blame(settings, SETTING_INDEX_webhook_secret_file, r);
    notifiers->count++;
    return true;
}

/* --- mails ------------------------------------------------------------------------------------ */

/* Beside its place, and then there: never half. */
static bool write_key(const char *path, const uint8_t *key, size_t size)
{
    char fresh[PATH_MAX + 8];
    int fd;
    bool is_good;

    snprintf(fresh, sizeof fresh, "%s.new", path);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    is_good = write(fd, key, size) == (ssize_t)size && fsync(fd) == 0;
    return close(fd) == 0 && is_good && rename(fresh, path) == 0;
}

/* The links of mails that were sent before a restart must go on to be good. */
static bool get_key(const struct settings *settings, uint8_t *key, size_t size)
{
    char path[PATH_MAX];
    bool is_there;
    int fd;

    if (getrandom(key, size, 0) != (ssize_t)size)
        return false;
    if (!settings->data || settings->check_config)
        return true;
    if (mkdir(settings->data, 0700) && errno != EEXIST)
        return false;
    snprintf(path, sizeof path, "%s/unsubscribe_key", settings->data);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT && write_key(path, key, size);
    is_there = read(fd, key, size) == (ssize_t)size;
    close(fd);
    if (!is_there)
        errno = EBADMSG;
    return is_there;
}

static bool open_server(const struct settings *settings, const struct cc_trace *trace,
                        const char *password, struct notifiers *notifiers)
{
    struct cc_smtp_options options = CC_SMTP_OPTIONS_INIT;
    int r;

    options.url = settings->smtp_url;
    options.from = settings->smtp_from;
    options.user = settings->smtp_user;
    options.password = password;
    options.ca_file = settings->smtp_ca_file;
    options.verify = !settings->smtp_verify_off;
    options.trust_servers = settings->smtp_trust_servers;
    options.tls_off = settings->smtp_tls_off;
    options.link = settings->public_url;
    options.public_url = settings->public_url;
    options.unsubscribe_key = notifiers->unsubscribe_key;
    options.digest_ms = settings->smtp_digest_s > UINT32_MAX / 1000
                            ? UINT32_MAX
                            : as_u32(settings->smtp_digest_s * 1000);
    options.trace = *trace;
    r = cc_notifier_smtp_new(cc_allocator_default(), &options, &notifiers->list[notifiers->count]);
    if (r == CC_EINVAL) {
        settings_blame(settings, SETTING_INDEX_smtp_from, "no address to send from");
        return false;
    }
    if (r)
        return blame(settings, SETTING_INDEX_smtp_url, r);
    notifiers->count++;
    return true;
}

static bool open_smtp(const struct settings *settings, const struct cc_trace *trace,
                      struct notifiers *notifiers)
{
    char *password = NULL;
    bool is_good;

    if (!settings->smtp_url)
        return true;
    if (!settings->public_url)
        fprintf(stderr, "chatcored: without public-url, mails have no link to unsubscribe, and "
                        "addresses are not verified\n");
    notifiers->can_unsubscribe = settings->public_url != NULL;
    if (!get_key(settings, notifiers->unsubscribe_key, sizeof notifiers->unsubscribe_key)) {
        fprintf(stderr, "chatcored: %s/unsubscribe_key: %s\n", settings->data, strerror(errno));
        return false;
    }
    if (settings->smtp_password_file) {
        password =
            read_text(settings, SETTING_INDEX_smtp_password_file, settings->smtp_password_file);
        if (!password)
            return false;
    }
    is_good = open_server(settings, trace, password, notifiers);
    free(password);
    return is_good;
}

/* --- all of them ------------------------------------------------------------------------------ */

void notifiers_renew(const struct notifiers *notifiers, const char *secrets)
{
    for (size_t i = 0; i < notifiers->count; i++)
        cc_notifier_webhook_renew(&notifiers->list[i], secrets);
}

void notifiers_close(struct notifiers *notifiers)
{
    for (size_t i = 0; i < notifiers->count; i++)
        notifiers->list[i].vtable->free(notifiers->list[i].self);
    notifiers->count = 0;
}

bool notifiers_open(const struct settings *settings, const struct cc_trace *trace,
                    struct notifiers *ret_notifiers)
{
    const struct cc_notify_options defaults = CC_NOTIFY_OPTIONS_INIT;

    memset(ret_notifiers, 0, sizeof *ret_notifiers);
    ret_notifiers->options = defaults;
    ret_notifiers->options.urgent_ms = as_u32(settings->notify_urgent_ms);
    ret_notifiers->options.window_ms = as_u32(settings->notify_window_ms);
    ret_notifiers->options.retry_for_s = as_u32(settings->notify_retry_s);
    ret_notifiers->options.preview_off = settings->notify_preview_off;
    if (open_file(settings, ret_notifiers) && open_webhook(settings, ret_notifiers) &&
        open_smtp(settings, trace, ret_notifiers))
        return true;
    notifiers_close(ret_notifiers);
    return false;
}
