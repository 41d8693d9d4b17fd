/*
 * Opening, checking and growing LMDB environments.
 */
#include "backends/lmdb/environment.h"

#include "backends/lmdb/verify.h"
#include "chatcore/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Chats are private: what is made here is the user's alone. */
#define FOLDER_MODE 0700
#define FILE_MODE   0600

/* The map doubles up to steps of this size: address space is plenty, but not for ever. */
#define GROWTH_MAX_BYTES ((size_t)64 << 30)

/* What a 64-bit process can address on the systems that we know. */
#define MAP_MAX_BYTES ((size_t)1 << 46)

/* Below this a map cannot hold the empty tables and a transaction that changes them. */
#define MAP_MIN_BYTES ((size_t)1 << 20)

/* Maps are a multiple of this: of any system's page size. */
#define MAP_UNIT_BYTES ((size_t)64 << 10)

/* A short write is told as EIO: with less than this left it was the disk that was full. */
#define DISK_FULL_BYTES ((uint64_t)1 << 20)

/* The reader and the writer's long polls: one each. */
#define READERS 4

/* The longest folder name, and room for the files in it. */
#define FOLDER_BYTES 4000
#define PATH_BYTES   (FOLDER_BYTES + 16)

static const char format_key[] = "format";

/* The value of the record "format". */
struct format {
    uint32_t version;
    uint32_t partitions;
};

/* --- errors --- */

static bool disk_is_full(const struct environment *environment)
{
    const char *path;
    struct statvfs disk;

    return environment->mdb && mdb_env_get_path(environment->mdb, &path) == 0 &&
           statvfs(path, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < DISK_FULL_BYTES;
}

static int error_of_lmdb(int code)
{
    switch (code) {
    case MDB_MAP_FULL:
        return CC_ENOSPACE;
    case MDB_NOTFOUND:
    case MDB_KEYEXIST:
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return CC_ECORRUPT;
    case MDB_PANIC:
        return CC_EIO;
    default:
        return CC_EINTERNAL;
    }
}

static int error_of_system(const struct environment *environment, int code)
{
    switch (code) {
    case ENOMEM:
        return CC_ENOMEM;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return CC_ENOSPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return CC_EREADONLY;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return CC_EINVAL;
    default:
        return disk_is_full(environment) ? CC_ENOSPACE : CC_EIO;
    }
}

int environment_error(const struct environment *environment, int code)
{
    int error;

    if (!environment_is_failure(code))
        return code;
    error = code > 0 ? error_of_system(environment, code) : error_of_lmdb(code);
    trace_write(&environment->trace, CC_TRACE_ERROR, environment->name, "%s (%s)",
                cc_strerror(error), mdb_strerror(code));
    return error;
}

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

static int folders_make(const char *path, const char *name, char *folder, size_t size)
{
    int length = snprintf(folder, size, "%s/%s", path, name);
    int r;

    if (length < 0 || (size_t)length >= size)
        return ENAMETOOLONG;
    r = folder_make(path);
    return r ? r : folder_make(folder);
}

static int lock_take(struct environment *environment, const char *folder)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof path, "%s/lock", folder);
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
static int lock_mark(const struct environment *environment, const char *path, const char *folder)
{
    static const char text[] = "chatcore\n";
    int r;

    r = folder_sync(path);
    if (!r)
        r = folder_sync(folder);
    if (r)
        return r;
    if (pwrite(environment->lock, text, sizeof text - 1, 0) != (ssize_t)sizeof text - 1)
        return errno ? errno : EIO;
    return fsync(environment->lock) == 0 ? 0 : errno;
}

/* --- the format record --- */

static int format_check(struct environment *environment, const struct format *wanted,
                        const MDB_val *value)
{
    struct format found;

    if (value->mv_size != sizeof found)
        return MDB_INVALID;
    memcpy(&found, value->mv_data, sizeof found);
    if (found.version > wanted->version)
        return CC_EVERSION;
    if (found.version == 0 || found.partitions == 0)
        return MDB_INVALID;
    environment->version = found.version;
    environment->partitions = found.partitions;
    return 0;
}

/* What a step that runs in a transaction is given. */
struct format_step {
    struct environment *environment;
    struct format format;
};

