/*
 * Temporary folders for tests: made under $TMPDIR or /tmp, removed with all that is in them.
 */
#ifndef CC_TESTS_FOLDER_H
#define CC_TESTS_FOLDER_H

#include <stddef.h>

#define FOLDER_PATH_BYTES 256

struct folder {
    char path[FOLDER_PATH_BYTES];
};

/* Each of these ends the process when it fails: a test can't go on without. */
void folder_make(struct folder *folder);
void folder_remove(const struct folder *folder);

/* The path of something in it; the answer lives until the next call. */
const char *folder_path(const struct folder *folder, const char *name);

#endif
