/*
 * chatcorectl's subcommands. Adding one: a function here, and a row in the table of main.c.
 *
 * A command gets its own arguments, those behind its name, already counted against its row. It
 * answers the exit code: 0, or 1 after saying on standard error what is wrong.
 */
#ifndef CHATCORECTL_COMMAND_H
#define CHATCORECTL_COMMAND_H

#include <chatcore/types.h>

int command_token(int count, char **arguments);
int command_keys(int count, char **arguments);
int command_backup(int count, char **arguments);
int command_restore(int count, char **arguments);
int command_compact(int count, char **arguments);
int command_stats(int count, char **arguments);
int command_top(int count, char **arguments);

/* Says what is wrong with something; 1, to be answered. */
int command_failed(const char *what, const char *why);

#endif
