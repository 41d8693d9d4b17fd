/*
 * Write-behind: what has been applied goes to the store in large batches, with the log offset that
 * it reaches. One write is under way at a time; meanwhile the next batch fills.
 *
 * A crash loses nothing: the log is read again from the offset in the store.
 *
 * A batch is one write. One with edits and deletions is two: the rows, which are then redacted, and
 * the heads with the offset; so a crash between the two does it all again.
 */
#ifndef CC_ENGINE_FLUSH_H
#define CC_ENGINE_FLUSH_H

#include "base/arena.h"
#include "engine/partition.h"

/* What one write will take, in arrays that grow and are used again. */
struct flush_batch {
    struct arena arena; /* users' names */
    struct cc_store_row *rows;
    size_t row_count, row_capacity;
    struct cc_store_inbox *inbox;
    size_t inbox_count, inbox_capacity;
    struct cc_store_dedup *dedup;
    size_t dedup_count, dedup_capacity;
    struct cc_store_cursor *joins; /* and what flush_add_media() adds: cursors of pseudo devices */
    size_t join_count, join_capacity;
    struct message **changes; /* those that change others: see redact.h */
    size_t change_count, change_capacity;
    struct cc_store_head *heads;
    size_t head_count, head_capacity;
    struct conversation *dirty; /* conversations whose heads changed, by next_dirty */
    uint64_t number;            /* no other has had it */
    size_t bytes;               /* charged to the engine's unflushed_bytes */
};

struct flush {
    struct partition *partition;
    struct flush_batch batches[2];
    struct flush_batch *filling;
    uint64_t batches_begun;
    struct flush_batch *writing; /* NULL: no write is under way */
    struct timer timer;          /* set while something waits for its first write */
    bool is_due;
    bool is_retrying; /* the last write failed: `writing` is written again when the timer runs */
    uint64_t offset;  /* what `writing` reaches */
    struct cc_store_write write;
    struct cc_store_write_cursors join_write;
    bool rows_are_written;       /* of `writing`, and its heads and offset are not */
    struct redaction *redaction; /* NULL: there was none yet */
};

int flush_new(struct partition *partition, struct flush **ret_flush);
void flush_free(struct flush *flush);

/* Room in the filling batch for one more record with so many inbox entries, and so many joins and
 * media. 0 or CC_ENOMEM. */
int flush_reserve(struct flush *flush, size_t inbox_entries, size_t joins);

/* Adds an applied message; inbox entries go to the members the conversation has now. Room was
 * reserved. 0 or CC_ENOMEM. */
int flush_add(struct flush *flush, struct conversation *conversation, struct message *message);

/* Adds where a user joined: history before it is not shown (see history.c), and what was said
 * before is not unread. Room was reserved. 0 or CC_ENOMEM. */
int flush_add_join(struct flush *flush, struct conversation *conversation, struct cc_slice user,
                   uint64_t seq);

/* Adds how much a member has behind him, once a batch: the newest of it. Room for one more join was
 * reserved. 0 or CC_ENOMEM. */
int flush_add_seen(struct flush *flush, const struct conversation *conversation,
                   struct member_entry *member, uint64_t seen);

/* Adds where the message's media are in the conversation from now on, or are not any more: see
 * MARK_MEDIA. Room was reserved. */
void flush_add_media(struct flush *flush, const struct conversation *conversation,
                     const struct message *message);

/* Calls `each` for what flush_add_media() added about an object and is not in the store yet. To be
 * asked before the store is, or a flush in between hides it from both. */
void flush_each_media(const struct flush *flush, struct cc_slice media,
                      void (*each)(void *context, const struct cc_store_cursor *place),
                      void *context);

/* Adds where in the log a direct conversation began, which no row tells. Room was reserved. 0 or
 * CC_ENOMEM. */
int flush_add_beginning(struct flush *flush, struct conversation *conversation, uint64_t offset);

/* The conversation's head, or the partition's offset alone, has moved. */
void flush_touch(struct flush *flush, struct conversation *conversation);

/* The rows that the batch changes are changed: 0, or why not. */
void flush_redacted(struct flush *flush, int status);

/* Starts a write if one is due (or `now` says so) and none is under way. Called at the end of a
 * step. */
void flush_step(struct flush *flush, bool now);

static inline bool flush_is_idle(const struct flush *flush)
{
    return !flush->writing && flush->partition->flushed == flush->partition->applied;
}

#endif
