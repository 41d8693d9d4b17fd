/*
 * What the LMDB directory does beyond its port's suite: it leaves no rows behind, one change of a
 * large conversation writes little; damage, a full map and a killed process lose nothing.
 */
#include "backends/lmdb/directory.h"
#include "chatcore/error.h"
#include "support/folder.h"
#include "support/test.h"
#include "testing/directory_steps.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    struct folder folder;
    struct cc_lmdb_options options;
    struct suite suite;
    struct cc_conformance_options suite_options;
    struct dir dir;
};

static void report_nothing(void *context, const char *suite, const char *name, const char *failure)
{
    (void)context;
    (void)suite;
    (void)name;
    (void)failure;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;
    struct cc_conformance_options suite_options = CC_CONFORMANCE_OPTIONS_INIT;

    folder_make(&fixture->folder);
    fixture->options = options;
    fixture->options.path = fixture->folder.path;
    fixture->options.sync = false;
    fixture->suite_options = suite_options;
    fixture->suite_options.report = report_nothing;
    assert_int_equal(suite_init(&fixture->suite, "lmdb", &fixture->suite_options), 0);
    fixture->dir.suite = &fixture->suite;
    fixture->dir.page = 10;
    *state = fixture;
    return 0;
}

static void open_directory(struct fixture *fixture)
{
    assert_int_equal(cc_lmdb_directory_open(NULL, &fixture->options, &fixture->dir.port), 0);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->dir.port.vtable)
        fixture->dir.port.vtable->free(fixture->dir.port.self);
    folder_remove(&fixture->folder);
    suite_deinit(&fixture->suite);
    free(fixture);
    return 0;
}

static struct lmdb_directory *directory_of(struct fixture *fixture)
{
    return fixture->dir.port.self;
}

static size_t count_rows(struct fixture *fixture)
{
    struct lmdb_directory *directory = directory_of(fixture);
    MDB_txn *txn;
    MDB_stat stat;

    assert_int_equal(environment_read_begin(&directory->environment, &txn), 0);
    assert_int_equal(mdb_stat(txn, directory->table, &stat), 0);
    environment_read_end(&directory->environment);
    return stat.ms_entries;
}

#define ASSERT_READ(fixture, wanted, read, ...)                                                    \
    do {                                                                                           \
        struct text got = {0};                                                                     \
        read(&(fixture)->dir, __VA_ARGS__, &got);                                                  \
        assert_string_equal(got.bytes, wanted);                                                    \
    } while (0)

/* --- no rows are left behind --- */

static void test_what_is_over_leaves_no_rows(void **state)
{
    struct fixture *fixture = *state;
    struct dir *dir = &fixture->dir;

    open_directory(fixture);
    assert_int_equal(dir_create(dir, "room", CC_KIND_GROUP, "*alice bob carol"), 0);
    assert_int_equal(dir_change(dir, "room", 1, CC_CHANGE_ROLE, "+bob carol"), 0);
    assert_int_equal(dir_change(dir, "room", 2, CC_CHANGE_REMOVE, "bob carol"), 0);
    assert_int_equal(dir_change(dir, "room", 3, CC_CHANGE_ADD, "bob"), 0);
    assert_int_equal(dir_change(dir, "room", 4, CC_CHANGE_REMOVE, "bob"), 0);
    /* the conversation; 6 tenures, 5 of them ended; 1 membership; 5 entries and their places */
    assert_int_equal(count_rows(fixture), 1 + 6 + 5 + 1 + 10 + 0);
    assert_int_equal(dir_outbox_done(dir, "room", 3), 0);
    /* left: the conversation, alice's tenure and membership, bob's second, ended; 2 entries */
    assert_int_equal(count_rows(fixture), 1 + 2 + 2 + 4);
    assert_int_equal(dir_outbox_done(dir, "room", 5), 0);
    assert_int_equal(count_rows(fixture), 3);
}

