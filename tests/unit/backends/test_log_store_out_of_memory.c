/*
 * Logs and stores when allocations fail: a scenario is run again and again, and each time another
 * allocation of each step fails. A step that answers CC_ENOMEM has changed nothing: done again, it
 * does what it would have done, and everything that can be read is as if nothing had failed.
 * Nothing leaks.
 */
#include "chatcore/backend/lmdb.h"
#include "chatcore/backend/memory.h"
#include "chatcore/error.h"
#include "support/failing_allocator.h"
#include "support/folder.h"
#include "support/test.h"
#include "testing/log_steps.h"
#include "testing/store_steps.h"

/* A step allocates less often than this: the sweep of each ends before. */
#define ALLOCATIONS_MAX 200

struct sweep {
    struct failing_allocator memory;
    struct cc_allocator allocator;
    struct suite suite;
    struct stores store;
    struct logs log;
    long left; /* of each step: so many allocations succeed */
    bool once;
    bool hit; /* some step failed in this run */
};

/* --- the steps: each answers its status --- */

static const struct story story = {.conversations = 3, .users = 4, .body_bytes = 300};

static int store_write(struct sweep *sweep)
{
    return story_write(&sweep->store, &story, 0, 20);
}

static int store_write_on(struct sweep *sweep)
{
    return story_write(&sweep->store, &story, 15, 40); /* some of it for the second time */
}

static int store_cursors(struct sweep *sweep)
{
    struct sto_batch batch = {0};

    sto_add_cursor(&batch, "eve", "phone", "room0-0", 5, 3);
    sto_add_cursor(&batch, "eve", "", "room0-1", 2, 2);
    sto_add_cursor(&batch, "ian", "", "room0-1", 9, 1);
    return sto_write_cursors(&sweep->store, &batch);
}

static int store_amend(struct sweep *sweep)
{
    struct sto_batch batch = {0};

    sto_add_row(&batch, "room0-0", 4, 0, "amended");
    sto_add_row(&batch, "room0-0", 6, 0, "");
    return sto_amend(&sweep->store, "room0-0", 3, &batch);
}

static int store_forget(struct sweep *sweep)
{
    struct cc_store_forget_cursors op = {.user = slice_str("ian")};

    return STORE_RUN(&sweep->store, forget_cursors, &op);
}

static int log_append(struct sweep *sweep)
{
    return log_append_words(&sweep->log, 0, "one two three", NULL);
}

static int log_append_more(struct sweep *sweep)
{
    return log_append_words(&sweep->log, 0, "four", NULL);
}

static int log_position(struct sweep *sweep)
{
    return log_commit(&sweep->log, "index", 0, 2);
}

static int log_forget_one(struct sweep *sweep)
{
    return log_forget(&sweep->log, "nobody", 0);
}

static int log_cut(struct sweep *sweep)
{
    return log_trim(&sweep->log, 0, 1);
}

typedef int (*step_function)(struct sweep *sweep);

static const step_function steps[] = {
    store_write, store_write_on, store_cursors, store_amend,    store_forget,
    log_append,  log_position,   log_cut,       log_forget_one, log_append_more,
};

/* --- running them --- */

static void run_step(struct sweep *sweep, step_function step)
{
    int status;

    failing_allocator_arm(&sweep->memory, sweep->left, sweep->once);
    status = step(sweep);
    if (failing_allocator_disarm(&sweep->memory))
        sweep->hit = true;
    if (status == CC_ENOMEM)
        status = step(sweep);
    assert_int_equal(status, 0);
}

static void read_all(struct sweep *sweep, struct text *text)
{
    struct sto_range few = {.from = 1, .to = 9, .limit = 2};
    struct sto_range newest = {.from = 0, .to = 1000, .limit = 3, .descending = true};

    sto_read_rows(&sweep->store, "room0-0", few, text);
    sto_read_head(&sweep->store, "room0-0", text);
    sto_list_heads(&sweep->store, "", 2, text);
    sto_read_inbox(&sweep->store, "user1", 0, newest, text);
    sto_read_cursors(&sweep->store, "eve", "phone", NULL, text);
    sto_read_cursors(&sweep->store, "ian", "", "room0-0 room0-1", text);
    sto_read_offset(&sweep->store, 0, text);
    log_read_bounds(&sweep->log, 0, text);
    log_read_words(&sweep->log, 0, 1, 10, SIZE_MAX, text);
}

/* A read under failures answers what it should or CC_ENOMEM, and leaks nothing. */
static void read_under_failures(struct sweep *sweep)
{
    struct text text = {0};

    failing_allocator_arm(&sweep->memory, sweep->left, sweep->once);
    read_all(sweep, &text);
    if (failing_allocator_disarm(&sweep->memory)) {
        sweep->hit = true;
        assert_non_null(strstr(text.bytes, "CC_ENOMEM"));
    }
}

