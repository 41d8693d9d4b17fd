/*
 * Tokens of links in mails: base64url of a digest, then of what is signed. Who has one may do the
 * one thing that it was signed for, without logging in.
 */
#ifndef CC_BASE_LINK_TOKEN_H
#define CC_BASE_LINK_TOKEN_H

#include "base/buffer.h"

/* Appends a token; without memory `out` has failed. `key` is of CRYPTO_KEY_BYTES. `purpose` parts
 * what the same key signs for other things: it ends with a zero byte, which is part of it. */
void link_token_sign(const uint8_t *key, struct cc_slice purpose, struct cc_slice payload,
                     struct buffer *out);

/* Puts what was signed into `payload`, which is empty before. False for a token that the key did
 * not sign for this purpose, and without memory. */
bool link_token_read(const uint8_t *key, struct cc_slice purpose, struct cc_slice token,
                     struct buffer *payload);

#endif
