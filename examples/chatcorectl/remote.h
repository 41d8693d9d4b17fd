/*
 * A running server over HTTP: one connection, one request at a time.
 */
#ifndef CHATCORECTL_REMOTE_H
#define CHATCORECTL_REMOTE_H

#include "command.h"

#include <curl/curl.h>
#include <jansson.h>

/* For whom an administrator's key acts, where it is not him that is asked about: it has to name
 * somebody. */
#define REMOTE_ADMIN "chatcorectl"

struct remote {
    CURL *curl;
    struct curl_slist *headers;
    char *server;       /* without a slash at its end */
    const char *posted; /* a JSON text: the body of requests from now on; NULL: they have none */
    char *body;         /* of the newest answer, terminated */
    size_t size;
    size_t capacity;
    char error[CURL_ERROR_SIZE];
};

/* `server`: a URL or ADDR:PORT; NULL: where the options or the environment say. `user`: for whom
 * the API key acts; NULL: no key is sent. False after saying what is wrong; remote_close() follows
 * in each case. */
bool remote_open(struct remote *remote, const struct invocation *invocation, const char *server,
                 const char *user);
void remote_close(struct remote *remote);

/* The status of the answer, whose body is in `body`; 0 after saying why there was none. The path
 * begins with a slash. */
long remote_call(struct remote *remote, const char *method, const char *path);

/* The same, where anything but a JSON object and a status below 300 is a failure; NULL after
 * telling of it. The object is the caller's. */
json_t *remote_ask(struct remote *remote, const char *method, const char *path);

/* Escapes a name for a path, to be given to curl_free(). NULL without memory. */
char *remote_escape(const struct remote *remote, const char *name);

#endif
