/*
 * What this node knows of the cursors of users (readers), and whom it tells when they move.
 */
#ifndef CC_ENGINE_RECEIPTS_TELL_H
#define CC_ENGINE_RECEIPTS_TELL_H

#include "base/list.h"
#include "chatcore/conversation.h"
#include "engine/receipts.h"

/* One user in one conversation. */
struct reader {
    UT_hash_handle hh;
    struct list_link link;  /* in readers.all */
    struct list_link moved; /* moved by the write that has just ended */
    struct timer timer;     /* set while something is held back */
    struct cc_engine *engine;
    uint64_t delivered; /* as they are in the store */
    uint64_t read;
    uint64_t told_delivered;
    uint64_t told_read;
    int64_t told_ms;
    enum cc_conversation_kind kind;
    uint32_t member_count;
    bool hides_read;                /* nobody else is told how far was read */
    bool is_silent;                 /* the peer of a direct conversation is not told */
    const struct cc_session *mover; /* the only session that moved it, or NULL; during one write */
    struct cc_slice conversation;   /* both in `key` */
    struct cc_slice user;
    char key[];
};

struct crowd;

struct readers {
    struct reader *table;
    struct list all; /* the longest unmoved first */
    struct crowd *crowds;
    struct list crowds_all;
};

void readers_init(struct readers *readers);
void readers_deinit(struct readers *readers, struct cc_engine *engine);

/* NULL when this node doesn't know the user's cursors there. */
struct reader *reader_find(struct readers *readers, struct cc_slice conversation,
                           struct cc_slice user);

/* Finds or makes it; NULL without memory. */
struct reader *reader_get(struct readers *readers, struct cc_engine *engine,
                          struct cc_slice conversation, struct cc_slice user);

/* Tells everybody whom it concerns that a reader has moved. */
void reader_tell(struct readers *readers, struct reader *reader);

#endif
