/*
 * Settings: argp reads the command line, inih the file, both into the same table.
 */
#include "settings.h"

#include <argp.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_NUMBER, KIND_FLAG };

struct setting {
    const char *name;
    enum kind kind;
    const char *argument;
    const char *text;
    size_t offset;
};

static const struct setting table[] = {
#define SETTINGS_ROW(member, name, kind, argument, text)                                           \
    {name, KIND_##kind, argument, text, offsetof(struct settings, member)},
    SETTINGS_TABLE(SETTINGS_ROW)
#undef SETTINGS_ROW
};

enum { SETTING_COUNT = sizeof table / sizeof *table };

/* argp's keys of options without a letter begin above all letters. */
enum { FIRST_KEY = 0x200, KEY_CONFIG = 0x1ff };

struct reader {
    struct settings *settings;
    bool is_given[SETTING_COUNT]; /* on the command line */
    const char *config;
    const char *problem; /* of the file, or NULL */
};

const char *argp_program_version = "chatcored";

/* --- values ----------------------------------------------------------------------------------- */

static bool set_number(uint64_t *member, const char *value)
{
    char *end;

    errno = 0;
    *member = strtoull(value, &end, 10);
    return !errno && end != value && !*end && value[0] != '-';
}

static bool set_flag(bool *member, const char *value)
{
    bool on = !value || !strcmp(value, "true") || !strcmp(value, "yes") || !strcmp(value, "1");
    bool off = value && (!strcmp(value, "false") || !strcmp(value, "no") || !strcmp(value, "0"));

    *member = on;
    return on || off;
}

static bool set_text(char **member, const char *value)
{
    free(*member);
    *member = strdup(value);
    return *member != NULL;
}

/* False when the value makes no sense. */
static bool set(struct settings *settings, const struct setting *setting, const char *value)
{
    void *member = (char *)settings + setting->offset;

    switch (setting->kind) {
    case KIND_NUMBER:
        return set_number(member, value);
    case KIND_FLAG:
        return set_flag(member, value);
    default:
        return set_text(member, value);
    }
}

/* --- the file --------------------------------------------------------------------------------- */

static int file_line(void *context, const char *section, const char *name, const char *value)
{
    struct reader *reader = context;

    if (*section && strcmp(section, "chatcored") != 0) {
        reader->problem = "the only section is [chatcored]";
        return 0;
    }
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(name, table[i].name) != 0)
            continue;
        if (reader->is_given[i] || set(reader->settings, &table[i], value))
            return 1;
        reader->problem = "the value makes no sense";
        return 0;
    }
    reader->problem = "there is no such setting";
    return 0;
}

static void read_file(struct reader *reader, const struct argp_state *state)
{
    int r = ini_parse(reader->config, file_line, reader);

    if (r < 0)
        argp_failure(state, 1, errno, "%s", reader->config);
    if (r > 0)
        argp_failure(state, 1, 0, "%s:%d: %s", reader->config, r,
                     reader->problem ? reader->problem : "not of the form name = value");
}

/* --- the command line ------------------------------------------------------------------------- */

static error_t option(int key, char *value, struct argp_state *state)
{
    struct reader *reader = state->input;
    int i = key - FIRST_KEY;

    if (key == KEY_CONFIG) {
        reader->config = value;
    } else if (i >= 0 && i < SETTING_COUNT) {
        reader->is_given[i] = true;
        if (!set(reader->settings, &table[i], value))
            argp_error(state, "--%s: the value makes no sense", table[i].name);
    } else if (key == ARGP_KEY_END && reader->config) {
        read_file(reader, state);
    } else {
        return key == ARGP_KEY_ARG ? ARGP_ERR_UNKNOWN : 0;
    }
    return 0;
}

static void fill_options(struct argp_option *options)
{
    options[0].name = "config";
    options[0].key = KEY_CONFIG;
    options[0].arg = "FILE";
    options[0].doc = "read settings of the same names from this file, as name = value";
    for (int i = 0; i < SETTING_COUNT; i++) {
        options[i + 1].name = table[i].name;
        options[i + 1].key = FIRST_KEY + i;
        options[i + 1].arg = table[i].argument;
        options[i + 1].doc = table[i].text;
    }
}

static void set_defaults(struct settings *settings)
{
    memset(settings, 0, sizeof *settings);
    settings->drain_ms = 3000;
    if (!set_text(&settings->listen, "127.0.0.1:8080") ||
        !set_text(&settings->log_level, "warning"))
        exit(1);
}

void settings_read(struct settings *settings, int argc, char **argv)
{
    struct argp_option options[SETTING_COUNT + 2] = {0};
    struct argp argp = {
        .options = options, .parser = option, .doc = "A chat server on libchatcore."};
    struct reader reader = {.settings = settings};

    set_defaults(settings);
    fill_options(options);
    argp_parse(&argp, argc, argv, 0, NULL, &reader);
}

void settings_free(struct settings *settings)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        if (table[i].kind == KIND_TEXT)
            free(*(char **)(void *)((char *)settings + table[i].offset));
}
