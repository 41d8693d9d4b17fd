/*
 * API keys: the file `api_keys` of a data folder. A running server sees changes by itself.
 */
#include "command.h"
#include "print.h"

#include <chatcore/backend/api_keys.h>
#include <chatcore/error.h>
#include <chatcore/host.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long a rotated key's old secret stays valid: a day. */
#define GRACE_S 86400

static void show_json(const struct cc_api_key *key)
{
    json_t *scopes = json_array();

    for (unsigned bit = 1; bit <= CC_SCOPE_ALL; bit <<= 1)
        if (key->scopes & bit)
            json_array_append_new(scopes, json_string(cc_scope_name(bit)));
    print_object(
        json_pack("{s:s, s:s, s:o, s:I, s:o}", "id", key->id, "name", key->name, "scopes", scopes,
                  "created", (json_int_t)key->created_ms, "expires",
                  key->expires_ms == INT64_MAX ? json_null() : json_integer(key->expires_ms)));
}

static void show(void *context, const struct cc_api_key *key)
{
    if (*(const bool *)context) {
        show_json(key);
        return;
    }
    printf("%s  ", key->id);
    for (unsigned bit = 1; bit <= CC_SCOPE_ALL; bit <<= 1)
        if (key->scopes & bit)
            printf("%s ", cc_scope_name(bit));
    if (key->expires_ms != INT64_MAX)
        printf(" until %lld", (long long)(key->expires_ms / 1000));
    printf(" %s\n", key->name);
}

static int create(struct cc_api_keys *keys, int count, char **arguments, char *ret_text)
{
    unsigned scopes;
    int r = count == 2 ? cc_scopes_parse(arguments[1], &scopes) : CC_EINVAL;

    return r ? r : cc_api_keys_create(keys, arguments[0], scopes, cc_host_now(), ret_text);
}

static int rotate(struct cc_api_keys *keys, int count, char **arguments, char *ret_text)
{
    long grace = count > 1 ? strtol(arguments[1], NULL, 10) : GRACE_S;

    if (count < 1)
        return CC_EINVAL;
    return cc_api_keys_rotate(keys, arguments[0], (int64_t)grace * 1000, cc_host_now(), ret_text);
}

static int change(struct cc_api_keys *keys, int count, char **arguments, bool is_json)
{
    char text[CC_API_KEY_TEXT_SIZE] = "";
    const char *what = arguments[0];
    int r = CC_EINVAL;

    if (!strcmp(what, "list"))
        r = cc_api_keys_list(keys, show, &is_json);
    else if (!strcmp(what, "create"))
        r = create(keys, count - 1, arguments + 1, text);
    else if (!strcmp(what, "rotate"))
        r = rotate(keys, count - 1, arguments + 1, text);
    else if (!strcmp(what, "revoke") && count == 2)
        r = cc_api_keys_revoke(keys, arguments[1]);
    if (!r && *text)
        puts(text);
    return r;
}

int command_keys(const struct invocation *invocation)
{
    char **arguments = invocation->arguments;
    struct cc_api_keys *keys;
    char path[PATH_MAX];
    int r;

    snprintf(path, sizeof path, "%s/api_keys", arguments[0]);
    r = cc_api_keys_open(NULL, path, &keys);
    if (r)
        return command_failed(path, cc_strerror(r));
    r = change(keys, invocation->count - 1, arguments + 1,
               invocation->options[OPTION_JSON] != NULL);
    cc_api_keys_free(keys);
    return r ? command_failed(arguments[1], cc_strerror(r)) : EXIT_DONE;
}
