/*
 * Using an open environment: errors, transactions, tables, reading, growing, recovering.
 */
#include "backends/lmdb/environment.h"

#include "chatcore/error.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

/* The map doubles up to steps of this size: address space is plenty, but not for ever. */
#define GROWTH_MAX_BYTES ((size_t)64 << 30)

/* What a 64-bit process can address on the systems that we know. */
#define MAP_MAX_BYTES ((size_t)1 << 46)

/* The part of max_bytes that is kept for what frees space. */
#define RESERVE_SHARE 16

/* Maps are a multiple of this: of any system's page size. */
#define MAP_UNIT_BYTES ((size_t)64 << 10)

/* A short write is told as EIO: with less than this left it was the disk that was full. */
#define DISK_FULL_BYTES ((uint64_t)1 << 20)

/* --- errors --- */

static bool disk_is_full(const struct environment *environment)
{
    struct statvfs disk;

    return environment->folder && statvfs(environment->folder, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize < DISK_FULL_BYTES;
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

/* --- transactions and tables --- */

int environment_write_begin(struct environment *environment, MDB_txn **ret_txn)
{
    return environment->mdb ? mdb_txn_begin(environment->mdb, NULL, 0, ret_txn) : MDB_PANIC;
}

/* Answers a raw code. */
static int run(struct environment *environment, int (*step)(void *context, MDB_txn *txn),
               void *context)
{
    MDB_txn *txn;
    int r = environment_write_begin(environment, &txn);

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

static int table_note(struct environment *environment, const char *name, unsigned flags)
{
    void *tables = environment->tables;
    struct environment_table *table;
    int r = mem_reserve(&environment->allocator, &tables, &environment->table_capacity,
                        environment->table_count + 1, sizeof *environment->tables);

    if (r)
        return r;
    environment->tables = tables;
    table = &environment->tables[environment->table_count++];
    table->flags = flags;
    snprintf(table->name, sizeof table->name, "%s", name);
    return 0;
}

int environment_table_open(struct environment *environment, MDB_txn *txn, const char *name,
                           unsigned flags, MDB_dbi *ret_table)
{
    int r = mdb_dbi_open(txn, name, flags | MDB_CREATE, ret_table);

    return r ? r : table_note(environment, name, flags);
}

struct table_step {
    struct environment *environment;
    const char *name;
    unsigned flags;
    MDB_dbi table;
};

static int table_open(void *context, MDB_txn *txn)
{
    struct table_step *step = context;

    return environment_table_open(step->environment, txn, step->name, step->flags, &step->table);
}

int environment_table(struct environment *environment, const char *name, unsigned flags,
                      MDB_dbi *ret_table)
{
    struct table_step step = {environment, name, flags, 0};
    int r = environment_run(environment, table_open, &step);

    if (!r)
        *ret_table = step.table;
    return r;
}

/* --- reading --- */

static int reader_begin(struct environment *environment)
{
    if (!environment->mdb)
        return MDB_PANIC;
    if (environment->reader)
        return mdb_txn_renew(environment->reader);
    return mdb_txn_begin(environment->mdb, NULL, MDB_RDONLY, &environment->reader);
}

int environment_read_begin(struct environment *environment, MDB_txn **ret_txn)
{
    int r;

    pthread_mutex_lock(&environment->gate);
    r = reader_begin(environment);
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

size_t environment_map_limit(const struct environment *environment, bool reserve)
{
    size_t limit = environment->max_bytes ? environment->max_bytes : MAP_MAX_BYTES;

    if (!reserve)
        limit -= limit / RESERVE_SHARE;
    return limit & ~(MAP_UNIT_BYTES - 1);
}

static int map_resize(struct environment *environment, size_t size)
{
    MDB_envinfo info;
    int r = MDB_PANIC;

    pthread_mutex_lock(&environment->gate);
    if (environment->mdb)
        r = mdb_env_set_mapsize(environment->mdb, size);
    if (!r)
        r = mdb_env_info(environment->mdb, &info);
    if (!r)
        environment->map_bytes = info.me_mapsize;
    pthread_mutex_unlock(&environment->gate);
    return environment_error(environment, r);
}

int environment_grow(struct environment *environment, bool reserve)
{
    size_t map = environment->map_bytes;
    size_t limit = environment_map_limit(environment, reserve);
    size_t size = map + (map < GROWTH_MAX_BYTES ? map : GROWTH_MAX_BYTES);

    if (map >= limit)
        return CC_ENOSPACE;
    size &= ~(MAP_UNIT_BYTES - 1);
    return map_resize(environment, size < limit ? size : limit);
}

void environment_shrink(struct environment *environment)
{
    size_t limit = environment_map_limit(environment, false);

    if (environment->map_bytes > limit)
        map_resize(environment, limit);
}

/* --- recovering --- */

/* Opens the tables as they were opened first, which gives them the same handles. */
static int tables_reopen(void *context, MDB_txn *txn)
{
    struct environment *environment = context;
    int r = 0;

    for (size_t i = 0; !r && i < environment->table_count; i++) {
        MDB_dbi table;

        r = mdb_dbi_open(txn, environment->tables[i].name, environment->tables[i].flags, &table);
    }
    return r;
}

static int reopen(struct environment *environment)
{
    int r;

    if (environment->reader)
        mdb_txn_abort(environment->reader);
    environment->reader = NULL;
    if (environment->mdb)
        mdb_env_close(environment->mdb);
    environment->mdb = NULL;
    r = environment_start(environment, environment->map_bytes);
    if (!r)
        r = run(environment, tables_reopen, environment);
    if (r && environment->mdb) {
        mdb_env_close(environment->mdb);
        environment->mdb = NULL;
    }
    return r;
}

int environment_recover(struct environment *environment)
{
    int r;

    pthread_mutex_lock(&environment->gate);
    r = reopen(environment);
    pthread_mutex_unlock(&environment->gate);
    return environment_error(environment, r);
}
