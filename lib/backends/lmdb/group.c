/*
 * Grouping a batch by name.
 */
#include "backends/lmdb/group.h"

#include "base/hash.h"
#include "chatcore/error.h"

#include <stdlib.h>

void grouping_init(struct grouping *grouping, const struct cc_allocator *allocator)
{
    memset(grouping, 0, sizeof *grouping);
    grouping->allocator = allocator;
}

void grouping_deinit(struct grouping *grouping)
{
    mem_free(grouping->allocator, grouping->groups);
    mem_free(grouping->allocator, grouping->members);
    mem_free(grouping->allocator, grouping->slots);
    mem_free(grouping->allocator, grouping->group_of);
    grouping_init(grouping, grouping->allocator);
}

/* --- memory --- */

static int reserve(struct grouping *grouping, size_t count, size_t slot_count)
{
    const struct cc_allocator *allocator = grouping->allocator;
    void *groups = grouping->groups;
    void *members = grouping->members;
    void *slots = grouping->slots;
    void *group_of = grouping->group_of;
    int r;

    r = mem_reserve(allocator, &groups, &grouping->group_capacity, count, sizeof *grouping->groups);
    grouping->groups = groups;
    if (!r)
        r = mem_reserve(allocator, &members, &grouping->member_capacity, count,
                        sizeof *grouping->members);
    grouping->members = members;
    if (!r)
        r = mem_reserve(allocator, &slots, &grouping->slot_capacity, slot_count,
                        sizeof *grouping->slots);
    grouping->slots = slots;
    if (!r)
        r = mem_reserve(allocator, &group_of, &grouping->group_of_capacity, count,
                        sizeof *grouping->group_of);
    grouping->group_of = group_of;
    return r;
}

/* At most half of the table gets filled. */
static size_t slots_for(size_t count)
{
    size_t slots = 16;

    while (slots < 2 * count)
        slots *= 2;
    return slots;
}

/* --- finding groups --- */

static struct cc_slice name_of(const void *element, const struct group_layout *layout)
{
    struct cc_slice name;

    memcpy(&name, (const char *)element + layout->name_at, sizeof name);
    return name;
}

/* The index of the group of a name, made if there is none. */
static uint32_t group_find(struct grouping *grouping, struct cc_slice name, size_t mask)
{
    uint32_t hash = hash_bytes(name.data, name.size);
    size_t slot = hash & mask;
    struct group *group;

    for (; grouping->slots[slot]; slot = (slot + 1) & mask) {
        group = &grouping->groups[grouping->slots[slot] - 1];
        if (group->hash == hash && slice_equal(group->name, name))
            return grouping->slots[slot] - 1;
    }
    group = &grouping->groups[grouping->group_count++];
    *group = (struct group){.name = name, .hash = hash};
    grouping->slots[slot] = (uint32_t)grouping->group_count;
    return (uint32_t)grouping->group_count - 1;
}

static void find_all(struct grouping *grouping, const void *elements, size_t count,
                     const struct group_layout *layout, size_t mask)
{
    const char *element = elements;

    memset(grouping->slots, 0, (mask + 1) * sizeof *grouping->slots);
    grouping->group_count = 0;
    for (size_t i = 0; i < count; i++, element += layout->element_size) {
        uint32_t group = group_find(grouping, name_of(element, layout), mask);

        grouping->group_of[i] = group;
        grouping->groups[group].count++;
    }
}

/* --- members --- */

/* Gives each group its place among the members, and puts them there in the order of the batch. */
static void place_all(struct grouping *grouping, const void *elements, size_t count,
                      const struct group_layout *layout)
{
    const char *number = count ? (const char *)elements + layout->number_at : NULL;
    size_t first = 0;

    for (size_t i = 0; i < grouping->group_count; i++) {
        grouping->groups[i].first = first;
        first += grouping->groups[i].count;
        grouping->groups[i].count = 0;
    }
    for (size_t i = 0; i < count; i++, number += layout->element_size) {
        struct group *group = &grouping->groups[grouping->group_of[i]];
        struct group_member *member = &grouping->members[group->first + group->count++];

        memcpy(&member->number, number, sizeof member->number);
        member->index = (uint32_t)i;
    }
}

static int compare_members(const void *a, const void *b)
{
    const struct group_member *left = a;
    const struct group_member *right = b;

    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return (left->index > right->index) - (left->index < right->index);
}

/* Sorts a group's members where they aren't, and drops numbers that come twice. */
static void order_members(struct group_member *members, size_t *count)
{
    size_t kept = 1;

    while (kept < *count && members[kept - 1].number < members[kept].number)
        kept++;
    if (kept == *count)
        return;
    qsort(members, *count, sizeof *members, compare_members);
    kept = 1;
    for (size_t i = 1; i < *count; i++)
        if (members[i].number != members[kept - 1].number)
            members[kept++] = members[i];
    *count = kept;
}

static int compare_groups(const void *a, const void *b)
{
    const struct group *left = a;
    const struct group *right = b;

    /* the order of keys, where a name's length stands before it */
    if (left->name.size != right->name.size)
        return left->name.size < right->name.size ? -1 : 1;
    return left->name.size ? memcmp(left->name.data, right->name.data, left->name.size) : 0;
}

int grouping_make(struct grouping *grouping, const void *elements, size_t count,
                  const struct group_layout *layout)
{
    size_t slots = slots_for(count);

    grouping->group_count = 0;
    if (count >= UINT32_MAX / 4 || reserve(grouping, count, slots) != 0)
        return CC_ENOMEM;
    find_all(grouping, elements, count, layout, slots - 1);
    place_all(grouping, elements, count, layout);
    for (size_t i = 0; i < grouping->group_count; i++)
        order_members(&grouping->members[grouping->groups[i].first], &grouping->groups[i].count);
    if (grouping->group_count)
        qsort(grouping->groups, grouping->group_count, sizeof *grouping->groups, compare_groups);
    return 0;
}
