/*
 * What is kept of a client, in one LMDB environment: the outbox by place, the position of each
 * conversation, and the cursor. Each write is synced when it returns. Any thread writes; LMDB lets
 * one at a time.
 */
#ifndef CC_CLIENT_STORAGE_H
#define CC_CLIENT_STORAGE_H

#include <lmdb.h>
#include <stdint.h>

struct storage {
    MDB_env *environment;
    MDB_dbi outbox;   /* place (8 bytes, big-endian) → the entry's JSON */
    MDB_dbi position; /* conversation → seq (8 bytes of this machine) */
    MDB_dbi cursor;   /* "cursor" → it */
    int lock_fd;
};

struct storage_position {
    const char *conversation;
    uint64_t seq;
};

/* What is told of what there is, while it is read; other than 0 ends it. */
struct storage_reader {
    int (*entry)(void *context, uint64_t place, const char *json, size_t size);
    int (*position)(void *context, const char *conversation, size_t size, uint64_t seq);
    int (*cursor)(void *context, const char *cursor, size_t size);
    void *context;
};

/* Errors of all: negative errno values. */
int storage_open(struct storage *storage, const char *folder);
void storage_close(struct storage *storage);
int storage_read(struct storage *storage, const struct storage_reader *reader);
int storage_put_entry(struct storage *storage, uint64_t place, const char *json);
int storage_delete_entry(struct storage *storage, uint64_t place);
/* `cursor` NULL: the one that is there stays. */
int storage_put_positions(struct storage *storage, const struct storage_position *positions,
                          size_t count, const char *cursor);

#endif
