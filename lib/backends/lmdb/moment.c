/*
 * Taking hold of a data folder's three parts at one moment.
 */
#include "backends/lmdb/moment.h"

#include "backends/lmdb/directory.h"
#include "backends/lmdb/log.h"
#include "backends/lmdb/store.h"
#include "backends/lmdb/verify.h"
#include "chatcore/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define FILE_MODE  0600

static const struct {
    const char *name;
    uint32_t oldest;
    uint32_t version;
} parts[PARTS] = {
    [PART_STORE] = {"store", STORE_FORMAT, STORE_FORMAT},
    [PART_DIRECTORY] = {"directory", 1, DIRECTORY_FORMAT},
    [PART_LOG] = {"log", 1, LOG_FORMAT},
};

const char *moment_part_name(int part)
{
    return parts[part].name;
}

/* --- opening --- */

static int data_verify(const struct cc_allocator *allocator, const char *folder)
{
    char path[PATH_BYTES + 16];
    bool is_new;
    int r;

    snprintf(path, sizeof path, "%s/data.mdb", folder);
    r = verify_file(allocator, path, &is_new);
    return !r && is_new ? ENOENT : r;
}

/* While a server writes, pages are not all of one moment, and nothing could be told from them. */
static int data_verify_idle(const struct cc_allocator *allocator, const char *folder)
{
    char path[PATH_BYTES + 16];
    int lock;
    int r = 0;

    snprintf(path, sizeof path, "%s/lock", folder);
    lock = open(path, O_RDWR | O_CLOEXEC);
    if (lock < 0)
        return errno;
    if (!flock(lock, LOCK_EX | LOCK_NB))
        r = data_verify(allocator, folder);
    else if (errno != EWOULDBLOCK)
        r = errno;
    close(lock);
    return r;
}

static int part_open(struct moment *moment, const struct cc_allocator *allocator, int part,
                     const char *path)
{
    char folder[PATH_BYTES];
    int r;

    if (snprintf(folder, sizeof folder, "%s/%s", path, parts[part].name) >= PATH_BYTES)
        return ENAMETOOLONG;
    r = data_verify_idle(allocator, folder);
    if (!r)
        r = mdb_env_create(&moment->env[part]);
    if (!r)
        r = mdb_env_set_maxdbs(moment->env[part], MOMENT_TABLES_MAX);
    return r ? r : mdb_env_open(moment->env[part], folder, MDB_NOTLS, FILE_MODE);
}

/* --- the moment --- */

/* The server may have made the map larger. */
static int begin(MDB_env *env, unsigned flags, MDB_txn **ret_txn)
{
    int r = mdb_txn_begin(env, NULL, flags, ret_txn);

    if (r != MDB_MAP_RESIZED)
        return r;
    r = mdb_env_set_mapsize(env, 0);
    return r ? r : mdb_txn_begin(env, NULL, flags, ret_txn);
}

static int transactions_begin(struct moment *moment)
{
    MDB_txn *locks[PARTS] = {NULL};
    int r = 0;

    for (int i = 0; i < PARTS && !r; i++)
        r = begin(moment->env[i], 0, &locks[i]);
    for (int i = 0; i < PARTS && !r; i++)
        r = begin(moment->env[i], MDB_RDONLY, &moment->txn[i]);
    for (int i = 0; i < PARTS; i++)
        if (locks[i])
            mdb_txn_abort(locks[i]);
    return r;
}

static int format_check(struct moment *moment, int part)
{
    struct format format;
    MDB_dbi main;
    int r = mdb_dbi_open(moment->txn[part], NULL, 0, &main);

    if (!r)
        r = format_read(moment->txn[part], main, &format);
    if (r)
        return r == MDB_NOTFOUND ? MDB_INVALID : r;
    if (format.version > parts[part].version || format.version < parts[part].oldest)
        return CC_EVERSION;
    if (format.partitions > LMDB_PARTITIONS_MAX)
        return MDB_INVALID;
    if (part == PART_LOG)
        moment->partitions = format.partitions;
    return 0;
}

int moment_begin(struct moment *moment, const struct cc_allocator *allocator, const char *path)
{
    int r = 0;

    for (int i = 0; i < PARTS && !r; i++)
        r = part_open(moment, allocator, i, path);
    if (!r)
        r = transactions_begin(moment);
    for (int i = 0; i < PARTS && !r; i++)
        r = format_check(moment, i);
    return r;
}

void moment_end(struct moment *moment)
{
    for (int i = 0; i < PARTS; i++) {
        if (moment->txn[i])
            mdb_txn_abort(moment->txn[i]);
        if (moment->env[i])
            mdb_env_close(moment->env[i]);
        moment->txn[i] = NULL;
        moment->env[i] = NULL;
    }
}
