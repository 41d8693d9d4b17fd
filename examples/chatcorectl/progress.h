/*
 * How far something long is, on one line of a terminal; nothing where standard error is none.
 */
#ifndef CHATCORECTL_PROGRESS_H
#define CHATCORECTL_PROGRESS_H

#include "command.h"

/* As cc_lmdb_…_options have it. */
typedef void (*progress_function)(void *context, uint64_t done, uint64_t all);

/* NULL with --quiet, and where nobody would see it. */
progress_function progress_of(const struct invocation *invocation);

/* For what has no known end: how many entries there have been. Where the entries themselves are
 * shown on the terminal, nothing. */
void progress_count(const struct invocation *invocation, uint64_t count, bool is_end);

#endif
