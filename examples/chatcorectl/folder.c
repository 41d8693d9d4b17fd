/*
 * The data folder as a whole: backup, restore, compact. All three are cc_lmdb_copy(); the index of
 * the search is not copied, as a server makes it anew from the store: which is all of `reindex`.
 *
 * A copy is made beside its place and renamed into it when it is complete, so what has the name of
 * a backup or of a data folder is one.
 */
#include "command.h"
#include "files.h"
#include "progress.h"

#include <chatcore/backend/lmdb.h>
#include <chatcore/error.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTS 3

static const char *const parts[PARTS] = {"log", "store", "directory"};

static bool copy_environments(const struct invocation *invocation, const char *from, const char *to)
{
    struct cc_lmdb_copy_options options = CC_LMDB_COPY_OPTIONS_INIT;
    int r;

    options.path = from;
    options.to = to;
    options.progress = progress_of(invocation);
    r = cc_lmdb_copy(&options);
    if (r)
        command_failed(from, cc_strerror(r));
    return r == 0;
}

static void find_parent(const char *path, char parent[PATH_MAX])
{
    char *slash;

    snprintf(parent, PATH_MAX, "%s", path);
    slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = 0;
    else
        strcpy(parent, ".");
}

/* A full disk shall not be filled by what is of no use. */
static bool copy_all(const struct invocation *invocation, const char *from, const char *beside)
{
    if (copy_environments(invocation, from, beside) && files_copy(from, beside) &&
        files_sync(beside))
        return true;
    files_remove(beside);
    return false;
}

static int copy_folder(const struct invocation *invocation)
{
    const char *from = invocation->arguments[0], *to = invocation->arguments[1];
    char beside[PATH_MAX], parent[PATH_MAX];

    if (!files_are_data(from))
        return EXIT_FAILED;
    if (!access(to, F_OK))
        return command_failed(to, strerror(EEXIST));
    if (snprintf(beside, sizeof beside, "%s.incomplete", to) >= PATH_MAX)
        return command_failed(to, strerror(ENAMETOOLONG));
    if (!access(beside, F_OK))
        return command_failed(beside, "an attempt that was killed left this: remove it");
    find_parent(to, parent);
    if (access(parent, W_OK | X_OK))
        return command_failed(parent, strerror(errno));
    if (!copy_all(invocation, from, beside))
        return EXIT_FAILED;
    if (rename(beside, to))
        return command_failed(to, strerror(errno));
    return files_sync(parent) ? EXIT_DONE : EXIT_FAILED;
}

int command_backup(const struct invocation *invocation)
{
    return copy_folder(invocation);
}

int command_restore(const struct invocation *invocation)
{
    return copy_folder(invocation);
}

/* --- compacting ------------------------------------------------------------------------------- */

/* As the server locks them; they are given back by the end of the process. */
static bool lock_parts(const char *data)
{
    char path[PATH_MAX];

    for (int i = 0; i < PARTS; i++) {
        int fd;

        snprintf(path, sizeof path, "%s/%s/lock", data, parts[i]);
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return command_failed(path, strerror(errno)) == 0;
        if (flock(fd, LOCK_EX | LOCK_NB))
            return command_failed(data, "another process has it open") == 0;
    }
    return true;
}

/* Whichever of the parts have been replaced when this ends: old and new hold the same. */
static bool replace_parts(const char *data, const char *compact)
{
    char from[PATH_MAX + 32], to[PATH_MAX + 32];

    for (int i = 0; i < PARTS; i++) {
        snprintf(from, sizeof from, "%s/%s/data.mdb", compact, parts[i]);
        snprintf(to, sizeof to, "%s/%s/data.mdb", data, parts[i]);
        if (rename(from, to))
            return command_failed(to, strerror(errno)) == 0;
        snprintf(to, sizeof to, "%s/%s", data, parts[i]);
        if (!files_sync(to))
            return false;
    }
    return true;
}

int command_compact(const struct invocation *invocation)
{
    const char *data = invocation->arguments[0];
    char compact[PATH_MAX];
    bool is_done;

    if (snprintf(compact, sizeof compact, "%s/compact", data) >= PATH_MAX)
        return command_failed(data, strerror(ENAMETOOLONG));
    if (!lock_parts(data))
        return EXIT_FAILED;
    files_remove(compact); /* of an attempt that was killed */
    is_done = copy_environments(invocation, data, compact) && replace_parts(data, compact);
    files_remove(compact);
    return is_done ? EXIT_DONE : EXIT_FAILED;
}

/* --- the search index ------------------------------------------------------------------------- */

/* A server makes an index that is missing anew, from the store. */
int command_reindex(const struct invocation *invocation)
{
    static const char *const files[] = {"search.db-wal", "search.db-shm", "search.db"};
    const char *data = invocation->arguments[0];
    char path[PATH_MAX];

    if (!lock_parts(data))
        return EXIT_FAILED;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (snprintf(path, sizeof path, "%s/%s", data, files[i]) >= PATH_MAX)
            return command_failed(data, strerror(ENAMETOOLONG));
        if (remove(path) && errno != ENOENT)
            return command_failed(path, strerror(errno));
    }
    return files_sync(data) ? EXIT_DONE : EXIT_FAILED;
}
