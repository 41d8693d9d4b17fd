/*
 * Retention: messages that are older than they may be vanish from history, store and search. Two
 * sweeps see to it, each by itself:
 *
 *   all   by limits.retention_s: every conversation
 *   own   by what a conversation's owner or admin has set: those that have a retention; where both
 *         say something, the shorter one counts
 *
 * Each is looked for once in RETENTION_INTERVAL_S, or in a tenth of the shortest retention that it
 * knows where that is less: so a message lives at most that much longer.
 */
#ifndef CC_ENGINE_RETENTION_H
#define CC_ENGINE_RETENTION_H

#include "engine/engine.h"

#define RETENTION_INTERVAL_S 3600

/* Of a conversation: a hundred years, so that sums with it stay sane. */
#define RETENTION_MAX_S UINT64_C(3155760000)

int retention_init(struct cc_engine *engine);
void retention_deinit(struct cc_engine *engine);

/* At the end of each step: starts a sweep when one is due. */
void retention_step(struct cc_engine *engine);

/* A conversation has this retention (0: none): its sweep comes early enough. */
void retention_noted(struct cc_engine *engine, uint64_t retention_s);

#endif
