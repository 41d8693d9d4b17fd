/*
 * Requests through libcurl.
 */
#include "remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The largest answer: a page of an export has far less. */
#define BODY_MAX ((size_t)64 << 20)

/* A server that is up answers sooner: erasing goes through all that a user has said. */
#define PATIENCE_S 300

#define CONNECT_S 10

#define KEY_MAX 256

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct remote *remote = context;
    size_t wanted = remote->size + size * count + 1;

    if (wanted > BODY_MAX)
        return 0;
    if (wanted > remote->capacity) {
        char *larger = realloc(remote->body, 2 * wanted);

        if (!larger)
            return 0;
        remote->body = larger;
        remote->capacity = 2 * wanted;
    }
    memcpy(remote->body + remote->size, data, size * count);
    remote->size += size * count;
    remote->body[remote->size] = '\0';
    return size * count;
}

/* --- who asks --------------------------------------------------------------------------------- */

static bool read_key(const char *path, char key[KEY_MAX])
{
    FILE *file = fopen(path, "r");
    bool is_read = file && fgets(key, KEY_MAX, file);

    if (!is_read)
        command_failed(path, file && !ferror(file) ? "it is empty" : strerror(errno));
    if (file)
        fclose(file);
    key[is_read ? strcspn(key, " \t\r\n") : 0] = '\0';
    return is_read;
}

static bool find_key(const struct invocation *invocation, char key[KEY_MAX])
{
    const char *path = invocation->options[OPTION_KEY_FILE];
    const char *given = getenv("CHATCORE_KEY");

    if (path)
        return read_key(path, key);
    snprintf(key, KEY_MAX, "%s", given ? given : "");
    return given || command_failed("an API key is needed", "--key-file, or CHATCORE_KEY") == 0;
}

static bool add_header(struct remote *remote, const char *name, const char *value)
{
    char line[KEY_MAX + 64];
    struct curl_slist *more;

    snprintf(line, sizeof line, "%s: %s", name, value);
    more = curl_slist_append(remote->headers, line);
    if (!more)
        return command_failed(name, "out of memory") == 0;
    remote->headers = more;
    return true;
}

static bool authorize(struct remote *remote, const struct invocation *invocation, const char *user)
{
    char bearer[KEY_MAX + 16] = "Bearer ";

    return find_key(invocation, bearer + strlen(bearer)) &&
           add_header(remote, "Authorization", bearer) &&
           add_header(remote, "X-Chatcore-User", user);
}

/* --- a connection ----------------------------------------------------------------------------- */

static char *server_of(const struct invocation *invocation, const char *server)
{
    const char *given = server ? server : invocation->options[OPTION_SERVER];
    size_t size;
    char *url;

    if (!given)
        given = getenv("CHATCORE_SERVER");
    if (!given)
        given = "127.0.0.1:8080";
    if (asprintf(&url, "%s%s", strstr(given, "://") ? "" : "http://", given) < 0)
        return NULL;
    size = strlen(url);
    while (size && url[size - 1] == '/')
        url[--size] = '\0';
    return url;
}

bool remote_open(struct remote *remote, const struct invocation *invocation, const char *server,
                 const char *user)
{
    memset(remote, 0, sizeof *remote);
    remote->server = server_of(invocation, server);
    remote->curl = curl_easy_init();
    if (!remote->server || !remote->curl)
        return command_failed("libcurl", "out of memory") == 0;
    curl_easy_setopt(remote->curl, CURLOPT_ERRORBUFFER, remote->error);
    curl_easy_setopt(remote->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(remote->curl, CURLOPT_WRITEDATA, remote);
    curl_easy_setopt(remote->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(remote->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(remote->curl, CURLOPT_TIMEOUT, (long)PATIENCE_S);
    return !user || authorize(remote, invocation, user);
}

void remote_close(struct remote *remote)
{
    curl_slist_free_all(remote->headers);
    curl_easy_cleanup(remote->curl);
    free(remote->server);
    free(remote->body);
}

/* --- requests --------------------------------------------------------------------------------- */

long remote_call(struct remote *remote, const char *method, const char *path)
{
    long status = 0;
    CURLcode code;
    char *url;

    if (asprintf(&url, "%s%s", remote->server, path) < 0) {
        command_failed(path, "out of memory");
        return 0;
    }
    remote->size = 0;
    curl_easy_setopt(remote->curl, CURLOPT_URL, url);
    curl_easy_setopt(remote->curl, CURLOPT_CUSTOMREQUEST, method);
    if (remote->posted)
        curl_easy_setopt(remote->curl, CURLOPT_POSTFIELDS, remote->posted);
    curl_easy_setopt(remote->curl, CURLOPT_HTTPHEADER, remote->headers);
    code = curl_easy_perform(remote->curl);
    if (code)
        command_failed(remote->server, *remote->error ? remote->error : curl_easy_strerror(code));
    else
        curl_easy_getinfo(remote->curl, CURLINFO_RESPONSE_CODE, &status);
    free(url);
    return status;
}

/* The protocol's error, or the status where there is none. */
static void tell_refusal(const char *path, const json_t *answer, long status)
{
    const char *name = "", *message = "";
    char text[256];

    if (json_unpack((json_t *)answer, "{s:{s:s, s:s}}", "error", "name", &name, "message",
                    &message))
        snprintf(text, sizeof text, "the server answers %ld", status);
    else
        snprintf(text, sizeof text, "%ld %s: %s", status, name, message);
    command_failed(path, text);
}

json_t *remote_ask(struct remote *remote, const char *method, const char *path)
{
    long status = remote_call(remote, method, path);
    json_t *answer;

    if (!status)
        return NULL;
    answer = json_loadb(remote->size ? remote->body : "", remote->size, 0, NULL);
    if (answer && status < 300)
        return answer;
    tell_refusal(path, answer, status);
    json_decref(answer);
    return NULL;
}

char *remote_escape(const struct remote *remote, const char *name)
{
    return curl_easy_escape(remote->curl, name, 0);
}
