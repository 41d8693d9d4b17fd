/*
 * Plain files of a data folder: what is in no LMDB environment.
 */
#ifndef CHATCORECTL_FILES_H
#define CHATCORECTL_FILES_H

#include <stdbool.h>

/* Copies `api_keys` and `media`, where they are. What vanishes meanwhile is left out. False after
 * saying what failed. */
bool files_copy(const char *from, const char *to);

/* True for a folder that holds log, store and directory, and may be read; false after saying what
 * it lacks. */
bool files_are_data(const char *path);

/* Removes a folder and all in it, or nothing where none is. What can't be removed stays, untold. */
void files_remove(const char *path);

/* Syncs a file or a folder. */
bool files_sync(const char *path);

#endif
