/*
 * The store port: what the engine computed from the log, for range reads (embedded: LMDB; at scale:
 * Cassandra).
 *
 * Tables
 *   row     (conversation, seq)                 one message of a conversation, its log offset and
 * body head    (conversation)                      the newest seq and offset, and the member
 * version applied there inbox   (user, partition, offset)           "conversation has seq": one
 * entry a member, up to 50 members dedup   (partition, sender, offset)         packed hashes of
 * client ids: a retry makes no second message cursor  (user, device, conversation)        how far
 * it was delivered and read; device "" is the user offset  (partition) everything below it has been
 * written
 *
 * Promises a backend makes
 *  - `write` is idempotent: the same batch again, or an overlapping one of a replay with the same
 *    contents, leaves the same tables. Rows, heads, inbox and dedup of a batch are durable before
 *    its offset is: a reader that finds offset n finds all that came before n.
 *  - a row that stands is not changed by `write`; `amend` alone changes rows.
 *  - a head or an offset never goes back: an older one written later is ignored.
 *  - a cursor only moves forward, until it is forgotten: writing takes the maximum of each of its
 * numbers.
 *  - reads see every write that has completed before they were submitted.
 *
 * Every slot is called from the engine's thread only, and every slot is required.
 */
#ifndef CHATCORE_BACKEND_STORE_H
#define CHATCORE_BACKEND_STORE_H

#include "chatcore/backend/op.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_store_row {
    struct cc_slice conversation;
    uint64_t seq;
    uint64_t offset;
    struct cc_slice body; /* opaque to the store */
};

struct cc_store_head {
    struct cc_slice conversation;
    uint64_t seq;
    uint64_t offset;         /* log offset of the newest row */
    uint64_t member_version; /* the directory's member version applied up to that row */
    int64_t ts;              /* of the newest row */
    uint64_t said;           /* how many of the rows count as unread: opaque to the store */
};

struct cc_store_inbox {
    struct cc_slice user;
    uint64_t offset;
    struct cc_slice conversation;
    uint64_t seq;
};

/* One packed run of a sender's client ids. Entries of one write never overlap with those of
 * another. */
struct cc_store_dedup {
    struct cc_slice sender;
    uint64_t offset;         /* log offset of its first entry: the key */
    int64_t ts;              /* of its newest entry: runs older than the window may be dropped */
    struct cc_slice entries; /* opaque to the store */
};

struct cc_store_cursor {
    struct cc_slice user;
    struct cc_slice device; /* empty: the user's own */
    struct cc_slice conversation;
    uint64_t delivered;
    uint64_t read;
};

/* A batch of one partition; arrays in any order; empty ones are allowed. */
struct cc_store_write {
    struct cc_op op;
    uint32_t partition;
    uint64_t offset; /* everything below is in the store once this completes; 0: says nothing */
    int64_t dedup_before; /* dedup runs whose ts is older may be dropped */
    const struct cc_store_row *rows;
    size_t row_count;
    const struct cc_store_head *heads;
    size_t head_count;
    const struct cc_store_inbox *inbox;
    size_t inbox_count;
    const struct cc_store_dedup *dedup;
    size_t dedup_count;
};

struct cc_store_write_cursors {
    struct cc_op op;
    const struct cc_store_cursor *cursors;
    size_t count;
};

struct cc_store_read_offset {
    struct cc_op op;
    uint32_t partition;
    uint64_t ret_offset; /* 0 when nothing was written */
};

struct cc_store_read_rows {
    struct cc_op op;
    struct cc_slice conversation;
    uint64_t from; /* inclusive; 1 is the first */
    uint64_t to;   /* inclusive */
    size_t limit;
    bool descending; /* which end the limit counts from; results ascend by seq in either case */
    const struct cc_store_row *ret_rows;
    size_t ret_count;
};

struct cc_store_read_heads {
    struct cc_op op;
    const struct cc_slice *conversations;
    size_t count;
    const struct cc_store_head
        *ret_heads; /* `count` of them, in the order asked; all numbers 0 where there is none */
};

/*
 * Takes from a conversation's rows what is not to be kept, for good: reads that follow don't find
 * it. Only rows that the partition's offset has gone past are amended, so that no replay brings
 * them back.
 */
struct cc_store_amend {
    struct cc_op op;
    struct cc_slice conversation;
    uint64_t before;                 /* the rows below this seq are removed; 0: none */
    const struct cc_store_row *rows; /* ascending by seq: those that stand get these bodies, and
                                        keep their offsets; others are left out */
    size_t row_count;
};

/* Takes away all that is in the cursors of a user, of whatever device: positions and joins. */
struct cc_store_forget_cursors {
    struct cc_op op;
    struct cc_slice user;
};

/* The heads of all conversations, in an order of the backend's, the same each time. */
struct cc_store_list_heads {
    struct cc_op op;
    struct cc_slice after; /* a conversation, exclusive; empty: from the start */
    size_t limit;
    const struct cc_store_head *ret_heads;
    size_t ret_count;
    bool ret_more;
};

struct cc_store_read_inbox {
    struct cc_op op;
    struct cc_slice user;
    uint32_t partition;
    uint64_t from;   /* entries with offset >= from */
    uint64_t before; /* and offset < before */
    size_t limit;
    const struct cc_store_inbox *ret_entries; /* ascending by offset */
    size_t ret_count;
    bool ret_more;
};

struct cc_store_read_dedup {
    struct cc_op op;
    uint32_t partition;
    struct cc_slice sender;
    const struct cc_store_dedup *ret_runs; /* ascending by offset */
    size_t ret_count;
};

struct cc_store_read_cursors {
    struct cc_op op;
    struct cc_slice user;
    struct cc_slice device;               /* empty: the user's own */
    const struct cc_slice *conversations; /* NULL: all of (user, device), up to limit */
    size_t count;
    size_t limit;
    const struct cc_store_cursor *ret_cursors; /* those that exist, any order */
    size_t ret_count;
};

struct cc_store_vtable {
    size_t size;
    void (*write)(void *self, struct cc_store_write *op);
    void (*write_cursors)(void *self, struct cc_store_write_cursors *op);
    void (*read_offset)(void *self, struct cc_store_read_offset *op);
    void (*read_rows)(void *self, struct cc_store_read_rows *op);
    void (*read_heads)(void *self, struct cc_store_read_heads *op);
    void (*read_inbox)(void *self, struct cc_store_read_inbox *op);
    void (*read_dedup)(void *self, struct cc_store_read_dedup *op);
    void (*read_cursors)(void *self, struct cc_store_read_cursors *op);
    void (*list_heads)(void *self, struct cc_store_list_heads *op);
    void (*amend)(void *self, struct cc_store_amend *op);
    void (*forget_cursors)(void *self, struct cc_store_forget_cursors *op);
    /* Gives everything back. No operation may be under way. */
    void (*free)(void *self);
};

struct cc_store {
    const struct cc_store_vtable *vtable;
    void *self;
};

#ifdef __cplusplus
}
#endif
#endif
