/*
 * What a shell may offer: the table of commands, read as a grammar. Words in small letters are
 * offered as they are; of those in capitals, DATA, BACKUP and TO are folders, what ends with FILE
 * is a file, and COMMAND is one of the table.
 */
#include "command.h"

#include <stdio.h>
#include <string.h>

static void offer_commands(void)
{
    for (const struct command_row *row = command_rows; row->name; row++)
        if (row->run != command_complete)
            puts(row->name);
}

static void offer_options(const struct command_row *row)
{
    for (int i = 0; i < OPTIONS; i++)
        if (row->options & (1u << i))
            printf("--%s\n", option_rows[i].name);
    puts("--help");
}

static bool is_word(const char *text, size_t size, const char *word)
{
    return size == strlen(word) && !memcmp(text, word, size);
}

static void offer_word(const char *word, size_t size)
{
    if (!size)
        return;
    if (*word >= 'a' && *word <= 'z')
        printf("%.*s\n", (int)size, word);
    else if (is_word(word, size, "DATA") || is_word(word, size, "BACKUP") ||
             is_word(word, size, "TO"))
        puts("@folder");
    else if (size >= 4 && !memcmp(word + size - 4, "FILE", 4))
        puts("@file");
    else if (is_word(word, size, "COMMAND"))
        offer_commands();
}

/* The first word of each alternative. */
static void offer_place(const char *grammar)
{
    while (*grammar) {
        grammar += strspn(grammar, "[|");
        offer_word(grammar, strcspn(grammar, " ]|"));
        grammar += strcspn(grammar, "|");
    }
}

/* What stands at a place of the grammar; further places of alternatives are anybody's guess. */
static const char *grammar_at(const char *grammar, int place)
{
    while (place-- && *grammar) {
        size_t size = strcspn(grammar, " ");

        if (memchr(grammar, '|', size))
            return "";
        grammar += size;
        grammar += strspn(grammar, " ");
    }
    return grammar;
}

/* The option that the word before the last one gives an argument to. */
static const struct option_row *option_before(const struct invocation *invocation)
{
    const char *before = invocation->arguments[invocation->count - 2];

    for (int i = 0; i < OPTIONS; i++)
        if (!strncmp(before, "--", 2) && !strcmp(before + 2, option_rows[i].name))
            return &option_rows[i];
    return NULL;
}

static int places_before(const struct invocation *invocation)
{
    int places = 0;

    for (int i = 1; i < invocation->count - 1; i++)
        places += strncmp(invocation->arguments[i], "-", 1) != 0;
    return places;
}

int command_complete(const struct invocation *invocation)
{
    const char *last = invocation->count ? invocation->arguments[invocation->count - 1] : "";
    const struct command_row *row;
    const struct option_row *option;
    const char *grammar;

    if (invocation->count < 2) {
        offer_commands();
        return EXIT_DONE;
    }
    row = command_find(invocation->arguments[0]);
    if (!row)
        return EXIT_DONE;
    option = option_before(invocation);
    if (option && option->argument) {
        offer_word(option->argument, strlen(option->argument));
    } else if (*last == '-') {
        offer_options(row);
    } else {
        grammar = grammar_at(row->arguments, places_before(invocation));
        if (memchr(grammar, '|', strcspn(grammar, " ")))
            offer_place(grammar);
        else
            offer_word(grammar + (*grammar == '['), strcspn(grammar + (*grammar == '['), " ]"));
    }
    return EXIT_DONE;
}
