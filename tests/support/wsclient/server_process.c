/* A server as a child process: see server_process.h. */
#include "server_process.h"

#include "bytes.h"
#include "client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32

static void exec_server(const struct server_options *options, int output)
{
    char listen[32];
    const char *arguments[ARGUMENTS_MAX] = {
        options->program,     "--data", options->data_dir, "--listen", listen, "--jwt-secret-file",
        options->secret_path,
    };
    size_t count = 7;
    snprintf(listen, sizeof listen, "127.0.0.1:%u", options->port);
    for (const char *const *more = options->more; more && *more && count < ARGUMENTS_MAX - 1;)
        arguments[count++] = *more++;
    if (options->log_path) {
        int log = open(options->log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (log >= 0)
            dup2(log, STDERR_FILENO);
    }
    dup2(output, STDOUT_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(options->program, (char *const *)arguments);
    fprintf(stderr, "%s: %s\n", options->program, strerror(errno));
    _exit(127);
}

/* The port in "ready … 127.0.0.1:PORT…"; 0 while there is no whole such line. */
static uint16_t find_port(const char *text)
{
    const char *ready = strstr(text, "ready");
    const char *address = ready ? strstr(ready, "127.0.0.1:") : NULL;
    if (!address || !strchr(address, '\n'))
        return 0;
    return (uint16_t)strtoul(address + strlen("127.0.0.1:"), NULL, 10);
}

static uint16_t wait_ready(int output, int timeout_ms)
{
    char text[4096];
    size_t size = 0;
    uint64_t deadline = wsc_now_ns() + (uint64_t)timeout_ms * 1000000u;
    while (size < sizeof text - 1 && wsc_now_ns() < deadline) {
        struct pollfd wait = {.fd = output, .events = POLLIN};
        int left_ms = (int)((deadline - wsc_now_ns()) / 1000000u) + 1;
        if (poll(&wait, 1, left_ms) <= 0)
            continue;
        ssize_t got = read(output, text + size, sizeof text - 1 - size);
        if (got <= 0)
            break;
        size += (size_t)got;
        text[size] = '\0';
        uint16_t port = find_port(text);
        if (port)
            return port;
    }
    return 0;
}

int server_start(const struct server_options *options, int timeout_ms,
                 struct server_process *ret_server)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        perror("pipe");
        return -1;
    }
    uint64_t start = wsc_now_ns();
    pid_t pid = fork();
    if (pid == 0)
        exec_server(options, ends[1]);
    close(ends[1]);
    if (pid < 0) {
        perror("fork");
        close(ends[0]);
        return -1;
    }
    struct server_process server = {.pid = pid, .output = ends[0]};
    server.port = wait_ready(ends[0], timeout_ms);
    server.start_ns = wsc_now_ns() - start;
    if (!server.port) {
        fprintf(stderr, "%s did not say `ready` and its address\n", options->program);
        server_kill(&server);
        return -1;
    }
    *ret_server = server;
    return 0;
}

void server_kill(struct server_process *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
        close(server->output);
    }
    server->pid = 0;
}

int server_stop(struct server_process *server, int timeout_ms)
{
    uint64_t deadline = wsc_now_ns() + (uint64_t)timeout_ms * 1000000u;
    kill(server->pid, SIGTERM);
    while (wsc_now_ns() < deadline) {
        int status = 0;
        if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
            close(server->output);
            server->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        usleep(2000);
    }
    fprintf(stderr, "the server did not end %d ms after SIGTERM\n", timeout_ms);
    server_kill(server);
    return -1;
}

int server_is_running(struct server_process *server)
{
    siginfo_t info = {0};
    if (server->pid <= 0)
        return 0;
    return waitid(P_PID, (id_t)server->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

/* ---- /proc ---- */

static int read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? 0 : -1;
}

static uint64_t count_files(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    uint64_t count = 0;
    if (!directory)
        return 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static uint64_t status_value(const char *status, const char *name)
{
    const char *at = strstr(status, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

int server_usage(const struct server_process *server, struct server_usage *ret_usage)
{
    char text[4096];
    unsigned long user = 0;
    unsigned long system = 0;
    if (read_proc(server->pid, "stat", text, sizeof text) < 0)
        return -1;
    /* the command's name may hold anything: the numbers start behind its last parenthesis */
    const char *at = strrchr(text, ')');
    if (!at ||
        sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return -1;
    uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    if (read_proc(server->pid, "status", text, sizeof text) < 0)
        return -1;
    *ret_usage = (struct server_usage){
        .user_ns = user * tick_ns,
        .system_ns = system * tick_ns,
        .rss_bytes = status_value(text, "VmRSS:") * 1024,
        .threads = status_value(text, "Threads:"),
        .files = count_files(server->pid),
    };
    return 0;
}

/* ---- directories ---- */

char *server_make_directory(const char *name)
{
    const char *base = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/%s.XXXXXX", base && *base ? base : "/tmp", name);
    return mkdtemp(path) ? wsc_copy_text(path, strlen(path)) : NULL;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void server_remove_directory(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
