/*
 * Opening LMDB environments: locks, versions, damage, and the writer's group commit and growing
 * map.
 */
#include "backends/lmdb/environment.h"
#include "backends/lmdb/writer.h"
#include "chatcore/error.h"
#include "support/folder.h"
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct environment_spec spec = {"log", 3, 4, 1};

struct fixture {
    struct folder folder;
    char path[FOLDER_PATH_BYTES + 8];
    char data[FOLDER_PATH_BYTES + 24];
    struct cc_lmdb_options options;
    struct environment environment;
    MDB_dbi table;
    size_t committed;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;

    folder_make(&fixture->folder);
    snprintf(fixture->path, sizeof fixture->path, "%s/data", fixture->folder.path);
    snprintf(fixture->data, sizeof fixture->data, "%s/log/data.mdb", fixture->path);
    fixture->options = options;
    fixture->options.path = fixture->path;
    fixture->options.map_bytes = 1 << 20;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static int reopen(struct fixture *fixture)
{
    return environment_open(&fixture->environment, NULL, &fixture->options, &spec);
}

/* An environment with some thousand pages in a table, closed again. */
static void make_filled(struct fixture *fixture)
{
    char value[1000] = {0};
    MDB_txn *txn;

    fixture->options.map_bytes = 64 << 20;
    assert_int_equal(reopen(fixture), 0);
    assert_int_equal(environment_table(&fixture->environment, "t", 0, &fixture->table), 0);
    for (unsigned round = 0; round < 4; round++) {
        assert_int_equal(mdb_txn_begin(fixture->environment.mdb, NULL, 0, &txn), 0);
        for (unsigned i = 0; i < 1000; i++) {
            unsigned number = i * 7919 + round;
            MDB_val key = value_of(&number, sizeof number);
            MDB_val data = value_of(value, i % 100 ? sizeof value : 9000);

            data.mv_data = i % 100 ? value : calloc(1, 9000);
            assert_int_equal(mdb_put(txn, fixture->table, &key, &data, 0), 0);
            if (i % 100 == 0)
                free(data.mv_data);
        }
        assert_int_equal(mdb_txn_commit(txn), 0);
    }
    environment_close(&fixture->environment);
}

static void opens_again(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.partitions = 7;
    assert_int_equal(reopen(fixture), 0);
    assert_int_equal(fixture->environment.partitions, 7);
    environment_close(&fixture->environment);
    fixture->options.partitions = 9;
    assert_int_equal(reopen(fixture), 0);
    assert_int_equal(fixture->environment.partitions, 7);
    environment_close(&fixture->environment);
}

static void refuses_bad_options(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.path = NULL;
    assert_int_equal(reopen(fixture), CC_EINVAL);
    fixture->options.path = "/nowhere-at-all/data";
    assert_int_equal(reopen(fixture), CC_EINVAL);
    fixture->options.path = fixture->path;
    fixture->options.partitions = 0;
    assert_int_equal(reopen(fixture), CC_EINVAL);
    fixture->options.partitions = LMDB_PARTITIONS_MAX + 1;
    assert_int_equal(reopen(fixture), CC_EINVAL);
    fixture->options.partitions = 1;
    fixture->options.size = 1;
    assert_int_equal(reopen(fixture), CC_EINVAL);
}

static void is_locked_within_a_process(void **state)
{
    struct fixture *fixture = *state;
    struct environment second;

    assert_int_equal(reopen(fixture), 0);
    assert_int_equal(environment_open(&second, NULL, &fixture->options, &spec), CC_ELOCKED);
    environment_close(&fixture->environment);
    assert_int_equal(reopen(fixture), 0);
    environment_close(&fixture->environment);
}

/* Runs `check` in a child, as nobody if we are root: root may write anywhere. */
static int in_child(struct fixture *fixture, int (*check)(struct fixture *), bool as_nobody)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        if (as_nobody && geteuid() == 0 && setuid(65534) != 0)
            _exit(99);
        _exit(-check(fixture));
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void is_locked_between_processes(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(reopen(fixture), 0);
    assert_int_equal(in_child(fixture, reopen, false), CC_ELOCKED);
    environment_close(&fixture->environment);
}

static void read_only_folder(void **state)
{
    struct fixture *fixture = *state;

    chmod(fixture->folder.path, 0555);
    assert_int_equal(in_child(fixture, reopen, true), CC_EREADONLY);
    chmod(fixture->folder.path, 0755);
    assert_int_equal(reopen(fixture), 0);
    environment_close(&fixture->environment);
}

static void newer_version(void **state)
{
    struct fixture *fixture = *state;
    struct environment_spec newer = spec;

    newer.version++;
    assert_int_equal(environment_open(&fixture->environment, NULL, &fixture->options, &newer), 0);
    environment_close(&fixture->environment);
    assert_int_equal(reopen(fixture), CC_EVERSION);
}

static void version_that_is_read_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct environment_spec newer = spec;

