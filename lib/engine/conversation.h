/*
 * Conversations loaded by the owner of their partition: the state that the sequencer applies
 * records to.
 *
 * It is a function of the log: what the store's head says (seq, offset, member version), the
 * members as of that version, and the records applied since. `recent` holds the newest messages,
 * contiguous up to `seq`; those not yet flushed are always among them.
 */
#ifndef CC_ENGINE_CONVERSATION_H
#define CC_ENGINE_CONVERSATION_H

#include "engine/engine.h"
#include "engine/message.h"

struct member_entry {
    UT_hash_handle hh;
    struct cc_slice user; /* the key; its bytes stand behind the struct */
    enum cc_role role;
    uint64_t seen; /* as far as memory knows, of `said`: see unread.h */
    /* Where the mark of it stands in the flush batch of this number: see flush_add_seen(). */
    uint64_t seen_batch;
    size_t seen_at;
    char bytes[];
};

struct conversation {
    UT_hash_handle hh;
    struct cc_engine *engine;
    struct partition *partition;
    struct cc_slice id; /* the key; in `id_bytes` */
    char id_bytes[CC_NAME_MAX];
    bool is_loaded;
    bool is_known;  /* it has been created (its first record is applied) */
    int load_error; /* waiters get it, and the conversation goes */
    enum cc_conversation_kind kind;
    struct cc_slice name; /* allocated */
    int64_t created;
    uint64_t seq;    /* of the newest message; 0: none */
    uint64_t said;   /* how many of its messages count as unread: see unread.h */
    uint64_t offset; /* of the newest record applied */
    uint64_t member_version;
    int64_t ts;                        /* of the newest message */
    struct member_entry *members;      /* uthash */
    bool head_is_dirty;                /* to be written by the next flush */
    struct conversation *next_dirty;   /* in the flush batch that is being filled */
    struct conversation *next_written; /* in the one that is being written */
    size_t refs;                       /* loads, requests: not evicted while it has any */
    bool is_listed;                    /* in the engine's list of idle ones, see conversation.c */
    struct conversation *lru_next;
    struct conversation *lru_previous;

    /* a ring of the newest messages: seq `recent_first` … `seq` */
    struct message **recent;
    size_t recent_capacity; /* a power of two, or 0 */
    size_t recent_start;
    size_t recent_count;

    struct conversation_waiter *waiters;
    struct conversation_waiter **waiters_last;
    struct conversation_load *load;
};

/* Embedded in whoever waits for a conversation to be loaded. */
struct conversation_waiter {
    struct conversation_waiter *next;
    void (*loaded)(struct conversation_waiter *waiter, struct conversation *conversation,
                   int status);
};

/* The conversation if it is loaded, else NULL. Its partition must be this node's. */
struct conversation *conversation_find(struct cc_engine *engine, struct cc_slice id);

/*
 * Finds or loads it. CC_OK: loaded, in ret_conversation. 1: being loaded; the waiter will be called
 * in a later drain. Negative: CC_ENOMEM. A conversation nobody has created yet is loaded with
 * is_known == false.
 */
int conversation_get(struct cc_engine *engine, struct cc_slice id,
                     struct conversation_waiter *waiter, struct conversation **ret_conversation);

void conversation_ref(struct conversation *conversation);
void conversation_unref(struct conversation *conversation);

struct member_entry *conversation_member(struct conversation *conversation, struct cc_slice user);
static inline uint32_t conversation_member_count(const struct conversation *conversation)
{
    return HASH_COUNT(conversation->members);
}

/* The fanout mode now: true up to CC_FANOUT_WRITE_MAX members. */
static inline bool conversation_writes_inboxes(const struct conversation *conversation)
{
    return HASH_COUNT(conversation->members) <= CC_FANOUT_WRITE_MAX;
}

/* Sets or adds a member, or takes one out. 0 or CC_ENOMEM. */
int conversation_put_member(struct conversation *conversation, struct cc_slice user,
                            enum cc_role role);
void conversation_remove_member(struct conversation *conversation, struct cc_slice user);

/* The smallest seq in `recent`; seq + 1 when it is empty. */
static inline uint64_t conversation_recent_first(const struct conversation *conversation)
{
    return conversation->seq + 1 - conversation->recent_count;
}

/* The message of a seq, or NULL if it is not in memory. */
struct message *conversation_recent(const struct conversation *conversation, uint64_t seq);

/*
 * The seq at which a user was added, if that is not in the store yet (0: it is, or never was). To
 * be asked before the store is, or a flush in between hides it from both.
 */
uint64_t conversation_unflushed_join(const struct conversation *conversation, struct cc_slice user);

/* Makes room for one more message. 0 or CC_ENOMEM. */
int conversation_reserve_recent(struct conversation *conversation);

/* Adds the message that has just become `seq`, to reserved room; takes a reference. */
void conversation_add_recent(struct conversation *conversation, struct message *message);

/* Puts another version of a recent message in its place; takes a reference. */
void conversation_replace_recent(struct conversation *conversation, struct message *message);

/* Lets the oldest one go. */
void conversation_drop_oldest(struct conversation *conversation);

/* Something that kept it in memory may have gone: lists it as idle if it is. */
void conversation_touch(struct conversation *conversation);

/* Frees it, whatever it holds. */
void conversation_free(struct conversation *conversation);

/* Frees every conversation of a partition that is lost, or all (partition NULL). */
void conversations_drop(struct cc_engine *engine, const struct partition *partition);

/* Lets idle conversations go while there are more than a bound. Called once a step. */
void conversations_trim(struct cc_engine *engine);

#endif
