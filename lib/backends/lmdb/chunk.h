/*
 * Chunks: how several entries of a table stand in one value of LMDB. An insertion costs about the
 * same whatever its size, so what a batch holds for one key prefix goes in as few values as fit.
 *
 *   log    key: offset of the first record          { size, bytes }…
 *   rows   key: conversation, seq of the first row  { offset, size, bytes }…   seqs rise by 1
 *   inbox  key: user, partition, offset of first    { offset, seq, name size, name }…
 *   dedup  key: partition, bucket, offset of first  { offset, ts, name size, name, size, bytes }…
 *   arrivals  key like dedup's                      { offset, user size, user, seq, name size, name
 * }…
 *
 * Numbers are varints (7 bits a byte, the lowest first). Offsets and ts are differences to the
 * entry before; the first's offset of inbox and dedup one to the key's, other firsts' one to 0.
 * Differences wrap around, so any number can follow any other.
 *
 * Reading trusts nothing: a chunk that does not end where its last entry ends answers
 * MDB_CORRUPTED.
 */
#ifndef CC_BACKENDS_LMDB_CHUNK_H
#define CC_BACKENDS_LMDB_CHUNK_H

#include "chatcore/backend/store.h"

/*
 * A chunk of the store is filled up to this size. Two nodes of a chunk and its key must fit in a
 * page of 4,096 bytes, or LMDB gives each value whole pages of its own: a key has up to 77 bytes, a
 * node's header and index 10, and the page's header 16.
 */
#define CHUNK_BYTES 1900

/* --- reading --- */

/* A place in a chunk. */
struct chunk {
    const char *at;
    const char *end;
};

static inline struct chunk chunk_of(const void *data, size_t size)
{
    struct chunk chunk = {(const char *)data, (const char *)data + size};

    return chunk;
}

static inline bool chunk_is_at_end(const struct chunk *chunk)
{
    return chunk->at == chunk->end;
}

/* Each reads the next entry: 0, MDB_NOTFOUND at the end, or MDB_CORRUPTED. What a slice points to
 * is in the chunk. */
int chunk_next_record(struct chunk *chunk, struct cc_slice *ret_record);

/* `row` holds the entry before, at first zeros and the seq before the key's; it becomes the next.
 * The conversation is left alone. */
int chunk_next_row(struct chunk *chunk, struct cc_store_row *row);

/* `entry` holds the entry before, at first zeros and the key's offset; it becomes the next. The
 * user is left alone. */
int chunk_next_inbox(struct chunk *chunk, struct cc_store_inbox *entry);

/* These two with the names of users and senders. */
int chunk_next_arrival(struct chunk *chunk, struct cc_store_inbox *entry);
int chunk_next_dedup(struct chunk *chunk, struct cc_store_dedup *run);

/* --- writing --- */

size_t chunk_record_size(const struct cc_slice *record);

/* Answers the place after it. */
char *chunk_write_record(char *to, const struct cc_slice *record);

/* Where the element with a certain key is in a chunk, or would be. */
struct chunk_gap {
    bool is_found;
    bool has_next; /* not found, but there is one with a greater key: it would be in between */
    size_t before; /* the bytes of the elements with smaller keys */
    size_t after;  /* where the element behind `next` begins */
    union {
        struct cc_store_row row;
        struct cc_store_inbox inbox;
    } next;
    uint64_t next_number;
};

/* How elements (cc_store_row, cc_store_inbox) are written, and looked for. */
struct chunk_kind {
    /* The bytes that an element takes behind another; `before` is NULL for the first. */
    size_t (*size)(const void *element, const void *before);
    /* Writes one; answers the place after it. */
    char *(*write)(char *to, const void *element, const void *before);
    /* Looks for the key `number` in a chunk whose first key is `first`. 0 or a raw code. */
    int (*find)(struct chunk chunk, uint64_t first, uint64_t number, struct chunk_gap *ret_gap);
    bool has_sequence; /* a chunk's keys rise by 1 */
};

extern const struct chunk_kind chunk_rows;
extern const struct chunk_kind chunk_inbox;

/* The same for entries of buckets (cc_store_inbox, cc_store_dedup). */
size_t chunk_arrival_size(const void *element, const void *before);
char *chunk_write_arrival(char *to, const void *element, const void *before);
size_t chunk_run_size(const void *element, const void *before);
char *chunk_write_run(char *to, const void *element, const void *before);

#endif
