/*
 * The file of settings: lines `name = value`, `[chatcored]`, and comments behind `#` or `;`. inih
 * takes the lines apart; what is around it here makes it tell each fault with its line, and take
 * one line as one setting.
 */
#ifndef CHATCORED_SETTINGS_FILE_H
#define CHATCORED_SETTINGS_FILE_H

#include <stdbool.h>

/* What takes a setting: NULL, or why it does not. */
struct settings_taker {
    const char *(*take)(void *context, const char *name, const char *value, int line);
    void *context;
};

/* Reads all of the file. False after saying on standard error everything that is wrong in it. */
bool settings_file_read(const char *path, const struct settings_taker *taker);

#endif
