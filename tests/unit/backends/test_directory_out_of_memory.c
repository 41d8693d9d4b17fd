/*
 * The directories when allocations fail: a scenario is run again and again, and each time another
 * allocation of each step fails. A step that answers CC_ENOMEM has changed nothing: done again, it
 * answers what it would have answered, and everything that can be read is as if nothing had
 * failed. Nothing leaks.
 */
#include "chatcore/backend/lmdb.h"
#include "chatcore/backend/memory.h"
#include "chatcore/error.h"
#include "support/failing_allocator.h"
#include "support/folder.h"
#include "support/test.h"
#include "testing/directory_steps.h"

/* A step allocates less often than this: the sweep of each ends before. */
#define ALLOCATIONS_MAX 200

struct sweep {
    struct failing_allocator memory;
    struct cc_allocator allocator;
    struct suite suite;
    struct dir dir;
    long left; /* of each step: so many allocations succeed */
    bool once;
    bool hit; /* some step failed in this run */
};

/* --- the steps --- */

static int create(struct dir *dir)
{
    return dir_create(dir, "room", CC_KIND_GROUP, "*alice +bob carol");
}

static int create_again(struct dir *dir)
{
    return dir_create(dir, "room", CC_KIND_GROUP, "*zoe yan");
}

static int add(struct dir *dir)
{
    return dir_change(dir, "room", 1, CC_CHANGE_ADD, "dan +erin");
}

static int set_role(struct dir *dir)
{
    return dir_change(dir, "room", 2, CC_CHANGE_ROLE, "+carol dan");
}

static int remove_two(struct dir *dir)
{
    return dir_change(dir, "room", 3, CC_CHANGE_REMOVE, "bob dan");
}

static int set_name(struct dir *dir)
{
    return dir_rename(dir, "room", 4, "another name");
}

static int add_back(struct dir *dir)
{
    return dir_change(dir, "room", 5, CC_CHANGE_ADD, "bob");
}

static int add_careless(struct dir *dir)
{
    return dir_change(dir, "room", 6, CC_CHANGE_ADD, "frank gina frank");
}

static int mute(struct dir *dir)
{
    return dir_mute(dir, "alice", "room", 77);
}

static int relate(struct dir *dir)
{
    return dir_relate(dir, "alice", "hal", CC_RELATION_CONTACT, true);
}

static int relate_oneself(struct dir *dir)
{
    return dir_relate(dir, "ivy", "ivy", CC_RELATION_BLOCKED, true);
}

static int unrelate(struct dir *dir)
{
    return dir_relate(dir, "ivy", "ivy", CC_RELATION_BLOCKED, false);
}

static int put_device(struct dir *dir)
{
    return dir_device_put(dir, "jay", "phone", "apns", "token");
}

static int replace_device(struct dir *dir)
{
    return dir_device_put(dir, "jay", "phone", "fcm", "another token");
}

static int put_profile(struct dir *dir)
{
    struct cc_directory_profile op = {
        .user = slice_str("kim"), .name = slice_str("Kim"), .meta = slice_str("meta")};

    suite_submit(dir->suite, &op.op);
    dir->port.vtable->profile_put(dir->port.self, &op);
    return suite_wait(dir->suite, &op.op);
}

static int finish_some(struct dir *dir)
{
    return dir_outbox_done(dir, "room", 3);
}

static const struct step {
    int (*run)(struct dir *dir);
    int status; /* without failures */
} steps[] = {
    {create, 0},
    {create_again, CC_EEXISTS},
    {add, 0},
    {set_role, 0},
    {remove_two, 0},
    {set_name, 0},
    {add_back, 0},
    {add_careless, CC_EINVAL},
    {mute, 0},
    {relate, 0},
    {relate_oneself, 0},
    {unrelate, 0},
    {put_device, 0},
    {replace_device, 0},
    {put_profile, 0},
    {put_profile, 0},
    {finish_some, 0},
};

/* --- running them --- */

static void run_step(struct sweep *sweep, const struct step *step)
{
    int status;

    failing_allocator_arm(&sweep->memory, sweep->left, sweep->once);
    status = step->run(&sweep->dir);
    if (failing_allocator_disarm(&sweep->memory))
        sweep->hit = true;
    if (status != CC_ENOMEM) {
        assert_int_equal(status, step->status);
        return;
    }
    assert_int_equal(step->run(&sweep->dir), step->status);
}