    newer.version++;
    newer.oldest = newer.version;
    assert_int_equal(reopen(fixture), 0);
    environment_close(&fixture->environment);
    assert_int_equal(environment_open(&fixture->environment, NULL, &fixture->options, &newer),
                     CC_EVERSION);
    newer.oldest = spec.version;
    assert_int_equal(environment_open(&fixture->environment, NULL, &fixture->options, &newer), 0);
    environment_close(&fixture->environment);
}

static off_t data_size(struct fixture *fixture)
{
    struct stat info;

    assert_int_equal(stat(fixture->data, &info), 0);
    return info.st_size;
}

static void truncated_file(void **state)
{
    struct fixture *fixture = *state;
    off_t size;

    make_filled(fixture);
    size = data_size(fixture);
    for (off_t kept = size - 8192; kept > 0; kept = kept > 9000 ? kept * 3 / 4 : kept - 1000) {
        assert_int_equal(truncate(fixture->data, kept), 0);
        assert_int_equal(reopen(fixture), CC_ECORRUPT);
    }
    assert_int_equal(truncate(fixture->data, 0), 0);
    assert_int_equal(reopen(fixture), CC_ECORRUPT);
    assert_int_equal(unlink(fixture->data), 0);
    assert_int_equal(reopen(fixture), CC_ECORRUPT);
}

/* A transaction that frees again the pages at the file's end leaves a file that is shorter. */
static void shorter_but_whole_file(void **state)
{
    struct fixture *fixture = *state;
    MDB_envinfo info;
    off_t wanted;

    make_filled(fixture);
    assert_int_equal(reopen(fixture), 0);
    mdb_env_info(fixture->environment.mdb, &info);
    environment_close(&fixture->environment);
    wanted = ((off_t)info.me_last_pgno + 1) * 4096;
    assert_true(data_size(fixture) >= wanted - 4096);
    assert_int_equal(truncate(fixture->data, wanted), 0);
    assert_int_equal(reopen(fixture), 0);
    environment_close(&fixture->environment);
}

