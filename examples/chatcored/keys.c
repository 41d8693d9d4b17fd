/*
 * Reading keys.
 */
#include "keys.h"

#include <chatcore/error.h>
#include <errno.h>
#include <stddef.h>
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

/* Where keys come from, and what makes a key of the bytes. */
static const struct source {
    enum setting_index setting;
    size_t offset; /* of the path in the settings */
    int (*add)(struct cc_auth *auth, struct cc_slice bytes);
} sources[] = {
    {SETTING_INDEX_jwt_secret_file, offsetof(struct settings, jwt_secret_file), add_secret},
    {SETTING_INDEX_jwt_key_file, offsetof(struct settings, jwt_key_file), add_pem},
    {SETTING_INDEX_jwks_file, offsetof(struct settings, jwks_file), cc_auth_tokens_add_jwks},
    {SETTING_INDEX_paseto_key_file, offsetof(struct settings, paseto_key_file), add_paseto},
};

enum { SOURCES = sizeof sources / sizeof *sources };

/* What the files held, when they were read. */
struct key_files {
    char *bytes[SOURCES]; /* NULL: no such file is set */
    size_t sizes[SOURCES];
};

static void free_files(struct key_files *files)
{
    for (size_t i = 0; i < SOURCES; i++)
        free(files->bytes[i]);
}

static bool read_files(const struct settings *settings, struct key_files *ret_files)
{
    memset(ret_files, 0, sizeof *ret_files);
    for (size_t i = 0; i < SOURCES; i++) {
        const char *path =
            *(char *const *)(const void *)((const char *)settings + sources[i].offset);

        if (!path)
            continue;
        ret_files->bytes[i] = keys_read_file(path, KEYS_FILE_MAX, &ret_files->sizes[i]);
        if (ret_files->bytes[i])
            continue;
        settings_blame(settings, sources[i].setting, strerror(errno));
        free_files(ret_files);
        return false;
    }
    return true;
}

static bool add_keys(const struct settings *settings, const struct key_files *files,
                     struct cc_auth *auth)
{
    for (size_t i = 0; i < SOURCES; i++) {
        struct cc_slice bytes = {files->bytes[i], files->sizes[i]};
        char reason[128];
        int r = files->bytes[i] ? sources[i].add(auth, bytes) : 0;

        if (!r)
            continue;
        snprintf(reason, sizeof reason, "no usable key: %s", cc_strerror(r));
        settings_blame(settings, sources[i].setting, reason);
        return false;
    }
    return true;
}

static bool make_verifier(const struct settings *settings, const struct key_files *files,
                          struct cc_auth *ret_auth)
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
    if (add_keys(settings, files, &auth)) {
        *ret_auth = auth;
        return true;
    }
    auth.vtable->free(auth.self);
    return false;
}

bool keys_load(const struct settings *settings, struct cc_auth *ret_auth)
{
    struct key_files files;
    bool is_made;

    if (!read_files(settings, &files))
        return false;
    is_made = make_verifier(settings, &files, ret_auth);
    free_files(&files);
    return is_made;
}

/* They are tried on a verifier that is thrown away: the one that runs takes all, or stays. */
bool keys_renew(const struct settings *settings, struct cc_auth *auth)
{
    struct key_files files;
    struct cc_auth trial;
    bool is_right;

    if (!read_files(settings, &files))
        return false;
    is_right = make_verifier(settings, &files, &trial);
    if (is_right) {
        trial.vtable->free(trial.self);
        cc_auth_tokens_clear(auth);
        is_right = add_keys(settings, &files, auth);
    }
    free_files(&files);
    return is_right;
}
