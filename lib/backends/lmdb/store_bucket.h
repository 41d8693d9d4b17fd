/*
 * Buckets: elements of many names together, in the order of their log offsets. A batch that brings
 * a few elements for each of many names writes few, full chunks this way, at the end of each
 * bucket.
 *
 *   key   partition (4 bytes), bucket (2 bytes), offset of the first → a chunk
 *
 * A name's bucket follows from a hash that never changes. Elements of different names may have the
 * same offset; those stand in one chunk, so that the chunk that begins at or before an offset has
 * all of that offset.
 */
#ifndef CC_BACKENDS_LMDB_STORE_BUCKET_H
#define CC_BACKENDS_LMDB_STORE_BUCKET_H

#include "backends/lmdb/chunk.h"
#include "backends/lmdb/store.h"

/* The most buckets of a kind. */
#define BUCKETS_MAX 1024

/* What every element begins with. */
struct bucket_element {
    struct cc_slice name;
    uint64_t offset;
};

/* Room for an element of any kind. */
union bucket_any {
    struct bucket_element element;
    struct cc_store_inbox arrival;
    struct cc_store_dedup run;
};

struct bucket_kind {
    uint32_t buckets;
    size_t element_size;
    size_t (*size)(const void *element, const void *before);
    char *(*write)(char *to, const void *element, const void *before);
    int (*next)(struct chunk *chunk, union bucket_any *element);
};

extern const struct bucket_kind store_arrivals_kind; /* store_inbox.c */
extern const struct bucket_kind store_dedup_kind;    /* store_dedup.c */

/* Writing one bucket. */
struct bucket_write {
    const struct cc_allocator *allocator;
    const struct bucket_kind *kind;
    MDB_cursor *cursor;
    struct store_key key;
    size_t prefix;
    uint32_t number;
    const struct bucket_element **elements; /* ascending by offset, then name */
    size_t count;
};

/* Spreads a batch's elements over the buckets. 0 or ENOMEM. */
int buckets_spread(struct lmdb_store *store, const struct bucket_kind *kind, const void *elements,
                   size_t count);

/* Goes to a bucket of those; it may be empty. */
void bucket_begin(struct store_batch *batch, struct bucket_write *bucket, uint32_t number);

/* Writes its elements; those with an offset below `high` that stand already are left out. 0 or a
 * raw code. */
int bucket_write(struct bucket_write *bucket, uint64_t high);

/* The key's prefix of the bucket of a name. */
void bucket_key(struct store_key *key, const struct bucket_kind *kind, uint32_t partition,
                struct cc_slice name);

#endif
