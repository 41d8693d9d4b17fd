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

void progress_count(const struct invocation *invocation, uint64_t count, bool is_end)
{
    if (!invocation->options[OPTION_QUIET] && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO))
        fprintf(stderr, "\r%llu entries%s", (unsigned long long)count, is_end ? "\n" : "");
}

progress_function progress_of(const struct invocation *invocation)
{
    return !invocation->options[OPTION_QUIET] && isatty(STDERR_FILENO) ? show : NULL;
}
