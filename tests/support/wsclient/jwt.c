/* HS256 tokens: see jwt.h. */
#include "jwt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int wsc_secret_read(const char *path, struct wsc_secret *ret_secret)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    size_t size = fread(ret_secret->data, 1, sizeof ret_secret->data, file);
    int whole = size < sizeof ret_secret->data && !ferror(file);
    fclose(file);
    while (size && (ret_secret->data[size - 1] == '\n' || ret_secret->data[size - 1] == '\r'))
        size--;
    ret_secret->size = size;
    if (whole && size)
        return 0;
    errno = EINVAL;
    return -1;
}

int wsc_secret_create(const char *path, struct wsc_secret *ret_secret)
{
    uint8_t random[32];
    if (RAND_bytes(random, sizeof random) != 1) {
        errno = EIO;
        return -1;
    }
    for (size_t i = 0; i < sizeof random; i++)
        snprintf((char *)ret_secret->data + 2 * i, 3, "%02x", random[i]);
    ret_secret->size = 2 * sizeof random;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, ret_secret->data, ret_secret->size);
    close(fd);
    return written == (ssize_t)ret_secret->size ? 0 : -1;
}

/* base64url without padding */
static void append_base64url(struct wsc_bytes *out, const void *data, size_t size)
{
    uint8_t *at = wsc_bytes_reserve(out, size * 4 / 3 + 8);
    int length = EVP_EncodeBlock(at, data, (int)size);
    while (length && at[length - 1] == '=')
        length--;
    for (int i = 0; i < length; i++)
        at[i] = at[i] == '+' ? '-' : at[i] == '/' ? '_' : at[i];
    out->size += (size_t)length;
}

static void append_json_string(struct wsc_bytes *out, const char *text)
{
    wsc_bytes_byte(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            wsc_bytes_byte(out, '\\');
        wsc_bytes_byte(out, (uint8_t)*text);
    }
    wsc_bytes_byte(out, '"');
}

static void append_claims(struct wsc_bytes *out, const char *user, int64_t expires)
{
    struct wsc_bytes claims = {0};
    char tail[64];
    wsc_bytes_append(&claims, "{\"sub\":", 7);
    append_json_string(&claims, user);
    int length = snprintf(tail, sizeof tail, ",\"exp\":%" PRId64 "}", expires);
    wsc_bytes_append(&claims, tail, (size_t)length);
    append_base64url(out, claims.data, claims.size);
    wsc_bytes_free(&claims);
}

char *wsc_jwt_mint(const struct wsc_secret *secret, const char *user, int64_t expires)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    struct wsc_bytes token = {0};
    append_base64url(&token, header, sizeof header - 1);
    wsc_bytes_byte(&token, '.');
    append_claims(&token, user, expires);
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_size = 0;
    if (!HMAC(EVP_sha256(), secret->data, (int)secret->size, token.data, token.size, mac,
              &mac_size)) {
        fprintf(stderr, "HMAC failed\n");
        exit(2);
    }
    wsc_bytes_byte(&token, '.');
    append_base64url(&token, mac, mac_size);
    wsc_bytes_byte(&token, '\0');
    return (char *)token.data;
}
