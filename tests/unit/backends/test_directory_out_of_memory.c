/*
 * The directories when allocations fail: see allocation_sweep.h.
 */
#include "allocation_sweep.h"
#include "chatcore/backend/lmdb.h"
#include "chatcore/backend/memory.h"
#include "support/folder.h"
#include "testing/directory_steps.h"

struct scenario {
    struct sweep sweep;
    struct dir dir;
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

static int create_club(struct dir *dir)
{
    return dir_create(dir, "club", CC_KIND_GROUP, "*alice bob");
}

static int invite_one(struct dir *dir)
{
    return dir_invite(dir, "club", "t1", 0, 1, 1);
}

static int bar(struct dir *dir)
{
    return dir_bar(dir, "club", 1, "bob");
}

static int join(struct dir *dir)
{
    return dir_join(dir, "club", 2, "t1", "carol");
}

static int join_late(struct dir *dir)
{
    return dir_join(dir, "club", 3, "t1", "dan");
}

/* The one that is used up goes with it. */
static int invite_more(struct dir *dir)
{
    return dir_invite(dir, "club", "t2", 9, 0, 1);
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
    {create_club, 0},
    {invite_one, 0},
    {bar, 0},
    {join, 0},
    {join_late, CC_ENOTFOUND},
    {invite_more, 0},
};

/* --- running them --- */

static struct scenario *scenario_of(struct sweep *sweep)
{
    return container_of(sweep, struct scenario, sweep);
}

static void run_step(struct scenario *scenario, const struct step *step)
{
    int status;

    sweep_arm(&scenario->sweep);
    status = step->run(&scenario->dir);
    sweep_disarm(&scenario->sweep);
    if (status == CC_ENOMEM)
        status = step->run(&scenario->dir);
    assert_int_equal(status, step->status);
}

/* Everything, in one text. */
static void read_all(struct sweep *sweep, struct text *text)
{
    struct dir *dir = &scenario_of(sweep)->dir;
    static const char *const users[] = {"alice", "bob", "dan", "frank", "ivy", "jay", "kim", "zoe"};

    dir_read_invitation(dir, "t2", "bob", text);
    dir_read_invitations(dir, "club", "", text);
    dir_read_invitations(dir, NULL, "alice", text);
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

static void run_all(struct scenario *scenario, struct text *text)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        run_step(scenario, &steps[i]);
    sweep_read(&scenario->sweep, read_all, text);
    scenario->dir.port.vtable->free(scenario->dir.port.self);
}

/* --- the two backends --- */

static void memory_run(struct sweep *sweep, struct text *text)
{
    struct scenario *scenario = scenario_of(sweep);
    struct cc_memory_world *world;

    assert_int_equal(cc_memory_world_new(&sweep->allocator, 1, &world), 0);
    assert_int_equal(cc_memory_directory_open(world, &scenario->dir.port), 0);
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
    assert_int_equal(cc_lmdb_directory_open(&sweep->allocator, &options, &scenario->dir.port), 0);
    run_all(scenario, text);
    folder_remove(&folder);
}

static void sweep_with(void (*run)(struct sweep *sweep, struct text *text), bool once)
{
    struct scenario scenario = {.dir = {.page = 10}};

    sweep_init(&scenario.sweep, once);
    scenario.dir.suite = &scenario.sweep.suite;
    sweep_all(&scenario.sweep, run);
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
