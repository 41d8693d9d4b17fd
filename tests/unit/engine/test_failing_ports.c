/*
 * The engine when a port fails, at every single operation of a script: every command is answered
 * once, what the directory and the log say of a group agrees in the end, and all goes on.
 */
#include "chatcore/error.h"
#include "chatcore/testing/failing.h"
#include "support/engine_script.h"
#include "support/media_fake.h"
#include "support/test.h"

#include <stdio.h>

static struct {
    long until; /* operations until the failure; 0: none fails */
    struct cc_failure failure;
    const char *slot; /* that failed */
    struct cc_log log;
    struct cc_store store;
    struct cc_directory directory;
    struct cc_cluster cluster;
    struct cc_media media;
} ports;

static struct cc_failure decide(void *context, const char *slot)
{
    static const struct cc_failure none = {CC_FAILURE_NONE, 0};

    (void)context;
    if (ports.until == 0 || --ports.until > 0)
        return none;
    ports.slot = slot;
    return ports.failure;
}

static void be_quiet(void *context, enum cc_trace_level level, const char *area, const char *text)
{
    (void)context;
    (void)level;
    (void)area;
    (void)text;
}

static void configure(struct cc_engine_options *options)
{
    const struct cc_allocator *allocator = cc_allocator_default();
    struct cc_failing_options failing = {.size = sizeof failing, .decide = decide};

    assert_int_equal(cc_failing_log_open(allocator, &failing, options->log, &ports.log), 0);
    assert_int_equal(cc_failing_store_open(allocator, &failing, options->store, &ports.store), 0);
    assert_int_equal(
        cc_failing_directory_open(allocator, &failing, options->directory, &ports.directory), 0);
    assert_int_equal(cc_failing_cluster_open(allocator, &failing, options->cluster, &ports.cluster),
                     0);
    options->log = ports.log;
    options->store = ports.store;
    options->directory = ports.directory;
    assert_int_equal(cc_failing_media_open(allocator, &failing, media_fake(), &ports.media), 0);
    options->cluster = ports.cluster;
    options->media = ports.media;
    options->trace.write = be_quiet;
    options->limits.request.burst = 10000;
    options->limits.send.burst = 10000;
}

static void resume(void)
{
    cc_failing_log_resume(ports.log);
    cc_failing_store_resume(ports.store);
    cc_failing_directory_resume(ports.directory);
    cc_failing_cluster_resume(ports.cluster);
    cc_failing_media_resume(ports.media);
}

/* The directory's members may speak, as the log has it, and nobody else. */
static void check_agreement(struct fixture *fixture, const char *user)
{
    struct client *client = client_connect(fixture, user, "tablet");
    bool is_listed;

    client_do(client,
              (struct cc_command){.type = CC_COMMAND_MEMBERS, .conversation = text_slice("g")});
    is_listed = strstr(client_text(client), "members ok") != NULL;
    client_forget(client);
    client_say(client, "g", "agreed?");
    fixture_advance(fixture, 1000); /* a read that waited may fail only now */
    if (is_listed != (strstr(client_text(client), "send ok") != NULL))
        fail_msg("%s: %s after a failure of %s", user, client_text(client), ports.slot);
    client_close(client);
}

/* False when no operation was left to fail: the sweep has come to its end. */
static bool run(long at)
{
    struct fixture fixture;
    struct client *alice;
    unsigned replies;
    unsigned taken;
    bool was_reached;

    ports.until = 0;
    media_fake_reset();
    fixture_init(&fixture, configure);
    alice = client_connect(&fixture, "alice", "phone");
    client_connect(&fixture, "bob", "phone");
    replies = alice->replies;
    ports.until = at;
    taken = script_run(alice);
    fixture_advance(&fixture, 3000);
    was_reached = ports.until == 0;
    ports.until = 0;
    /* What is held comes back when those who waited have been told that it takes too long. */
    fixture_advance(&fixture, 15000);
    resume();
    fixture_advance(&fixture, 15000);
    assert_false(alice->is_closed);
    if (alice->replies - replies != taken)
        fail_msg("%u replies to %u commands after a failure of %s", alice->replies - replies, taken,
                 ports.slot);
    check_agreement(&fixture, "alice");
    check_agreement(&fixture, "bob");
    check_agreement(&fixture, "carol");
    fixture_deinit(&fixture);
    return was_reached;
}

static void sweep(enum cc_failure_kind kind, int status)
{
    long at = 1;

    ports.failure = (struct cc_failure){kind, status};
    while (run(at))
        at++;
    print_message("%ld operations\n", at);
    assert_true(at > 50);
}

static void test_refused(void **state)
{
    (void)state;
    sweep(CC_FAILURE_BEFORE, CC_EUNAVAILABLE);
}

static void test_done_and_refused(void **state)
{
    (void)state;
    sweep(CC_FAILURE_AFTER, CC_ETIMEOUT);
}

static void test_held(void **state)
{
    (void)state;
    sweep(CC_FAILURE_HOLD, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_done_and_refused),
        cmocka_unit_test(test_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
