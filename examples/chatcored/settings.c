/*
 * Settings: argp reads the command line, inih the file, both into the same table.
 */
#include "settings.h"

#include "settings_file.h"
#include "value.h"

#include <argp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    KIND_TEXT,
    KIND_FILE,
    KIND_LIST,
    KIND_NETWORKS,
    KIND_LISTEN,
    KIND_RATE,
    KIND_QUOTA,
    KIND_LEVEL,
    KIND_FORMAT,
    KIND_NUMBER,
    KIND_FLAG
};

/* What makes sense as a text of each kind. */
static const char *(*const checks[])(const char *text) = {
    [KIND_TEXT] = value_check_text,     [KIND_FILE] = value_check_file,
    [KIND_LIST] = value_check_text,     [KIND_NETWORKS] = value_check_networks,
    [KIND_LISTEN] = value_check_listen, [KIND_RATE] = value_check_rate,
    [KIND_LEVEL] = value_check_level,   [KIND_FORMAT] = value_check_format,
    [KIND_QUOTA] = value_check_quota,
};

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

/* argp's keys of options without a letter begin above all letters. */
enum { FIRST_KEY = 0x200, KEY_CONFIG = 0x1ff, KEY_CHECK = 0x1fe };

struct reader {
    struct settings *settings;
    bool is_given[SETTING_COUNT]; /* on the command line */
    bool failed;
};

const char *argp_program_version = "chatcored " CHATCORE_VERSION;

/* --- values ----------------------------------------------------------------------------------- */

static void *member_of(const struct settings *settings, size_t i)
{
    return (char *)settings + table[i].offset;
}

static bool is_text(size_t i)
{
    return table[i].kind != KIND_NUMBER && table[i].kind != KIND_FLAG;
}

static bool is_list(size_t i)
{
    return table[i].kind == KIND_LIST || table[i].kind == KIND_NETWORKS;
}

static const char *set_text(char **member, const char *value)
{
    free(*member);
    *member = strdup(value);
    return *member ? NULL : "out of memory";
}

static const char *add_item(char **member, const char *value)
{
    char *both;

    if (!*member)
        return set_text(member, value);
    if (asprintf(&both, "%s,%s", *member, value) < 0)
        return "out of memory";
    free(*member);
    *member = both;
    return NULL;
}

/* NULL, or what is wrong. `adds`: a list's next items; else the value replaces what is there. */
static const char *set(struct settings *settings, size_t i, const char *value, bool adds)
{
    void *member = member_of(settings, i);
    const char *reason;

    if (table[i].kind == KIND_NUMBER)
        return value_number(value, member);
    if (table[i].kind == KIND_FLAG)
        return value_flag(value, member);
    reason = checks[table[i].kind](value);
    if (reason)
        return reason;
    return adds ? add_item(member, value) : set_text(member, value);
}

/* --- the file --------------------------------------------------------------------------------- */

static const char *take(void *context, const char *name, const char *value, int line)
{
    struct reader *reader = context;
    struct settings *settings = reader->settings;
    size_t i = 0;
    bool is_again;

    while (i < SETTING_COUNT && strcmp(name, table[i].name) != 0)
        i++;
    if (i == SETTING_COUNT)
        return "there is no such setting";
    is_again = settings->lines[i] != 0;
    if (is_again && !is_list(i))
        return "it is set twice";
    settings->lines[i] = line;
    return reader->is_given[i] ? NULL : set(settings, i, value, is_again);
}

static void read_file(struct reader *reader)
{
    const struct settings_taker taker = {take, reader};

    if (!settings_file_read(reader->settings->config, &taker))
        reader->failed = true;
}

/* --- the command line ------------------------------------------------------------------------- */

static void take_option(struct reader *reader, size_t i, const char *value)
{
    const char *reason =
        set(reader->settings, i, value ? value : "true", reader->is_given[i] && is_list(i));

    reader->is_given[i] = true;
    if (!reason)
        return;
    fprintf(stderr, "chatcored: --%s: %s: %s\n", table[i].name, value, reason);
    reader->failed = true;
}

