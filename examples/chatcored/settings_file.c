/*
 * Reading a file of settings through inih.
 *
 * inih does not tell its handler the line, cuts what is longer than its buffer into several lines
 * without a word, and takes an indented line for the end of the value before. So it gets its lines
 * from next_line(), which counts them, refuses long ones, and takes indentation away.
 */
#include "settings_file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

struct file {
    FILE *stream;
    const char *path;
    const struct settings_taker *taker;
    int line;
    int told; /* the last line of which a fault was told */
    bool failed;
};

static void blame(struct file *file, int line, const char *name, const char *value,
                  const char *reason)
{
    fprintf(stderr, "chatcored: %s:%d: ", file->path, line);
    if (name)
        fprintf(stderr, "%s: ", name);
    if (value)
        fprintf(stderr, "%s: ", value);
    fprintf(stderr, "%s\n", reason);
    file->failed = true;
    file->told = line;
}

static void skip_line(FILE *stream)
{
    for (int c = getc(stream); c != EOF && c != '\n'; c = getc(stream))
        ;
}

static char *next_line(char *buffer, int size, void *context)
{
    struct file *file = context;
    size_t length;
    char *start;

    if (!fgets(buffer, size, file->stream))
        return NULL;
    file->line++;
    length = strlen(buffer);
    if (length == (size_t)size - 1 && buffer[length - 1] != '\n') {
        blame(file, file->line, NULL, NULL, "the line is too long");
        skip_line(file->stream);
        buffer[0] = 0;
        return buffer;
    }
    start = buffer + strspn(buffer, " \t");
    memmove(buffer, start, strlen(start) + 1);
    return buffer;
}

static int one_setting(void *context, const char *section, const char *name, const char *value)
{
    struct file *file = context;
    const char *reason;

    if (*section && strcmp(section, "chatcored") != 0) {
        blame(file, file->line, name, NULL, "the only section is [chatcored]");
        return 1;
    }
    reason = file->taker->take(file->taker->context, name, value, file->line);
    if (reason)
        blame(file, file->line, name, value, reason);
    return 1;
}

static bool read_stream(struct file *file)
{
    int line = ini_parse_stream(next_line, file, one_setting, file);

    if (line < 0)
        blame(file, file->line, NULL, NULL, "out of memory");
    else if (line > 0 && line != file->told)
        blame(file, line, NULL, NULL, "not of the form name = value");
    if (ferror(file->stream))
        blame(file, file->line, NULL, NULL, strerror(errno));
    return !file->failed;
}

bool settings_file_read(const char *path, const struct settings_taker *taker)
{
    struct file file = {.stream = fopen(path, "r"), .path = path, .taker = taker};
    bool is_right;

    if (!file.stream) {
        fprintf(stderr, "chatcored: %s: %s\n", path, strerror(errno));
        return false;
    }
    is_right = read_stream(&file);
    fclose(file.stream);
    return is_right;
}