static void run_all(struct sweep *sweep, struct text *text)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        run_step(sweep, steps[i]);
    read_under_failures(sweep);
    read_all(sweep, text);
    assert_string_equal(sweep->suite.failure, "");
    assert_true(text->size < sizeof text->bytes - 1); /* nothing was cut */
    sweep->store.port.vtable->free(sweep->store.port.self);
    sweep->log.port.vtable->free(sweep->log.port.self);
}

/* --- the two backends --- */

static void memory_run(struct sweep *sweep, struct text *text)
{
    struct cc_memory_world *world;

    assert_int_equal(cc_memory_world_new(&sweep->allocator, 1, &world), 0);
    assert_int_equal(cc_memory_store_open(world, &sweep->store.port), 0);
    assert_int_equal(cc_memory_log_open(world, slice_str("node"), &sweep->log.port), 0);
    run_all(sweep, text);
    cc_memory_world_free(world);
}

static void lmdb_run(struct sweep *sweep, struct text *text)
{
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;
    struct folder folder;

    folder_make(&folder);
    options.path = folder.path;
    options.sync = false;
    assert_int_equal(cc_lmdb_store_open(&sweep->allocator, &options, &sweep->store.port), 0);
    assert_int_equal(cc_lmdb_log_open(&sweep->allocator, &options, &sweep->log.port), 0);
    run_all(sweep, text);
    folder_remove(&folder);
}

static void report_nothing(void *context, const char *suite, const char *name, const char *failure)
{
    (void)context;
    (void)suite;
    (void)name;
    (void)failure;
}

static void sweep_with(void (*run)(struct sweep *sweep, struct text *text), bool once)
{
    struct cc_conformance_options options = CC_CONFORMANCE_OPTIONS_INIT;
    struct sweep sweep = {.once = once, .hit = true};
    struct text wanted = {0};

    options.report = report_nothing;
    sweep.allocator = failing_allocator_of(&sweep.memory);
    sweep.store.suite = &sweep.suite;
    sweep.log.suite = &sweep.suite;
    assert_int_equal(suite_init(&sweep.suite, "sweep", &options), 0);
    sweep.left = 1000000;
    run(&sweep, &wanted);
    assert_null(strstr(wanted.bytes, "CC_E"));
    for (sweep.left = 0; sweep.hit; sweep.left++) {
        struct text text = {0};

        assert_true(sweep.left < ALLOCATIONS_MAX);
        sweep.hit = false;
        run(&sweep, &text);
        assert_string_equal(text.bytes, wanted.bytes);
        assert_int_equal(sweep.memory.out, 0);
    }
    assert_true(sweep.left > 3); /* it did fail at some */
    suite_deinit(&sweep.suite);
}

static void test_memory_when_one_fails(void **state)
{
    (void)state;
    sweep_with(memory_run, true);
}

static void test_memory_when_all_fail_from_one_on(void **state)
{
    (void)state;
    sweep_with(memory_run, false);
}

static void test_lmdb_when_one_fails(void **state)
{
    (void)state;
    sweep_with(lmdb_run, true);
}

static void test_lmdb_when_all_fail_from_one_on(void **state)
{
    (void)state;
    sweep_with(lmdb_run, false);
}

/* --- opening --- */

typedef int (*open_function)(const struct cc_allocator *allocator,
                             const struct cc_lmdb_options *options, struct sweep *sweep);

static int open_store(const struct cc_allocator *allocator, const struct cc_lmdb_options *options,
                      struct sweep *sweep)
{
    return cc_lmdb_store_open(allocator, options, &sweep->store.port);
}

static int open_log(const struct cc_allocator *allocator, const struct cc_lmdb_options *options,
                    struct sweep *sweep)
{
    return cc_lmdb_log_open(allocator, options, &sweep->log.port);
}

static void sweep_opening(struct sweep *sweep, open_function open)
{
    struct cc_allocator allocator = failing_allocator_of(&sweep->memory);
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;
    struct folder folder;
    int r = CC_ENOMEM;

    folder_make(&folder);
    options.path = folder.path;
    for (long left = 0; r; left++) {
        failing_allocator_arm(&sweep->memory, left, true);
        r = open(&allocator, &options, sweep);
        assert_true(!r || r == CC_ENOMEM);
        assert_true(r || left > 0);
        assert_true(!r || sweep->memory.out == 0);
        failing_allocator_disarm(&sweep->memory);
    }
    folder_remove(&folder);
}

static void test_opening_lmdb_when_one_fails(void **state)
{
    struct sweep sweep = {.left = 0};

    (void)state;
    sweep_opening(&sweep, open_store);
    sweep.store.port.vtable->free(sweep.store.port.self);
    assert_int_equal(sweep.memory.out, 0);
    sweep_opening(&sweep, open_log);
    sweep.log.port.vtable->free(sweep.log.port.self);
    assert_int_equal(sweep.memory.out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_when_one_fails),
        cmocka_unit_test(test_memory_when_all_fail_from_one_on),
        cmocka_unit_test(test_lmdb_when_one_fails),
        cmocka_unit_test(test_lmdb_when_all_fail_from_one_on),
        cmocka_unit_test(test_opening_lmdb_when_one_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
