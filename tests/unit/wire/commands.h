/*
 * Comparing commands, and what the tests of decoding share.
 */
#ifndef CC_TEST_WIRE_COMMANDS_H
#define CC_TEST_WIRE_COMMANDS_H

#include "wire/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Fails the test, naming `context`, unless every member is the same. */
void assert_same_command(const struct cc_command *command, const struct cc_command *expected,
                         const char *context);

#endif