static error_t option(int key, char *value, struct argp_state *state)
{
    struct reader *reader = state->input;

    if (key == KEY_CONFIG)
        reader->settings->config = value;
    else if (key == KEY_CHECK)
        reader->settings->check_config = true;
    else if (key >= FIRST_KEY && key < FIRST_KEY + SETTING_COUNT)
        take_option(reader, (size_t)(key - FIRST_KEY), value);
    else if (key == ARGP_KEY_END && reader->settings->config)
        read_file(reader);
    else
        return key == ARGP_KEY_ARG ? ARGP_ERR_UNKNOWN : 0;
    return 0;
}

static void fill_options(struct argp_option *options)
{
    options[0].name = "config";
    options[0].key = KEY_CONFIG;
    options[0].arg = "FILE";
    options[0].doc = "read settings of the same names from this file, as name = value";
    options[1].name = "check-config";
    options[1].key = KEY_CHECK;
    options[1].doc = "look whether a server could start with these settings, and end";
    for (int i = 0; i < SETTING_COUNT; i++) {
        options[i + 2].name = table[i].name;
        options[i + 2].key = FIRST_KEY + i;
        options[i + 2].arg = table[i].argument;
        options[i + 2].doc = table[i].text;
    }
}

static bool set_defaults(struct settings *settings)
{
    memset(settings, 0, sizeof *settings);
    settings->drain_ms = 3000;
    return !set_text(&settings->listen, "127.0.0.1:8080") &&
           !set_text(&settings->log_level, "warning") && !set_text(&settings->log_format, "logfmt");
}

bool settings_read_again(struct settings *settings, int argc, char **argv)
{
    struct argp_option options[SETTING_COUNT + 3] = {0};
    struct argp argp = {
        .options = options, .parser = option, .doc = "A chat server on libchatcore."};
    struct reader reader = {.settings = settings};

    if (set_defaults(settings)) {
        fill_options(options);
        reader.failed |= argp_parse(&argp, argc, argv, 0, NULL, &reader) != 0;
    } else {
        reader.failed = true;
    }
    if (reader.failed)
        settings_free(settings);
    return !reader.failed;
}

void settings_read(struct settings *settings, int argc, char **argv)
{
    if (!settings_read_again(settings, argc, argv))
        exit(1);
}

void settings_free(struct settings *settings)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (is_text(i))
            free(*(char **)member_of(settings, i));
}

/* --- what others ask -------------------------------------------------------------------------- */

void settings_blame(const struct settings *settings, enum setting_index which, const char *reason)
{
    const char *value = is_text(which) ? *(char **)member_of(settings, which) : NULL;
    int line = settings->lines[which];

    if (line)
        fprintf(stderr, "chatcored: %s:%d: %s: ", settings->config, line, table[which].name);
    else
        fprintf(stderr, "chatcored: --%s: ", table[which].name);
    fprintf(stderr, "%s%s%s\n", value ? value : "", value ? ": " : "", reason);
}

static bool is_same(const struct settings *a, const struct settings *b, size_t i)
{
    const void *x = member_of(a, i), *y = member_of(b, i);
    const char *text, *other;

    if (table[i].kind == KIND_NUMBER)
        return *(const uint64_t *)x == *(const uint64_t *)y;
    if (table[i].kind == KIND_FLAG)
        return *(const bool *)x == *(const bool *)y;
    text = *(char *const *)x;
    other = *(char *const *)y;
    return text && other ? !strcmp(text, other) : text == other;
}

void settings_compare(const struct settings *a, const struct settings *b,
                      void (*differs)(void *context, enum setting_index which, const char *name),
                      void *context)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (!is_same(a, b, i))
            differs(context, (enum setting_index)i, table[i].name);
}
