/*
 * Tokens and key sets from outside. The first byte says what the rest is: a token; a token's header
 * and payload (behind a newline), which are signed here so that the claims are reached; a PASETO's
 * payload, likewise; a JWKS document. What is accepted must be a valid user who is not expired.
 */
#include "backends/auth/base64url.h"
#include "backends/auth/claims.h"
#include "backends/auth/jwks.h"
#include "backends/auth/jwt.h"
#include "base/buffer.h"
#include "chatcore/backend/auth.h"

#include <stdlib.h>

#define NOW_MS 1700000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cc_slice secret = {"0123456789abcdef", 16};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_answer(struct cc_op *op)
{
    struct cc_auth_verify *verify = (struct cc_auth_verify *)op;

    if (op->status == 0) {
        require(name_is_valid(verify->ret_user));
        require(verify->ret_expires > NOW_MS);
    }
    cc_op_release(op);
}

static void verify_token(struct cc_slice token)
{
    static const uint8_t point[32] = {1, 2, 3};
    struct cc_auth_tokens_options options = CC_AUTH_TOKENS_OPTIONS_INIT;
    struct cc_mailbox mailbox = {0};
    struct cc_auth_verify verify = {
        .op = {.mailbox = &mailbox, .complete = check_answer}, .token = token, .now = {NOW_MS, 1}};
    struct cc_auth auth;

    require(cc_auth_tokens_new(cc_allocator_default(), &options, &auth) == 0);
    require(cc_auth_tokens_add_secret(&auth, NULL, secret) == 0);
    require(cc_auth_tokens_add_paseto(&auth, slice_of(point, 32)) == 0);
    auth.vtable->verify(auth.self, &verify);
    require(cc_mailbox_drain(&mailbox) == 1);
    auth.vtable->free(auth.self);
}

static void put_base64url(struct buffer *text, struct cc_slice bytes)
{
    size_t size = base64url_encoded_size(bytes.size);
    char *to = buffer_reserve(text, size + 1);

    require(to != NULL && base64url_encode(bytes.data, bytes.size, to) == to + size);
    text->size += size;
}

static void verify_signed(struct cc_slice parts)
{
    const char *line = parts.size ? memchr(parts.data, '\n', parts.size) : NULL;
    size_t header = line ? (size_t)(line - parts.data) : parts.size;
    size_t behind = line ? header + 1 : header;
    uint8_t mac[KEY_HS256_BYTES];
    struct buffer token;
    struct key *key;

    buffer_init(&token, cc_allocator_default());
    put_base64url(&token, slice_of(parts.data, header));
    buffer_append_byte(&token, '.');
    put_base64url(&token, slice_of(parts.data + behind, parts.size - behind));
    require(key_new_secret(cc_allocator_default(), slice_of(NULL, 0), secret, &key) == 0);
    require(key_mac(key, buffer_slice(&token), mac) == 0);
    key_free(cc_allocator_default(), key);
    buffer_append_byte(&token, '.');
    put_base64url(&token, slice_of(mac, sizeof mac));
    verify_token(buffer_slice(&token));
    buffer_deinit(&token);
}

static void read_paseto_claims(struct cc_slice payload)
{
    struct claims_rules rules = {.time = CLAIMS_TIME_ISO8601, .now_ms = NOW_MS};
    struct claims claims;
    struct arena arena;

    arena_init(&arena, cc_allocator_default());
    if (claims_read(payload, &rules, &arena, &claims) == 0)
        require(name_is_valid(claims.user) && claims.expires_ms > NOW_MS);
    arena_deinit(&arena);
}

static void read_key_set(struct cc_slice json)
{
    struct key *keys = NULL;

    if (jwks_read(cc_allocator_default(), json, &keys) == 0)
        require(keys != NULL);
    keys_free(cc_allocator_default(), keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct cc_slice) = {verify_token, verify_signed,
                                                       read_paseto_claims, read_key_set};

    if (size)
        readers[data[0] % 4](slice_of(data + 1, size - 1));
    return 0;
}
