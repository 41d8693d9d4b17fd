/*
 * The auth port: a token becomes a user with rights and an expiry.
 */
#ifndef CHATCORE_BACKEND_AUTH_H
#define CHATCORE_BACKEND_AUTH_H

#include "chatcore/backend/op.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_auth_verify {
    struct cc_op op; /* status: CC_EUNAUTHORIZED, CC_EEXPIRED, CC_EUNAVAILABLE (a remote one) or
                        CC_ENOMEM */
    struct cc_slice token;
    struct cc_time now;
    struct cc_slice ret_user;     /* lives until the release */
    int64_t ret_expires;          /* wall ms; INT64_MAX: never */
    bool ret_admin;               /* may act on every conversation (a claim; false by default) */
    struct cc_slice ret_token_id; /* by which it can be revoked; empty: it has none. Likewise */
    int64_t ret_issued; /* wall ms; 0: unknown. Then each revocation of the user's tokens revokes it
                         */
};

struct cc_auth_vtable {
    size_t size;
    void (*verify)(void *self, struct cc_auth_verify *op); /* must; engine's thread */
    void (*free)(void *self);                              /* must */
};

struct cc_auth {
    const struct cc_auth_vtable *vtable;
    void *self;
};

/*
 * Tokens can be revoked before they expire: by CC_COMMAND_REVOKE, submitted on a session with
 * is_admin (or of a token with ret_admin). The engine keeps that in the directory, asks it whenever
 * a verifier has let a token pass, and closes the sessions that live by one; a verifier need not
 * know of it.
 *
 * A verifier of signed tokens: JSON Web Tokens (HS256, RS256, ES256, EdDSA) and PASETO v4.public.
 *
 * Claims: `sub` (the user's name) and `exp` are required; `nbf`, and `aud` and `iss` where the
 * options name one, are checked; `admin`: true gives ret_admin; `jti` (1 to 64 bytes) gives
 * ret_token_id, and `iat` ret_issued. Times are seconds since the epoch
 * in a JWT, maybe with a fraction, and ISO 8601 in a PASETO. ret_expires is `exp` with the leeway.
 *
 * It holds several keys, so that they can be rotated. A key is bound to one algorithm; a token's
 * `alg` must be that of a key, and `none` is nobody's. A key with a kid is tried for tokens with
 * that kid; a key without is tried for every token of its algorithm.
 */
struct cc_auth_tokens_options {
    size_t size;
    const char *audience; /* NULL: `aud` is not looked at; else a token must carry it */
    const char *issuer;   /* likewise `iss` */
    int64_t leeway_ms;    /* clock difference allowed for exp and nbf: at least 0 */
};
#define CC_AUTH_TOKENS_OPTIONS_INIT CC_SIZED(struct cc_auth_tokens_options)

/*
 * Makes a verifier without keys: it refuses every token until keys are added. Options are copied.
 * Any thread; later calls for one verifier must not run at the same time as others, so once an
 * engine has it, on the engine's thread between two steps. Errors: CC_EINVAL, CC_ENOMEM.
 */
int cc_auth_tokens_new(const struct cc_allocator *allocator,
                       const struct cc_auth_tokens_options *options, struct cc_auth *ret_auth);

/* Adds an HS256 secret (16 to 65,536 bytes; copied). `kid` may be NULL. One thread at a time.
 * Errors: CC_EINVAL, CC_ETOOLARGE (64 keys are there), CC_ENOMEM. */
int cc_auth_tokens_add_secret(struct cc_auth *auth, const char *kid, struct cc_slice secret);

/* Adds a public key in PEM: RSA of 2,048 to 8,192 bits (RS256), P-256 (ES256) or Ed25519 (EdDSA).
 * `kid` may be NULL. One thread at a time. Errors: CC_EINVAL, CC_ETOOLARGE, CC_ENOMEM. */
int cc_auth_tokens_add_pem(struct cc_auth *auth, const char *kid, struct cc_slice pem);

/* Adds every usable key of a JWKS document (RFC 7517): all, or on failure none. A key with a `kid`
 * is for tokens that name it. One thread at a
 * time. Errors: CC_EINVAL (no such document, or no usable key in it), CC_ETOOLARGE, CC_ENOMEM. */
int cc_auth_tokens_add_jwks(struct cc_auth *auth, struct cc_slice json);

/* Adds a PASETO v4.public key, 32 bytes of Ed25519. One thread at a time. Errors: CC_EINVAL,
 * CC_ETOOLARGE, CC_ENOMEM. */
int cc_auth_tokens_add_paseto(struct cc_auth *auth, struct cc_slice public_key);

/* Forgets all keys, so that those of a newer document can be added. Sessions that are open stay.
 * One thread at a time. Errors: CC_EINVAL (it is no such verifier). */
int cc_auth_tokens_clear(struct cc_auth *auth);

/*
 * Signs an HS256 token for `user`, for tests, tools and the --dev log-in, with `iat` and a random
 * `jti`. `ret_token` is terminated
 * and is freed with the allocator's release. Any thread. Errors: CC_EINVAL, CC_ENOMEM.
 */
int cc_auth_tokens_sign(const struct cc_allocator *allocator, struct cc_slice secret,
                        struct cc_slice user, int64_t expires_s, char **ret_token);

#ifdef __cplusplus
}
#endif
#endif
