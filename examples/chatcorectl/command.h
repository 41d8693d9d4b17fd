/*
 * chatcorectl's subcommands. Adding one: a function here, and a row in the table of commands.c,
 * from which the help, the man page and the shells' completion are made.
 *
 * A command gets its own arguments, those behind its name, already counted against its row, and its
 * options. It answers the process's exit code.
 */
#ifndef CHATCORECTL_COMMAND_H
#define CHATCORECTL_COMMAND_H

#include <chatcore/types.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* what was wrong stands on standard error */
    EXIT_FAULTS = 2, /* `check` has found faults */
    EXIT_USAGE = 64
};

enum command_option {
    OPTION_AS,
    OPTION_JSON,
    OPTION_KEY_FILE,
    OPTION_LAST,
    OPTION_ONCE,
    OPTION_QUIET,
    OPTION_SERVER,
    OPTION_YES,
    OPTIONS
};

/* Words on a command line that a shell completes. */
#define COMPLETE_MAX 64

struct invocation {
    int count;
    char **arguments;
    const char *options[OPTIONS]; /* NULL: not given; "" for those without an argument */
};

struct option_row {
    const char *name;
    const char *argument; /* NULL: none */
    const char *text;
};

/* What a word of `arguments` stands for tells a shell what to offer. */
struct command_row {
    const char *name;
    const char *arguments; /* words in capitals are to be replaced, those in brackets may be left */
    const char *text;      /* one line */
    const char *more;      /* what else the man page says; may be NULL */
    int least;             /* arguments */
    int most;
    unsigned options; /* bits of enum command_option */
    int (*run)(const struct invocation *invocation);
};

/* The last row has no name. */
extern const struct command_row command_rows[];

/* NULL when there is no such command. */
const struct command_row *command_find(const char *name);

extern const struct option_row option_rows[OPTIONS];

int command_token(const struct invocation *invocation);
int command_keys(const struct invocation *invocation);
int command_users(const struct invocation *invocation);
int command_groups(const struct invocation *invocation);
int command_tail(const struct invocation *invocation);
int command_export(const struct invocation *invocation);
int command_erase(const struct invocation *invocation);
int command_revoke(const struct invocation *invocation);
int command_check(const struct invocation *invocation);
int command_dump(const struct invocation *invocation);
int command_reindex(const struct invocation *invocation);
int command_backup(const struct invocation *invocation);
int command_restore(const struct invocation *invocation);
int command_compact(const struct invocation *invocation);
int command_stats(const struct invocation *invocation);
int command_top(const struct invocation *invocation);
int command_complete(const struct invocation *invocation);
int command_help(const struct invocation *invocation);

/* Says what is wrong with something; EXIT_FAILED, to be answered. */
int command_failed(const char *what, const char *why);

/* Says how a command is called; EXIT_USAGE, to be answered. */
int command_misused(const char *name);

#endif
