/*
 * Starts a server as docs/protocol.md says outside programs do, and watches it:
 *     PROGRAM --data DIR --listen 127.0.0.1:PORT --jwt-secret-file FILE [more]
 * and waits for the line of its standard output that begins with `ready` and holds its address.
 * Its standard error goes to `log_path`, appended. Nothing is left running: the child dies with us.
 */
#ifndef WSCLIENT_SERVER_PROCESS_H
#define WSCLIENT_SERVER_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct server_options {
    const char *program;
    const char *data_dir;
    const char *secret_path;
    const char *log_path;    /* NULL: our own standard error */
    uint16_t port;           /* 0: any */
    const char *const *more; /* NULL-terminated further arguments, or NULL */
};

struct server_process {
    pid_t pid;
    uint16_t port;
    uint64_t start_ns; /* from exec to `ready` */
    int output;        /* the read end of its standard output */
};

struct server_usage {
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t rss_bytes;
    uint64_t threads;
    uint64_t files;
};

/* 0, or -1 after printing why. Waits at most `timeout_ms` for `ready`. */
int server_start(const struct server_options *options, int timeout_ms,
                 struct server_process *ret_server);
/* SIGKILL, and waits for its end. */
void server_kill(struct server_process *server);
/* SIGTERM, and waits; answers the exit status, or -1 after killing one that took longer. */
int server_stop(struct server_process *server, int timeout_ms);
/* True while it has not ended by itself. */
int server_is_running(struct server_process *server);
int server_usage(const struct server_process *server, struct server_usage *ret_usage);
/* A fresh directory under TMPDIR (or /tmp); the caller frees the path. NULL with errno. */
char *server_make_directory(const char *name);
/* Removes a directory made by server_make_directory with all in it. */
void server_remove_directory(const char *path);

#endif
