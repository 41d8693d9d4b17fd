/*
 * The cases of the store's suite, by what they look at.
 */
#ifndef CC_TESTING_STORE_CASES_H
#define CC_TESTING_STORE_CASES_H

#include "testing/store_steps.h"

struct store_case {
    const char *name;
    void (*run)(struct stores *store);
};

/* Each ends with an empty one: rows and the batches that bring them; the other tables. */
extern const struct store_case store_row_cases[];
extern const struct store_case store_table_cases[];

/* The story of most cases. */
#define STORE_SMALL ((struct story){1, 7, 5, 60})

#define ALL ((struct sto_range){0, UINT64_MAX, SIZE_MAX, false})

static inline struct sto_range range(uint64_t from, uint64_t to, size_t limit)
{
    struct sto_range made = {from, to, limit, false};

    return made;
}

#endif