static int read_everything(struct fixture *fixture)
{
    MDB_cursor *cursor;
    MDB_txn *txn;
    MDB_val key;
    MDB_val value;
    int r = reopen(fixture);

    if (r)
        return r;
    r = environment_table(&fixture->environment, "t", 0, &fixture->table);
    if (!r)
        r = environment_read_begin(&fixture->environment, &txn);
    if (!r) {
        volatile unsigned sum = 0;

        mdb_cursor_open(txn, fixture->table, &cursor);
        while ((r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
            for (size_t i = 0; i < value.mv_size; i++)
                sum += ((unsigned char *)value.mv_data)[i];
        mdb_cursor_close(cursor);
        (void)sum;
        environment_read_end(&fixture->environment);
    }
    environment_close(&fixture->environment);
    return r == MDB_NOTFOUND ? 0 : r < CC_ENOTSUP ? CC_ECORRUPT : r;
}

static void overwrite(const char *path, off_t at, const void *bytes, size_t size)
{
    int file = open(path, O_WRONLY);

    assert_true(file >= 0);
    assert_int_equal(pwrite(file, bytes, size, at), size);
    close(file);
}

/* Whatever is wrong in the file: it is read, or refused, and nobody crashes. */
static void damaged_file(void **state)
{
    struct fixture *fixture = *state;
    unsigned refused = 0;
    off_t size;

    make_filled(fixture);
    size = data_size(fixture);
    srand(20);
    for (unsigned i = 0; i < 150; i++) {
        off_t page = rand() % (size / 4096) * 4096;
        off_t at = page + (i % 2 ? rand() % 4096 : rand() % 64);
        unsigned char before[8];
        unsigned char bytes[8];
        int file = open(fixture->data, O_RDONLY);
        int r;

        assert_int_equal(pread(file, before, sizeof before, at), sizeof before);
        close(file);
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (unsigned char)rand();
        overwrite(fixture->data, at, bytes, sizeof bytes);
        r = in_child(fixture, read_everything, false);
        assert_true(r == 0 || r == CC_ECORRUPT);
        refused += r != 0;
        overwrite(fixture->data, at, before, sizeof before);
    }
    assert_true(refused > 10);
    assert_int_equal(in_child(fixture, read_everything, false), 0);
}

static void damaged_meta_pages(void **state)
{
    struct fixture *fixture = *state;
    unsigned char meta[8192];
    int file;

    make_filled(fixture);
    file = open(fixture->data, O_RDONLY);
    assert_int_equal(pread(file, meta, sizeof meta, 0), sizeof meta);
    close(file);
    srand(21);
    for (unsigned i = 0; i < 200; i++) {
        off_t at = (off_t)(i % 2) * 4096 + rand() % 160;
        unsigned char byte = (unsigned char)rand();
        int r;

        overwrite(fixture->data, at, &byte, 1);
        r = in_child(fixture, read_everything, false);
        assert_true(r == 0 || r == CC_ECORRUPT || r == CC_EVERSION || r == CC_ENOMEM);
        overwrite(fixture->data, 0, meta, sizeof meta);
    }
}

/* --- the writer --- */

struct put {
    struct cc_op op;
    unsigned key;
    size_t size;
    int refuse;
    int status;
    bool is_done;
};

static int put_apply(void *port, MDB_txn *txn, struct cc_op *op)
{
    struct fixture *fixture = port;
    struct put *put = (struct put *)op;
    MDB_val key = value_of(&put->key, sizeof put->key);
    MDB_val value = {put->size, NULL};
    int r;

    if (put->refuse)
        return put->refuse;
    r = mdb_put(txn, fixture->table, &key, &value, MDB_RESERVE);
    if (!r)
        memset(value.mv_data, 7, value.mv_size);
    return r;
}

static int delete_apply(void *port, MDB_txn *txn, struct cc_op *op)
{
    struct fixture *fixture = port;
    struct put *put = (struct put *)op;
    MDB_val key = value_of(&put->key, sizeof put->key);

    return mdb_del(txn, fixture->table, &key, NULL);
}

static const struct writer_kind put_kind = {put_apply, false};
static const struct writer_kind delete_kind = {delete_apply, true};

static void put_complete(struct cc_op *op)
{
    struct put *put = (struct put *)op;

    assert_false(put->is_done);
    put->is_done = true;
    put->status = op->status;
}

static void count_commit(void *port)
{
    struct fixture *fixture = port;

    fixture->committed++;
}

static const struct writer_hooks hooks = {.committed = count_commit};

static void submit_all(struct writer *writer, struct put *puts, size_t count,
                       const struct writer_kind *kind)
{
    struct cc_mailbox mailbox = {0};
    size_t done = 0;

    for (size_t i = 0; i < count; i++) {
        puts[i].op.mailbox = &mailbox;
        puts[i].op.complete = put_complete;
        puts[i].is_done = false;
        writer_submit(writer, &puts[i].op, kind);
    }
    while (done < count) {
        struct timespec pause = {0, 100000};

        done += cc_mailbox_drain(&mailbox);
        nanosleep(&pause, NULL);
    }
}

static size_t entries(struct fixture *fixture)
{
    MDB_txn *txn;
    MDB_stat stat;

    assert_int_equal(environment_read_begin(&fixture->environment, &txn), 0);
    mdb_stat(txn, fixture->table, &stat);
    environment_read_end(&fixture->environment);
    return stat.ms_entries;
}

static void start_writer(struct fixture *fixture, struct writer *writer)
{
    assert_int_equal(reopen(fixture), 0);
    assert_int_equal(environment_table(&fixture->environment, "t", MDB_INTEGERKEY, &fixture->table),
                     0);
    assert_int_equal(writer_start(writer, &fixture->environment, fixture, &hooks), 0);
}

static void stop_writer(struct fixture *fixture, struct writer *writer)
{
    writer_stop(writer);
    environment_close(&fixture->environment);
}

static void writes_in_groups(void **state)
{
    static struct put puts[1000];
    struct fixture *fixture = *state;
    struct writer writer;

    start_writer(fixture, &writer);
    for (unsigned i = 0; i < 1000; i++)
        puts[i] = (struct put){.key = i, .size = 100, .refuse = i % 10 == 3 ? CC_ECONFLICT : 0};
    submit_all(&writer, puts, 1000, &put_kind);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(puts[i].status, puts[i].refuse);
    assert_int_equal(entries(fixture), 900);
    stop_writer(fixture, &writer);
    assert_true(fixture->committed >= 1);
    assert_true(fixture->committed < 1000);
}

static void map_grows(void **state)
{
    static struct put puts[200];
    struct fixture *fixture = *state;
    struct writer writer;

    start_writer(fixture, &writer);
    for (unsigned i = 0; i < 200; i++)
        puts[i] = (struct put){.key = i, .size = 100000};
    submit_all(&writer, puts, 200, &put_kind);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(puts[i].status, 0);
    assert_int_equal(entries(fixture), 200);
    stop_writer(fixture, &writer);
    assert_true(fixture->environment.map_bytes >= 200 * 100000);
}

/* Beyond max_bytes writes are refused, what frees still works, and then writes work again. */
static void map_is_bounded(void **state)
{
    static struct put puts[200];
    struct fixture *fixture = *state;
    struct writer writer;
    size_t written = 0;

    fixture->options.max_bytes = 8 << 20;
    start_writer(fixture, &writer);
    for (unsigned i = 0; i < 200; i++)
        puts[i] = (struct put){.key = i, .size = 100000};
    submit_all(&writer, puts, 200, &put_kind);
    for (unsigned i = 0; i < 200; i++) {
        assert_true(puts[i].status == 0 || puts[i].status == CC_ENOSPACE);
        written += puts[i].status == 0;
    }
    assert_true(written > 50 && written < 84);
    assert_int_equal(entries(fixture), written);
    submit_all(&writer, puts, 40, &delete_kind);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(puts[i].status, 0);
    submit_all(&writer, puts, 30, &put_kind);
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(puts[i].status, 0);
    stop_writer(fixture, &writer);
    assert_true(data_size(fixture) <= 8 << 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opens_again),
        TEST(refuses_bad_options),
        TEST(is_locked_within_a_process),
        TEST(is_locked_between_processes),
        TEST(read_only_folder),
        TEST(newer_version),
        TEST(version_that_is_read_no_more),
        TEST(truncated_file),
        TEST(shorter_but_whole_file),
        TEST(damaged_file),
        TEST(damaged_meta_pages),
        TEST(writes_in_groups),
        TEST(map_grows),
        TEST(map_is_bounded),
    };

    return cmocka_run_group_tests_name("lmdb environment", tests, NULL, NULL);
}
