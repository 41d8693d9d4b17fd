/*
 * A disk that fails on command.
 *
 * LMDB writes its roots with pwrite(), at the start of the file, through a descriptor of its own
 * that is synchronous; everything else with pwrite() and writev().
 */
#include "support/disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROOTS_END 8192

static atomic_uint failing;
static atomic_int failing_error;
static atomic_int passing;
static atomic_int failed;
static atomic_bool is_cut;

void disk_fail(unsigned calls, int error, int passes)
{
    atomic_store(&failing_error, error);
    atomic_store(&passing, passes);
    atomic_store(&failed, 0);
    atomic_store(&failing, error ? calls : 0);
}

void disk_cut_short(bool on)
{
    atomic_store(&is_cut, on);
}

int disk_failures(void)
{
    return atomic_load(&failed);
}

static bool is_data_file(int file)
{
    static const char name[] = "/data.mdb";
    char link[64];
    char path[4096];
    ssize_t size;

    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    size = readlink(link, path, sizeof path);
    return size >= (ssize_t)sizeof name &&
           memcmp(path + size - sizeof name + 1, name, sizeof name - 1) == 0;
}

/* True, and errno is set, when the call is to fail. */
static bool fails(int file, enum disk_call call)
{
    if (!(atomic_load(&failing) & call) || !is_data_file(file) || atomic_fetch_sub(&passing, 1) > 0)
        return false;
    atomic_fetch_add(&failed, 1);
    errno = atomic_load(&failing_error);
    return true;
}

/* The C library's function of this name. */
static void next_function(const char *name, void *ret_function)
{
    void *function = dlsym(RTLD_NEXT, name);

    memcpy(ret_function, &function, sizeof function);
}

/* By its own name: headers may call the one for large files instead. */
ssize_t disk_pwrite(int file, const void *bytes, size_t size, off_t at) __asm__("pwrite");

ssize_t disk_pwrite(int file, const void *bytes, size_t size, off_t at)
{
    static ssize_t (*next)(int, const void *, size_t, off_t);

    if (!next)
        next_function("pwrite", &next);
    if (fails(file, at < ROOTS_END ? DISK_ROOT : DISK_PAGES))
        return -1;
    if (atomic_load(&is_cut) && at >= ROOTS_END && is_data_file(file))
        size /= 2;
    return next(file, bytes, size, at);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    static ssize_t (*next)(int, const struct iovec *, int);

    if (!next)
        next_function("writev", &next);
    if (fails(file, DISK_PAGES))
        return -1;
    if (atomic_load(&is_cut) && count > 1 && is_data_file(file))
        count /= 2;
    return next(file, parts, count);
}

int fdatasync(int file)
{
    static int (*next)(int);

    if (!next)
        next_function("fdatasync", &next);
    return fails(file, DISK_SYNC) ? -1 : next(file);
}

int fsync(int file)
{
    static int (*next)(int);

    if (!next)
        next_function("fsync", &next);
    return fails(file, DISK_SYNC) ? -1 : next(file);
}
