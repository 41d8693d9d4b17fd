/*
 * Checking a data folder: what cc_lmdb_check() finds, as lines, and a summary.
 */
#include "command.h"
#include "files.h"
#include "print.h"
#include "progress.h"

#include <chatcore/backend/lmdb.h>
#include <chatcore/error.h>

#include <inttypes.h>
#include <stdio.h>

/* Lines about faults; a folder in which everything is wrong is described by less. */
#define FAULTS_SHOWN 1000

struct report {
    bool is_json;
    uint64_t shown;
};

static void on_fault(void *context, const char *part, const char *text)
{
    struct report *report = context;

    if (report->shown++ >= FAULTS_SHOWN)
        return;
    if (report->is_json)
        print_object(json_pack("{s:s, s:s}", "part", part, "fault", text));
    else
        printf("%s: %s\n", part, text);
}

static void on_trace(void *context, enum cc_trace_level level, const char *area, const char *text)
{
    (void)context;
    (void)level;
    fprintf(stderr, "chatcorectl: %s: %s\n", area, text);
}

static int summary_json(const struct cc_lmdb_findings *found)
{
    return print_object(json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "records", (json_int_t)found->records,
        "unstored", (json_int_t)found->unstored, "conversations", (json_int_t)found->conversations,
        "rows", (json_int_t)found->rows, "shortened", (json_int_t)found->shortened, "inbox",
        (json_int_t)found->inbox, "groups", (json_int_t)found->groups, "members",
        (json_int_t)found->members, "faults", (json_int_t)found->faults));
}

static int summary(const struct cc_lmdb_findings *found)
{
    printf("log: %" PRIu64 " records, %" PRIu64 " not yet in the store\n", found->records,
           found->unstored);
    printf("store: %" PRIu64 " messages in %" PRIu64 " conversations, %" PRIu64
           " of them shortened; %" PRIu64 " inbox entries\n",
           found->rows, found->conversations, found->shortened, found->inbox);
    printf("directory: %" PRIu64 " conversations, %" PRIu64 " members\n", found->groups,
           found->members);
    printf("%" PRIu64 " faults\n", found->faults);
    return EXIT_DONE;
}

int command_check(const struct invocation *invocation)
{
    struct cc_lmdb_check_options options = CC_LMDB_CHECK_OPTIONS_INIT;
    struct report report = {.is_json = invocation->options[OPTION_JSON] != NULL};
    struct cc_lmdb_findings found;
    int r;

    options.path = invocation->arguments[0];
    options.fault = on_fault;
    options.progress = progress_of(invocation);
    options.context = &report;
    options.trace.write = on_trace;
    options.trace.level = CC_TRACE_WARNING;
    if (!files_are_data(options.path))
        return EXIT_FAILED;
    r = cc_lmdb_check(&options, &found);
    if (r)
        return command_failed(options.path, cc_strerror(r));
    if (report.is_json ? summary_json(&found) : summary(&found))
        return EXIT_FAILED;
    return found.faults ? EXIT_FAULTS : EXIT_DONE;
}
