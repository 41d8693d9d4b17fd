/*
 * Mints HS256 JSON Web Tokens for tests. The secret is what the server reads with
 * --jwt-secret-file: the file's bytes without trailing newlines.
 */
#ifndef WSCLIENT_JWT_H
#define WSCLIENT_JWT_H

#include "bytes.h"

struct wsc_secret {
    uint8_t data[512];
    size_t size;
};

/* 0, or -1 with errno set: unreadable, empty or longer than the bound. */
int wsc_secret_read(const char *path, struct wsc_secret *ret_secret);

/* A random printable secret written to `path` (mode 0600). 0 or -1 with errno. */
int wsc_secret_create(const char *path, struct wsc_secret *ret_secret);

/* A token for `user` that expires at `expires` (seconds since the epoch). The caller frees it. */
char *wsc_jwt_mint(const struct wsc_secret *secret, const char *user, int64_t expires);

#endif
