/*
 * chatcorectl: what an operator does beside the server: tokens and API keys, copies, checks and
 * dumps of the data folder, users and conversations, figures.
 */
#include "command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* getopt's values of our options begin above all letters. */
#define FIRST_VALUE 0x100

int command_failed(const char *what, const char *why)
{
    fprintf(stderr, "chatcorectl: %s: %s\n", what, why);
    return EXIT_FAILED;
}

int command_misused(const char *name)
{
    const struct command_row *row = command_find(name);

    fprintf(stderr, "chatcorectl %s %s\nchatcorectl help %s tells more\n", name,
            row ? row->arguments : "", name);
    return EXIT_USAGE;
}

const struct command_row *command_find(const char *name)
{
    const struct command_row *row = command_rows;

    while (row->name && strcmp(row->name, name) != 0)
        row++;
    return row->name ? row : NULL;
}

static void fill_options(const struct command_row *row, struct option options[OPTIONS + 1])
{
    int count = 0;

    for (int i = 0; i < OPTIONS; i++)
        if (row->options & (1u << i))
            options[count++] = (struct option){
                option_rows[i].name, option_rows[i].argument ? required_argument : no_argument,
                NULL, FIRST_VALUE + i};
    options[count] = (struct option){0};
}

/* `argv` begins with the command's name; options may stand among its arguments. */
static int run(const struct command_row *row, int argc, char **argv)
{
    static char program[] = "chatcorectl";
    struct option options[OPTIONS + 1];
    struct invocation invocation = {0};
    int value;

    fill_options(row, options);
    argv[0] = program; /* getopt says who complains */
    while ((value = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (value < FIRST_VALUE)
            return EXIT_USAGE;
        invocation.options[value - FIRST_VALUE] = optarg ? optarg : "";
    }
    invocation.count = argc - optind;
    invocation.arguments = argv + optind;
    if (invocation.count < row->least || invocation.count > row->most)
        return command_misused(row->name);
    return row->run(&invocation);
}

int main(int argc, char **argv)
{
    const struct command_row *row = argc > 1 ? command_find(argv[1]) : NULL;
    static const struct invocation help = {0};

    if (argc > 1 && !strcmp(argv[1], "--help"))
        return command_help(&help);
    if (argc > 1 && !strcmp(argv[1], "--version")) {
        printf("chatcorectl %s\n", cc_version());
        return 0;
    }
    if (argc == 3 && row && !strcmp(argv[2], "--help")) {
        const struct invocation more = {1, argv + 1, {NULL}};

        return command_help(&more);
    }
    if (!row) {
        if (argc > 1)
            command_failed(argv[1], "there is no such command");
        fprintf(stderr, "chatcorectl COMMAND …\nchatcorectl help tells which there are\n");
        return EXIT_USAGE;
    }
    if (row->run == command_complete) /* its words may look like options */
        return command_complete(&(struct invocation){argc - 2, argv + 2, {NULL}});
    return run(row, argc - 1, argv + 1);
}
