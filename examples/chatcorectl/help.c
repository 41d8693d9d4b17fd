/*
 * What is told of the commands, made from their table: the help; and with --json the table itself,
 * from which the man page is made.
 */
#include "command.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

/* --- help ------------------------------------------------------------------------------------- */

static void print_wrapped(const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t size = strcspn(text, " ");

        if (column && column + 1 + size > 78) {
            putchar('\n');
            column = 0;
        }
        printf("%s%.*s", column ? " " : "    ", (int)size, text);
        column += size + (column ? 1 : 4);
        text += size + strspn(text + size, " ");
    }
    putchar('\n');
}

static void print_options(const struct command_row *row)
{
    for (int i = 0; i < OPTIONS; i++) {
        const struct option_row *option = &option_rows[i];
        char name[48];

        if (!(row->options & (1u << i)))
            continue;
        snprintf(name, sizeof name, "--%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        printf("    %-20s %s\n", name, option->text);
    }
}

static json_t *options_json(const struct command_row *row)
{
    json_t *options = json_array();

    for (int i = 0; i < OPTIONS; i++)
        if (row->options & (1u << i))
            json_array_append_new(
                options, json_pack("{s:s, s:s*, s:s}", "name", option_rows[i].name, "argument",
                                   option_rows[i].argument, "text", option_rows[i].text));
    return options;
}

static int table_json(void)
{
    int r = EXIT_DONE;

    for (const struct command_row *row = command_rows; row->name && !r; row++)
        r = print_object(json_pack("{s:s, s:s, s:s, s:s*, s:o}", "name", row->name, "arguments",
                                   row->arguments, "text", row->text, "more", row->more, "options",
                                   options_json(row)));
    return r;
}

static int help_all(void)
{
    puts("chatcorectl COMMAND [ARGUMENTS] [OPTIONS]\n");
    for (const struct command_row *row = command_rows; row->name; row++)
        printf("%s %s\n    %s\n", row->name, row->arguments, row->text);
    puts("\nchatcorectl help COMMAND tells more. Exit codes: 0; 1: it failed, and why stands on\n"
         "standard error; 2: `check` has found faults; 64: called wrongly.");
    return EXIT_DONE;
}

int command_help(const struct invocation *invocation)
{
    const struct command_row *row;

    if (invocation->options[OPTION_JSON])
        return table_json();
    if (!invocation->count)
        return help_all();
    row = command_find(invocation->arguments[0]);
    if (!row)
        return command_failed(invocation->arguments[0], "there is no such command");
    printf("chatcorectl %s %s\n", row->name, row->arguments);
    print_wrapped(row->text);
    if (row->more)
        print_wrapped(row->more);
    print_options(row);
    return EXIT_DONE;
}
