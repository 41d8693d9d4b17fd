/* The client without a server: what it refuses, what it keeps, whose the folder is. */
#include "chatcore/client.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/chatcore-client-XXXXXX";

static int give_token(void *context, enum cc_client_token_reason reason, char *token, size_t size)
{
    (void)context, (void)reason;
    return snprintf(token, size, "t") == 1 ? 0 : -1;
}

static int no_token(void *context, enum cc_client_token_reason reason, char *token, size_t size)
{
    (void)context, (void)reason, (void)token, (void)size;
    return -1;
}

static struct cc_client_options options_of(const char *url)
{
    struct cc_client_options options = CC_CLIENT_OPTIONS_INIT;

    options.url = url;
    options.device = "d";
    options.folder = folder;
    options.token = give_token;
    return options;
}

/* Nobody listens on this port. */
static struct cc_client *open_client(void)
{
    struct cc_client_options options = options_of("ws://127.0.0.1:1");
    struct cc_client *client;

    assert_int_equal(cc_client_new(&options, &client), 0);
    return client;
}

static int send_text(struct cc_client *client, const char *client_id, const char *text)
{
    struct cc_client_draft draft = {.user = "bob", .text = text, .client_id = client_id};

    return cc_client_send(client, &draft);
}

static void test_bad_options_are_refused(void **state)
{
    struct cc_client_options options = options_of("ftp://host");
    struct cc_client *client;

    (void)state;
    assert_int_equal(cc_client_new(&options, &client), -EINVAL);
    options = options_of("ws://127.0.0.1:1");
    options.device = NULL;
    assert_int_equal(cc_client_new(&options, &client), -EINVAL);
    options = options_of("ws://127.0.0.1:1");
    options.folder = "/proc/no/such/folder";
    assert_int_equal(cc_client_new(&options, &client), -ENOENT);
}

static void test_a_folder_is_one_clients(void **state)
{
    struct cc_client_options options = options_of("ws://127.0.0.1:1");
    struct cc_client *client = open_client();
    struct cc_client *second;

    (void)state;
    assert_int_equal(cc_client_new(&options, &second), -EBUSY);
    cc_client_free(client);
    client = open_client();
    cc_client_free(client);
}

static void test_bad_drafts_are_refused(void **state)
{
    struct cc_client *client = open_client();
    struct cc_client_draft both = {.user = "bob", .conversation = "team", .text = "x"};
    struct cc_client_draft neither = {.text = "x"};
    struct cc_client_draft broken = {.user = "bob", .more = "{"};
    struct cc_client_draft binary = {.user = "bob", .text = "\xff"};

    (void)state;
    assert_int_equal(cc_client_send(client, &both), -EINVAL);
    assert_int_equal(cc_client_send(client, &neither), -EINVAL);
    assert_int_equal(cc_client_send(client, &broken), -EINVAL);
    assert_int_equal(cc_client_send(client, &binary), -EINVAL);
    cc_client_free(client);
}

static void test_what_was_written_survives(void **state)
{
    struct cc_client *client = open_client();

    (void)state;
    assert_int_equal(send_text(client, "one", "first"), 0);
    assert_int_equal(send_text(client, "one", "again"), -EEXIST);
    assert_int_equal(send_text(client, NULL, "without an id"), 0);
    cc_client_free(client);
    client = open_client();
    assert_int_equal(send_text(client, "one", "again"), -EEXIST);
    assert_int_equal(cc_client_discard(client, "one"), 0);
    assert_int_equal(cc_client_discard(client, "one"), -ENOENT);
    assert_int_equal(cc_client_retry(client, "one"), -ENOENT);
    cc_client_free(client);
    client = open_client();
    assert_int_equal(send_text(client, "one", "a new one"), 0);
    cc_client_free(client);
}

struct seen {
    int waits;
    int refusals;
    int offline;
};

static void count(void *context, const struct cc_client_event *event)
{
    struct seen *seen = context;

    seen->waits += event->type == CC_CLIENT_EVENT_STATE && event->status == CC_CLIENT_WAITING;
    seen->refusals += event->type == CC_CLIENT_EVENT_STATE && event->status == CC_CLIENT_REFUSED;
}

static void count_offline(void *context, const char *error, const char *reply)
{
    struct seen *seen = context;

    seen->offline += error && !strcmp(error, "offline") && !reply;
}

static void dispatch_until(struct cc_client *client, const int *figure)
{
    for (int i = 0; i < 5000 && !*figure; i++) {
        cc_client_dispatch(client, 0);
        usleep(1000);
    }
    assert_true(*figure > 0);
}

static void test_a_server_that_is_not_there_is_waited_for(void **state)
{
    struct cc_client_options options = options_of("ws://127.0.0.1:1");
    struct seen seen = {0};
    struct cc_client *client;

    (void)state;
    options.dispatched = 1;
    options.on_event = count;
    options.context = &seen;
    assert_int_equal(cc_client_new(&options, &client), 0);
    assert_true(cc_client_fd(client) >= 0);
    assert_int_equal(cc_client_start(client), 0);
    dispatch_until(client, &seen.waits);
    assert_int_equal(cc_client_request(client, "history", "{}", count_offline, &seen), 0);
    assert_int_equal(cc_client_request(client, "history", "[]", count_offline, &seen), -EINVAL);
    dispatch_until(client, &seen.offline);
    cc_client_free(client);
}

static void test_without_a_token_it_is_refused(void **state)
{
    struct cc_client_options options = options_of("ws://127.0.0.1:1");
    struct seen seen = {0};
    struct cc_client *client;

    (void)state;
    options.token = no_token;
    options.dispatched = 1;
    options.on_event = count;
    options.context = &seen;
    assert_int_equal(cc_client_new(&options, &client), 0);
    cc_client_start(client);
    dispatch_until(client, &seen.refusals);
    cc_client_stop(client);
    cc_client_free(client);
}

struct asked {
    pthread_mutex_t lock;
    pthread_cond_t is_asking;
    int count;
};

/* None, after a while. */
static int no_token_yet(void *context, enum cc_client_token_reason reason, char *token, size_t size)
{
    struct asked *asked = context;

    (void)reason, (void)token, (void)size;
    pthread_mutex_lock(&asked->lock);
    asked->count++;
    pthread_cond_signal(&asked->is_asking);
    pthread_mutex_unlock(&asked->lock);
    usleep(100000);
    return -1;
}

static void test_it_stops_though_it_is_being_refused(void **state)
{
    struct asked asked = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    struct cc_client_options options = options_of("ws://127.0.0.1:1");
    struct cc_client *client;

    (void)state;
    options.token = no_token_yet;
    options.context = &asked;
    assert_int_equal(cc_client_new(&options, &client), 0);
    cc_client_start(client);
    pthread_mutex_lock(&asked.lock);
    while (!asked.count)
        pthread_cond_wait(&asked.is_asking, &asked.lock);
    pthread_mutex_unlock(&asked.lock);
    cc_client_stop(client);
    cc_client_free(client);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "client.lock"};
    char path[256];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options_are_refused),
        cmocka_unit_test(test_a_folder_is_one_clients),
        cmocka_unit_test(test_bad_drafts_are_refused),
        cmocka_unit_test(test_what_was_written_survives),
        cmocka_unit_test(test_a_server_that_is_not_there_is_waited_for),
        cmocka_unit_test(test_without_a_token_it_is_refused),
        cmocka_unit_test(test_it_stops_though_it_is_being_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
