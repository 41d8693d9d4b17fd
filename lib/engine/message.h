/*
 * A message that the log has put in order: immutable, shared, counted. It is one block of memory:
 * the struct, its arrays, and the record's bytes, into which its slices point.
 *
 * Made by the sequencer; held by its conversation's recent window, by the flush that writes it,
 * and by every event that carries it. Events are released on other threads, so the count is atomic.
 */
#ifndef CC_ENGINE_MESSAGE_H
#define CC_ENGINE_MESSAGE_H

#include "base/arena.h"
#include "chatcore/message.h"
#include "wire/record.h"

struct message {
    _Atomic uint32_t refs;
    size_t bytes; /* of the whole block: what memory accounting charges */
    struct cc_allocator allocator;
    struct cc_message view;    /* as others see it: without client_id */
    struct cc_slice client_id; /* for the sender's own sessions */
    uint64_t client_hash;      /* dedup_hash() of sender and client_id */
    uint64_t offset;           /* in the log */
    uint64_t said;             /* the conversation's `said` with it */
    uint64_t target_seq;       /* EDIT, DELETE: where its target stands; 0: not known */
    struct cc_slice record;    /* the log record: what the store keeps as the row's body */
    /* The partition's, in the order of applying: see partition.h */
    struct conversation *conversation;
    struct message *next_applied;
};

/* Makes a message of a decoded record and its bytes, which are copied. 0 or CC_ENOMEM. */
int message_new(const struct cc_allocator *allocator, const struct record *record,
                struct cc_slice bytes, uint64_t seq, uint64_t offset, struct message **ret_message);

/* The same, of the bytes of a record alone: a row's body, or what another node has sent. 0 or an
 * error of record_decode(). */
int message_decode(const struct cc_allocator *allocator, struct cc_slice bytes, uint64_t seq,
                   uint64_t offset, struct message **ret_message);

/* What a push of it counts for in limits.max_outstanding: see cc_event_weight(). */
static inline uint32_t message_weight(const struct cc_message *message)
{
    return 1 + (uint32_t)((message->text.size + message->meta.size + message->files.size) / 1024);
}

struct message *message_ref(struct message *message);
void message_unref(struct message *message);

#endif