static void test_relations_and_devices_leave_no_rows(void **state)
{
    struct fixture *fixture = *state;
    struct dir *dir = &fixture->dir;

    open_directory(fixture);
    assert_int_equal(dir_relate(dir, "alice", "bob", CC_RELATION_CONTACT, true), 0);
    assert_int_equal(dir_relate(dir, "alice", "bob", CC_RELATION_BLOCKED, true), 0);
    assert_int_equal(dir_device_put(dir, "alice", "phone", "fcm", "t"), 0);
    assert_int_equal(count_rows(fixture), 3);
    assert_int_equal(dir_relate(dir, "alice", "bob", CC_RELATION_CONTACT, false), 0);
    assert_int_equal(dir_relate(dir, "alice", "bob", CC_RELATION_BLOCKED, false), 0);
    assert_int_equal(dir_device_put(dir, "alice", "phone", "", ""), 0);
    assert_int_equal(count_rows(fixture), 0);
}

/* --- one change of a large conversation --- */

static int create_large(struct fixture *fixture, size_t count)
{
    struct cc_member *members = calloc(count, sizeof *members);
    char(*names)[16] = calloc(count, sizeof *names);
    struct cc_directory_create op = {
        .conversation = slice_str("big"),
        .kind = CC_KIND_GROUP,
        .members = members,
        .count = count,
    };
    int r;

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "member-%06zu", i);
        members[i] = (struct cc_member){slice_str(names[i]), CC_ROLE_MEMBER, 0};
    }
    suite_submit(&fixture->suite, &op.op);
    fixture->dir.port.vtable->create(fixture->dir.port.self, &op);
    r = suite_wait(&fixture->suite, &op.op);
    free(members);
    free(names);
    return r;
}

static size_t pages_used(struct fixture *fixture)
{
    MDB_envinfo info;

    assert_int_equal(mdb_env_info(directory_of(fixture)->environment.mdb, &info), 0);
    return info.me_last_pgno;
}

static void test_a_change_of_a_large_conversation_writes_little(void **state)
{
    struct fixture *fixture = *state;
    size_t before;
    size_t rows;

    open_directory(fixture);
    assert_int_equal(create_large(fixture, 20000), 0);
    before = pages_used(fixture);
    rows = count_rows(fixture);
    assert_int_equal(dir_change(&fixture->dir, "big", 1, CC_CHANGE_ADD, "one-more"), 0);
    assert_int_equal(dir_change(&fixture->dir, "big", 2, CC_CHANGE_ROLE, "+member-010000"), 0);
    assert_int_equal(dir_change(&fixture->dir, "big", 3, CC_CHANGE_REMOVE, "member-015000"), 0);
    assert_true(before > 500);                        /* rewriting it would take this many */
    assert_true(pages_used(fixture) - before < 80);   /* a few paths from the root each */
    assert_int_equal(count_rows(fixture) - rows, 10); /* 4, 4 and 2 */
}

/* --- damage --- */

/* Overwrites a row, behind the directory's back. */
static void put_row(struct fixture *fixture, const struct directory_key *key, struct cc_slice value)
{
    struct lmdb_directory *directory = directory_of(fixture);
    MDB_val key_bytes = value_of(key->bytes, key->size);
    MDB_val value_bytes = value_of(value.data, value.size);
    MDB_txn *txn;

    assert_int_equal(mdb_txn_begin(directory->environment.mdb, NULL, 0, &txn), 0);
    assert_int_equal(mdb_put(txn, directory->table, &key_bytes, &value_bytes, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
}

static void test_a_damaged_row_is_an_error_where_it_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct dir *dir = &fixture->dir;
    struct directory_key key;

    open_directory(fixture);
    assert_int_equal(dir_create(dir, "room", CC_KIND_GROUP, "*alice bob"), 0);
    assert_int_equal(dir_create(dir, "other", CC_KIND_GROUP, "*alice"), 0);
    tenure_key(&key, slice_str("room"), slice_str("bob"), 1);
    put_row(fixture, &key, slice_str("?"));
    ASSERT_READ(fixture, "CC_ECORRUPT", dir_read_members, "room", 0);
    ASSERT_READ(fixture, "CC_ECORRUPT", dir_read_member, "room", "bob");
    ASSERT_READ(fixture, "CC_ECORRUPT", dir_read_memberships, "bob");
    ASSERT_READ(fixture, "*alice@1", dir_read_member, "room", "alice");
    ASSERT_READ(fixture, "*alice@1", dir_read_members, "other", 0);
    assert_int_equal(dir_change(dir, "room", 1, CC_CHANGE_REMOVE, "alice bob"), CC_ECORRUPT);
    ASSERT_READ(fixture, "*alice@1", dir_read_member, "room", "alice");
    assert_int_equal(dir_change(dir, "room", 1, CC_CHANGE_REMOVE, "alice"), 0);
}

/* Found only after other rows were written: the transaction must go, with all that it wrote. */
static void test_damage_found_halfway_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct dir *dir = &fixture->dir;
    struct directory_key key;

    open_directory(fixture);
    assert_int_equal(dir_create(dir, "room", CC_KIND_GROUP, "*alice"), 0);
    directory_key_begin(&key, TABLE_OUTBOX); /* an entry that leads to no number */
    directory_key_number(&key, 0);
    directory_key_name(&key, slice_str("~~~~~~~~~~~~"));
    put_row(fixture, &key, slice_str("?"));
    assert_int_equal(dir_change(dir, "room", 1, CC_CHANGE_ADD, "bob"), CC_ECORRUPT);
    ASSERT_READ(fixture, "group v1 members 1 small \"Name\"", dir_read_conversation, "room");
    ASSERT_READ(fixture, "no member", dir_read_member, "room", "bob");
    ASSERT_READ(fixture, "", dir_read_memberships, "bob");
}

