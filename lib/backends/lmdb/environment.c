/*
 * Opening and checking LMDB environments. What is done with an open one is in environment_use.c.
 */
#include "backends/lmdb/environment.h"

#include "backends/lmdb/verify.h"
#include "base/options.h"
#include "chatcore/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Chats are private: what is made here is the user's alone. */
#define FOLDER_MODE 0700
#define FILE_MODE   0600

/* Below this a map cannot hold the empty tables and a transaction that changes them. */
#define MAP_MIN_BYTES ((size_t)1 << 20)

/* The one that is kept, and room for what is to come. */
#define READERS 4

/* LMDB's lock file, with its readers. */
#define LOCK_FILE_BYTES 4096

/* The longest folder name, and room for the files in it. */
#define FOLDER_BYTES 4000
#define PATH_BYTES   (FOLDER_BYTES + 16)

static const char format_key[] = "format";

/* --- the folder and its lock --- */

/* Makes what was just created in a folder survive a power cut. */
static int folder_sync(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = 0;

    if (folder < 0)
        return errno;
    if (fsync(folder) != 0 && errno != EINVAL)
        r = errno;
    close(folder);
    return r;
}

static int folder_make(const char *path)
{
    if (mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST)
        return errno;
    return 0;
}

static int folders_make(struct environment *environment, const char *path)
{
    char folder[FOLDER_BYTES];
    int length = snprintf(folder, sizeof folder, "%s/%s", path, environment->name);
    struct cc_slice copy;
    int r;

    if (length < 0 || (size_t)length >= sizeof folder)
        return ENAMETOOLONG;
    r = slice_copy(&environment->allocator, slice_of(folder, (size_t)length + 1), &copy);
    if (r)
        return r;
    environment->folder = (char *)copy.data;
    r = folder_make(path);
    return r ? r : folder_make(folder);
}

