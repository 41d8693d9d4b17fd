/*
 * The conformance suite of the directory: running its cases, each on a new backend.
 */
#include "chatcore/error.h"
#include "testing/directory_cases.h"

static int open_new(const struct cc_directory_factory *factory, struct cc_directory *ret_directory)
{
    int r = factory->make(factory->context);

    return r ? r : factory->open(factory->context, ret_directory);
}

/* What was written stands there when the port is opened again. */
static void run_reopening(struct suite *suite, const struct cc_directory_factory *factory)
{
    struct dir dir = {.suite = suite, .page = 10};

    CHECK_STATUS(suite, open_new(factory, &dir.port), 0);
    dir_write_before_reopening(&dir);
    dir.port.vtable->free(dir.port.self);
    CHECK_STATUS(suite, factory->open(factory->context, &dir.port), 0);
    dir_check_after_reopening(&dir);
    dir.port.vtable->free(dir.port.self);
}

static void run_case(struct suite *suite, const struct cc_directory_factory *factory,
                     const struct dir_case *one)
{
    struct dir dir = {.suite = suite, .page = 10};

    CHECK_STATUS(suite, open_new(factory, &dir.port), 0);
    one->run(&dir);
    dir.port.vtable->free(dir.port.self);
}

static void run_cases(struct suite *suite, const struct cc_directory_factory *factory,
                      const struct dir_case *cases)
{
    for (; cases->name; cases++)
        SUITE_CASE(suite, cases->name, run_case(suite, factory, cases));
}

static void run_all(struct suite *suite, const void *context)
{
    const struct cc_directory_factory *factory = context;

    run_cases(suite, factory, dir_user_cases);
    run_cases(suite, factory, dir_change_cases);
    run_cases(suite, factory, dir_history_cases);
    run_cases(suite, factory, dir_invitation_cases);
    SUITE_CASE(suite, "what was written is there when it is opened again",
               run_reopening(suite, factory));
    if (factory->destroy)
        factory->destroy(factory->context);
}

int cc_conformance_directory(const struct cc_directory_factory *factory,
                             const struct cc_conformance_options *options)
{
    if (!factory || factory->size < sizeof *factory || !factory->make || !factory->open)
        return CC_EINVAL;
    return suite_run("directory", options, run_all, factory);
}
