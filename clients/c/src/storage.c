/*
 * The outbox and the position on disk.
 */
#include "storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Address space, not disk: 10,000 entries of the largest size fit. */
#define MAP_SIZE  ((size_t)1 << 30)
#define PATH_SIZE 4096

static int error_of(int r)
{
    if (r == 0 || r == MDB_NOTFOUND)
        return 0;
    if (r > 0)
        return -r;
    return r == MDB_MAP_FULL ? -ENOSPC : -EIO;
}

/* The folder is one client's: the lock goes with the process, however it ends. */
static int take_folder(struct storage *storage, const char *folder)
{
    char path[PATH_SIZE];

    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return -errno;
    if (snprintf(path, sizeof path, "%s/client.lock", folder) >= (int)sizeof path)
        return -ENAMETOOLONG;
    storage->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (storage->lock_fd < 0)
        return -errno;
    return flock(storage->lock_fd, LOCK_EX | LOCK_NB) < 0 ? -EBUSY : 0;
}

static int open_tables(struct storage *storage)
{
    MDB_txn *txn;
    int r = mdb_txn_begin(storage->environment, NULL, 0, &txn);

    if (r)
        return r;
    r = mdb_dbi_open(txn, "outbox", MDB_CREATE, &storage->outbox);
    if (!r)
        r = mdb_dbi_open(txn, "position", MDB_CREATE, &storage->position);
    if (!r)
        r = mdb_dbi_open(txn, "cursor", MDB_CREATE, &storage->cursor);
    if (!r)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return r;
}

int storage_open(struct storage *storage, const char *folder)
{
    int r;

    memset(storage, 0, sizeof *storage);
    storage->lock_fd = -1;
    r = take_folder(storage, folder);
    if (!r)
        r = error_of(mdb_env_create(&storage->environment));
    if (!r)
        r = error_of(mdb_env_set_maxdbs(storage->environment, 3));
    if (!r)
        r = error_of(mdb_env_set_mapsize(storage->environment, MAP_SIZE));
    if (!r)
        r = error_of(mdb_env_open(storage->environment, folder, MDB_NOTLS, 0600));
    if (!r)
        r = error_of(open_tables(storage));
    if (r)
        storage_close(storage);
    return r;
}

void storage_close(struct storage *storage)
{
    if (storage->environment)
        mdb_env_close(storage->environment);
    if (storage->lock_fd >= 0)
        close(storage->lock_fd);
    storage->environment = NULL;
    storage->lock_fd = -1;
}

/* --- reading ---------------------------------------------------------------------------------- */

static uint64_t place_of(const MDB_val *key)
{
    const unsigned char *bytes = key->mv_data;
    uint64_t place = 0;

    for (size_t i = 0; i < 8 && i < key->mv_size; i++)
        place = place << 8 | bytes[i];
    return place;
}

static int read_one(const struct storage *storage, MDB_dbi table, const MDB_val *key,
                    const MDB_val *value, const struct storage_reader *reader)
{
    uint64_t seq;

    if (table == storage->outbox)
        return reader->entry(reader->context, place_of(key), value->mv_data, value->mv_size);
    if (table == storage->cursor)
        return reader->cursor(reader->context, value->mv_data, value->mv_size);
    if (value->mv_size != sizeof seq)
        return -EIO;
    memcpy(&seq, value->mv_data, sizeof seq);
    return reader->position(reader->context, key->mv_data, key->mv_size, seq);
}

static int read_table(const struct storage *storage, MDB_txn *txn, MDB_dbi table,
                      const struct storage_reader *reader)
{
    MDB_cursor *at;
    MDB_val key, value;
    int r = mdb_cursor_open(txn, table, &at);
    int told = 0;

    if (r)
        return error_of(r);
    while (!told && (r = mdb_cursor_get(at, &key, &value, MDB_NEXT)) == 0)
        told = read_one(storage, table, &key, &value, reader);
    mdb_cursor_close(at);
    return told ? told : error_of(r);
}

int storage_read(struct storage *storage, const struct storage_reader *reader)
{
    MDB_txn *txn;
    int r = error_of(mdb_txn_begin(storage->environment, NULL, MDB_RDONLY, &txn));

    if (r)
        return r;
    r = read_table(storage, txn, storage->outbox, reader);
    if (!r)
        r = read_table(storage, txn, storage->position, reader);
    if (!r)
        r = read_table(storage, txn, storage->cursor, reader);
    mdb_txn_abort(txn);
    return r;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int finish(MDB_txn *txn, int r)
{
    if (!r)
        return error_of(mdb_txn_commit(txn));
    mdb_txn_abort(txn);
    return error_of(r);
}

static void place_key(uint64_t place, unsigned char bytes[8])
{
    for (int i = 7; i >= 0; i--, place >>= 8)
        bytes[i] = (unsigned char)place;
}

int storage_put_entry(struct storage *storage, uint64_t place, const char *json)
{
    unsigned char bytes[8];
    MDB_val key = {sizeof bytes, bytes};
    MDB_val value = {strlen(json), (void *)json};
    MDB_txn *txn;
    int r = error_of(mdb_txn_begin(storage->environment, NULL, 0, &txn));

    if (r)
        return r;
    place_key(place, bytes);
    return finish(txn, mdb_put(txn, storage->outbox, &key, &value, 0));
}

int storage_delete_entry(struct storage *storage, uint64_t place)
{
    unsigned char bytes[8];
    MDB_val key = {sizeof bytes, bytes};
    MDB_txn *txn;
    int r = error_of(mdb_txn_begin(storage->environment, NULL, 0, &txn));

    if (r)
        return r;
    place_key(place, bytes);
    r = mdb_del(txn, storage->outbox, &key, NULL);
    return finish(txn, r == MDB_NOTFOUND ? 0 : r);
}

static int put_position(const struct storage *storage, MDB_txn *txn,
                        const struct storage_position *position)
{
    MDB_val key = {strlen(position->conversation), (void *)position->conversation};
    MDB_val value = {sizeof position->seq, (void *)&position->seq};

    return mdb_put(txn, storage->position, &key, &value, 0);
}

int storage_put_positions(struct storage *storage, const struct storage_position *positions,
                          size_t count, const char *cursor)
{
    MDB_val key = {6, (void *)"cursor"};
    MDB_txn *txn;
    int r = error_of(mdb_txn_begin(storage->environment, NULL, 0, &txn));

    if (r)
        return r;
    for (size_t i = 0; !r && i < count; i++)
        r = put_position(storage, txn, &positions[i]);
    if (!r && cursor) {
        MDB_val value = {strlen(cursor), (void *)cursor};

        r = mdb_put(txn, storage->cursor, &key, &value, 0);
    }
    return finish(txn, r);
}