static void test_names_that_are_too_long_are_refused(void **state)
{
    static const char longer[] =
        "01234567890123456789012345678901234567890123456789012345678901234";
    struct fixture *fixture = *state;
    struct dir *dir = &fixture->dir;

    open_directory(fixture);
    assert_int_equal(strlen(longer), CC_NAME_MAX + 1);
    assert_int_equal(dir_create(dir, longer, CC_KIND_GROUP, "*alice"), CC_EINVAL);
    assert_int_equal(dir_create(dir, "room", CC_KIND_GROUP, longer), CC_EINVAL);
    assert_int_equal(dir_relate(dir, longer, "bob", CC_RELATION_CONTACT, true), CC_EINVAL);
    assert_int_equal(dir_relate(dir, "bob", longer, CC_RELATION_CONTACT, true), CC_EINVAL);
    assert_int_equal(dir_device_put(dir, "bob", longer, "fcm", "t"), CC_EINVAL);
    assert_int_equal(dir_mute(dir, longer, "room", 1), CC_EINVAL);
    assert_int_equal(dir_outbox_done(dir, longer, 1), CC_EINVAL);
    ASSERT_READ(fixture, "CC_EINVAL", dir_read_conversation, longer);
    ASSERT_READ(fixture, "CC_EINVAL", dir_read_devices, longer);
    assert_int_equal(count_rows(fixture), 0);
}

/* --- a full map --- */

static void test_a_full_map_refuses_and_goes_on_when_there_is_room(void **state)
{
    struct fixture *fixture = *state;
    struct dir *dir = &fixture->dir;
    uint64_t version = 1;
    char name[3000];
    int r = 0;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    fixture->options.map_bytes = 1 << 20;
    fixture->options.max_bytes = 2 << 20;
    open_directory(fixture);
    assert_int_equal(dir_create(dir, "room", CC_KIND_GROUP, "*alice"), 0);
    assert_int_equal(create_large(fixture, 200000), CC_ENOSPACE);
    ASSERT_READ(fixture, "CC_ENOTFOUND", dir_read_conversation, "big");
    ASSERT_READ(fixture, "", dir_read_memberships, "member-000000");
    for (; !r && version < 100000; version++) {
        char user[16];

        snprintf(user, sizeof user, "u%llu", (unsigned long long)version);
        r = dir_relate(dir, "alice", user, CC_RELATION_CONTACT, true);
        if (!r)
            r = dir_change(dir, "room", version, CC_CHANGE_ADD, user);
    }
    assert_int_equal(r, CC_ENOSPACE);
    version--;
    assert_int_equal(dir_outbox_done(dir, "room", version), 0);
    ASSERT_READ(fixture, "", dir_read_outbox, 0);
    assert_int_equal(dir_rename(dir, "room", version, name), 0);
}

