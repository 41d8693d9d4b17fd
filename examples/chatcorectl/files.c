/*
 * Copying plain files.
 */
#include "files.h"

#include "command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Folders in `media` lie less deep; a link that goes in circles ends here. */
#define DEPTH_MAX 8

/* More than the kernel copies at once. */
#define PORTION ((size_t)1 << 30)

static bool bytes_copy(int from, int to)
{
    ssize_t sent;

    do {
        sent = sendfile(to, from, NULL, PORTION);
    } while (sent > 0);
    return sent == 0 && fsync(to) == 0;
}

static bool file_copy(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_copied = out >= 0 ? bytes_copy(in, out) : in < 0 && errno == ENOENT;

    if (!is_copied)
        command_failed(from, strerror(errno));
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return is_copied;
}

static bool entry_copy(const char *from, const char *to, int depth);

static bool folder_copy(DIR *folder, const char *from, const char *to, int depth)
{
    char source[PATH_MAX], target[PATH_MAX];
    struct dirent *entry;

    while ((entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (snprintf(source, sizeof source, "%s/%s", from, entry->d_name) >= PATH_MAX ||
            snprintf(target, sizeof target, "%s/%s", to, entry->d_name) >= PATH_MAX)
            return false;
        if (!entry_copy(source, target, depth + 1))
            return false;
    }
    return files_sync(to);
}

static bool entry_copy(const char *from, const char *to, int depth)
{
    struct stat info;
    DIR *folder;
    bool is_copied;

    if (lstat(from, &info))
        return errno == ENOENT || command_failed(from, strerror(errno)) == 0;
    if (S_ISREG(info.st_mode))
        return file_copy(from, to);
    if (!S_ISDIR(info.st_mode) || depth > DEPTH_MAX)
        return true;
    folder = opendir(from);
    if (!folder || mkdir(to, 0700)) {
        command_failed(folder ? to : from, strerror(errno));
        if (folder)
            closedir(folder);
        return false;
    }
    is_copied = folder_copy(folder, from, to, depth);
    closedir(folder);
    return is_copied;
}

bool files_copy(const char *from, const char *to)
{
    static const char *const names[] = {"api_keys", "unsubscribe_key", "media"};
    char source[PATH_MAX], target[PATH_MAX];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (snprintf(source, sizeof source, "%s/%s", from, names[i]) >= PATH_MAX ||
            snprintf(target, sizeof target, "%s/%s", to, names[i]) >= PATH_MAX ||
            !entry_copy(source, target, 0))
            return false;
    }
    return true;
}

bool files_are_data(const char *path)
{
    static const char *const parts[] = {"log", "store", "directory"};
    char file[PATH_MAX];

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (snprintf(file, sizeof file, "%s/%s/data.mdb", path, parts[i]) >= PATH_MAX)
            return command_failed(path, strerror(ENAMETOOLONG)) == 0;
        if (access(file, R_OK | W_OK))
            return command_failed(file, strerror(errno)) == 0;
    }
    return true;
}

static int entry_remove(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    remove(path);
    return 0;
}

void files_remove(const char *path)
{
    nftw(path, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

bool files_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return is_synced || command_failed(path, strerror(errno)) == 0;
}
