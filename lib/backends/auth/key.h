/*
 * A key that tokens are verified with: bound to one algorithm when it is made, so that no token can
 * have it used in another way.
 *
 * OpenSSL does RSA, P-256, HMAC and the reading of PEM; libsodium (base/crypto.h) does Ed25519.
 * Keys are parsed once. OpenSSL's errors never stay in its queue, which a TLS library on the same
 * thread would stumble over; its memory comes from the process's malloc.
 */
#ifndef CC_BACKENDS_AUTH_KEY_H
#define CC_BACKENDS_AUTH_KEY_H

#include "base/memory.h"

#include <openssl/evp.h>

/* Shorter ones can be guessed: 128 bits at least. */
#define KEY_SECRET_MIN 16

/* No hash takes more than some hundred bytes of use; who gives more gave a wrong file. */
#define KEY_SECRET_MAX 65536

/* RFC 7518, 3.3; and what verifying may cost (8,192 bits: 0.4 ms). */
#define KEY_RSA_BITS_MIN 2048
#define KEY_RSA_BITS_MAX 8192

#define KEY_ED25519_BYTES 32
#define KEY_P256_BYTES    32
#define KEY_HS256_BYTES   32

/* Keys of one verifier: a few that are being rotated, from a few issuers. All that have no name are
 * tried for a token, so a forged one may cost so many verifications. */
#define KEYS_MAX 64

/* Names of keys in use are some tens of bytes. */
#define KEY_KID_MAX 256

enum key_algorithm { KEY_HS256, KEY_RS256, KEY_ES256, KEY_EDDSA, KEY_PASETO };

struct key {
    struct key *next;
    enum key_algorithm algorithm;
    struct cc_slice kid; /* empty: none */
    EVP_MAC_CTX *mac;    /* HS256: keyed, restarted for each token */
    EVP_PKEY *pkey;      /* RS256, ES256 */
    uint8_t ed25519[KEY_ED25519_BYTES];
};

/* All copy `kid`, and answer 0, CC_EINVAL or CC_ENOMEM. */
int key_new_secret(const struct cc_allocator *allocator, struct cc_slice kid,
                   struct cc_slice secret, struct key **ret_key);
int key_new_pem(const struct cc_allocator *allocator, struct cc_slice kid, struct cc_slice pem,
                struct key **ret_key);
int key_new_rsa(const struct cc_allocator *allocator, struct cc_slice kid, struct cc_slice modulus,
                struct cc_slice exponent, struct key **ret_key);
int key_new_p256(const struct cc_allocator *allocator, struct cc_slice kid, struct cc_slice x,
                 struct cc_slice y, struct key **ret_key);
/* For KEY_EDDSA or KEY_PASETO. */
int key_new_ed25519(const struct cc_allocator *allocator, struct cc_slice kid,
                    enum key_algorithm algorithm, struct cc_slice point, struct key **ret_key);

void key_free(const struct cc_allocator *allocator, struct key *key);
void keys_free(const struct cc_allocator *allocator, struct key *keys);

/* The HMAC of a KEY_HS256. 0 or CC_ENOMEM. */
int key_mac(const struct key *key, struct cc_slice message, uint8_t ret_mac[KEY_HS256_BYTES]);

/* 0, CC_EUNAUTHORIZED (the signature is not by this key) or CC_ENOMEM. One thread at a time. */
int key_verify(const struct key *key, struct cc_slice message, struct cc_slice signature);

#endif
