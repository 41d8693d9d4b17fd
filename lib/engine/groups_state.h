/*
 * What the files of groups.h share: made by groups_init(), freed by groups_deinit() (outbox.c).
 */
#ifndef CC_ENGINE_GROUPS_STATE_H
#define CC_ENGINE_GROUPS_STATE_H

#include "engine/groups.h"

struct groups_state {
    struct outbox *outboxes; /* one for each partition */
    struct applied *applied; /* uthash: conversations whose outbox entries may go */
    struct timer tick;
    size_t summary_jobs; /* under way: see summary.c */
};

#endif
