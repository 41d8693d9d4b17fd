/*
 * What a catching-up session keeps, shared by sync.c (its life), sync_remote.c (other nodes'
 * partitions), sync_load.c (finding out what is missing) and sync_push.c (pushing it).
 */
#ifndef CC_ENGINE_SYNC_STATE_H
#define CC_ENGINE_SYNC_STATE_H

#include "engine/partition.h"
#include "engine/sync.h"

/* `until` of an entry whose user is still a member. */
#define SYNC_NO_END UINT64_MAX

struct sync_entry {
    UT_hash_handle hh;
    uint64_t next;  /* the seq to push next; 0: not known yet, by the position's offset */
    uint64_t until; /* the user was removed at this seq */
    uint64_t stop;  /* from this seq on the owner's link tells; 0: not yet met */
    uint64_t since; /* the user joined at this seq: nothing before is shown */
    uint64_t head;  /* as read from the store, where the conversation is not loaded */
    uint64_t head_offset;
    uint64_t head_version; /* of its members */
    uint64_t version;      /* of the membership that this entry is for */
    bool was_large;        /* the inbox does not tell of it */
    bool has_head;
    uint8_t size;
    char id[CC_NAME_MAX];
};

enum sync_stage {
    SYNC_WAITING, /* for this node's partitions to be replayed, and others' owners to answer */
    SYNC_STORE,   /* for the store to have what those owners had applied */
    SYNC_LOADING, /* what is missing is being found out */
    SYNC_PUSHING,
    SYNC_ENDED /* live, or closed: goes when nothing has it any more */
};

/* Messages told by other nodes that a session keeps until it has come so far; more, and it reads
 * them later. */
#define SYNC_HELD_MAX 128

#define SYNC_NO_TARGET UINT64_MAX

struct sync {
    UT_hash_handle hh;          /* in link->waiting, by ticket */
    struct cc_session *session; /* a reference while an operation is under way */
    struct user *user;          /* a reference: operations name it after the session has left it */
    struct cc_engine *engine;
    enum sync_stage stage;
    bool has_positions;  /* else: from what is recorded of the device */
    unsigned holds;      /* functions that run on it */
    bool is_anew;        /* begins again when what is under way has ended */
    bool is_busy;        /* an operation is under way */
    bool has_pushed;     /* in this round over the entries */
    uint64_t *positions; /* by partition: the offset wanted next */
    uint64_t *flushed;   /* by partition: what was in the store before the memberships were read */
    uint64_t
        *targets; /* by partition: what its owner on another node had applied at the registration */
    uint64_t ticket;                     /* of the registration; 0: not registered */
    struct message *held[SYNC_HELD_MAX]; /* references, in the order of coming */
    uint32_t held_partitions[SYNC_HELD_MAX];
    size_t held_count;
    size_t held_at; /* those before have been pushed */
    bool has_overflown;
    struct timer timer;         /* looks at the store again */
    struct sync_entry *entries; /* uthash, in the order of adding */
    struct sync_entry *at;      /* being pushed */
    uint32_t partition;         /* whose inbox is being read */
    uint64_t scan;              /* and from which offset on; 0: from the position */
    char after[CC_NAME_MAX];    /* the page of memberships */
    size_t after_size;
    struct cc_slice *head_ids; /* what is asked of the store */
    void (*step)(struct sync *sync, int status);
    union {
        struct cc_op op;
        struct cc_store_read_offset offset;
        struct cc_directory_memberships memberships;
        struct cc_store_read_inbox inbox;
        struct cc_store_read_cursors cursors;
        struct cc_store_read_heads heads;
        struct cc_store_read_rows rows;
    } op;
};

static inline struct cc_slice sync_entry_id(const struct sync_entry *entry)
{
    return slice_of(entry->id, entry->size);
}

/* Prepares `sync->op` for a port; `step` runs when it has completed, unless the session is closed
 * meanwhile. */
void sync_op_begin(struct sync *sync, void (*step)(struct sync *sync, int status));

/* It ends: what runs or is under way still has it, and the last of them frees it. */
void sync_end(struct sync *sync);

/* Around a function that may end it, and looks at it afterwards. */
void sync_hold(struct sync *sync);
void sync_release(struct sync *sync);

void sync_trace(const struct sync *sync, const char *what);

/* Pushes on over the entries: until there is no room, a read is under way, or it goes live. */
void sync_push_on(struct sync *sync);

/* Finds or adds an entry. NULL without memory. */
struct sync_entry *sync_entry_put(struct sync *sync, struct cc_slice conversation);
struct sync_entry *sync_entry_find(struct sync *sync, struct cc_slice conversation);

/* Finds out what is missing, then calls sync_loaded(). */
void sync_load(struct sync *sync);
void sync_loaded(struct sync *sync, int status);

/* Registers with the owners of other partitions and waits for the store to have what they had, then
 * calls sync_ready(). */
void sync_wait_for_others(struct sync *sync);
void sync_ready(struct sync *sync);

/* Takes back a registration that is not answered yet. */
void sync_withdraw(struct sync *sync);

/* What it has found out does not hold any more: it begins again from its position. */
void sync_begin_anew(struct sync *sync);

/* An owner has answered a registration. */
void sync_registered(struct sync *sync);

/* A message of another node's partition that concerns the session. */
void sync_hold_message(struct sync *sync, uint32_t partition, struct message *message);

#endif
