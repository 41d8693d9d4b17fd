/*
 * Lines of text into secrets and back.
 */
#include "backends/auth/api_keys_file.h"

#include "chatcore/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* A line's digits, names of all scopes, two times and a name. */
#define LINE_MAX_SIZE 512

void secrets_deinit(struct secrets *secrets)
{
    mem_free(secrets->allocator, secrets->array);
    secrets->array = NULL;
    secrets->count = 0;
    secrets->capacity = 0;
}

int secrets_add(struct secrets *secrets, const struct secret *secret)
{
    void *array = secrets->array;
    int r;

    if (secrets->count == CC_API_KEYS_MAX)
        return CC_ETOOLARGE;
    r = mem_reserve(secrets->allocator, &array, &secrets->capacity, secrets->count + 1,
                    sizeof *secrets->array);
    if (r)
        return r;
    secrets->array = array;
    secrets->array[secrets->count++] = *secret;
    return 0;
}

/* --- one line --------------------------------------------------------------------------------- */

static bool take_time(const char *text, int64_t *ret_ms)
{
    char *end;

    if (!strcmp(text, "never")) {
        *ret_ms = INT64_MAX;
        return true;
    }
    errno = 0;
    *ret_ms = strtoll(text, &end, 10);
    return !errno && end != text && !*end && *ret_ms >= 0;
}

static bool take_digest(const char *text, uint8_t *ret_digest)
{
    if (strlen(text) != (size_t)2 * SECRET_DIGEST_SIZE)
        return false;
    for (size_t i = 0; i < SECRET_DIGEST_SIZE; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        char *end;

        ret_digest[i] = (uint8_t)strtoul(digits, &end, 16);
        if (*end)
            return false;
    }
    return true;
}

static bool take_text(const char *text, char *to, size_t size)
{
    if (!text || !*text || strlen(text) >= size)
        return false;
    strcpy(to, text);
    return true;
}

/* The line is cut at its spaces. */
static bool parse_line(char *line, struct secret *secret)
{
    char *rest = line;
    const char *fields[5];
    struct cc_api_key *key = &secret->key;

    memset(secret, 0, sizeof *secret);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        fields[i] = strsep(&rest, " ");
        if (!rest)
            return false;
    }
    return take_text(fields[0], key->id, sizeof key->id) &&
           take_digest(fields[1], secret->digest) && !cc_scopes_parse(fields[2], &key->scopes) &&
           take_time(fields[3], &key->created_ms) && take_time(fields[4], &key->expires_ms) &&
           take_text(rest, key->name, sizeof key->name);
}

static void append_text(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void append_scopes(struct buffer *out, unsigned scopes)
{
    bool is_first = true;

    for (unsigned bit = 1; bit <= CC_SCOPE_ALL; bit <<= 1) {
        if (!(scopes & bit))
            continue;
        if (!is_first)
            buffer_append_byte(out, ',');
        append_text(out, cc_scope_name(bit));
        is_first = false;
    }
}

static void append_line(struct buffer *out, const struct secret *secret)
{
    const struct cc_api_key *key = &secret->key;
    char text[64];

    append_text(out, key->id);
    buffer_append_byte(out, ' ');
    for (size_t i = 0; i < SECRET_DIGEST_SIZE; i++) {
        snprintf(text, sizeof text, "%02x", secret->digest[i]);
        append_text(out, text);
    }
    buffer_append_byte(out, ' ');
    append_scopes(out, key->scopes);
    if (key->expires_ms == INT64_MAX)
        snprintf(text, sizeof text, " %" PRId64 " never ", key->created_ms);
    else
        snprintf(text, sizeof text, " %" PRId64 " %" PRId64 " ", key->created_ms, key->expires_ms);
    append_text(out, text);
    append_text(out, key->name);
    buffer_append_byte(out, '\n');
}

/* --- the file --------------------------------------------------------------------------------- */

static int read_lines(struct secrets *secrets, FILE *file)
{
    char line[LINE_MAX_SIZE];
    struct secret secret;
    int r = 0;

    while (!r && fgets(line, sizeof line, file)) {
        size_t size = strlen(line);

        if (!size || line[size - 1] != '\n')
            return CC_ECORRUPT;
        line[size - 1] = '\0';
        r = parse_line(line, &secret) ? secrets_add(secrets, &secret) : CC_ECORRUPT;
    }
    return r ? r : ferror(file) ? CC_EIO : 0;
}

int secrets_read(struct secrets *secrets, const char *path, struct stat *ret_state)
{
    FILE *file = fopen(path, "re");
    int r;

    memset(ret_state, 0, sizeof *ret_state);
    if (!file)
        return errno == ENOENT ? 0 : CC_EIO;
    r = fstat(fileno(file), ret_state) ? CC_EIO : read_lines(secrets, file);
    fclose(file);
    if (r)
        secrets_deinit(secrets);
    return r;
}

/* `path` and an ending, to be freed. NULL without memory. */
static char *beside(const struct cc_allocator *allocator, const char *path, const char *ending)
{
    size_t size = strlen(path) + strlen(ending) + 1;
    char *text = mem_alloc(allocator, size);

    if (text)
        snprintf(text, size, "%s%s", path, ending);
    return text;
}

/* A name is durable when its folder is. */
static bool sync_folder(const struct cc_allocator *allocator, const char *path)
{
    char *copy = beside(allocator, path, "");
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool is_synced = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    mem_free(allocator, copy);
    return is_synced;
}

static bool write_all(int fd, struct cc_slice bytes)
{
    while (bytes.size) {
        ssize_t n = write(fd, bytes.data, bytes.size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.data += n;
        bytes.size -= (size_t)n;
    }
    return fsync(fd) == 0;
}

static int replace(const struct cc_allocator *allocator, const char *path, struct cc_slice bytes)
{
    char *temporary = beside(allocator, path, ".new");
    bool is_written;
    int fd;

    if (!temporary)
        return CC_ENOMEM;
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    is_written = fd >= 0 && write_all(fd, bytes);
    if (fd >= 0)
        close(fd);
    is_written = is_written && !rename(temporary, path) && sync_folder(allocator, path);
    mem_free(allocator, temporary);
    return is_written ? 0 : CC_EIO;
}

int secrets_write(const struct secrets *secrets, const char *path)
{
    struct buffer text;
    int r;

    buffer_init(&text, secrets->allocator);
    for (size_t i = 0; i < secrets->count; i++)
        append_line(&text, &secrets->array[i]);
    r = text.failed ? CC_ENOMEM : replace(secrets->allocator, path, buffer_slice(&text));
    buffer_deinit(&text);
    return r;
}

int secrets_lock(const struct cc_allocator *allocator, const char *path)
{
    char *name = beside(allocator, path, ".lock");
    int fd;

    if (!name)
        return CC_ENOMEM;
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    mem_free(allocator, name);
    if (fd < 0)
        return CC_EIO;
    while (flock(fd, LOCK_EX)) {
        if (errno == EINTR)
            continue;
        close(fd);
        return CC_EIO;
    }
    return fd;
}
