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
    struct cc_op op; /* status: CC_EUNAUTHORIZED, CC_EEXPIRED, or CC_EUNAVAILABLE (a remote one) */
    struct cc_slice token;
    struct cc_time now;
    struct cc_slice ret_user; /* lives until the release */
    int64_t ret_expires;      /* wall ms; INT64_MAX: never */
    bool ret_admin;           /* may act on every conversation (a claim; false by default) */
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

/* A JWT / PASETO verifier (keys from memory; several at once, so that keys can be rotated). */
struct cc_auth_tokens_options {
    size_t size;
    const char *audience; /* NULL: `aud` is not looked at; else a token must carry it */
    const char *issuer;   /* likewise `iss` */
    int64_t leeway_ms;    /* clock difference allowed for exp and nbf; 0 for none */
};
#define CC_AUTH_TOKENS_OPTIONS_INIT CC_SIZED(struct cc_auth_tokens_options)

/*
 * Makes a verifier without keys: it refuses every token until keys are added. The algorithm is
 * bound to the key, never taken from the token alone; `none` is never accepted. Any thread; later
 * calls for one verifier must not run at the same time as others. Errors: CC_ENOMEM.
 */
int cc_auth_tokens_new(const struct cc_allocator *allocator,
                       const struct cc_auth_tokens_options *options, struct cc_auth *ret_auth);

/* Adds an HS256 secret (at least 16 bytes). `kid` may be NULL: tried for tokens without one.
 * One thread at a time. Errors: CC_EINVAL, CC_ENOMEM. */
int cc_auth_tokens_add_secret(struct cc_auth *auth, const char *kid, struct cc_slice secret);

/* Adds a public key in PEM: RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA). One thread at a
 * time. Errors: CC_EINVAL, CC_ENOMEM. */
int cc_auth_tokens_add_pem(struct cc_auth *auth, const char *kid, struct cc_slice pem);

/* Adds every usable key of a JWKS document (RFC 7517). One thread at a time. Errors:
 * CC_EINVAL, CC_ENOMEM. */
int cc_auth_tokens_add_jwks(struct cc_auth *auth, struct cc_slice json);

/* Adds a PASETO v4.public key, 32 bytes of Ed25519. One thread at a time. Errors: CC_EINVAL,
 * CC_ENOMEM. */
int cc_auth_tokens_add_paseto(struct cc_auth *auth, struct cc_slice public_key);

/*
 * Signs an HS256 token for `user`, for tests, tools and the --dev log-in. `ret_token` is terminated
 * and is freed with the allocator's release. Any thread. Errors: CC_EINVAL, CC_ENOMEM.
 */
int cc_auth_tokens_sign(const struct cc_allocator *allocator, struct cc_slice secret,
                        struct cc_slice user, int64_t expires_s, char **ret_token);

#ifdef __cplusplus
}
#endif
#endif
