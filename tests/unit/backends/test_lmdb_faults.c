/*
 * The embedded log and store on a disk that fails: what was acknowledged stays, what was not is
 * told, and writes succeed again once the disk does.
 */
#include "chatcore/backend/lmdb.h"
#include "chatcore/error.h"
#include "support/disk.h"
#include "support/folder.h"
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fixture {
    struct folder folder;
    struct cc_lmdb_options options;
    struct cc_log log;
    struct cc_mailbox mailbox;
    uint64_t acknowledged; /* records 0 … are in the log for sure */
};

static void open_log(struct fixture *fixture)
{
    assert_int_equal(cc_lmdb_log_open(NULL, &fixture->options, &fixture->log), 0);
}

static void close_log(struct fixture *fixture)
{
    fixture->log.vtable->free(fixture->log.self);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;

    folder_make(&fixture->folder);
    fixture->options = options;
    fixture->options.path = fixture->folder.path;
    open_log(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    disk_fail(0, 0, 0);
    disk_cut_short(false);
    close_log(fixture);
    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static void note_completion(struct cc_op *op)
{
    op->mailbox = NULL;
}

static void begin(struct fixture *fixture, struct cc_op *op)
{
    op->mailbox = &fixture->mailbox;
    op->complete = note_completion;
}

static int finish(struct fixture *fixture, struct cc_op *op)
{
    struct timespec pause = {0, 200000};

    for (cc_mailbox_drain(&fixture->mailbox); op->mailbox; cc_mailbox_drain(&fixture->mailbox))
        nanosleep(&pause, NULL);
    return op->status;
}

/* Appends a record that tells its number. */
static int append_one(struct fixture *fixture, uint64_t number)
{
    char text[3000];
    struct cc_slice record = {text, sizeof text};
    struct cc_log_append op = {.records = &record, .count = 1};

    memset(text, 'r', sizeof text);
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    begin(fixture, &op.op);
    fixture->log.vtable->append(fixture->log.self, &op);
    return finish(fixture, &op.op);
}

static void append_acknowledged(struct fixture *fixture, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(append_one(fixture, fixture->acknowledged++), 0);
}

/* Every record that was acknowledged stands in the log, once and in order; others may be between.
 */
static void check_log(struct fixture *fixture)
{
    struct cc_log_read op = {.max_records = SIZE_MAX, .max_bytes = SIZE_MAX};
    uint64_t wanted = 0;

    begin(fixture, &op.op);
    fixture->log.vtable->read(fixture->log.self, &op);
    assert_int_equal(finish(fixture, &op.op), 0);
    for (size_t i = 0; i < op.ret_count; i++) {
        assert_int_equal(op.ret_records[i].offset, i);
        if (strtoull(op.ret_records[i].data.data, NULL, 10) == wanted)
            wanted++;
    }
    assert_int_equal(wanted, fixture->acknowledged);
    cc_op_release(&op.op);
}

/* While the disk fails appends end with `status`; then they work, also after opening again. */
static void fail_and_recover(struct fixture *fixture, unsigned calls, int error, int status)
{
    append_acknowledged(fixture, 20);
    for (int passes = 0; passes < 3; passes++) {
        disk_fail(calls, error, passes);
        for (int i = 0; i < 5; i++) {
            int r = append_one(fixture, 999999);

            assert_true(r == status || r == 0);
        }
        assert_true(disk_failures() > 0);
        check_log(fixture);
        disk_fail(0, 0, 0);
        append_acknowledged(fixture, 20);
        check_log(fixture);
    }
    close_log(fixture);
    open_log(fixture);
    check_log(fixture);
    append_acknowledged(fixture, 20);
    check_log(fixture);
}

static void a_full_disk(void **state)
{
    fail_and_recover(*state, DISK_PAGES, ENOSPC, CC_ENOSPACE);
}

static void a_used_up_quota(void **state)
{
    fail_and_recover(*state, DISK_PAGES, EDQUOT, CC_ENOSPACE);
}

static void a_full_disk_when_the_root_is_written(void **state)
{
    fail_and_recover(*state, DISK_ROOT, ENOSPC, CC_ENOSPACE);
}

static void pages_that_cannot_be_written(void **state)
{
    fail_and_recover(*state, DISK_PAGES, EIO, CC_EIO);
}

static void a_root_that_cannot_be_written(void **state)
{
    fail_and_recover(*state, DISK_ROOT, EIO, CC_EIO);
}

static void a_sync_that_fails(void **state)
{
    fail_and_recover(*state, DISK_SYNC, EIO, CC_EIO);
}

static void everything_fails(void **state)
{
    fail_and_recover(*state, DISK_PAGES | DISK_ROOT | DISK_SYNC, EIO, CC_EIO);
}

static void writes_that_end_halfway(void **state)
{
    struct fixture *fixture = *state;

    append_acknowledged(fixture, 20);
    disk_cut_short(true);
    for (int i = 0; i < 5; i++)
        assert_int_equal(append_one(fixture, 999999), CC_EIO);
    check_log(fixture);
    disk_cut_short(false);
    append_acknowledged(fixture, 20);
    check_log(fixture);
}

/* A read that waits goes on waiting through the failure. */
static void a_waiting_read_outlives_it(void **state)
{
    struct fixture *fixture = *state;
    struct cc_log_read op = {.offset = 5, .max_records = 10, .max_bytes = 100000, .wait = true};

    append_acknowledged(fixture, 5);
    begin(fixture, &op.op);
    fixture->log.vtable->read(fixture->log.self, &op);
    disk_fail(DISK_PAGES, ENOSPC, 0);
    assert_int_equal(append_one(fixture, 999999), CC_ENOSPACE);
    cc_mailbox_drain(&fixture->mailbox);
    assert_non_null(op.op.mailbox);
    disk_fail(0, 0, 0);
    append_acknowledged(fixture, 1);
    assert_int_equal(finish(fixture, &op.op), 0);
    assert_int_equal(op.ret_count, 1);
    cc_op_release(&op.op);
}

/* --- the store --- */

static int write_row(struct fixture *fixture, struct cc_store store, uint64_t seq)
{
    struct cc_store_row row = {{"room", 4}, seq, 10 * seq, {"a message", 9}};
    struct cc_store_write op = {.offset = 10 * seq + 1, .rows = &row, .row_count = 1};

    begin(fixture, &op.op);
    store.vtable->write(store.self, &op);
    return finish(fixture, &op.op);
}

static void check_store(struct fixture *fixture, struct cc_store store, uint64_t rows)
{
    struct cc_store_read_rows read = {
        .conversation = {"room", 4}, .from = 1, .to = UINT64_MAX, .limit = 1000};
    struct cc_store_read_offset offset = {.partition = 0};

    begin(fixture, &read.op);
    store.vtable->read_rows(store.self, &read);
    assert_int_equal(finish(fixture, &read.op), 0);
    assert_int_equal(read.ret_count, rows);
    cc_op_release(&read.op);
    begin(fixture, &offset.op);
    store.vtable->read_offset(store.self, &offset);
    assert_int_equal(finish(fixture, &offset.op), 0);
    assert_int_equal(offset.ret_offset, rows ? 10 * rows + 1 : 0);
    cc_op_release(&offset.op);
}

/* Rows and offset are written together, or neither is; the same batch again is right in any case.
 */
static void the_store_is_written_whole_or_not(void **state)
{
    static const unsigned calls[] = {DISK_PAGES, DISK_ROOT, DISK_SYNC};
    struct fixture *fixture = *state;
    struct cc_store store;
    uint64_t rows = 0;

    assert_int_equal(cc_lmdb_store_open(NULL, &fixture->options, &store), 0);
    for (size_t i = 0; i < 12; i++) {
        disk_fail(calls[i % 3], ENOSPC, 0);
        assert_int_equal(write_row(fixture, store, rows + 1), CC_ENOSPACE);
        disk_fail(0, 0, 0);
        assert_int_equal(write_row(fixture, store, rows + 1), 0);
        rows++;
        check_store(fixture, store, rows);
    }
    store.vtable->free(store.self);
    assert_int_equal(cc_lmdb_store_open(NULL, &fixture->options, &store), 0);
    check_store(fixture, store, rows);
    store.vtable->free(store.self);
}

/* --- opening --- */

static void opening_on_a_full_disk(void **state)
{
    struct fixture *fixture = *state;
    struct cc_store store;

    for (int passes = 0; passes < 6; passes++) {
        int r;

        disk_fail(DISK_PAGES | DISK_ROOT, ENOSPC, passes);
        r = cc_lmdb_store_open(NULL, &fixture->options, &store);
        disk_fail(0, 0, 0);
        assert_true(r == 0 || r == CC_ENOSPACE);
        if (!r)
            store.vtable->free(store.self);
    }
    assert_int_equal(cc_lmdb_store_open(NULL, &fixture->options, &store), 0);
    check_store(fixture, store, 0);
    store.vtable->free(store.self);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk),
        TEST(a_used_up_quota),
        TEST(a_full_disk_when_the_root_is_written),
        TEST(pages_that_cannot_be_written),
        TEST(a_root_that_cannot_be_written),
        TEST(a_sync_that_fails),
        TEST(everything_fails),
        TEST(writes_that_end_halfway),
        TEST(a_waiting_read_outlives_it),
        TEST(the_store_is_written_whole_or_not),
        TEST(opening_on_a_full_disk),
    };

    return cmocka_run_group_tests_name("lmdb faults", tests, NULL, NULL);
}
