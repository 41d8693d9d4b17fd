/*
 * Making HS256 tokens.
 */
#include "backends/auth/base64url.h"
#include "backends/auth/key.h"
#include "base/buffer.h"
#include "base/crypto.h"
#include "chatcore/backend/auth.h"
#include "chatcore/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* {"sub":"","exp":-9223372036854775808,"iat":1700000000.123,"jti":"(32 digits)"}, and a name whose
 * bytes are all escaped. */
#define CLAIMS_BYTES_MAX (160 + 2 * CC_NAME_MAX)

#define TOKEN_ID_BYTES 16

/* A name holds no control characters, so only two characters need an escape. */
static size_t put_claims(struct cc_slice user, int64_t expires_s, char to[CLAIMS_BYTES_MAX])
{
    size_t at = (size_t)sprintf(to, "{\"sub\":\"");
    uint8_t random[TOKEN_ID_BYTES];
    char id[2 * TOKEN_ID_BYTES + 1];
    struct timespec now;

    for (size_t i = 0; i < user.size; i++) {
        if (user.data[i] == '"' || user.data[i] == '\\')
            to[at++] = '\\';
        to[at++] = user.data[i];
    }
    crypto_random(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        sprintf(id + 2 * i, "%02x", random[i]);
    clock_gettime(CLOCK_REALTIME, &now);
    return at + (size_t)snprintf(to + at, CLAIMS_BYTES_MAX - at,
                                 "\",\"exp\":%" PRId64 ",\"iat\":%lld.%03ld,\"jti\":\"%s\"}",
                                 expires_s, (long long)now.tv_sec, now.tv_nsec / 1000000, id);
}

static void append_base64url(struct buffer *text, const void *bytes, size_t size)
{
    size_t encoded = base64url_encoded_size(size);
    char *to = buffer_reserve(text, encoded);

    if (!to)
        return;
    base64url_encode(bytes, size, to);
    text->size += encoded;
}

static int sign(const struct key *key, struct cc_slice user, int64_t expires_s, struct buffer *text)
{
    uint8_t mac[KEY_HS256_BYTES];
    char claims[CLAIMS_BYTES_MAX];
    int r;

    append_base64url(text, HEADER, sizeof HEADER - 1);
    buffer_append_byte(text, '.');
    append_base64url(text, claims, put_claims(user, expires_s, claims));
    r = text->failed ? CC_ENOMEM : key_mac(key, buffer_slice(text), mac);
    if (r)
        return r;
    buffer_append_byte(text, '.');
    append_base64url(text, mac, sizeof mac);
    buffer_append_byte(text, '\0');
    return text->failed ? CC_ENOMEM : 0;
}

int cc_auth_tokens_sign(const struct cc_allocator *allocator, struct cc_slice secret,
                        struct cc_slice user, int64_t expires_s, char **ret_token)
{
    struct buffer text;
    struct key *key;
    int r;

    if (!name_is_valid(user))
        return CC_EINVAL;
    r = key_new_secret(allocator, slice_of(NULL, 0), secret, &key);
    if (r)
        return r;
    buffer_init(&text, allocator);
    r = sign(key, user, expires_s, &text);
    key_free(allocator, key);
    if (r)
        buffer_deinit(&text);
    else
        *ret_token = text.data;
    return r;
}
