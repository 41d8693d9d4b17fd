/*
 * Running the program that decodes.
 */
#include "backends/media_folder/image.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* For all of one image: the largest that is taken needs less than one on a slow machine. */
#define IMAGE_MS 10000

/* "WIDTH HEIGHT\n" */
#define RESULT_MAX 32

/* What the program's descriptors are, besides its standard error, which is closed. */
enum { FD_DATA = 0, FD_RESULT = 1, FD_THUMBNAIL = 3 };

static int64_t mono_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The thumbnail first: its number may be one that another is put on. */
static int add_files(posix_spawn_file_actions_t *files, int data_fd, int thumbnail_fd,
                     int result_fd)
{
    return posix_spawn_file_actions_adddup2(files, thumbnail_fd, FD_THUMBNAIL) ||
           posix_spawn_file_actions_adddup2(files, data_fd, FD_DATA) ||
           posix_spawn_file_actions_adddup2(files, result_fd, FD_RESULT) ||
           posix_spawn_file_actions_addclose(files, STDERR_FILENO) ||
           posix_spawn_file_actions_addclosefrom_np(files, FD_THUMBNAIL + 1);
}

/* Signals as a new program expects them. */
static int add_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    return posix_spawnattr_setsigmask(attributes, &none) ||
           posix_spawnattr_setsigdefault(attributes, &all) ||
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const char *program, const int fds[3], uint32_t max_pixels, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    char pixels[16];
    char *arguments[] = {(char *)program, pixels, NULL};
    char *environment[] = {NULL};
    int r;

    snprintf(pixels, sizeof pixels, "%u", max_pixels);
    if (posix_spawn_file_actions_init(&files))
        return -1;
    if (posix_spawnattr_init(&attributes)) {
        posix_spawn_file_actions_destroy(&files);
        return -1;
    }
    r = add_files(&files, fds[0], fds[1], fds[2]) || add_signals(&attributes) ||
        posix_spawn(ret_pid, program, &files, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return r ? -1 : 0;
}

/* What the program says, until its end or the time's. False when it did not end. */
static bool read_result(int fd, char *text, size_t size)
{
    int64_t deadline = mono_ms() + IMAGE_MS;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    size_t used = 0;

    for (;;) {
        int64_t left = deadline - mono_ms();
        ssize_t got;

        if (left <= 0 || (poll(&wait, 1, (int)left) < 0 && errno != EINTR))
            return false;
        if (!wait.revents)
            continue;
        got = read(fd, text + used, size - 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        used += (size_t)got;
        text[used] = 0;
        if (!got || used == size - 1)
            return true;
    }
}

/* A host that waits for all children takes the status from us: then the text alone counts. */
static bool has_succeeded(pid_t pid)
{
    int status = 0;
    pid_t r;

    do
        r = waitpid(pid, &status, 0);
    while (r < 0 && errno == EINTR);
    return r < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A number from 1 that ends at `end`; 0: there is none. `*text` moves behind it. */
static uint32_t take_number(const char **text, char end)
{
    char *stop;
    unsigned long number = strtoul(*text, &stop, 10);

    if (stop == *text || *stop != end || number > INT32_MAX)
        return 0;
    *text = stop + 1;
    return (uint32_t)number;
}

static struct image of_text(const char *text)
{
    struct image none = {0};
    struct image image = {.has_thumbnail = true};

    image.width = take_number(&text, ' ');
    image.height = image.width ? take_number(&text, '\n') : 0;
    return image.height ? image : none;
}

/* Three descriptors may not be the numbers they are put on: dup2() to itself keeps FD_CLOEXEC. */
static int above_standard(int fd)
{
    return fd > FD_THUMBNAIL ? fd : fcntl(fd, F_DUPFD_CLOEXEC, FD_THUMBNAIL + 1);
}

struct image image_look(const char *program, int data_fd, int thumbnail_fd, uint32_t max_pixels)
{
    struct image none = {0};
    char text[RESULT_MAX] = "";
    int result[2];
    int fds[3];
    pid_t pid;
    bool is_done, is_spawned;

    if (pipe2(result, O_CLOEXEC))
        return none;
    fds[0] = above_standard(data_fd);
    fds[1] = above_standard(thumbnail_fd);
    fds[2] = above_standard(result[1]);
    is_spawned =
        fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0 && spawn(program, fds, max_pixels, &pid) == 0;
    if (fds[0] != data_fd)
        close(fds[0]);
    if (fds[1] != thumbnail_fd)
        close(fds[1]);
    if (fds[2] != result[1])
        close(fds[2]);
    close(result[1]);
    is_done = is_spawned && read_result(result[0], text, sizeof text);
    close(result[0]);
    if (!is_spawned)
        return none;
    if (!is_done)
        kill(pid, SIGKILL);
    return has_succeeded(pid) && is_done ? of_text(text) : none;
}
