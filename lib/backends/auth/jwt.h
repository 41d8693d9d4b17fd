/*
 * JSON Web Tokens: JWS in its compact form (RFC 7515, 7.1), signed.
 *
 * The key decides the algorithm; the header's `alg` must name that of the key, so `none`, and a
 * public key used as a secret, have no key to be verified with. A key with a name is tried for
 * tokens that name it; one without is tried for all tokens of its algorithm. Keys or addresses of
 * keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are never used, and a header with `crit` is
 * refused.
 */
#ifndef CC_BACKENDS_AUTH_JWT_H
#define CC_BACKENDS_AUTH_JWT_H

#include "backends/auth/key.h"
#include "base/arena.h"

/* The payload of a token that one of the keys has signed. 0, CC_EUNAUTHORIZED or CC_ENOMEM. */
int jwt_open(struct cc_slice token, const struct key *keys, struct arena *arena,
             struct cc_slice *ret_payload);

#endif
