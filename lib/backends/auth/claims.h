/*
 * What a token says, once its signature is known to be good: who it is for, and how long.
 *
 * Required: `sub`, a valid user name, and `exp`. Looked at when present: `nbf`; `aud` and `iss`
 * where the verifier has one to compare with; `admin`, whose `true` gives the right to act on every
 * conversation; `jti` and `iat`, by which a token can be revoked: if they are no name and no time,
 * they count as not there, so that what others mean by them refuses nobody. A claim of these that
 * comes twice, or in a type that is not its own, refuses the token: two readers could take it for
 * different things.
 */
#ifndef CC_BACKENDS_AUTH_CLAIMS_H
#define CC_BACKENDS_AUTH_CLAIMS_H

#include "base/arena.h"

/* How points in time are written: seconds since the epoch, maybe with a fraction (RFC 7519), or ISO
 * 8601 (PASETO). */
enum claims_time { CLAIMS_TIME_SECONDS, CLAIMS_TIME_ISO8601 };

struct claims_rules {
    enum claims_time time;
    struct cc_slice audience; /* empty: any */
    struct cc_slice issuer;   /* likewise */
    int64_t leeway_ms;
    int64_t now_ms; /* wall */
};

struct claims {
    struct cc_slice user;     /* in the JSON or in the arena */
    struct cc_slice token_id; /* likewise; empty: none */
    int64_t issued_ms;        /* 0: unknown */
    int64_t expires_ms;       /* with the leeway; INT64_MAX if it is so far away */
    bool is_admin;
};

/* 0, CC_EUNAUTHORIZED, CC_EEXPIRED (nothing but the time is wrong) or CC_ENOMEM. */
int claims_read(struct cc_slice json, const struct claims_rules *rules, struct arena *arena,
                struct claims *ret_claims);

#endif
