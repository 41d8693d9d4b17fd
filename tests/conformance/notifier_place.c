/*
 * Where the notifier suite's backends send to: a file, a receiver of HTTP, one of SMTP.
 */
#include "places.h"

#include "chatcore/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

static const char *const names[] = {[CC_TOKEN_GOOD] = "good",
                                    [CC_TOKEN_GONE] = "gone",
                                    [CC_TOKEN_LATER] = "later",
                                    [CC_TOKEN_HANGS] = "hangs",
                                    [CC_TOKEN_NONE] = ""};

static struct cc_slice slice(const char *text)
{
    struct cc_slice slice = {text, strlen(text)};

    return slice;
}

static void stop(struct notifier_place *place)
{
    if (place->is_receiving)
        receiver_stop(&place->receiver);
    place->is_receiving = false;
}

static int start(struct notifier_place *place, enum receiver_protocol protocol)
{
    stop(place);
    receiver_start(&place->receiver, protocol);
    place->is_receiving = true;
    return 0;
}

static void destroy(void *context)
{
    struct notifier_place *place = context;

    stop(place);
    folder_place_destroy(&place->place);
}

/* --- the file --- */

static int make_file(void *context)
{
    return folder_place_make(&((struct notifier_place *)context)->place);
}

static int open_file(void *context, struct cc_notifier *ret_notifier)
{
    const struct notifier_place *place = context;

    return cc_notifier_file_new(cc_allocator_default(), folder_path(&place->place.folder, "file"),
                                "file", ret_notifier);
}

static struct cc_slice file_token(void *context, enum cc_notifier_token kind, unsigned number)
{
    struct notifier_place *place = context;
    char *token = place->tokens[kind][number];

    if (kind != CC_TOKEN_GOOD)
        return slice("");
    snprintf(token, sizeof place->tokens[kind][number], "good-%u", number);
    return slice(token);
}

static size_t file_received(void *context, struct cc_slice token, const char *text)
{
    const struct notifier_place *place = context;
    FILE *file = fopen(folder_path(&place->place.folder, "file"), "r");
    char *line = NULL;
    size_t room = 0, count = 0;
    char member[96];

    snprintf(member, sizeof member, "\"token\":\"%.*s\"", (int)token.size, token.data);
    while (file && getline(&line, &room, file) > 0)
        count += strstr(line, member) && strstr(line, text);
    free(line);
    if (file)
        fclose(file);
    return count;
}

struct cc_notifier_factory file_notifier_factory(struct notifier_place *place)
{
    struct cc_notifier_factory factory = {sizeof factory, place,         make_file, open_file,
                                          file_token,     file_received, destroy};

    return factory;
}

/* --- webhooks --- */

static int make_webhook(void *context)
{
    return start(context, RECEIVER_HTTP);
}

static int open_webhook(void *context, struct cc_notifier *ret_notifier)
{
    struct cc_webhook_options options = CC_WEBHOOK_OPTIONS_INIT;

    (void)context;
    options.secrets = SECRET;
    options.allow_private = true;
    return cc_notifier_webhook_new(cc_allocator_default(), &options, ret_notifier);
}

static struct cc_slice webhook_token(void *context, enum cc_notifier_token kind, unsigned number)
{
    struct notifier_place *place = context;
    char *token = place->tokens[kind][number];

    if (kind == CC_TOKEN_NONE)
        return slice("file:///etc/passwd");
    snprintf(token, sizeof place->tokens[kind][number], "http://127.0.0.1:%d/%s-%u",
             place->receiver.port, names[kind], number);
    return slice(token);
}

static size_t webhook_received(void *context, struct cc_slice token, const char *text)
{
    struct notifier_place *place = context;
    char url[64];

    snprintf(url, sizeof url, "%.*s", (int)token.size, token.data);
    return receiver_count(&place->receiver, strrchr(url, '/') + 1, text);
}

struct cc_notifier_factory webhook_notifier_factory(struct notifier_place *place)
{
    struct cc_notifier_factory factory = {sizeof factory, place,         make_webhook,
                                          open_webhook,   webhook_token, webhook_received,
                                          destroy};

    return factory;
}

static int open_failing(void *context, struct cc_notifier *ret_notifier)
{
    struct cc_failing_options options = never_failing();
    struct cc_notifier port;
    int r = open_webhook(context, &port);

    return r ? r : cc_failing_notifier_open(NULL, &options, port, ret_notifier);
}

struct cc_notifier_factory failing_notifier_factory(struct notifier_place *place)
{
    struct cc_notifier_factory factory = webhook_notifier_factory(place);

    factory.open = open_failing;
    return factory;
}

/* --- mails --- */

static int make_smtp(void *context)
{
    return start(context, RECEIVER_SMTP);
}

static int open_smtp(void *context, struct cc_notifier *ret_notifier)
{
    const struct notifier_place *place = context;
    struct cc_smtp_options options = CC_SMTP_OPTIONS_INIT;
    char url[64];

    snprintf(url, sizeof url, "smtp://127.0.0.1:%d", place->receiver.port);
    options.url = url;
    options.from = "chat@example.org";
    options.tls_off = true;
    return cc_notifier_smtp_new(cc_allocator_default(), &options, ret_notifier);
}

static struct cc_slice smtp_token(void *context, enum cc_notifier_token kind, unsigned number)
{
    struct notifier_place *place = context;
    char *token = place->tokens[kind][number];

    if (kind == CC_TOKEN_NONE)
        return slice("good-0@example.org>\r\nDATA");
    snprintf(token, sizeof place->tokens[kind][number], "%s-%u@example.org", names[kind], number);
    return slice(token);
}

static size_t smtp_received(void *context, struct cc_slice token, const char *text)
{
    struct notifier_place *place = context;
    char name[64];

    snprintf(name, sizeof name, "%.*s", (int)token.size, token.data);
    *strchr(name, '@') = '\0';
    return receiver_count(&place->receiver, name, text);
}

struct cc_notifier_factory smtp_notifier_factory(struct notifier_place *place)
{
    struct cc_notifier_factory factory = {sizeof factory, place,         make_smtp, open_smtp,
                                          smtp_token,     smtp_received, destroy};

    return factory;
}
