/*
 * Copying a data folder, also one that a server has open, as it is at one moment (moment.h).
 *
 * Entries are read and appended table by table, so the copy is compact, and everything was read
 * through.
 */
#include "backends/lmdb/moment.h"
#include "base/options.h"
#include "chatcore/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES   4096
#define FOLDER_MODE  0700
#define FILE_MODE    0600
#define NAME_BYTES   64
#define COMMIT_BYTES ((size_t)64 << 20) /* LMDB keeps what is not committed in memory */
#define TELL_EVERY   4096

struct copy {
    const struct cc_lmdb_copy_options *options;
    struct moment moment;
    uint64_t done;
    uint64_t all;
    MDB_env *to;
    MDB_txn *writing;
    size_t uncommitted;
};

/* A table that is copied, of the source and of the copy. */
struct table_pair {
    MDB_txn *moment;
    MDB_dbi from;
    MDB_dbi to;
};

static void copy_close(struct copy *copy)
{
    if (copy->writing)
        mdb_txn_abort(copy->writing);
    if (copy->to)
        mdb_env_close(copy->to);
    moment_end(&copy->moment);
}

/* --- tables --- */

static void tell(const struct copy *copy)
{
    if (copy->options->progress)
        copy->options->progress(copy->options->context, copy->done, copy->all);
}

static int commit_portion(struct copy *copy)
{
    int r = mdb_txn_commit(copy->writing);

    copy->writing = NULL;
    copy->uncommitted = 0;
    return r ? r : mdb_txn_begin(copy->to, NULL, 0, &copy->writing);
}

static int entry_copy(struct copy *copy, const struct table_pair *pair, MDB_val *key,
                      MDB_val *value)
{
    int r = mdb_put(copy->writing, pair->to, key, value, MDB_APPEND);

    copy->uncommitted += key->mv_size + value->mv_size;
    if (!r && copy->uncommitted >= COMMIT_BYTES)
        r = commit_portion(copy);
    if (!r && ++copy->done % TELL_EVERY == 0)
        tell(copy);
    return r;
}