/* Everything, in one text. */
static void read_all(struct dir *dir, struct text *text)
{
    static const char *const users[] = {"alice", "bob", "dan", "frank", "ivy", "jay", "kim", "zoe"};

    dir_read_conversation(dir, "room", text);
    for (uint64_t version = 3; version <= 6; version++)
        dir_read_members(dir, "room", version, text);
    dir_read_members(dir, "room", 0, text);
    dir_read_member(dir, "room", "carol", text);
    dir_read_outbox(dir, 0, text);
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        dir_read_memberships(dir, users[i], text);
        dir_read_related(dir, users[i], CC_RELATION_CONTACT, false, text);
        dir_read_related(dir, users[i], CC_RELATION_BLOCKED, true, text);
        dir_read_devices(dir, users[i], text);
        dir_read_profile(dir, users[i], text);
    }
}

/* A read under failures answers what it should or CC_ENOMEM, and leaks nothing. */
static void read_under_failures(struct sweep *sweep)
{
    struct text text = {0};

    failing_allocator_arm(&sweep->memory, sweep->left, sweep->once);
    read_all(&sweep->dir, &text);
    if (failing_allocator_disarm(&sweep->memory)) {
        sweep->hit = true;
        assert_non_null(strstr(text.bytes, "CC_ENOMEM"));
    }
}

static void run_all(struct sweep *sweep, struct text *text)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        run_step(sweep, &steps[i]);
    read_under_failures(sweep);
    read_all(&sweep->dir, text);
    assert_string_equal(sweep->suite.failure, "");
    assert_true(text->size < sizeof text->bytes - 1); /* nothing was cut */
    sweep->dir.port.vtable->free(sweep->dir.port.self);
}

/* --- the two backends --- */

static void memory_run(struct sweep *sweep, struct text *text)
{
    struct cc_memory_world *world;

    assert_int_equal(cc_memory_world_new(&sweep->allocator, 1, &world), 0);
    assert_int_equal(cc_memory_directory_open(world, &sweep->dir.port), 0);
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
    assert_int_equal(cc_lmdb_directory_open(&sweep->allocator, &options, &sweep->dir.port), 0);
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
    struct sweep sweep = {.once = once, .hit = true, .dir = {.page = 10}};
    struct text wanted = {0};

    options.report = report_nothing;
    sweep.allocator = failing_allocator_of(&sweep.memory);
    sweep.dir.suite = &sweep.suite;
    assert_int_equal(suite_init(&sweep.suite, "sweep", &options), 0);
    sweep.left = 1000000;
    run(&sweep, &wanted);
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

static void test_opening_lmdb_when_one_fails(void **state)
{
    struct failing_allocator memory = {0};
    struct cc_allocator allocator = failing_allocator_of(&memory);
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;
    struct cc_directory directory;
    struct folder folder;
    int r = CC_ENOMEM;

    (void)state;
    folder_make(&folder);
    options.path = folder.path;
    for (long left = 0; r; left++) {
        failing_allocator_arm(&memory, left, true);
        r = cc_lmdb_directory_open(&allocator, &options, &directory);
        assert_true(!r || r == CC_ENOMEM);
        assert_true(r || left > 0);
        failing_allocator_disarm(&memory);
    }
    directory.vtable->free(directory.self);
    assert_int_equal(memory.out, 0);
    folder_remove(&folder);
}

static void test_making_a_world_when_one_fails(void **state)
{
    struct failing_allocator memory = {0};
    struct cc_allocator allocator = failing_allocator_of(&memory);
    struct cc_memory_world *world;
    int r = CC_ENOMEM;

    (void)state;
    for (long left = 0; r; left++) {
        failing_allocator_arm(&memory, left, true);
        r = cc_memory_world_new(&allocator, 8, &world);
        assert_true(!r || r == CC_ENOMEM);
        assert_true(!r || memory.out == 0);
        failing_allocator_disarm(&memory);
    }
    cc_memory_world_free(world);
    assert_int_equal(memory.out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_when_one_fails),
        cmocka_unit_test(test_memory_when_all_fail_from_one_on),
        cmocka_unit_test(test_lmdb_when_one_fails),
        cmocka_unit_test(test_lmdb_when_all_fail_from_one_on),
        cmocka_unit_test(test_opening_lmdb_when_one_fails),
        cmocka_unit_test(test_making_a_world_when_one_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
