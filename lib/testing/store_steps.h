/*
 * Steps on a store in the language of its conformance cases: a batch is put together entry by
 * entry, and what is read comes back as text, so that a failure shows both.
 *
 * A story is a log whose records follow from their offsets: so any part of it can be written, again
 * and in other batches, and what must stand in the store is known without a second store.
 */
#ifndef CC_TESTING_STORE_STEPS_H
#define CC_TESTING_STORE_STEPS_H

#include "testing/suite.h"

struct stores {
    struct suite *suite;
    struct cc_store port;
};

/* Submits to a slot and waits; answers the status. */
#define STORE_RUN(store, slot, operation)                                                          \
    (suite_submit((store)->suite, &(operation)->op),                                               \
     (store)->port.vtable->slot((store)->port.self, operation),                                    \
     suite_wait((store)->suite, &(operation)->op))

/* The most entries of a kind in a batch. */
#define STO_BATCH_MAX 16

struct sto_batch {
    struct cc_store_row rows[STO_BATCH_MAX];
    struct cc_store_head heads[STO_BATCH_MAX];
    struct cc_store_inbox inbox[STO_BATCH_MAX];
    struct cc_store_dedup dedup[STO_BATCH_MAX];
    struct cc_store_cursor cursors[STO_BATCH_MAX];
    size_t row_count;
    size_t head_count;
    size_t inbox_count;
    size_t dedup_count;
    size_t cursor_count;
    uint32_t partition;
    uint64_t offset;
    int64_t dedup_before;
};

void sto_add_row(struct sto_batch *batch, const char *conversation, uint64_t seq, uint64_t offset,
                 const char *body);
/* Its ts is 1,000 + seq. */
void sto_add_head(struct sto_batch *batch, const char *conversation, uint64_t seq, uint64_t offset,
                  uint64_t member_version);
void sto_add_inbox(struct sto_batch *batch, const char *user, uint64_t offset,
                   const char *conversation, uint64_t seq);
void sto_add_dedup(struct sto_batch *batch, const char *sender, uint64_t offset, int64_t ts,
                   const char *entries);
void sto_add_cursor(struct sto_batch *batch, const char *user, const char *device,
                    const char *conversation, uint64_t delivered, uint64_t read);

/* Both answer the operation's status, and empty the batch. */
int sto_write(struct stores *store, struct sto_batch *batch);
int sto_write_cursors(struct stores *store, struct sto_batch *batch);

/* Amends with the batch's rows; empties the batch. */
int sto_amend(struct stores *store, const char *conversation, uint64_t before,
              struct sto_batch *batch);

/*
 * What these read is added to the text; a status other than 0 as "CC_EINVAL" and the like.
 *   rows     1:a 2:b             (seq, body)
 *   inbox    5:room/3 …          (offset, conversation, seq; "…" where there is more)
 *   dedup    7@100:x             (offset, ts, entries)
 *   cursors  room=3/2            (delivered, read), ascending
 *   head     5@17 v2 t1005 s2    (seq, offset, member version, ts, said)
 */
struct sto_range {
    uint64_t from;
    uint64_t to; /* of an inbox: before */
    size_t limit;
    bool descending;
};

void sto_read_rows(struct stores *store, const char *conversation, struct sto_range range,
                   struct text *text);
void sto_read_inbox(struct stores *store, const char *user, uint32_t partition,
                    struct sto_range range, struct text *text);
void sto_read_dedup(struct stores *store, const char *sender, uint32_t partition,
                    struct text *text);
/* `conversations`: words; NULL: all. */
void sto_read_cursors(struct stores *store, const char *user, const char *device,
                      const char *conversations, struct text *text);
void sto_read_head(struct stores *store, const char *conversation, struct text *text);
/* All heads behind a conversation ("": all): room=5, in an order of the backend's. */
void sto_list_heads(struct stores *store, const char *after, size_t limit, struct text *text);
void sto_read_offset(struct stores *store, uint32_t partition, struct text *text);

/* --- stories --- */

struct story {
    uint32_t partition;
    uint64_t conversations; /* record n is in "room<partition>-<n % conversations>" */
    uint64_t users;         /* "user<n>"; two of them get an entry for each record */
    size_t body_bytes;      /* up to: bodies differ in size */
};

/* Writes the records from `from` up to before `to` as one batch; its offset is `to`. The
 * operation's status. */
int story_write(struct stores *store, const struct story *story, uint64_t from, uint64_t to);

/* The same, without waiting; the pending write is ended by story_write_end(). NULL when out of
 * memory. */
struct story_write;
struct story_write *story_write_begin(struct stores *store, const struct story *story,
                                      uint64_t from, uint64_t to);
int story_write_end(struct stores *store, struct story_write *write);

/* Checks everything that the records up to before `to` come to. A failure is noted in the suite. */
void story_check(struct stores *store, const struct story *story, uint64_t to);

#define CHECK_READ(store, wanted, read, ...)                                                       \
    do {                                                                                           \
        struct text got_text = {0};                                                                \
        read(store, __VA_ARGS__, &got_text);                                                       \
        CHECK_TEXT((store)->suite, got_text.bytes, wanted);                                        \
    } while (0)

#endif
