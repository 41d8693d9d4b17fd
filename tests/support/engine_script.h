/*
 * A script of most commands, for sweeps in which something fails at each of its steps.
 */
#ifndef CC_TESTS_ENGINE_SCRIPT_H
#define CC_TESTS_ENGINE_SCRIPT_H

#include "support/engine_fixture.h"

/*
 * Alice makes a group "g" with Bob and Carol, changes it, says things there and to Bob, asks for
 * lists, leaves, and comes back by an invitation. Answers how many commands were taken: each wants
 * one reply.
 */
unsigned script_run(struct client *alice);

#endif
