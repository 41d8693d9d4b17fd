/*
 * JSON Web Key Sets (RFC 7517): RSA, P-256, Ed25519 (RFC 8037) and oct keys for signatures.
 *
 * A key of another type, for another use or another algorithm, too weak or malformed, is passed
 * over: providers publish keys for several purposes in one document.
 */
#ifndef CC_BACKENDS_AUTH_JWKS_H
#define CC_BACKENDS_AUTH_JWKS_H

#include "backends/auth/key.h"

/* The usable keys, at least one, in their order. 0, CC_EINVAL, CC_ETOOLARGE (more than KEYS_MAX) or
 * CC_ENOMEM. */
int jwks_read(const struct cc_allocator *allocator, struct cc_slice json, struct key **ret_keys);

#endif
