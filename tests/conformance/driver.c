/*
 * What the conformance programs share.
 */
#include "driver.h"

#include "chatcore/error.h"

#include <stdio.h>

static void report(void *context, const char *suite, const char *name, const char *failure)
{
    (void)context;
    printf("%s %s: %s%s%s\n", failure ? "not ok" : "ok", suite, name, failure ? "\n    " : "",
           failure ? failure : "");
    fflush(stdout);
}

struct cc_conformance_options driver_options(int argc, char **argv)
{
    struct cc_conformance_options options = CC_CONFORMANCE_OPTIONS_INIT;

    options.report = report;
    options.only = argc > 1 ? argv[1] : NULL;
    return options;
}

int driver_end(int failed)
{
    if (failed < 0)
        printf("the suite did not run: %s\n", cc_strerror(failed));
    else if (failed)
        printf("%d cases failed\n", failed);
    return failed ? 1 : 0;
}
