/*
 * The figures as other threads read them: one atomic word each. A reader may see some of this step
 * and some of the last; each figure by itself is right.
 */
#ifndef CC_ENGINE_STATS_H
#define CC_ENGINE_STATS_H

#include "chatcore/engine.h"

#define STATS_WORDS ((sizeof(struct cc_engine_stats) - sizeof(size_t)) / sizeof(uint64_t))

struct shared_stats {
    _Atomic uint64_t words[STATS_WORDS];
};

/* Engine's thread. */
void shared_stats_write(struct shared_stats *shared, const struct cc_engine_stats *stats);

/* Any thread. */
void shared_stats_read(const struct shared_stats *shared, struct cc_engine_stats *ret_stats);

#endif