/* --- a crash --- */

static void user_of(uint64_t version, char user[16])
{
    snprintf(user, 16, "u%llu", (unsigned long long)version);
}

/* Adds a member with each version, and tells the pipe of each that was acknowledged. Never ends. */
static void run_until_killed(struct fixture *fixture, uint64_t version, int acknowledged)
{
    char user[16];

    open_directory(fixture);
    for (;; version++) {
        user_of(version + 1, user);
        if (dir_change(&fixture->dir, "room", version, CC_CHANGE_ADD, user) ||
            write(acknowledged, &version, sizeof version) != sizeof version)
            _exit(1);
    }
}

/* The newest version that the child acknowledged before it was killed, after `count` of them. */
static uint64_t kill_after(pid_t child, int acknowledged, int count)
{
    uint64_t expected;
    uint64_t newest = 0;

    while (read(acknowledged, &expected, sizeof expected) == sizeof expected) {
        newest = expected + 1;
        if (--count == 0)
            kill(child, SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    return newest;
}

static uint64_t version_of_room(struct fixture *fixture)
{
    struct cc_directory_conversation op = {.conversation = slice_str("room")};
    struct dir *dir = &fixture->dir;
    uint64_t version;

    suite_submit(dir->suite, &op.op);
    dir->port.vtable->conversation(dir->port.self, &op);
    assert_int_equal(suite_wait(dir->suite, &op.op), 0);
    version = op.ret_conversation.version;
    assert_int_equal(op.ret_conversation.member_count, version); /* alice, and one a change */
    cc_op_release(&op.op);
    return version;
}

/* What one transaction wrote stands in every list, and nothing else does. */
static void check_whole(struct fixture *fixture, uint64_t version)
{
    struct cc_directory_outbox op = {.limit = SIZE_MAX};
    struct dir *dir = &fixture->dir;
    struct text got = {0};
    char user[16];

    user_of(version, user);
    dir_read_memberships(dir, user, &got);
    assert_non_null(strstr(got.bytes, "room"));
    user_of(version + 1, user);
    ASSERT_READ(fixture, "", dir_read_memberships, user);
    suite_submit(dir->suite, &op.op);
    dir->port.vtable->outbox(dir->port.self, &op);
    assert_int_equal(suite_wait(dir->suite, &op.op), 0);
    assert_int_equal(op.ret_count, version);
    for (size_t i = 0; i < op.ret_count; i++)
        assert_int_equal(op.ret_entries[i].version, i + 1);
    cc_op_release(&op.op);
}

static void test_a_killed_process_loses_nothing_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    struct dir *dir = &fixture->dir;
    uint64_t version = 2;

    open_directory(fixture);
    assert_int_equal(dir_create(dir, "room", CC_KIND_GROUP, "*alice"), 0);
    assert_int_equal(dir_change(dir, "room", 1, CC_CHANGE_ADD, "u2"), 0);
    for (int round = 0; round < 10; round++) {
        uint64_t acknowledged;
        int ends[2];
        pid_t child;

        dir->port.vtable->free(dir->port.self);
        dir->port.vtable = NULL;
        assert_int_equal(pipe(ends), 0);
        child = fork();
        assert_true(child >= 0);
        if (!child)
            run_until_killed(fixture, version, ends[1]);
        close(ends[1]);
        acknowledged = kill_after(child, ends[0], 20 + round * 7);
        close(ends[0]);
        open_directory(fixture);
        version = version_of_room(fixture);
        assert_true(acknowledged && version >= acknowledged && version <= acknowledged + 1);
        check_whole(fixture, version);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_over_leaves_no_rows),
        TEST(test_relations_and_devices_leave_no_rows),
        TEST(test_a_change_of_a_large_conversation_writes_little),
        TEST(test_a_damaged_row_is_an_error_where_it_is_read),
        TEST(test_damage_found_halfway_changes_nothing),
        TEST(test_names_that_are_too_long_are_refused),
        TEST(test_a_full_map_refuses_and_goes_on_when_there_is_room),
        TEST(test_a_killed_process_loses_nothing_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
