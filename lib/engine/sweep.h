/*
 * A sweep: all conversations of this node's partitions are gone through, and what is not to be kept
 * is taken out of the store, the memory and the search index. There are two sorts:
 *
 *   by age    messages older than `cutoff` are removed (retention)
 *   by user   what `user` has said is blanked: text, media, mentions and meta go; that something
 * was said, when and by whom stays, so the order of the others' messages does (erasure)
 *
 * Only what was in the store when the sweep began is looked at, and the store's offset has gone
 * past it: so no replay brings it back. A page of rows is under way at a time. What fails is tried
 * again later; a sweep that is broken off has done what it has done, and is begun again.
 */
#ifndef CC_ENGINE_SWEEP_H
#define CC_ENGINE_SWEEP_H

#include "engine/engine.h"

/* Rows read and amended at once. */
#define SWEEP_ROWS 256

/* Conversations listed at once. */
#define SWEEP_HEADS 64

struct sweep;

struct sweep_settings {
    int64_t cutoff;       /* wall ms; 0: by user */
    struct cc_slice user; /* empty: by age; copied */
    /* Called once in a later drain; the sweep is gone behind it. 0, or why it ended early. */
    void (*done)(void *context, int status);
    void *context;
};

/* 0 or CC_ENOMEM. */
int sweep_start(struct cc_engine *engine, const struct sweep_settings *settings);

/* At the end of each step: those that wait for the store go on. */
void sweeps_step(struct cc_engine *engine);

/* Stopping: those that wait for the store end. */
void sweeps_deinit(struct cc_engine *engine);

#endif
