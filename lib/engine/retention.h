/*
 * Retention: messages older than limits.retention_s vanish from history, store and search. Looked
 * for once in RETENTION_INTERVAL_S, or in a tenth of the retention where that is shorter.
 */
#ifndef CC_ENGINE_RETENTION_H
#define CC_ENGINE_RETENTION_H

#include "engine/engine.h"

#define RETENTION_INTERVAL_S 3600

int retention_init(struct cc_engine *engine);
void retention_deinit(struct cc_engine *engine);

/* At the end of each step: starts a sweep when one is due. */
void retention_step(struct cc_engine *engine);

#endif
