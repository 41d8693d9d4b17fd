/*
 * Logs and stores when allocations fail: see allocation_sweep.h.
 */
#include "allocation_sweep.h"
#include "chatcore/backend/lmdb.h"
#include "chatcore/backend/memory.h"
#include "support/folder.h"
#include "testing/log_steps.h"
#include "testing/store_steps.h"

struct scenario {
    struct sweep sweep;
    struct stores store;
    struct logs log;
};

/* --- the steps: each answers its status --- */

static const struct story story = {.conversations = 3, .users = 4, .body_bytes = 300};

static int store_write(struct scenario *scenario)
{
    return story_write(&scenario->store, &story, 0, 20);
}

static int store_write_on(struct scenario *scenario)
{
    return story_write(&scenario->store, &story, 15, 40); /* some of it for the second time */
}

static int store_cursors(struct scenario *scenario)
{
    struct sto_batch batch = {0};

    sto_add_cursor(&batch, "eve", "phone", "room0-0", 5, 3);
    sto_add_cursor(&batch, "eve", "", "room0-1", 2, 2);
    sto_add_cursor(&batch, "ian", "", "room0-1", 9, 1);
    return sto_write_cursors(&scenario->store, &batch);
}

static int store_amend(struct scenario *scenario)
{
    struct sto_batch batch = {0};

    sto_add_row(&batch, "room0-0", 4, 0, "amended");
    sto_add_row(&batch, "room0-0", 6, 0, "");
    return sto_amend(&scenario->store, "room0-0", 3, &batch);
}

static int store_forget(struct scenario *scenario)
{
    struct cc_store_forget_cursors op = {.user = slice_str("ian")};

    return STORE_RUN(&scenario->store, forget_cursors, &op);
}

static int log_append(struct scenario *scenario)
{
    return log_append_words(&scenario->log, 0, "one two three", NULL);
}

static int log_append_more(struct scenario *scenario)
{
    return log_append_words(&scenario->log, 0, "four", NULL);
}

static int log_position(struct scenario *scenario)
{
    return log_commit(&scenario->log, "index", 0, 2);
}

static int log_forget_one(struct scenario *scenario)
{
    return log_forget(&scenario->log, "nobody", 0);
}

static int log_cut(struct scenario *scenario)
{
    return log_trim(&scenario->log, 0, 1);
}

typedef int (*step_function)(struct scenario *scenario);

static const step_function steps[] = {
    store_write, store_write_on, store_cursors, store_amend,    store_forget,
    log_append,  log_position,   log_cut,       log_forget_one, log_append_more,
};

/* --- running them --- */

static struct scenario *scenario_of(struct sweep *sweep)
{
    return container_of(sweep, struct scenario, sweep);
}

static void run_step(struct scenario *scenario, step_function step)
{
    int status;

    sweep_arm(&scenario->sweep);
    status = step(scenario);
    sweep_disarm(&scenario->sweep);
    if (status == CC_ENOMEM)
        status = step(scenario);
    assert_int_equal(status, 0);
}

static void read_all(struct sweep *sweep, struct text *text)
{
    struct scenario *scenario = scenario_of(sweep);
    struct sto_range few = {.from = 1, .to = 9, .limit = 2};
    struct sto_range newest = {.from = 0, .to = 1000, .limit = 3, .descending = true};

    sto_read_rows(&scenario->store, "room0-0", few, text);
    sto_read_head(&scenario->store, "room0-0", text);
    sto_list_heads(&scenario->store, "", 2, text);
    sto_read_inbox(&scenario->store, "user1", 0, newest, text);
    sto_read_cursors(&scenario->store, "eve", "phone", NULL, text);
    sto_read_cursors(&scenario->store, "ian", "", "room0-0 room0-1", text);
    sto_read_offset(&scenario->store, 0, text);
    log_read_bounds(&scenario->log, 0, text);
    log_read_words(&scenario->log, 0, 1, 10, SIZE_MAX, text);
}

static void run_all(struct scenario *scenario, struct text *text)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        run_step(scenario, steps[i]);
    sweep_read(&scenario->sweep, read_all, text);
    scenario->store.port.vtable->free(scenario->store.port.self);
    scenario->log.port.vtable->free(scenario->log.port.self);
}

/* --- the two backends --- */

static void memory_run(struct sweep *sweep, struct text *text)
{
    struct scenario *scenario = scenario_of(sweep);
    struct cc_memory_world *world;

    assert_int_equal(cc_memory_world_new(&sweep->allocator, 1, &world), 0);
    assert_int_equal(cc_memory_store_open(world, &scenario->store.port), 0);
    assert_int_equal(cc_memory_log_open(world, slice_str("node"), &scenario->log.port), 0);
    run_all(scenario, text);
    cc_memory_world_free(world);
}

static void lmdb_run(struct sweep *sweep, struct text *text)
{
    struct scenario *scenario = scenario_of(sweep);
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;
    struct folder folder;

    folder_make(&folder);
    options.path = folder.path;
    options.sync = false;
    assert_int_equal(cc_lmdb_store_open(&sweep->allocator, &options, &scenario->store.port), 0);
    assert_int_equal(cc_lmdb_log_open(&sweep->allocator, &options, &scenario->log.port), 0);
    run_all(scenario, text);
    folder_remove(&folder);
}

static void sweep_with(void (*run)(struct sweep *sweep, struct text *text), bool once)
{
    struct scenario scenario = {0};

    sweep_init(&scenario.sweep, once);
    scenario.store.suite = &scenario.sweep.suite;
    scenario.log.suite = &scenario.sweep.suite;
    sweep_all(&scenario.sweep, run);
    assert_null(strstr(scenario.sweep.wanted.bytes, "CC_E"));
    suite_deinit(&scenario.sweep.suite);
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
                             const struct cc_lmdb_options *options, struct scenario *scenario);

static int open_store(const struct cc_allocator *allocator, const struct cc_lmdb_options *options,
                      struct scenario *scenario)
{
    return cc_lmdb_store_open(allocator, options, &scenario->store.port);
}

static int open_log(const struct cc_allocator *allocator, const struct cc_lmdb_options *options,
                    struct scenario *scenario)
{
    return cc_lmdb_log_open(allocator, options, &scenario->log.port);
}

static void sweep_opening(struct scenario *scenario, open_function open)
{
    struct cc_allocator allocator = failing_allocator_of(&scenario->sweep.memory);
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;
    struct folder folder;
    int r = CC_ENOMEM;

    folder_make(&folder);
    options.path = folder.path;
    for (long left = 0; r; left++) {
        failing_allocator_arm(&scenario->sweep.memory, left, true);
        r = open(&allocator, &options, scenario);
        assert_true(!r || r == CC_ENOMEM);
        assert_true(r || left > 0);
        assert_true(!r || scenario->sweep.memory.out == 0);
        failing_allocator_disarm(&scenario->sweep.memory);
    }
    folder_remove(&folder);
}

static void test_opening_lmdb_when_one_fails(void **state)
{
    struct scenario scenario = {0};

    (void)state;
    sweep_opening(&scenario, open_store);
    scenario.store.port.vtable->free(scenario.store.port.self);
    assert_int_equal(scenario.sweep.memory.out, 0);
    sweep_opening(&scenario, open_log);
    scenario.log.port.vtable->free(scenario.log.port.self);
    assert_int_equal(scenario.sweep.memory.out, 0);
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