/* Checks the record, or writes it in a new environment. */
static int format_open(void *context, MDB_txn *txn)
{
    struct format_step *step = context;
    MDB_val key = value_of(format_key, sizeof format_key - 1);
    MDB_val value = value_of(&step->format, sizeof step->format);
    MDB_val found;
    MDB_stat stat = {0};
    MDB_dbi dbi;
    int r;

    r = mdb_dbi_open(txn, NULL, 0, &dbi);
    if (!r)
        r = mdb_stat(txn, dbi, &stat);
    if (!r)
        r = mdb_get(txn, dbi, &key, &found);
    if (!r)
        return format_check(step->environment, &step->format, &found);
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

/* Answers a raw code. */
static int run(struct environment *environment, int (*step)(void *context, MDB_txn *txn),
               void *context)
{
    MDB_txn *txn;
    int r = mdb_txn_begin(environment->mdb, NULL, 0, &txn);

    if (r)
        return r;
    r = step(context, txn);
    if (!r)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return r;
}

int environment_run(struct environment *environment, int (*step)(void *context, MDB_txn *txn),
                    void *context)
{
    return environment_error(environment, run(environment, step, context));
}

static size_t map_size(const struct environment *environment, size_t wanted)
{
    size_t reserve = environment->max_bytes / 16;

    if (environment->max_bytes && wanted > environment->max_bytes - reserve)
        wanted = environment->max_bytes - reserve;
    if (wanted < MAP_MIN_BYTES)
        wanted = MAP_MIN_BYTES;
    return wanted & ~(MAP_UNIT_BYTES - 1);
}

static int map_note_size(struct environment *environment)
{
    MDB_envinfo info;
    int r = mdb_env_info(environment->mdb, &info);

    if (!r)
        environment->map_bytes = info.me_mapsize;
    return r;
}

static int mdb_start(struct environment *environment, const char *folder,
                     const struct cc_lmdb_options *options, const struct environment_spec *spec)
{
    unsigned flags = MDB_NOTLS | (options->sync ? 0 : MDB_NOSYNC);
    int r;

    r = mdb_env_create(&environment->mdb);
    if (!r)
        r = mdb_env_set_maxdbs(environment->mdb, spec->tables);
    if (!r)
        r = mdb_env_set_maxreaders(environment->mdb, READERS);
    if (!r)
        r = mdb_env_set_mapsize(environment->mdb, map_size(environment, options->map_bytes));
    if (!r)
        r = mdb_env_open(environment->mdb, folder, flags, FILE_MODE);
    return r ? r : map_note_size(environment);
}

/* The data file was made before, or it is to be made now. */
static int data_check(const struct environment *environment, const char *folder, bool *ret_marked)
{
    char path[PATH_BYTES];
    bool is_new;
    int r;

    snprintf(path, sizeof path, "%s/data.mdb", folder);
    r = lock_is_marked(environment, ret_marked);
    if (!r)
        r = verify_file(&environment->allocator, path, &is_new);
    if (!r && is_new && *ret_marked)
        return MDB_CORRUPTED;
    return r;
}

static int start(struct environment *environment, const struct cc_lmdb_options *options,
                 const struct environment_spec *spec)
{
    struct format_step format = {environment, {spec->version, options->partitions}};
    char folder[FOLDER_BYTES];
    bool is_marked = false;
    int r;

    r = folders_make(options->path, spec->name, folder, sizeof folder);
    if (!r)
        r = lock_take(environment, folder);
    if (!r)
        r = data_check(environment, folder, &is_marked);
    if (!r)
        r = mdb_start(environment, folder, options, spec);
    if (!r)
        r = run(environment, format_open, &format);
    if (!r && !is_marked)
        r = lock_mark(environment, options->path, folder);
    return r;
}

static bool options_are_valid(const struct cc_lmdb_options *options)
{
    return options && options->size >= sizeof *options && options->path &&
           options->partitions >= 1 && options->partitions <= LMDB_PARTITIONS_MAX &&
           (!options->max_bytes || options->max_bytes >= 2 * MAP_MIN_BYTES);
}

int environment_open(struct environment *environment, const struct cc_allocator *allocator,
                     const struct cc_lmdb_options *options, const struct environment_spec *spec)
{
    int r;

    memset(environment, 0, sizeof *environment);
    if (!options_are_valid(options))
        return CC_EINVAL;
    environment->allocator = allocator ? *allocator : *cc_allocator_default();
    environment->trace = options->trace;
    environment->name = spec->name;
    environment->max_bytes = options->max_bytes;
    environment->lock = -1;
    r = pthread_mutex_init(&environment->gate, NULL);
    if (r)
        return environment_error(environment, r);
    r = environment_error(environment, start(environment, options, spec));
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
    environment->reader = NULL;
    environment->mdb = NULL;
    environment->lock = -1;
}

struct table_step {
    const char *name;
    unsigned flags;
    MDB_dbi table;
};

static int table_open(void *context, MDB_txn *txn)
{
    struct table_step *step = context;

    return mdb_dbi_open(txn, step->name, step->flags | MDB_CREATE, &step->table);
}

int environment_table(struct environment *environment, const char *name, unsigned flags,
                      MDB_dbi *ret_table)
{
    struct table_step step = {name, flags, 0};
    int r = environment_run(environment, table_open, &step);

    if (!r)
        *ret_table = step.table;
    return r;
}

/* --- reading --- */

int environment_read_begin(struct environment *environment, MDB_txn **ret_txn)
{
    int r;

    pthread_mutex_lock(&environment->gate);
    if (environment->reader)
        r = mdb_txn_renew(environment->reader);
    else
        r = mdb_txn_begin(environment->mdb, NULL, MDB_RDONLY, &environment->reader);
    if (r) {
        pthread_mutex_unlock(&environment->gate);
        return environment_error(environment, r);
    }
    *ret_txn = environment->reader;
    return 0;
}

void environment_read_end(struct environment *environment)
{
    mdb_txn_reset(environment->reader);
    pthread_mutex_unlock(&environment->gate);
}

/* --- growing --- */

static int map_resize(struct environment *environment, size_t size)
{
    int r;

    pthread_mutex_lock(&environment->gate);
    r = mdb_env_set_mapsize(environment->mdb, size);
    if (!r)
        r = map_note_size(environment);
    pthread_mutex_unlock(&environment->gate);
    return environment_error(environment, r);
}

int environment_grow(struct environment *environment, bool reserve)
{
    size_t map = environment->map_bytes;
    size_t limit = environment->max_bytes;
    size_t size;

    if (limit && !reserve)
        limit = map_size(environment, limit);
    if (!limit)
        limit = MAP_MAX_BYTES;
    if (map >= limit)
        return CC_ENOSPACE;
    size = map + (map < GROWTH_MAX_BYTES ? map : GROWTH_MAX_BYTES);
    return map_resize(environment, size < limit ? size : limit);
}

void environment_shrink(struct environment *environment)
{
    size_t size = map_size(environment, environment->map_bytes);

    if (size < environment->map_bytes)
        map_resize(environment, size);
}

int environment_touch(struct environment *environment)
{
    struct format_step step = {environment, {environment->version, environment->partitions}};

    return environment_run(environment, format_write, &step);
}
