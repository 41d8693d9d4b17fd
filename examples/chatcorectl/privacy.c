/*
 * What a user has left: given out, and erased, by a running server (docs/privacy.md).
 */
#include "print.h"
#include "progress.h"
#include "remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints the value of a part, or each of a list's. */
static int part_print(const char *part, json_t *value, uint64_t *count)
{
    size_t i;
    json_t *item;
    int r = EXIT_DONE;

    *count += json_is_array(value) ? json_array_size(value) : 1;
    if (!json_is_array(value))
        return print_object(json_pack("{s:O}", part, value));
    json_array_foreach(value, i, item)
    {
        r = print_object(json_pack("{s:O}", part, item));
        if (r)
            break;
    }
    return r;
}

/* Everything of a page but where the next one begins. */
static int page_print(json_t *page, uint64_t *count)
{
    const char *part;
    json_t *value;
    int r = EXIT_DONE;

    json_object_foreach(page, part, value)
    {
        if (!r && strcmp(part, "cursor") != 0 && strcmp(part, "more") != 0)
            r = part_print(part, value, count);
    }
    return r;
}

/* The path of the page that follows, or NULL: it was the last, or there is no memory. */
static char *next_path(const struct remote *remote, const char *user, const char *cursor)
{
    char *escaped = cursor ? remote_escape(remote, cursor) : NULL;
    char *path = NULL;

    if (cursor && !escaped)
        return NULL;
    if (asprintf(&path, "/v1/users/%s/export%s%s", user, escaped ? "?cursor=" : "",
                 escaped ? escaped : "") < 0)
        path = NULL;
    curl_free(escaped);
    return path;
}

static int pages_print(const struct invocation *invocation, struct remote *remote, const char *user)
{
    char *path = next_path(remote, user, NULL);
    uint64_t count = 0;
    int r = EXIT_DONE;

    while (path && !r) {
        json_t *page = remote_ask(remote, "GET", path);
        const char *cursor = json_string_value(json_object_get(page, "cursor"));

        free(path);
        path = NULL;
        r = page ? page_print(page, &count) : EXIT_FAILED;
        if (!r && cursor) {
            path = next_path(remote, user, cursor);
            r = path ? EXIT_DONE : command_failed(user, "out of memory");
        }
        json_decref(page);
        progress_count(invocation, count, !path);
    }
    free(path);
    return r;
}

int command_export(const struct invocation *invocation)
{
    struct remote remote;
    char *user = NULL;
    int r = EXIT_FAILED;

    if (remote_open(&remote, invocation, NULL, REMOTE_ADMIN)) {
        user = remote_escape(&remote, invocation->arguments[0]);
        r = user ? pages_print(invocation, &remote, user) : EXIT_FAILED;
    }
    curl_free(user);
    remote_close(&remote);
    return fflush(stdout) ? EXIT_FAILED : r;
}

static int erase(struct remote *remote, const char *name)
{
    char *user = remote_escape(remote, name);
    char *path = NULL;
    json_t *answer = NULL;

    if (user && asprintf(&path, "/v1/users/%s", user) >= 0)
        answer = remote_ask(remote, "DELETE", path);
    curl_free(user);
    free(path);
    json_decref(answer);
    return answer ? EXIT_DONE : EXIT_FAILED;
}

int command_erase(const struct invocation *invocation)
{
    struct remote remote;
    int r = EXIT_FAILED;

    if (!invocation->options[OPTION_YES]) {
        command_failed(invocation->arguments[0], "this can't be taken back: say it with --yes");
        return EXIT_USAGE;
    }
    if (remote_open(&remote, invocation, NULL, REMOTE_ADMIN))
        r = erase(&remote, invocation->arguments[0]);
    remote_close(&remote);
    return r;
}
