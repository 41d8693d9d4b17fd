/*
 * The failing search index.
 */
#include "backends/failing/failing.h"
#include "chatcore/error.h"

struct failing_search {
    struct failing failing;
    struct cc_search port;
};

/* X(slot, operation's type) */
#define SEARCH_SLOTS(X)                                                                            \
    X(index, cc_search_index)                                                                      \
    X(position, cc_search_position)                                                                \
    X(query, cc_search_query)                                                                      \
    X(forget, cc_search_forget)

#define SEARCH_FUNCTIONS(slot, type)                                                               \
    static void forward_##slot(void *self, struct cc_op *op)                                       \
    {                                                                                              \
        struct failing_search *search = self;                                                      \
                                                                                                   \
        search->port.vtable->slot(search->port.self, (struct type *)(void *)op);                   \
    }                                                                                              \
                                                                                                   \
    static void port_##slot(void *self, struct type *op)                                           \
    {                                                                                              \
        failing_submit(self, "search." #slot, &op->op, sizeof *op, forward_##slot);                \
    }

SEARCH_SLOTS(SEARCH_FUNCTIONS)

static void port_free(void *self)
{
    struct failing_search *search = self;

    search->port.vtable->free(search->port.self);
    failing_free(&search->failing);
}

int cc_failing_search_open(const struct cc_allocator *allocator,
                           const struct cc_failing_options *options, struct cc_search port,
                           struct cc_search *ret_port)
{
#define SEARCH_MEMBER(slot, type) .slot = port_##slot,
    static const struct cc_search_vtable vtable = {.size = sizeof vtable,
                                                   SEARCH_SLOTS(SEARCH_MEMBER).free = port_free};
#undef SEARCH_MEMBER
    struct failing_search *search;
    int r = failing_new(allocator, options, sizeof *search, &search);

    if (r)
        return r;
    search->port = port;
    ret_port->vtable = &vtable;
    ret_port->self = search;
    return 0;
}

size_t cc_failing_search_resume(struct cc_search port)
{
    struct failing_search *search = port.self;
    size_t count = 0;

    while (failing_resume_one(&search->failing, NULL))
        count++;
    return count;
}
