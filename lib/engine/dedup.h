/*
 * Recognising a retried client_id: the same sender, the same id, no second message.
 *
 * It has to be a function of the log, so that a replay decides as the first time did. Each record
 * says how far back it is compared: `full` ones (sent soon after their session connected: what a
 * client may have left over from before) against all that the store keeps of the sender, at least
 * 24 h; the others against the last DEDUP_WINDOW records of the partition, which are in memory.
 *
 * Entries are (hash of sender and client_id, message id, offset). A message id is a UUIDv7, so it
 * carries its time. What is not in the window is loaded from the store, all entries of a sender at
 * once: after a restart, and for `full` records. So that this happens about once for a sender, a
 * filter (dedup_filter.h) holds what has left the window and what was loaded: an id that is not in
 * it is new, when the filter is complete for its sender. It is so once the sender was loaded, and
 * for all in a partition that began empty; as long as the filter reaches back to that moment.
 */
#ifndef CC_ENGINE_DEDUP_H
#define CC_ENGINE_DEDUP_H

#include "base/list.h"
#include "engine/dedup_filter.h"
#include "engine/engine.h"

/* Records of a partition that every retry is compared with: 40 bytes each in memory, 20 MB. A batch
 * of records less than a power of two, because entries leave between batches only. */
#define DEDUP_WINDOW (((uint64_t)1 << 19) - 4096)

/* So long after connecting a session's sends are compared with all the store keeps. */
#define DEDUP_FULL_MS 120000

/* Entries of loaded senders kept in memory; the longest unused senders go: 32 bytes each, 16 MB. */
#define DEDUP_LOADED_MAX ((size_t)1 << 19)

/* Senders of whom it is known that the filter has all their entries: 300 bytes each, 20 MB. */
#define DEDUP_SENDERS_MAX 65536

/* One entry as it is stored: little-endian hash, id, little-endian offset. */
#define DEDUP_ENTRY_BYTES 32

struct dedup_entry {
    uint64_t hash;
    struct cc_id id;
    uint64_t offset;
};

struct dedup_sender;

struct dedup {
    struct cc_engine *engine;
    uint32_t partition;
    struct dedup_entry *ring;
    size_t ring_capacity; /* a power of two */
    size_t ring_start;
    size_t ring_count;
    uint32_t *index;      /* open addressing: ring position + 1; twice the ring's capacity */
    uint64_t covers_from; /* the ring has every entry from this offset on */
    uint64_t window;      /* DEDUP_WINDOW, but in tests */
    bool began_empty;     /* the ring has had every entry there is, the filter those that left */
    struct dedup_filter filter;
    struct dedup_sender *senders; /* uthash, the first made first */
    struct list loaded;           /* those with entries in memory, the least used first */
    uint64_t round;               /* of batches: what the present one wants is not let go */
    size_t loaded_entries;
    size_t loaded_max; /* DEDUP_LOADED_MAX, but in tests */
};

/* Embedded in whoever waits for a sender's entries. */
struct dedup_waiter {
    struct dedup_waiter *next;
    void (*loaded)(struct dedup_waiter *waiter, int status);
};

void dedup_init(struct dedup *dedup, struct cc_engine *engine, uint32_t partition, uint64_t offset);
void dedup_deinit(struct dedup *dedup);

uint64_t dedup_hash(struct cc_slice sender, struct cc_slice client_id);

/* A record, as it is compared. */
struct dedup_query {
    struct cc_slice sender;
    uint64_t hash;
    bool full;
    uint64_t offset;
    int64_t ts;
};

/*
 * A new batch of records begins, the first at `offset`: its dedup_prepare() calls follow, then its
 * dedup_find() calls. Entries older than the window go, if they are in the store (`flushed`).
 */
void dedup_begin_batch(struct dedup *dedup, uint64_t offset, uint64_t flushed);

/*
 * Makes sure that dedup_find() can answer for this record. 0: it can; 1: the entries are being
 * loaded, the waiter will be called in a later drain; CC_ENOMEM. `flushed`: what the store has now.
 */
int dedup_prepare(struct dedup *dedup, const struct dedup_query *query, uint64_t flushed,
                  struct dedup_waiter *waiter);

/* Says that dedup_find() is going to look for the hash: a place in memory that nobody has touched
 * for a while is on its way then, when many records are prepared before the first is applied. */
void dedup_prefetch(const struct dedup *dedup, uint64_t hash);

/* The earlier entry that makes this record a duplicate, or NULL. */
const struct dedup_entry *dedup_find(struct dedup *dedup, const struct dedup_query *query);

/* Room for one more entry. 0 or CC_ENOMEM. */
int dedup_reserve(struct dedup *dedup);

/* Adds an entry to reserved room. */
void dedup_add(struct dedup *dedup, const struct dedup_entry *entry);

void dedup_entry_write(const struct dedup_entry *entry, char *bytes);
void dedup_entry_read(const char *bytes, struct dedup_entry *ret_entry);

#endif
