/*
 * A conversation's messages as they come. The history is asked for what is newer, and the server
 * answers when there is something: that makes nobody be online, and shows each seq once.
 */
#include "print.h"
#include "remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LAST_DEFAULT 10
#define PAGE         200

/* So long the server holds an answer that would be empty. */
#define WAIT "&wait_s=25&after="

/* The largest that the protocol has. */
#define SEQ_MAX (((json_int_t)1 << 53) - 1)

struct tail {
    struct remote remote;
    char *conversation; /* escaped */
    json_int_t seq;     /* the newest that was shown */
    bool is_json;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* What a message of any kind says, in a line. */
static const char *gist(const json_t *message)
{
    static const char *const keys[] = {"text", "emoji", "action", "message"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_get(message, keys[i]))
            return text_of(message, keys[i]);
    return "";
}

/* Terminals obey control characters, and these come from users. */
static void print_plain(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
}

static int message_print(struct tail *tail, json_t *message)
{
    time_t ts = (time_t)(json_integer_value(json_object_get(message, "ts")) / 1000);
    char date[32] = "";
    struct tm broken;

    tail->seq = json_integer_value(json_object_get(message, "seq"));
    if (tail->is_json)
        return print_object(json_incref(message));
    if (gmtime_r(&ts, &broken))
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &broken);
    printf("%6" JSON_INTEGER_FORMAT "  %s  %s  %s: ", tail->seq, date, text_of(message, "kind"),
           text_of(message, "from"));
    print_plain(gist(message));
    return putchar('\n') == EOF ? EXIT_FAILED : EXIT_DONE;
}

/* A page of the history. NULL after saying what is wrong. */
static json_t *page_ask(struct tail *tail, const char *from, json_int_t seq, long limit)
{
    json_t *page = NULL;
    char *path;

    if (asprintf(&path, "/v1/conversations/%s/messages?limit=%ld%s%" JSON_INTEGER_FORMAT,
                 tail->conversation, limit, from, seq) < 0)
        return NULL;
    page = remote_ask(&tail->remote, "GET", path);
    free(path);
    return page;
}

static int page_print(struct tail *tail, const json_t *page)
{
    json_t *message;
    size_t i;
    int r = EXIT_DONE;

    json_array_foreach(json_object_get(page, "messages"), i, message)
    {
        r = message_print(tail, message);
        if (r)
            break;
    }
    return fflush(stdout) ? EXIT_FAILED : r;
}

/* The last messages. Without a place to begin, a history begins at its end. */
static int begin(struct tail *tail, long last)
{
    json_t *page = page_ask(tail, "&before=", SEQ_MAX, last ? last : 1);
    json_t *messages = json_object_get(page, "messages");
    size_t count = json_array_size(messages);
    int r = EXIT_DONE;

    if (!page)
        return EXIT_FAILED;
    if (last)
        r = page_print(tail, page);
    else if (count)
        tail->seq = json_integer_value(json_object_get(json_array_get(messages, 0), "seq"));
    json_decref(page);
    return r;
}

static int go_on(struct tail *tail)
{
    for (;;) {
        time_t asked = time(NULL);
        json_t *page = page_ask(tail, WAIT, tail->seq, PAGE);
        bool is_empty = !json_array_size(json_object_get(page, "messages"));
        int r = page ? page_print(tail, page) : EXIT_FAILED;

        json_decref(page);
        if (r)
            return r;
        if (is_empty && time(NULL) <= asked + 1)
            sleep(1); /* it can't wait: too many do, or another node has the conversation */
    }
}

static int run(struct tail *tail, const struct invocation *invocation)
{
    const char *given = invocation->options[OPTION_LAST];
    const char *user = invocation->options[OPTION_AS];
    char *end = "";
    long last = given ? strtol(given, &end, 10) : LAST_DEFAULT;
    int r;

    if (!user)
        return command_failed(invocation->arguments[0], "--as one of its members");
    if (*end || last < 0 || last > PAGE)
        return command_failed(given, "not a number from 0 to 200");
    if (!remote_open(&tail->remote, invocation, NULL, user))
        return EXIT_FAILED;
    tail->conversation = remote_escape(&tail->remote, invocation->arguments[0]);
    if (!tail->conversation)
        return command_failed(invocation->arguments[0], "out of memory");
    r = begin(tail, last);
    return r || invocation->options[OPTION_ONCE] ? r : go_on(tail);
}

int command_tail(const struct invocation *invocation)
{
    struct tail tail = {.is_json = invocation->options[OPTION_JSON] != NULL};
    int r = run(&tail, invocation);

    curl_free(tail.conversation);
    remote_close(&tail.remote);
    return r;
}
