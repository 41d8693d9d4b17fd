/*
 * Temporary folders.
 */
#include "support/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *what, const char *path)
{
    perror(what);
    fprintf(stderr, "%s\n", path);
    abort();
}

void folder_make(struct folder *folder)
{
    const char *parent = getenv("TMPDIR");

    snprintf(folder->path, sizeof folder->path, "%s/chatcore-test-XXXXXX",
             parent ? parent : "/tmp");
    if (!mkdtemp(folder->path))
        fail("mkdtemp", folder->path);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *state)
{
    (void)info;
    (void)type;
    (void)state;
    return remove(path);
}

void folder_remove(const struct folder *folder)
{
    if (nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        fail("remove", folder->path);
}

const char *folder_path(const struct folder *folder, const char *name)
{
    static char path[2 * FOLDER_PATH_BYTES];

    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    return path;
}
