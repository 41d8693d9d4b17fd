/*
 * Each allocation of the client fails once: sweep URL TOKEN_FILE FOLDER STEP. In run N the Nth one
 * fails, or the (N * STEP)th; the client must say so or get over it, and in the end everything that
 * was written is confirmed and handed out once, in order, and each command answered once. It ends
 * with the first run in which nothing failed. The client's objects are linked into this program, so
 * that their malloc() can be ours; jansson is given it, the other libraries keep theirs. Not while
 * jansson reads: 2.14 drops a character of a text, and says nothing, where it has no memory for it.
 */
#include "chatcore/client.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGES   3
#define PATIENCE_S 60

/* --- allocations ------------------------------------------------------------------------------ */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
char *__wrap_strdup(const char *text);

static _Atomic long left; /* until one fails; 0 or less: none */
static _Atomic bool has_failed;

static _Thread_local bool is_reading;

static bool fails(void)
{
    if (is_reading || left <= 0 || atomic_fetch_sub(&left, 1) != 1)
        return false;
    has_failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size)
{
    return fails() ? NULL : __real_realloc(pointer, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

json_t *__real_json_loads(const char *text, size_t flags, json_error_t *error);
json_t *__real_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loads(const char *text, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);

json_t *__wrap_json_loads(const char *text, size_t flags, json_error_t *error)
{
    json_t *value;

    is_reading = true;
    value = __real_json_loads(text, flags, error);
    is_reading = false;
    return value;
}

json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error)
{
    json_t *value;

    is_reading = true;
    value = __real_json_loadb(text, size, flags, error);
    is_reading = false;
    return value;
}

/* --- one run ---------------------------------------------------------------------------------- */

struct run {
    const char *const *arguments;
    long number;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_online;
    int had, confirmed, answers; /* under the lock */
    const char *fault;
};

static int give_token(void *context, enum cc_client_token_reason reason, char *token, size_t size)
{
    const struct run *run = context;
    FILE *file = fopen(run->arguments[2], "r");
    bool has_one = file && fgets(token, (int)size, file);

    (void)reason;
    if (file)
        fclose(file);
    token[has_one ? strcspn(token, "\n") : 0] = 0;
    return has_one ? 0 : -1;
}

static double no_wait(void *context)
{
    (void)context;
    return 0;
}

static void name_of(const struct run *run, int message, char name[32])
{
    snprintf(name, 32, "run-%ld-%d", run->number, message);
}

/* Under the lock. */
static void take_message(struct run *run, const char *text)
{
    char name[32];

    name_of(run, run->had, name);
    if (strcmp(text, name) != 0)
        run->fault = "a message out of turn";
    run->had++;
}

static void take_event(struct run *run, const struct cc_client_event *event)
{
    switch (event->type) {
    case CC_CLIENT_EVENT_STATE:
        run->is_online = event->status == CC_CLIENT_ONLINE;
        if (event->status == CC_CLIENT_REFUSED)
            run->fault = "refused";
        break;
    case CC_CLIENT_EVENT_MESSAGE:
        take_message(run, event->message.text);
        break;
    case CC_CLIENT_EVENT_SENT:
        run->confirmed++;
        break;
    case CC_CLIENT_EVENT_FAILED:
        run->fault = "a message was refused";
        break;
    default:
        break;
    }
}

static void on_event(void *context, const struct cc_client_event *event)
{
    struct run *run = context;

    pthread_mutex_lock(&run->lock);
    take_event(run, event);
    pthread_cond_signal(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

static void on_reply(void *context, const char *error, const char *reply)
{
    struct run *run = context;

    (void)error, (void)reply;
    pthread_mutex_lock(&run->lock);
    run->answers++;
    pthread_cond_signal(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

/* Without memory it is done once more. */
static void send_all(struct run *run, struct cc_client *client)
{
    for (int i = 0; i < MESSAGES; i++) {
        char name[32];
        struct cc_client_draft draft = {.user = "sweep-peer", .text = name, .client_id = name};
        int r;

        name_of(run, i, name);
        draft.file = i == 0 ? run->arguments[2] : NULL;
        r = cc_client_send(client, &draft);
        if (r == -ENOMEM)
            r = cc_client_send(client, &draft);
        if (r)
            run->fault = "a message was not taken";
    }
}

static void ask(struct run *run, struct cc_client *client)
{
    int r = cc_client_request(client, "conversations", "{\"limit\":1}", on_reply, run);

    if (r == -ENOMEM)
        r = cc_client_request(client, "conversations", "{\"limit\":1}", on_reply, run);
    if (r)
        run->fault = "a command was not taken";
}

static bool is_done(const struct run *run)
{
    return run->fault ||
           (run->is_online && run->had >= MESSAGES && run->confirmed >= MESSAGES && run->answers);
}

static void wait_for_all(struct run *run)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&run->lock);
    while (!is_done(run))
        if (pthread_cond_timedwait(&run->changed, &run->lock, &until))
            run->fault = "it did not get over it";
    pthread_mutex_unlock(&run->lock);
}

static int open_client(struct run *run, struct cc_client **ret_client)
{
    struct cc_client_options options = CC_CLIENT_OPTIONS_INIT;

    options.url = run->arguments[1];
    options.folder = run->arguments[3];
    options.device = "sweep";
    options.token = give_token;
    options.random = no_wait;
    options.on_event = on_event;
    options.context = run;
    options.encoding = run->number % 2 ? CC_CLIENT_MSGPACK : CC_CLIENT_JSON;
    return cc_client_new(&options, ret_client);
}

/* NULL, or what was wrong. */
static const char *run_once(struct run *run)
{
    struct cc_client *client;
    int r = open_client(run, &client);

    if (r == -ENOMEM)
        r = open_client(run, &client);
    if (r)
        return "it was not opened";
    cc_client_start(client);
    send_all(run, client);
    ask(run, client);
    wait_for_all(run);
    left = 0;
    cc_client_free(client);
    if (!run->fault && (run->had != MESSAGES || run->confirmed != MESSAGES || run->answers != 1))
        return "something was told twice";
    return run->fault;
}

int main(int argc, char **argv)
{
    long step = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
    long count = 0;

    if (step < 1)
        return fprintf(stderr, "usage: sweep URL TOKEN_FILE FOLDER STEP\n"), 2;
    json_set_alloc_funcs(__wrap_malloc, free);
    cc_client_quiet();
    do {
        struct run run = {.arguments = (const char *const *)argv,
                          .number = count,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER};
        const char *fault;

        has_failed = false;
        left = 1 + count * step;
        fault = run_once(&run);
        if (fault)
            return fprintf(stderr, "allocation %ld: %s\n", 1 + count * step, fault), 1;
        count++;
    } while (has_failed);
    printf("%ld allocations failed, each step %ld\n", count - 1, step);
    return count < 10; /* it was not ours that was called */
}