static int entries_copy(struct copy *copy, const struct table_pair *pair)
{
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    int r = mdb_cursor_open(pair->moment, pair->from, &cursor);

    if (r)
        return r;
    r = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (!r) {
        r = entry_copy(copy, pair, &key, &value);
        if (!r)
            r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return r == MDB_NOTFOUND ? 0 : r;
}

/* Opens the table of an entry of the main table. MDB_INCOMPATIBLE when the entry is a value. */
static int table_open(MDB_txn *txn, const MDB_val *key, char name[NAME_BYTES], MDB_dbi *ret_table)
{
    if (key->mv_size >= NAME_BYTES)
        return MDB_CORRUPTED;
    memcpy(name, key->mv_data, key->mv_size);
    name[key->mv_size] = 0;
    return mdb_dbi_open(txn, name, 0, ret_table);
}

static int table_copy(struct copy *copy, const struct table_pair *main, MDB_val *key,
                      MDB_val *value)
{
    struct table_pair pair = {.moment = main->moment};
    char name[NAME_BYTES];
    unsigned flags;
    int r = table_open(main->moment, key, name, &pair.from);

    if (r == MDB_INCOMPATIBLE)
        return mdb_put(copy->writing, main->to, key, value, 0);
    if (!r)
        r = mdb_dbi_flags(main->moment, pair.from, &flags);
    if (!r)
        r = mdb_dbi_open(copy->writing, name, flags | MDB_CREATE, &pair.to);
    return r ? r : entries_copy(copy, &pair);
}

/* Calls for each entry of a part's main table. */
static int main_walk(struct copy *copy, int part,
                     int (*each)(struct copy *copy, const struct table_pair *main, MDB_val *key,
                                 MDB_val *value))
{
    struct table_pair main = {.moment = copy->moment.txn[part]};
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    int r = mdb_dbi_open(main.moment, NULL, 0, &main.from);

    if (!r && copy->writing)
        r = mdb_dbi_open(copy->writing, NULL, 0, &main.to);
    if (!r)
        r = mdb_cursor_open(main.moment, main.from, &cursor);
    if (r)
        return r;
    r = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (!r) {
        r = each(copy, &main, &key, &value);
        if (!r)
            r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return r == MDB_NOTFOUND ? 0 : r;
}

static int table_count(struct copy *copy, const struct table_pair *main, MDB_val *key,
                       MDB_val *value)
{
    char name[NAME_BYTES];
    MDB_stat stat;
    MDB_dbi table;
    int r = table_open(main->moment, key, name, &table);

    (void)value;
    if (r)
        return r == MDB_INCOMPATIBLE ? 0 : r;
    r = mdb_stat(main->moment, table, &stat);
    copy->all += r ? 0 : stat.ms_entries;
    return r;
}

/* --- parts --- */

static int to_open(struct copy *copy, int part, const char *folder)
{
    MDB_envinfo info;
    int r = mdb_env_info(copy->moment.env[part], &info);

    if (!r)
        r = mdb_env_create(&copy->to);
    if (!r)
        r = mdb_env_set_maxdbs(copy->to, MOMENT_TABLES_MAX);
    if (!r)
        r = mdb_env_set_mapsize(copy->to, info.me_mapsize);
    if (!r && mkdir(folder, FOLDER_MODE))
        r = errno;
    if (!r)
        r = mdb_env_open(copy->to, folder, MDB_NOSYNC, FILE_MODE);
    return r ? r : mdb_txn_begin(copy->to, NULL, 0, &copy->writing);
}

static int to_close(struct copy *copy)
{
    int r = mdb_txn_commit(copy->writing);

    copy->writing = NULL;
    if (!r)
        r = mdb_env_sync(copy->to, 1);
    mdb_env_close(copy->to);
    copy->to = NULL;
    copy->uncommitted = 0;
    return r;
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) ? errno : 0;

    if (fd >= 0)
        close(fd);
    return r;
}

/* The lock file's mark says that data must be there (environment.h): written when all of it is. */
static int mark(const char *folder)
{
    static const char text[] = "chatcore\n";
    char path[PATH_BYTES + 8];
    int fd;
    int r = 0;

    snprintf(path, sizeof path, "%s/lock", folder);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return errno;
    if (write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1 || fsync(fd))
        r = errno ? errno : EIO;
    close(fd);
    return r ? r : sync_path(folder, O_RDONLY | O_DIRECTORY);
}

static int part_copy(struct copy *copy, int part)
{
    char folder[PATH_BYTES];
    int r = 0;

    if (snprintf(folder, sizeof folder, "%s/%s", copy->options->to, moment_part_name(part)) >=
        PATH_BYTES)
        return ENAMETOOLONG;
    r = to_open(copy, part, folder);
    if (!r)
        r = main_walk(copy, part, table_copy);
    if (!r)
        r = to_close(copy);
    return r ? r : mark(folder);
}

static int folder_copy(struct copy *copy)
{
    int r = moment_begin(&copy->moment, cc_allocator_default(), copy->options->path);

    for (int i = 0; i < PARTS && !r; i++)
        r = main_walk(copy, i, table_count);
    if (!r && mkdir(copy->options->to, FOLDER_MODE))
        r = errno;
    for (int i = 0; i < PARTS && !r; i++)
        r = part_copy(copy, i);
    if (!r)
        r = sync_path(copy->options->to, O_RDONLY | O_DIRECTORY);
    if (!r)
        tell(copy);
    return r;
}

int cc_lmdb_copy(const struct cc_lmdb_copy_options *options)
{
    struct environment environment = {.name = "copy"};
    struct cc_lmdb_copy_options given;
    struct copy copy = {.options = &given};
    int r;

    if (!options || options_read(&given, sizeof given, options) || !given.path || !given.to)
        return CC_EINVAL;
    environment.trace = given.trace;
    environment.folder = (char *)given.to;
    r = environment_error(&environment, folder_copy(&copy));
    copy_close(&copy);
    return r;
}
