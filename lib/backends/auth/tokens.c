/*
 * The auth port over tokens that are signed: JSON Web Tokens and PASETO v4.public. It holds the
 * keys, and answers at once, on the engine's thread.
 */
#include "backends/answer.h"
#include "backends/auth/claims.h"
#include "backends/auth/jwks.h"
#include "backends/auth/jwt.h"
#include "backends/auth/paseto.h"
#include "base/options.h"
#include "chatcore/backend/auth.h"
#include "chatcore/error.h"

/* The protocol's bound, and that of HTTP headers; many claims fit. */
#define TOKEN_BYTES_MAX 8192

struct tokens {
    struct cc_allocator allocator;
    struct claims_rules rules; /* as the options say; time and now_ms differ by token */
    struct key *keys;          /* in the order of adding */
    size_t key_count;
    struct arena arena; /* scratch of one verification */
};

/* --- verifying ----------------------------------------------------------------------------------
 */

static int read_token(struct tokens *tokens, struct cc_slice token, int64_t now_ms,
                      struct claims *ret_claims)
{
    struct claims_rules rules = tokens->rules;
    struct cc_slice payload;
    int r;

    if (!token.size || token.size > TOKEN_BYTES_MAX)
        return CC_EUNAUTHORIZED;
    rules.now_ms = now_ms;
    if (paseto_is(token)) {
        rules.time = CLAIMS_TIME_ISO8601;
        r = paseto_open(token, tokens->keys, &tokens->arena, &payload);
    } else {
        rules.time = CLAIMS_TIME_SECONDS;
        r = jwt_open(token, tokens->keys, &tokens->arena, &payload);
    }
    return r ? r : claims_read(payload, &rules, &tokens->arena, ret_claims);
}

static void tokens_verify(void *self, struct cc_auth_verify *verify)
{
    struct tokens *tokens = self;
    struct answer *answer = NULL;
    struct claims claims;
    int r = read_token(tokens, verify->token, verify->now.wall_ms, &claims);

    if (!r) {
        answer = answer_new(&tokens->allocator, claims.user.size + claims.token_id.size);
        r = answer ? answer_copy(answer, claims.user, &verify->ret_user) : CC_ENOMEM;
    }
    if (!r)
        r = answer_copy(answer, claims.token_id, &verify->ret_token_id);
    if (!r) {
        verify->ret_expires = claims.expires_ms;
        verify->ret_admin = claims.is_admin;
        verify->ret_issued = claims.issued_ms;
    }
    arena_clear(&tokens->arena);
    answer_done(answer, &verify->op, r);
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void tokens_free(void *self)
{
    struct tokens *tokens = self;
    struct cc_allocator allocator = tokens->allocator;

    keys_free(&allocator, tokens->keys);
    arena_deinit(&tokens->arena);
    mem_free(&allocator, (char *)tokens->rules.audience.data);
    mem_free(&allocator, (char *)tokens->rules.issuer.data);
    mem_free(&allocator, tokens);
}

static const struct cc_auth_vtable tokens_vtable = {
    .size = sizeof tokens_vtable,
    .verify = tokens_verify,
    .free = tokens_free,
};

static int copy_text(const struct cc_allocator *allocator, const char *text,
                     struct cc_slice *ret_copy)
{
    return text ? slice_copy(allocator, slice_str(text), ret_copy) : 0;
}

int cc_auth_tokens_new(const struct cc_allocator *allocator,
                       const struct cc_auth_tokens_options *options, struct cc_auth *ret_auth)
{
    struct cc_auth_tokens_options given;
    struct tokens *tokens;

    if (options_read(&given, sizeof given, options) || given.leeway_ms < 0)
        return CC_EINVAL;
    tokens = mem_zalloc(allocator, 1, sizeof *tokens);
    if (!tokens)
        return CC_ENOMEM;
    tokens->allocator = *allocator;
    tokens->rules.leeway_ms = given.leeway_ms;
    arena_init(&tokens->arena, &tokens->allocator);
    if (copy_text(allocator, given.audience, &tokens->rules.audience) != 0 ||
        copy_text(allocator, given.issuer, &tokens->rules.issuer) != 0) {
        tokens_free(tokens);
        return CC_ENOMEM;
    }
    *ret_auth = (struct cc_auth){&tokens_vtable, tokens};
    return 0;
}

/* --- keys ---------------------------------------------------------------------------------------
 */

static struct tokens *tokens_of(const struct cc_auth *auth)
{
    return auth->vtable == &tokens_vtable ? auth->self : NULL;
}

static struct cc_slice kid_slice(const char *kid)
{
    return kid ? slice_str(kid) : slice_of(NULL, 0);
}

/* Adds a list of keys, and owns it whatever comes: all or none. */
static int add(struct tokens *tokens, struct key *keys)
{
    struct key **end = &tokens->keys;
    size_t count = 0;

    for (const struct key *key = keys; key; key = key->next)
        count++;
    if (tokens->key_count + count > KEYS_MAX) {
        keys_free(&tokens->allocator, keys);
        return CC_ETOOLARGE;
    }
    while (*end)
        end = &(*end)->next;
    *end = keys;
    tokens->key_count += count;
    return 0;
}

int cc_auth_tokens_add_secret(struct cc_auth *auth, const char *kid, struct cc_slice secret)
{
    struct tokens *tokens = tokens_of(auth);
    struct key *key;
    int r = tokens ? key_new_secret(&tokens->allocator, kid_slice(kid), secret, &key) : CC_EINVAL;

    return r ? r : add(tokens, key);
}

int cc_auth_tokens_add_pem(struct cc_auth *auth, const char *kid, struct cc_slice pem)
{
    struct tokens *tokens = tokens_of(auth);
    struct key *key;
    int r = tokens ? key_new_pem(&tokens->allocator, kid_slice(kid), pem, &key) : CC_EINVAL;

    return r ? r : add(tokens, key);
}

int cc_auth_tokens_add_jwks(struct cc_auth *auth, struct cc_slice json)
{
    struct tokens *tokens = tokens_of(auth);
    struct key *keys;
    int r = tokens ? jwks_read(&tokens->allocator, json, &keys) : CC_EINVAL;

    return r ? r : add(tokens, keys);
}

int cc_auth_tokens_add_paseto(struct cc_auth *auth, struct cc_slice public_key)
{
    struct tokens *tokens = tokens_of(auth);
    struct key *key;
    int r = tokens
                ? key_new_ed25519(&tokens->allocator, kid_slice(NULL), KEY_PASETO, public_key, &key)
                : CC_EINVAL;

    return r ? r : add(tokens, key);
}

int cc_auth_tokens_clear(struct cc_auth *auth)
{
    struct tokens *tokens = tokens_of(auth);

    if (!tokens)
        return CC_EINVAL;
    keys_free(&tokens->allocator, tokens->keys);
    tokens->keys = NULL;
    tokens->key_count = 0;
    return 0;
}
