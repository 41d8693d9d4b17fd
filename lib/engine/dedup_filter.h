/*
 * Which client ids have surely not left the window: a filter that never misses one it was given,
 * and once in some hundred times takes another for one of them.
 *
 * Two generations: when the present one is full, the older one goes and the present one becomes the
 * older. Whoever was complete in the filter at a generation can ask as long as that one is there.
 * An id that could not be kept, for want of memory, counts as if both had gone.
 */
#ifndef CC_ENGINE_DEDUP_FILTER_H
#define CC_ENGINE_DEDUP_FILTER_H

#include "base/memory.h"

/* Ids of a generation. At 16 bits each a generation takes 16 MB, from the first id on that leaves.
 */
#define DEDUP_FILTER_IDS ((size_t)1 << 23)

struct dedup_filter {
    const struct cc_allocator *allocator;
    uint64_t *bits[2]; /* the present generation's, the one's before; NULL: it has none */
    size_t capacity;   /* ids of a generation */
    size_t count;      /* in the present one */
    uint64_t generation;
};

void dedup_filter_init(struct dedup_filter *filter, const struct cc_allocator *allocator);
void dedup_filter_deinit(struct dedup_filter *filter);

void dedup_filter_add(struct dedup_filter *filter, uint64_t hash);

/* False: it was not added in this generation or the one before. */
bool dedup_filter_may_have(const struct dedup_filter *filter, uint64_t hash);

/* True when everything is there that was added from that generation on. */
static inline bool dedup_filter_reaches(const struct dedup_filter *filter, uint64_t generation)
{
    return generation + 1 >= filter->generation;
}

#endif
