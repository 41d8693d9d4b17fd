/*
 * The failing store.
 */
#include "backends/failing/failing.h"
#include "chatcore/error.h"

struct failing_store {
    struct failing failing;
    struct cc_store port;
};

/* X(slot, operation's type) */
#define STORE_SLOTS(X)                                                                             \
    X(write, cc_store_write)                                                                       \
    X(write_cursors, cc_store_write_cursors)                                                       \
    X(read_offset, cc_store_read_offset)                                                           \
    X(read_rows, cc_store_read_rows)                                                               \
    X(read_heads, cc_store_read_heads)                                                             \
    X(read_inbox, cc_store_read_inbox)                                                             \
    X(read_dedup, cc_store_read_dedup)                                                             \
    X(read_cursors, cc_store_read_cursors)                                                         \
    X(list_heads, cc_store_list_heads)                                                             \
    X(amend, cc_store_amend)                                                                       \
    X(forget_cursors, cc_store_forget_cursors)

#define STORE_FUNCTIONS(slot, type)                                                                \
    static void forward_##slot(void *self, struct cc_op *op)                                       \
    {                                                                                              \
        struct failing_store *store = self;                                                        \
                                                                                                   \
        store->port.vtable->slot(store->port.self, (struct type *)(void *)op);                     \
    }                                                                                              \
                                                                                                   \
    static void port_##slot(void *self, struct type *op)                                           \
    {                                                                                              \
        failing_submit(self, "store." #slot, &op->op, sizeof *op, forward_##slot);                 \
    }

STORE_SLOTS(STORE_FUNCTIONS)

static void port_free(void *self)
{
    struct failing_store *store = self;

    store->port.vtable->free(store->port.self);
    failing_free(&store->failing);
}

int cc_failing_store_open(const struct cc_allocator *allocator,
                          const struct cc_failing_options *options, struct cc_store port,
                          struct cc_store *ret_port)
{
#define STORE_MEMBER(slot, type) .slot = port_##slot,
    static const struct cc_store_vtable vtable = {.size = sizeof vtable,
                                                  STORE_SLOTS(STORE_MEMBER).free = port_free};
#undef STORE_MEMBER
    struct failing_store *store;
    int r = failing_new(allocator, options, sizeof *store, &store);

    if (r)
        return r;
    store->port = port;
    ret_port->vtable = &vtable;
    ret_port->self = store;
    return 0;
}

size_t cc_failing_store_resume(struct cc_store port)
{
    struct failing_store *store = port.self;
    size_t count = 0;

    while (failing_resume_one(&store->failing, NULL))
        count++;
    return count;
}
