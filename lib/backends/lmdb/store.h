/*
 * The store on LMDB. Each table of the port is one of LMDB's; a name in a key has its length before
 * it (one byte), numbers in keys are big-endian, so keys stand in the order of their columns.
 *
 *   rows     conversation, seq          → a chunk of rows, with seqs without a gap (chunk.h)
 *   heads    conversation               → struct store_head_value
 *   inbox    user, partition, offset    → a chunk of one user's entries
 *   arrivals partition, bucket, offset  → a chunk of the newest entries of many users
 *   dedup    partition, bucket, offset  → a chunk of runs of many senders
 *   cursors  user, device, conversation → struct store_cursor_value
 *   marks    partition                  → struct store_mark
 *
 * Inbox entries and dedup runs come for more names in a batch than a batch has pages to spare: so
 * they go to buckets of names first (store_bucket.h). Dedup runs stay there, as they live for a
 * day. Inbox entries move on to their users' chunks when a bucket has enough of them, many for each
 * user at once; a reader looks in both places. An entry is in one of the two.
 *
 * A batch is one transaction, and `mark.offset` is written in it. `mark.high` is above every offset
 * that was ever written for the partition: what comes at or above it is surely new and is inserted
 * without looking. Below it (a replay, an owner that lost its partition) each entry is looked for
 * first, and skipped where it stands already, whichever batch brought it.
 */
#ifndef CC_BACKENDS_LMDB_STORE_H
#define CC_BACKENDS_LMDB_STORE_H

#include "backends/lmdb/group.h"
#include "backends/lmdb/writer.h"

/* Format 1 had an inbox for each user only, and four times as many buckets; no release wrote it. */
#define STORE_FORMAT 3

struct store_head_value {
    uint64_t seq;
    uint64_t offset;
    uint64_t member_version;
    int64_t ts;
    uint64_t said;
};

struct store_cursor_value {
    uint64_t delivered;
    uint64_t read;
};

struct store_mark {
    uint64_t offset;
    uint64_t high;
};

struct lmdb_store {
    struct environment environment;
    struct writer writer;
    MDB_dbi rows;
    MDB_dbi heads;
    MDB_dbi inbox;
    MDB_dbi arrivals;
    MDB_dbi dedup;
    MDB_dbi cursors;
    MDB_dbi marks;

    /* the writer's */
    struct grouping grouping;
    struct store_buckets *buckets;         /* NULL until a batch brings something for buckets */
    struct store_arrivals *arrivals_state; /* likewise */
    bool is_writing;                       /* a transaction has begun, and is not committed */
    uint32_t expiry_turn;                  /* which buckets' old chunks the next batch looks for */
};

/* A batch that is being written. */
struct store_batch {
    struct lmdb_store *store;
    MDB_txn *txn;
    const struct cc_store_write *op;
    struct store_mark mark;
};

/* The longest key: user, device, conversation. */
#define STORE_KEY_MAX (3 * (1 + CC_NAME_MAX))

struct store_key {
    size_t size;
    unsigned char bytes[STORE_KEY_MAX];
};

static inline MDB_val store_key_value(const struct store_key *key)
{
    return value_of(key->bytes, key->size);
}

/* Names are 1 to CC_NAME_MAX bytes, checked before. */
void store_key_name(struct store_key *key, struct cc_slice name);

/* The parts of keys before their last number. */
void store_key_rows(struct store_key *key, struct cc_slice conversation);
void store_key_inbox(struct store_key *key, struct cc_slice user, uint32_t partition);
void store_key_bucket(struct store_key *key, uint32_t partition, uint32_t bucket);

void store_key_cursor(struct store_key *key, struct cc_slice user, struct cc_slice device);

/* Puts a number behind the first `prefix` bytes. */
void store_key_number(struct store_key *key, size_t prefix, uint64_t number);

/* True when a found key is the prefix and one number; gives it. */
bool store_key_match(const struct store_key *key, size_t prefix, const MDB_val *found,
                     uint64_t *ret_number);

static inline bool store_name_fits(struct cc_slice name)
{
    return name.size >= 1 && name.size <= CC_NAME_MAX;
}

/*
 * Goes to the last chunk of the prefix that begins at or before `number`, or else to its first.
 * 0, MDB_NOTFOUND when the prefix has none, or a raw code. `ret_first`: the number in the found
 * key.
 */
int store_seek(MDB_cursor *cursor, struct store_key *key, size_t prefix, uint64_t number,
               uint64_t *ret_first, MDB_val *ret_value);

/* Goes to the next chunk (MDB_NEXT) or the one before (MDB_PREV) of the prefix. Likewise. */
int store_step(MDB_cursor *cursor, const struct store_key *key, size_t prefix, MDB_cursor_op step,
               uint64_t *ret_first, MDB_val *ret_value);

/* Reads a fixed value. `ret_value` is left alone where there is none (MDB_NOTFOUND). */
int store_get(MDB_txn *txn, MDB_dbi table, const struct store_key *key, void *ret_value,
              size_t size);

/* The key of a partition's mark. */
static inline void store_key_mark(struct store_key *key, uint32_t partition)
{
    memcpy(key->bytes, &partition, sizeof partition);
    key->size = sizeof partition;
}

/* Write a batch's entries and runs: store_inbox.c, store_dedup.c. 0 or a raw code. */
int store_inbox_write(struct store_batch *batch);
int store_dedup_write(struct store_batch *batch);

/* Free what writing kept: store_bucket.c, store_inbox.c. */
void store_buckets_free(struct lmdb_store *store);
void store_arrivals_free(struct lmdb_store *store);

/* What is known of buckets may be wrong: the transaction was given up. */
void store_arrivals_forget(struct lmdb_store *store);

extern const struct writer_kind store_write_kind;
extern const struct writer_kind store_write_cursors_kind;
extern const struct writer_kind store_amend_kind;
extern const struct writer_kind store_forget_cursors_kind;

void store_read_offset(void *self, struct cc_store_read_offset *op);
void store_read_rows(void *self, struct cc_store_read_rows *op);
void store_read_heads(void *self, struct cc_store_read_heads *op);
void store_read_inbox(void *self, struct cc_store_read_inbox *op);
void store_read_dedup(void *self, struct cc_store_read_dedup *op);
void store_read_cursors(void *self, struct cc_store_read_cursors *op);
void store_list_heads(void *self, struct cc_store_list_heads *op);

#endif
