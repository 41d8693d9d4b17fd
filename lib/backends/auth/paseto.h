/*
 * PASETO, version 4, public: Ed25519 over the payload and a footer. Version and purpose stand in
 * front of the token and have one algorithm each, so there is nothing to choose. A footer is
 * verified with the rest and not looked at; there is no implicit assertion.
 */
#ifndef CC_BACKENDS_AUTH_PASETO_H
#define CC_BACKENDS_AUTH_PASETO_H

#include "backends/auth/key.h"
#include "base/arena.h"

/* True for text that starts like such a token. */
bool paseto_is(struct cc_slice token);

/* The payload of a token that one of the KEY_PASETO among the keys has signed. 0, CC_EUNAUTHORIZED
 * or CC_ENOMEM. */
int paseto_open(struct cc_slice token, const struct key *keys, struct arena *arena,
                struct cc_slice *ret_payload);

#endif
