/*
 * The engine when memory runs out, at every single allocation that a conversation of two users
 * makes: every command is answered once or its session closed, nothing leaks, and when there is
 * memory again all goes on.
 */
#include "support/engine_script.h"
#include "support/media_fake.h"
#include "support/test.h"

#include <stdlib.h>

/* Allocations in a row that fail: one, so that what follows meets a half-done step; and more. */
static const int runs_of_failures[] = {1, 10};

static struct {
    long until; /* allocations until the first failure; 0: none fails */
    int failures;
    size_t live;
} memory;

static bool fails(void)
{
    if (memory.until == 0)
        return false;
    if (memory.until > 1) {
        memory.until--;
        return false;
    }
    if (memory.failures == 0) {
        memory.until = 0;
        return false;
    }
    memory.failures--;
    return true;
}

static void *take(void *context, size_t size)
{
    void *pointer;

    (void)context;
    pointer = fails() ? NULL : malloc(size);
    memory.live += pointer != NULL;
    return pointer;
}

static void *retake(void *context, void *pointer, size_t size)
{
    void *grown;

    (void)context;
    grown = fails() ? NULL : realloc(pointer, size);
    memory.live += grown && !pointer;
    return grown;
}

static void give(void *context, void *pointer)
{
    (void)context;
    memory.live -= pointer != NULL;
    free(pointer);
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
    options->allocator.alloc = take;
    options->allocator.realloc = retake;
    options->allocator.release = give;
    options->trace.write = be_quiet;
    options->media = media_fake();
    options->limits.request.burst = 10000;
    options->limits.send.burst = 10000;
}

static void check_recovered(struct fixture *fixture)
{
    struct client *alice = client_connect(fixture, "alice", "tablet");
    struct client *dave = client_connect(fixture, "dave", "phone");

    client_say_to(alice, "dave", "after");
    assert_non_null(strstr(client_text(dave), " alice after\n"));
}

/* False when no allocation was left to fail: the sweep has come to its end. */
static bool run(long at, int failures)
{
    struct fixture fixture;
    struct client *alice;
    struct client *bob_client;
    unsigned replies;
    unsigned taken;
    bool was_reached;

    memory.until = 0;
    memory.live = 0;
    media_fake_reset();
    fixture_init(&fixture, configure);
    alice = client_connect(&fixture, "alice", "phone");
    bob_client = client_connect(&fixture, "bob", "phone");
    replies = alice->replies;
    memory.until = at;
    memory.failures = failures;
    taken = script_run(alice);
    if (!bob_client->is_closed)
        client_close(bob_client);
    fixture_advance(&fixture, 3000);
    was_reached = memory.until <= 1;
    memory.until = 0;
    fixture_advance(&fixture, 15000);
    if (!alice->is_closed)
        assert_int_equal(alice->replies - replies, taken);
    check_recovered(&fixture);
    fixture_deinit(&fixture);
    assert_int_equal(memory.live, 0);
    return was_reached;
}

static void test_sweep(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof runs_of_failures / sizeof runs_of_failures[0]; i++) {
        long at = 1;

        while (run(at, runs_of_failures[i]))
            at++;
        print_message("%ld allocations, %d failing at a time\n", at, runs_of_failures[i]);
        assert_true(at > 100);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
