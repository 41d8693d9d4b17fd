/*
 * Reading keys.
 */
#include "keys.h"

#include <chatcore/error.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than any file of keys has. */
#define KEYS_FILE_MAX (1 << 20)

#define PASETO_KEY_SIZE 32

char *keys_read_file(const char *path, size_t max, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = file ? malloc(max + 1) : NULL;
    size_t size = 0;

    if (bytes)
        size = fread(bytes, 1, max + 1, file);
    if (bytes && (ferror(file) || size > max)) {
        errno = size > max ? EFBIG : EIO;
        free(bytes);
        bytes = NULL;
    }
    if (file)
        fclose(file);
    while (bytes && size && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r'))
        size--;
    *ret_size = size;
    return bytes;
}

static int add_secret(struct cc_auth *auth, struct cc_slice bytes)
{
    return cc_auth_tokens_add_secret(auth, NULL, bytes);
}

static int add_pem(struct cc_auth *auth, struct cc_slice bytes)
{
    return cc_auth_tokens_add_pem(auth, NULL, bytes);
}

static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = digit ? strchr(digits, digit) : NULL;

    return found ? (int)(found - digits) % 16 : -1;
}

static int add_paseto(struct cc_auth *auth, struct cc_slice bytes)
{
    char key[PASETO_KEY_SIZE];

    if (bytes.size != 2 * sizeof key)
        return cc_auth_tokens_add_paseto(auth, bytes);
    for (size_t i = 0; i < sizeof key; i++) {
        int high = hex_value(bytes.data[2 * i]), low = hex_value(bytes.data[2 * i + 1]);

        if (high < 0 || low < 0)
            return CC_EINVAL;
        key[i] = (char)(high << 4 | low);
    }
    bytes.data = key;
    bytes.size = sizeof key;
    return cc_auth_tokens_add_paseto(auth, bytes);
}

static bool add_file(struct cc_auth *auth, const char *path,
                     int (*add)(struct cc_auth *auth, struct cc_slice bytes))
{
    struct cc_slice bytes;
    char *data;
    int r;

    if (!path)
        return true;
    data = keys_read_file(path, KEYS_FILE_MAX, &bytes.size);
    if (!data) {
        fprintf(stderr, "chatcored: %s: %s\n", path, strerror(errno));
        return false;
    }
    bytes.data = data;
    r = add(auth, bytes);
    free(data);
    if (r)
        fprintf(stderr, "chatcored: %s: no usable key: %s\n", path, cc_strerror(r));
    return r == 0;
}

bool keys_load(const struct settings *settings, struct cc_auth *ret_auth)
{
    struct cc_auth_tokens_options options = CC_AUTH_TOKENS_OPTIONS_INIT;
    struct cc_auth auth;
    int r;

    options.audience = settings->audience;
    options.issuer = settings->issuer;
    options.leeway_ms = (int64_t)settings->leeway_ms;
    r = cc_auth_tokens_new(cc_allocator_default(), &options, &auth);
    if (r) {
        fprintf(stderr, "chatcored: %s\n", cc_strerror(r));
        return false;
    }
    if (add_file(&auth, settings->jwt_secret_file, add_secret) &&
        add_file(&auth, settings->jwt_key_file, add_pem) &&
        add_file(&auth, settings->jwks_file, cc_auth_tokens_add_jwks) &&
        add_file(&auth, settings->paseto_key_file, add_paseto)) {
        *ret_auth = auth;
        return true;
    }
    auth.vtable->free(auth.self);
    return false;
}
