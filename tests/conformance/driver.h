/*
 * What the conformance programs share: they print each case, and fail when one does.
 */
#ifndef CC_TESTS_DRIVER_H
#define CC_TESTS_DRIVER_H

#include "chatcore/testing/conformance.h"

/* The first argument, if there is one, is the only case to run. */
struct cc_conformance_options driver_options(int argc, char **argv);

/* The process's exit status for a suite's answer. */
int driver_end(int failed);

#endif
