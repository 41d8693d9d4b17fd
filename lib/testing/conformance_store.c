/*
 * The conformance suite of the store. Its backend serves a log of 4 partitions.
 */
#include "chatcore/error.h"
#include "testing/store_cases.h"

static int open_new(const struct cc_store_factory *factory, struct cc_store *ret_store)
{
    int r = factory->make(factory->context);

    return r ? r : factory->open(factory->context, ret_store);
}

static void run_case(struct suite *suite, const struct cc_store_factory *factory,
                     const struct store_case *one)
{
    struct stores store = {.suite = suite};

    CHECK_STATUS(suite, open_new(factory, &store.port), 0);
    one->run(&store);
    store.port.vtable->free(store.port.self);
}

static void run_cases(struct suite *suite, const struct cc_store_factory *factory,
                      const struct store_case *cases)
{
    for (; cases->name; cases++)
        SUITE_CASE(suite, cases->name, run_case(suite, factory, cases));
}

/* What was written stands there when the port is opened again. */
static void run_reopening(struct suite *suite, const struct cc_store_factory *factory)
{
    static const struct story small = STORE_SMALL;
    struct stores store = {.suite = suite};
    struct sto_batch batch = {0};

    CHECK_STATUS(suite, open_new(factory, &store.port), 0);
    suite_check_status(suite, __func__, __LINE__, story_write(&store, &small, 0, 100), 0);
    sto_add_cursor(&batch, "bob", "", "room", 5, 3);
    suite_check_status(suite, __func__, __LINE__, sto_write_cursors(&store, &batch), 0);
    store.port.vtable->free(store.port.self);
    CHECK_STATUS(suite, factory->open(factory->context, &store.port), 0);
    story_check(&store, &small, 100);
    suite_check_status(suite, __func__, __LINE__, story_write(&store, &small, 60, 140), 0);
    story_check(&store, &small, 140);
    CHECK_READ(&store, "room=5/3", sto_read_cursors, "bob", "", NULL);
    CHECK_READ(&store, "421", sto_read_offset, small.partition);
    store.port.vtable->free(store.port.self);
}

static void run_all(struct suite *suite, const void *context)
{
    const struct cc_store_factory *factory = context;

    run_cases(suite, factory, store_row_cases);
    run_cases(suite, factory, store_table_cases);
    SUITE_CASE(suite, "what was written is there when it is opened again",
               run_reopening(suite, factory));
    if (factory->destroy)
        factory->destroy(factory->context);
}

int cc_conformance_store(const struct cc_store_factory *factory,
                         const struct cc_conformance_options *options)
{
    if (!factory || factory->size < sizeof *factory || !factory->make || !factory->open)
        return CC_EINVAL;
    return suite_run("store", options, run_all, factory);
}
