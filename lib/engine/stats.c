/*
 * Publishing figures.
 */
#include "engine/stats.h"

#include <stdatomic.h>
#include <string.h>

void shared_stats_write(struct shared_stats *shared, const struct cc_engine_stats *stats)
{
    const char *words = (const char *)stats + sizeof(size_t);

    for (size_t i = 0; i < STATS_WORDS; i++) {
        uint64_t value;

        memcpy(&value, words + i * sizeof value, sizeof value);
        atomic_store_explicit(&shared->words[i], value, memory_order_relaxed);
    }
}

void shared_stats_read(const struct shared_stats *shared, struct cc_engine_stats *ret_stats)
{
    char *words = (char *)ret_stats + sizeof(size_t);

    for (size_t i = 0; i < STATS_WORDS; i++) {
        uint64_t value = atomic_load_explicit(&shared->words[i], memory_order_relaxed);

        memcpy(words + i * sizeof value, &value, sizeof value);
    }
}
