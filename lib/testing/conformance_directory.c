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
    for (; cases->name; cases++) {
        if (!suite_case_begin(suite, cases->name))
            continue;
        run_case(suite, factory, cases);
        suite_case_end(suite);
    }
}

int cc_conformance_directory(const struct cc_directory_factory *factory,
                             const struct cc_conformance_options *options)
{
    struct suite suite;
    int r;

    if (!factory || factory->size < sizeof *factory || !factory->make || !factory->open)
        return CC_EINVAL;
    r = suite_init(&suite, "directory", options);
    if (r)
        return r;
    run_cases(&suite, factory, dir_user_cases);
    run_cases(&suite, factory, dir_change_cases);
    run_cases(&suite, factory, dir_history_cases);
    if (suite_case_begin(&suite, "what was written is there when it is opened again")) {
        run_reopening(&suite, factory);
        suite_case_end(&suite);
    }
    if (factory->destroy)
        factory->destroy(factory->context);
    suite_deinit(&suite);
    return suite.failed_cases;
}
