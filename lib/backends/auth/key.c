/*
 * Keys in use: their life, and verifying with them.
 */
#include "backends/auth/key.h"

#include "base/crypto.h"
#include "chatcore/error.h"

#include <openssl/ec.h>
#include <openssl/err.h>

#define ED25519_SIGNATURE_BYTES 64
#define ES256_SIGNATURE_BYTES   64

/* R and S with their sign bytes, tags and lengths: two times 35, and 2. */
#define ES256_DER_MAX 72

void key_free(const struct cc_allocator *allocator, struct key *key)
{
    EVP_MAC_CTX_free(key->mac);
    EVP_PKEY_free(key->pkey);
    mem_free(allocator, (char *)key->kid.data);
    mem_free(allocator, key);
}

void keys_free(const struct cc_allocator *allocator, struct key *keys)
{
    while (keys) {
        struct key *next = keys->next;

        key_free(allocator, keys);
        keys = next;
    }
}

int key_mac(const struct key *key, struct cc_slice message, uint8_t ret_mac[KEY_HS256_BYTES])
{
    const unsigned char *bytes = (const unsigned char *)message.data;
    size_t size;
    int done;

    ERR_set_mark();
    done = EVP_MAC_init(key->mac, NULL, 0, NULL) && EVP_MAC_update(key->mac, bytes, message.size) &&
           EVP_MAC_final(key->mac, ret_mac, &size, KEY_HS256_BYTES) && size == KEY_HS256_BYTES;
    ERR_pop_to_mark();
    return done ? 0 : CC_ENOMEM;
}

static int verify_hs256(const struct key *key, struct cc_slice message, struct cc_slice signature)
{
    uint8_t mac[KEY_HS256_BYTES];
    int r = key_mac(key, message, mac);

    if (r)
        return r;
    return signature.size == sizeof mac && crypto_equal(mac, signature.data, sizeof mac)
               ? 0
               : CC_EUNAUTHORIZED;
}

/* SHA-256 and the key's own scheme; RSA: PKCS #1 v1.5, OpenSSL's default. */
static int verify_public(const struct key *key, struct cc_slice message, struct cc_slice signature)
{
    EVP_MD_CTX *context;
    int r = CC_EUNAUTHORIZED;

    ERR_set_mark();
    context = EVP_MD_CTX_new();
    if (!context || EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->pkey) != 1)
        r = CC_ENOMEM;
    else if (EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.size,
                              (const unsigned char *)message.data, message.size) == 1)
        r = 0;
    EVP_MD_CTX_free(context);
    ERR_pop_to_mark();
    return r;
}

/* From R and S side by side (RFC 7518, 3.4) to the DER that OpenSSL takes. Its size, or 0 without
 * memory. */
static size_t es256_der(struct cc_slice signature, unsigned char der[ES256_DER_MAX])
{
    const unsigned char *bytes = (const unsigned char *)signature.data;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, ES256_SIGNATURE_BYTES / 2, NULL);
    BIGNUM *s = BN_bin2bn(bytes + ES256_SIGNATURE_BYTES / 2, ES256_SIGNATURE_BYTES / 2, NULL);
    int size = 0;

    if (pair && r && s && ECDSA_SIG_set0(pair, r, s)) {
        size = i2d_ECDSA_SIG(pair, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return size > 0 ? (size_t)size : 0;
}

static int verify_es256(const struct key *key, struct cc_slice message, struct cc_slice signature)
{
    unsigned char der[ES256_DER_MAX];
    size_t size;

    if (signature.size != ES256_SIGNATURE_BYTES)
        return CC_EUNAUTHORIZED;
    ERR_set_mark();
    size = es256_der(signature, der);
    ERR_pop_to_mark();
    return size ? verify_public(key, message, slice_of(der, size)) : CC_ENOMEM;
}

static int verify_ed25519(const struct key *key, struct cc_slice message, struct cc_slice signature)
{
    if (signature.size != ED25519_SIGNATURE_BYTES ||
        !crypto_ed25519_verify((const uint8_t *)signature.data, message, key->ed25519))
        return CC_EUNAUTHORIZED;
    return 0;
}

int key_verify(const struct key *key, struct cc_slice message, struct cc_slice signature)
{
    switch (key->algorithm) {
    case KEY_HS256:
        return verify_hs256(key, message, signature);
    case KEY_RS256:
        return verify_public(key, message, signature);
    case KEY_ES256:
        return verify_es256(key, message, signature);
    case KEY_EDDSA:
    case KEY_PASETO:
        return verify_ed25519(key, message, signature);
    }
    return CC_EUNAUTHORIZED;
}
