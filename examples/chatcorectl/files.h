/*
 * Plain files of a data folder: what is in no LMDB environment.
 */
#ifndef CHATCORECTL_FILES_H
#define CHATCORECTL_FILES_H

#include <stdbool.h>

/* Copies `api_keys` and `media`, where they are. What vanishes meanwhile is left out. False after
 * saying what failed. */
bool files_copy(const char *from, const char *to);

/* Syncs a file or a folder. */
bool files_sync(const char *path);

#endif
