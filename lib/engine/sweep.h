/*
 * A sweep: all conversations of this node's partitions are gone through, and what is not to be kept
 * is taken out of the store, the memory and the search index. The kinds:
 *
 *   OLD        messages older than limits.retention_s are removed
 *   RETAINED   the same in the conversations that have a retention of their own, by that one, or
 *              by the server's where that is shorter
 *   USER       what `user` has said is blanked: text, media, mentions and meta go; that something
 *              was said, when and by whom stays, so the order of the others' messages does
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
#define SWEEP_PAGE 64

struct sweep;

enum sweep_kind { SWEEP_OLD, SWEEP_RETAINED, SWEEP_USER };

struct sweep_settings {
    enum sweep_kind kind;
    struct cc_slice user; /* USER; copied */
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