static int lock_take(struct environment *environment)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof path, "%s/lock", environment->folder);
    environment->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (environment->lock < 0)
        return errno;
    if (flock(environment->lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? CC_ELOCKED : errno;
    return 0;
}

static int lock_is_marked(const struct environment *environment, bool *ret_marked)
{
    struct stat info;

    if (fstat(environment->lock, &info) != 0)
        return errno;
    *ret_marked = info.st_size > 0;
    return 0;
}

/* Notes that the data file stands, after all of it does. */
static int lock_mark(const struct environment *environment, const char *path)
{
    static const char text[] = "chatcore\n";
    int r;

    r = folder_sync(path);
    if (!r)
        r = folder_sync(environment->folder);
    if (r)
        return r;
    if (pwrite(environment->lock, text, sizeof text - 1, 0) != (ssize_t)sizeof text - 1)
        return errno ? errno : EIO;
    return fsync(environment->lock) == 0 ? 0 : errno;
}

/* --- the format record --- */

/* What a step that runs in a transaction is given. */
struct format_step {
    struct environment *environment;
    struct format format;
    uint32_t oldest;
};

int format_read(MDB_txn *txn, MDB_dbi main, struct format *ret_format)
{
    MDB_val key = value_of(format_key, sizeof format_key - 1);
    MDB_val value;
    struct format found;
    int r = mdb_get(txn, main, &key, &value);

    if (r)
        return r;
    if (value.mv_size != sizeof found)
        return MDB_INVALID;
    memcpy(&found, value.mv_data, sizeof found);
    if (found.version == 0 || found.partitions == 0)
        return MDB_INVALID;
    *ret_format = found;
    return 0;
}

static int format_check(const struct format_step *step, struct format found)
{
    struct environment *environment = step->environment;

    if (found.version > step->format.version || found.version < step->oldest)
        return CC_EVERSION;
    if (found.partitions > LMDB_PARTITIONS_MAX)
        return MDB_INVALID;
    environment->version = found.version;
    environment->partitions = found.partitions;
    return 0;
}

/* Checks the record, or writes it in a new environment. */
static int format_open(void *context, MDB_txn *txn)
{
    struct format_step *step = context;
    MDB_val key = value_of(format_key, sizeof format_key - 1);
    MDB_val value = value_of(&step->format, sizeof step->format);
    struct format found;
    MDB_stat stat = {0};
    MDB_dbi dbi;
    int r;

    r = mdb_dbi_open(txn, NULL, 0, &dbi);
    if (!r)
        r = mdb_stat(txn, dbi, &stat);
    if (!r)
        r = format_read(txn, dbi, &found);
    if (!r)
        return format_check(step, found);
    if (r != MDB_NOTFOUND)
        return r;
    if (stat.ms_entries)
        return MDB_INVALID;
    step->environment->version = step->format.version;
    step->environment->partitions = step->format.partitions;
    return mdb_put(txn, dbi, &key, &value, 0);
}

/* Writes the record as it is. */
static int format_write(void *context, MDB_txn *txn)
{
    struct format_step *step = context;
    MDB_val key = value_of(format_key, sizeof format_key - 1);
    MDB_val value = value_of(&step->format, sizeof step->format);
    MDB_dbi dbi;
    int r = mdb_dbi_open(txn, NULL, 0, &dbi);

    return r ? r : mdb_put(txn, dbi, &key, &value, 0);
}

/* --- opening --- */

/* The data file was made before, or it is to be made now. */
static int data_check(const struct environment *environment, bool *ret_marked)
{
    char path[PATH_BYTES];
    bool is_new;
    int r;

    snprintf(path, sizeof path, "%s/data.mdb", environment->folder);
    r = lock_is_marked(environment, ret_marked);
    if (!r)
        r = verify_file(&environment->allocator, path, &is_new);
    if (!r && is_new && *ret_marked)
        return MDB_CORRUPTED;
    return r;
}

/* LMDB maps its lock file: a page of it that the disk has no room for would end the process. File
 * systems that can't set room aside are left to their luck. */
static int lock_file_reserve(const struct environment *environment)
{
    char path[PATH_BYTES];
    int file;
    int r;

    snprintf(path, sizeof path, "%s/lock.mdb", environment->folder);
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (file < 0)
        return errno;
    r = fallocate(file, FALLOC_FL_KEEP_SIZE, 0, LOCK_FILE_BYTES) ? errno : 0;
    close(file);
    return r == ENOSPC || r == EDQUOT ? r : 0;
}

static int open_with(struct environment *environment, size_t map_bytes)
{
    unsigned flags = MDB_NOTLS | (environment->sync ? 0 : MDB_NOSYNC);
    MDB_envinfo info;
    int r;

    r = mdb_env_set_maxdbs(environment->mdb, environment->tables_max);
    if (!r)
        r = mdb_env_set_maxreaders(environment->mdb, READERS);
    if (!r)
        r = mdb_env_set_mapsize(environment->mdb, map_bytes);
    if (!r)
        r = lock_file_reserve(environment);
    if (!r)
        r = mdb_env_open(environment->mdb, environment->folder, flags, FILE_MODE);
    if (!r)
        r = mdb_env_info(environment->mdb, &info);
    if (!r)
        environment->map_bytes = info.me_mapsize;
    return r;
}

int environment_start(struct environment *environment, size_t map_bytes)
{
    size_t limit = environment_map_limit(environment, false);
    int r = mdb_env_create(&environment->mdb);

    if (r)
        return r;
    r = open_with(environment, map_bytes < limit ? map_bytes : limit);
    if (r) {
        mdb_env_close(environment->mdb);
        environment->mdb = NULL;
    }
    return r;
}

static int start(struct environment *environment, const struct cc_lmdb_options *options,
                 const struct environment_spec *spec)
{
    struct format_step format = {environment, {spec->version, options->partitions}, spec->oldest};
    bool is_marked = false;
    int r;

    r = folders_make(environment, options->path);
    if (!r)
        r = lock_take(environment);
    if (!r)
        r = data_check(environment, &is_marked);
    if (!r)
        r = environment_start(environment, options->map_bytes < MAP_MIN_BYTES ? MAP_MIN_BYTES
                                                                              : options->map_bytes);
    if (!r)
        r = environment_run(environment, format_open, &format);
    if (!r && !is_marked)
        r = lock_mark(environment, options->path);
    return r;
}

static bool options_are_valid(const struct cc_lmdb_options *options)
{
    return options->path && options->partitions >= 1 &&
           options->partitions <= LMDB_PARTITIONS_MAX &&
           (!options->max_bytes || options->max_bytes >= 2 * MAP_MIN_BYTES);
}

int environment_open(struct environment *environment, const struct cc_allocator *allocator,
                     const struct cc_lmdb_options *options, const struct environment_spec *spec)
{
    struct cc_lmdb_options given;
    int r;

    memset(environment, 0, sizeof *environment);
    if (!options || options_read(&given, sizeof given, options) || !options_are_valid(&given))
        return CC_EINVAL;
    environment->allocator = allocator ? *allocator : *cc_allocator_default();
    environment->trace = given.trace;
    environment->name = spec->name;
    environment->sync = given.sync;
    environment->tables_max = spec->tables;
    environment->max_bytes = given.max_bytes;
    environment->lock = -1;
    r = pthread_mutex_init(&environment->gate, NULL);
    if (r)
        return environment_error(environment, r);
    r = environment_error(environment, start(environment, &given, spec));
    if (r)
        environment_close(environment);
    return r;
}

void environment_close(struct environment *environment)
{
    if (environment->reader)
        mdb_txn_abort(environment->reader);
    if (environment->mdb)
        mdb_env_close(environment->mdb);
    if (environment->lock >= 0)
        close(environment->lock);
    pthread_mutex_destroy(&environment->gate);
    mem_free(&environment->allocator, environment->tables);
    mem_free(&environment->allocator, environment->folder);
    environment->reader = NULL;
    environment->mdb = NULL;
    environment->lock = -1;
    environment->tables = NULL;
    environment->folder = NULL;
}

int environment_touch(struct environment *environment)
{
    struct format_step step = {environment, {environment->version, environment->partitions}, 0};

    return environment_run(environment, format_write, &step);
}
