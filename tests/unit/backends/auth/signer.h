/*
 * The other side of the verifier: keys with their secret half, and tokens of any content, so that a
 * test can say exactly what it forges. The keys are made once; the functions fail the test when
 * OpenSSL does.
 */
#ifndef CC_TESTS_AUTH_SIGNER_H
#define CC_TESTS_AUTH_SIGNER_H

#include "base/memory.h"

#include <openssl/evp.h>

/* 16 bytes, the least that is allowed. */
#define SIGNER_SECRET "0123456789abcdef"

/* Static keys, made at the first call. */
EVP_PKEY *signer_rsa(void);
EVP_PKEY *signer_p256(void);
EVP_PKEY *signer_ed25519(void);
void signer_free(void);

/* The public half in PEM. The caller frees it with free(). */
char *signer_pem(EVP_PKEY *key);

/* The raw 32 bytes of an Ed25519 key's public half. */
void signer_raw(EVP_PKEY *key, uint8_t ret_point[32]);

/* header "." payload "." signature, all encoded, signed by the key as its kind does (ES256: R and
 * S). The caller frees it. */
char *signer_jwt(EVP_PKEY *key, const char *header, const char *payload);
char *signer_jwt_hs256(struct cc_slice secret, const char *header, const char *payload);

/* The same with a signature as it is given. */
char *signer_jwt_with(const char *header, const char *payload, struct cc_slice signature);

/* A v4.public token; `footer` may be NULL. The caller frees it. */
char *signer_paseto(EVP_PKEY *key, const char *payload, const char *footer);

#endif
