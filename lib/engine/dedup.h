/*
 * Recognising a retried client_id: the same sender, the same id, no second message.
 *
 * It has to be a function of the log, so that a replay decides as the first time did. Each record
 * says how far back it is compared: `full` ones (sent soon after their session connected: what a
 * client may have left over from before) against all that the store keeps of the sender, at least
 * 24 h; the others against the last DEDUP_WINDOW records of the partition, which are in memory.
 *
 * Entries are (hash of sender and client_id, message id, offset). A message id is a UUIDv7, so it
 * carries its time. After a restart the window in memory starts empty: until it covers DEDUP_WINDOW
 * records, a sender's entries are loaded from the store once, when the sender is first seen.
 */
#ifndef CC_ENGINE_DEDUP_H
#define CC_ENGINE_DEDUP_H

#include "engine/engine.h"

/* Records of a partition that every retry is compared with: 40 bytes each in memory, 20 MB. */
#define DEDUP_WINDOW ((uint64_t)1 << 19)

/* So long after connecting a session's sends are compared with all the store keeps. */
#define DEDUP_FULL_MS 120000

/* Entries of loaded senders kept in memory; the longest unused senders go: 32 bytes each, 16 MB. */
#define DEDUP_LOADED_MAX ((size_t)1 << 19)

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
    struct dedup_sender *senders; /* uthash, the first loaded first */
    uint64_t round;               /* of batches: what the present one wants is not let go */
    size_t loaded_entries;
};

/* Embedded in whoever waits for a sender's entries. */
struct dedup_waiter {
    struct dedup_waiter *next;
    void (*loaded)(struct dedup_waiter *waiter, int status);
};

void dedup_init(struct dedup *dedup, struct cc_engine *engine, uint32_t partition, uint64_t offset);
void dedup_deinit(struct dedup *dedup);

uint64_t dedup_hash(struct cc_slice sender, struct cc_slice client_id);

/* A new batch of records begins: its dedup_prepare() calls follow, then its dedup_find() calls. */
static inline void dedup_begin_batch(struct dedup *dedup)
{
    dedup->round++;
}

/*
 * Makes sure that dedup_find() can answer for this record. 0: it can; 1: the entries are being
 * loaded, the waiter will be called in a later drain; CC_ENOMEM. `flushed`: what the store has now.
 */
int dedup_prepare(struct dedup *dedup, struct cc_slice sender, bool full, uint64_t offset,
                  uint64_t flushed, struct dedup_waiter *waiter);

/* Says that dedup_find() is going to look for the hash: a place in memory that nobody has touched
 * for a while is on its way then, when many records are prepared before the first is applied. */
void dedup_prefetch(const struct dedup *dedup, uint64_t hash);

/* The earlier entry that makes this record a duplicate, or NULL. */
const struct dedup_entry *dedup_find(struct dedup *dedup, struct cc_slice sender, uint64_t hash,
                                     bool full, uint64_t offset, int64_t ts);

/* Room for one more entry. 0 or CC_ENOMEM. */
int dedup_reserve(struct dedup *dedup);

/* Adds an entry to reserved room; entries below `flushed` that are older than the window go. */
void dedup_add(struct dedup *dedup, const struct dedup_entry *entry, uint64_t flushed);

void dedup_entry_write(const struct dedup_entry *entry, char *bytes);
void dedup_entry_read(const char *bytes, struct dedup_entry *ret_entry);

#endif
