/*
 * chatcorectl: what an operator does beside the server: tokens, API keys, copies of the data
 * folder, figures.
 */
#include "command.h"

#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name;
    const char *arguments;
    const char *text;
    int least; /* arguments */
    int most;
    int (*run)(int count, char **arguments);
} commands[] = {
    {"token", "USER SECRET-FILE [SECONDS]", "a token for a user, valid for an hour or so long", 2,
     3, command_token},
    {"keys", "DATA list|create NAME SCOPES|rotate ID [SECONDS]|revoke ID",
     "API keys, also while a server runs", 2, 4, command_keys},
    {"backup", "DATA TO", "copy a data folder, also while a server runs on it", 2, 2,
     command_backup},
    {"restore", "BACKUP DATA", "make a data folder of a backup", 2, 2, command_restore},
    {"compact", "DATA", "give free space in the files back; no server may run", 1, 1,
     command_compact},
    {"stats", "[ADDR:PORT]", "the figures of a server", 0, 1, command_stats},
    {"top", "[ADDR:PORT]", "the same each second, counters as rates, until Ctrl-C", 0, 1,
     command_top},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

int command_failed(const char *what, const char *why)
{
    fprintf(stderr, "chatcorectl: %s: %s\n", what, why);
    return 1;
}

static int usage(FILE *to)
{
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "chatcorectl %s %s\n    %s\n", commands[i].name, commands[i].arguments,
                commands[i].text);
    return to == stdout ? 0 : 64;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
        return usage(stdout);
    if (!strcmp(argv[1], "--version")) {
        printf("chatcorectl %s\n", cc_version());
        return 0;
    }
    for (int i = 0; i < COMMANDS; i++) {
        const struct command *command = &commands[i];

        if (strcmp(argv[1], command->name) != 0)
            continue;
        if (argc - 2 >= command->least && argc - 2 <= command->most)
            return command->run(argc - 2, argv + 2);
        fprintf(stderr, "chatcorectl %s %s\n", command->name, command->arguments);
        return 64;
    }
    return usage(stderr);
}
