/*
 * Revoking tokens, by a running server: one by its id, or all of a user that are older than a time.
 */
#include "remote.h"

#include <stdlib.h>
#include <string.h>

/* 300,000 years: their milliseconds are exact in JSON. */
#define SECONDS_MAX 9000000000000ull

static json_t *of_user(const char *user, const char *before)
{
    unsigned long long seconds;
    char *end;

    if (!before)
        return json_pack("{s:s}", "user", user);
    seconds = strtoull(before, &end, 10);
    if (*end || end == before || !seconds || seconds > SECONDS_MAX)
        return NULL;
    return json_pack("{s:s, s:I}", "user", user, "issued_before", (json_int_t)seconds * 1000);
}

/* NULL for arguments that make no sense. */
static json_t *wanted(const struct invocation *invocation)
{
    char **arguments = invocation->arguments;

    if (!strcmp(arguments[0], "token") && invocation->count == 2)
        return json_pack("{s:s}", "jti", arguments[1]);
    if (!strcmp(arguments[0], "user"))
        return of_user(arguments[1], invocation->count > 2 ? arguments[2] : NULL);
    return NULL;
}

int command_revoke(const struct invocation *invocation)
{
    json_t *body = wanted(invocation);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_t *answer = NULL;
    struct remote remote;

    json_decref(body);
    if (!text)
        return command_misused("revoke");
    if (remote_open(&remote, invocation, NULL, REMOTE_ADMIN)) {
        remote.posted = text;
        answer = remote_ask(&remote, "POST", "/v1/revocations");
    }
    remote_close(&remote);
    free(text);
    json_decref(answer);
    return answer ? EXIT_DONE : EXIT_FAILED;
}
