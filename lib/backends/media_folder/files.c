/*
 * Files of the folder, all named relative to it, by names made here.
 */
#include "backends/media_folder/folder.h"
#include "chatcore/error.h"
#include "wire/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int error_of_errno(void)
{
    switch (errno) {
    case ENOENT:
        return CC_ENOTFOUND;
    case EEXIST:
    case ENOTEMPTY:
        return CC_EEXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return CC_ENOSPACE;
    case ENOMEM:
        return CC_ENOMEM;
    case EACCES:
    case EPERM:
    case EROFS:
        return CC_EREADONLY;
    default:
        return CC_EIO;
    }
}

void object_path(const struct cc_id *id, const char *file, char path[OBJECT_PATH_MAX])
{
    char text[UUID_TEXT_BYTES + 1] = "";

    uuid_format(id, text);
    snprintf(path, OBJECT_PATH_MAX, "%.6s/%s%s%s", text, text, file ? "/" : "", file ? file : "");
}

int object_read_info(const struct folder *folder, const struct cc_id *id,
                     struct object_info *ret_info)
{
    char path[OBJECT_PATH_MAX];
    char text[INFO_TEXT_MAX];
    ssize_t size;
    int fd;
    int r = 0;

    object_path(id, FILE_INFO, path);
    fd = openat(folder->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_of_errno();
    size = read(fd, text, sizeof text);
    if (size < 0)
        r = CC_EIO;
    else if (!info_read(slice_of(text, (size_t)size), ret_info))
        r = CC_ECORRUPT;
    close(fd);
    return r;
}

static int write_whole(int fd, struct cc_slice bytes)
{
    while (bytes.size) {
        ssize_t written = write(fd, bytes.data, bytes.size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_of_errno();
        bytes = slice_of(bytes.data + written, bytes.size - (size_t)written);
    }
    return 0;
}

int file_write(const struct folder *folder, const char *path, struct cc_slice bytes)
{
    int fd = openat(folder->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r;

    if (fd < 0)
        return error_of_errno();
    r = write_whole(fd, bytes);
    if (!r && !folder->no_sync && fsync(fd))
        r = error_of_errno();
    close(fd);
    return r;
}

int directory_sync(const struct folder *folder, const char *path)
{
    int fd;
    int r = 0;

    if (folder->no_sync)
        return 0;
    fd = openat(folder->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_of_errno();
    if (fsync(fd))
        r = error_of_errno();
    close(fd);
    return r;
}

/* `info` goes first: what has none is no object. */
int directory_remove(const struct folder *folder, const char *path)
{
    static const char *const files[] = {FILE_INFO, FILE_THUMBNAIL, FILE_DATA};
    int fd = openat(folder->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT ? 0 : error_of_errno();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlinkat(fd, files[i], 0);
    close(fd);
    return unlinkat(folder->fd, path, AT_REMOVEDIR) && errno != ENOENT ? error_of_errno() : 0;
}
