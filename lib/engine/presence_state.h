/*
 * What the files of presence.h share: the users of this node as others see them.
 */
#ifndef CC_ENGINE_PRESENCE_STATE_H
#define CC_ENGINE_PRESENCE_STATE_H

#include "base/list.h"
#include "engine/presence.h"

/*
 * A user who is online, lingers, or of whom the session map or the watchers have not yet heard that
 * he is gone.
 */
struct present {
    UT_hash_handle hh;
    struct cc_engine *engine;
    bool is_online; /* as it is to be told: lingering counts */
    struct timer linger;
    int64_t left_ms; /* wall: when the last session ended */

    struct list_link link; /* in one of presence_state's lists, unless it is being announced */
    bool is_announced;     /* as the session map has it */
    bool is_announcing;
    int64_t announced_ms;

    struct list_link telling; /* in presence_state.to_tell */
    bool is_told;             /* as the watchers have it */
    bool is_telling;
    bool was_elsewhere; /* on a node that is gone: only watchers here are told */

    struct cc_slice user; /* in `bytes` */
    char bytes[];
};

struct presence_state {
    struct present *table;
    struct list to_announce; /* come, gone, or to be said again */
    struct list announced;   /* the longest ago first */
    struct cc_cluster_announce op;
    struct cc_slice users[PRESENCE_BATCH_MAX];
    struct present *batch[PRESENCE_BATCH_MAX];
    size_t batch_count;
    struct timer refresh;
    struct list to_tell;
    size_t telling;          /* under way */
    struct lost_users *lost; /* see presence_lost.c */
};

/* NULL: nobody needs to know anything of this user. */
struct present *present_find(struct cc_engine *engine, struct cc_slice user);

/* An entry that is neither online nor announced nor told. NULL without memory. */
struct present *present_new(struct cc_engine *engine, struct cc_slice user);

int presence_lost_init(struct cc_engine *engine);
void presence_lost_deinit(struct cc_engine *engine);

/* Its state has changed: what others know is brought up to date. */
void present_changed(struct present *present);

/* Frees it if nothing is left to be done for it. */
void present_settle(struct present *present);

/* Tells the watchers of the next users that wait. */
void presence_tell(struct cc_engine *engine);

#endif
