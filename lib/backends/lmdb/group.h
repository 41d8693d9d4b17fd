/*
 * Grouping a batch by name: what has the same name stands together, groups ascend by name, and what
 * is in a group by a number (a seq or an offset). So a batch becomes insertions in the order of
 * keys, which touch each page once.
 *
 * A hash table finds the groups; only their names are sorted, and a group only where its elements
 * did not come in order. For 50,000 rows of 10,000 conversations that takes a fifth of sorting them
 * all.
 *
 * A `grouping` keeps its memory from one batch to the next. Names and elements belong to the batch.
 */
#ifndef CC_BACKENDS_LMDB_GROUP_H
#define CC_BACKENDS_LMDB_GROUP_H

#include "base/memory.h"

struct group {
    struct cc_slice name;
    size_t first; /* of its members */
    size_t count;
    uint32_t hash;
};

struct group_member {
    uint64_t number;
    uint32_t index; /* in the batch's array; while grouping also: of the group */
};

struct grouping {
    const struct cc_allocator *allocator;
    struct group *groups;
    size_t group_count;
    struct group_member *members; /* those of a group together; no number twice in a group */

    /* scratch */
    size_t group_capacity;
    size_t member_capacity;
    uint32_t *slots; /* the hash table: index of a group, plus 1 */
    size_t slot_capacity;
    uint32_t *group_of;
    size_t group_of_capacity;
};

/* Where an array's elements keep their name (a cc_slice) and their number (a uint64_t). */
struct group_layout {
    size_t element_size;
    size_t name_at;
    size_t number_at;
};

void grouping_init(struct grouping *grouping, const struct cc_allocator *allocator);
void grouping_deinit(struct grouping *grouping);

/* 0 or CC_ENOMEM. Of elements with the same name and number the first is kept. At most UINT32_MAX -
 * 1 elements. */
int grouping_make(struct grouping *grouping, const void *elements, size_t count,
                  const struct group_layout *layout);

#endif
