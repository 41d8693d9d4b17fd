/*
 * The log's conformance suite on the log in a file: own_log_check FILE
 */
#include "file_log.h"

#include <chatcore/testing/conformance.h>
#include <stdio.h>
#include <unistd.h>

#define PARTITIONS 4

static int make(void *context)
{
    unlink(context);
    return 0;
}

static int open_log(void *context, struct cc_log *ret_log)
{
    return file_log_open(context, PARTITIONS, ret_log);
}

static void report(void *context, const char *suite, const char *name, const char *failure)
{
    (void)context;
    printf("%s %s: %s%s%s\n", failure ? "not ok" : "ok", suite, name, failure ? ": " : "",
           failure ? failure : "");
}

int main(int argc, char **argv)
{
    struct cc_conformance_options options = CC_CONFORMANCE_OPTIONS_INIT;
    struct cc_log_factory factory = {.size = sizeof factory, .make = make, .open = open_log};

    if (argc != 2)
        return 2;
    factory.context = argv[1];
    options.report = report;
    return cc_conformance_log(&factory, &options) ? 1 : 0;
}
