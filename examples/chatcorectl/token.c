/*
 * Tokens for users, signed with the secret of the server.
 */
#include "command.h"

#include <chatcore/backend/auth.h>
#include <chatcore/error.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* cc_auth_tokens_add_secret()'s own bound. */
#define SECRET_MAX 65536

#define LIFE_S     3600
#define LIFE_MAX_S (100ul * 365 * 24 * 3600)

/* A newline at the end does not count, as in the server. */
static bool read_secret(const char *path, char *bytes, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, SECRET_MAX, file) : 0;
    bool is_read = file && !ferror(file);

    if (file)
        fclose(file);
    while (size && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r'))
        size--;
    *ret_size = size;
    return is_read;
}

int command_token(const struct invocation *invocation)
{
    char **arguments = invocation->arguments;
    static char bytes[SECRET_MAX];
    unsigned long life = invocation->count > 2 ? strtoul(arguments[2], NULL, 10) : LIFE_S;
    struct cc_slice user = {arguments[0], strlen(arguments[0])};
    struct cc_slice secret = {bytes, 0};
    char *token;
    int r;

    if (!life || life > LIFE_MAX_S)
        return command_failed(arguments[2], "not a number of seconds");
    if (!read_secret(arguments[1], bytes, &secret.size))
        return command_failed(arguments[1], strerror(errno));
    r = cc_auth_tokens_sign(cc_allocator_default(), secret, user, time(NULL) + (time_t)life,
                            &token);
    if (r)
        return command_failed(arguments[0], cc_strerror(r));
    puts(token);
    free(token);
    return 0;
}
