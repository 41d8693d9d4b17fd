/*
 * The line: a bar, the share, and how many entries there are.
 */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#define BAR 30

static void show(void *context, uint64_t done, uint64_t all)
{
    static const char bar[] = "##############################";
    double share = all ? (double)done / (double)all : 1;
    int filled = (int)(share * BAR);

    (void)context;
    fprintf(stderr, "\r[%-*.*s] %3d %% of %llu entries%s", BAR, filled, bar, (int)(100 * share),
            (unsigned long long)all, done == all ? "\n" : "");
}

progress_function progress_of(const struct invocation *invocation)
{
    return !invocation->options[OPTION_QUIET] && isatty(STDERR_FILENO) ? show : NULL;
}
