/*
 * Keys from what operators and identity providers hand out. Everything about them is checked here,
 * once: their type, their size, and that they are numbers that such a key can have.
 */
#include "backends/auth/key.h"

#include "chatcore/error.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

/* 0x04, x, y: a point that is not compressed. */
#define P256_POINT_BYTES (1 + 2 * KEY_P256_BYTES)

/* What failed inside OpenSSL since the mark: for want of memory, or because of the key. */
static int openssl_error(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE ? CC_ENOMEM : CC_EINVAL;
}

static int key_new(const struct cc_allocator *allocator, struct cc_slice kid,
                   enum key_algorithm algorithm, struct key **ret_key)
{
    struct key *key;

    if (kid.size > KEY_KID_MAX)
        return CC_EINVAL;
    key = mem_zalloc(allocator, 1, sizeof *key);
    if (!key)
        return CC_ENOMEM;
    key->algorithm = algorithm;
    if (slice_copy(allocator, kid, &key->kid) != 0) {
        mem_free(allocator, key);
        return CC_ENOMEM;
    }
    *ret_key = key;
    return 0;
}

/* --- HMAC ---------------------------------------------------------------------------------------
 */

static EVP_MAC_CTX *hmac_new(struct cc_slice secret)
{
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac);
    if (context &&
        !EVP_MAC_init(context, (const unsigned char *)secret.data, secret.size, parameters)) {
        EVP_MAC_CTX_free(context);
        context = NULL;
    }
    return context;
}

int key_new_secret(const struct cc_allocator *allocator, struct cc_slice kid,
                   struct cc_slice secret, struct key **ret_key)
{
    struct key *key;
    int r;

    if (secret.size < KEY_SECRET_MIN || secret.size > KEY_SECRET_MAX)
        return CC_EINVAL;
    r = key_new(allocator, kid, KEY_HS256, &key);
    if (r)
        return r;
    ERR_set_mark();
    key->mac = hmac_new(secret);
    ERR_pop_to_mark();
    if (!key->mac) {
        key_free(allocator, key);
        return CC_ENOMEM;
    }
    *ret_key = key;
    return 0;
}

/* --- RSA and P-256 ------------------------------------------------------------------------------
 */

static bool rsa_is_usable(EVP_PKEY *pkey)
{
    int bits = EVP_PKEY_get_bits(pkey);

    return bits >= KEY_RSA_BITS_MIN && bits <= KEY_RSA_BITS_MAX;
}

static bool is_p256(EVP_PKEY *pkey)
{
    char group[32];
    size_t size;

    return EVP_PKEY_get_group_name(pkey, group, sizeof group, &size) &&
           strcmp(group, SN_X9_62_prime256v1) == 0;
}

/* The algorithm for such a key, or -1. */
static int algorithm_of(EVP_PKEY *pkey)
{
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
        return rsa_is_usable(pkey) ? KEY_RS256 : -1;
    case EVP_PKEY_EC:
        return is_p256(pkey) ? KEY_ES256 : -1;
    case EVP_PKEY_ED25519:
        return KEY_EDDSA;
    default:
        return -1;
    }
}

/*
 * True if OpenSSL finds nothing wrong with it: the point is on the curve, the modulus is no prime,
 * the exponent is odd and not 1, with which every message would be its own signature.
 */
static bool is_sound(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool sound = context && EVP_PKEY_public_check(context) == 1;

    EVP_PKEY_CTX_free(context);
    return sound;
}

static int ed25519_of(const struct cc_allocator *allocator, struct cc_slice kid, EVP_PKEY *pkey,
                      struct key **ret_key)
{
    uint8_t point[KEY_ED25519_BYTES];
    size_t size = sizeof point;

    if (!EVP_PKEY_get_raw_public_key(pkey, point, &size))
        return openssl_error();
    return key_new_ed25519(allocator, kid, KEY_EDDSA, slice_of(point, size), ret_key);
}

/* Makes a key of `pkey`, and owns it whatever comes. `expected`: the algorithm, or -1 for any. */
static int key_of(const struct cc_allocator *allocator, struct cc_slice kid, EVP_PKEY *pkey,
                  int expected, struct key **ret_key)
{
    int algorithm = pkey ? algorithm_of(pkey) : -1;
    struct key *key;
    int r;

    if (!pkey)
        return openssl_error();
    if (algorithm < 0 || (expected >= 0 && algorithm != expected) || !is_sound(pkey)) {
        r = openssl_error();
        EVP_PKEY_free(pkey);
        return r;
    }
    if (algorithm == KEY_EDDSA) {
        r = ed25519_of(allocator, kid, pkey, ret_key);
        EVP_PKEY_free(pkey);
        return r;
    }
    r = key_new(allocator, kid, (enum key_algorithm)algorithm, &key);
    if (r) {
        EVP_PKEY_free(pkey);
        return r;
    }
    key->pkey = pkey;
    *ret_key = key;
    return 0;
}

/* A PEM that is encrypted is no public key: nobody is asked for a password. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

int key_new_pem(const struct cc_allocator *allocator, struct cc_slice kid, struct cc_slice pem,
                struct key **ret_key)
{
    EVP_PKEY *pkey = NULL;
    BIO *bio;
    int r;

    if (!pem.size || pem.size > INT32_MAX)
        return CC_EINVAL;
    ERR_set_mark();
    bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    if (bio)
        pkey = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    r = key_of(allocator, kid, pkey, -1, ret_key);
    BIO_free(bio);
    ERR_pop_to_mark();
    return r;
}

/* A key of the parts in `build`; NULL if OpenSSL refuses them. */
static EVP_PKEY *public_from(const char *type, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    if (parameters && context && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return pkey;
}

static EVP_PKEY *rsa_from(struct cc_slice modulus, struct cc_slice exponent)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn((const unsigned char *)modulus.data, (int)modulus.size, NULL);
    BIGNUM *e = BN_bin2bn((const unsigned char *)exponent.data, (int)exponent.size, NULL);
    EVP_PKEY *pkey = NULL;

    if (build && n && e && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
        pkey = public_from("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return pkey;
}

int key_new_rsa(const struct cc_allocator *allocator, struct cc_slice kid, struct cc_slice modulus,
                struct cc_slice exponent, struct key **ret_key)
{
    int r;

    if (modulus.size > KEY_RSA_BITS_MAX / 8 || exponent.size > KEY_RSA_BITS_MAX / 8)
        return CC_EINVAL;
    ERR_set_mark();
    r = key_of(allocator, kid, rsa_from(modulus, exponent), KEY_RS256, ret_key);
    ERR_pop_to_mark();
    return r;
}

static EVP_PKEY *p256_from(struct cc_slice x, struct cc_slice y)
{
    unsigned char point[P256_POINT_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;

    memcpy(point + 1, x.data, KEY_P256_BYTES);
    memcpy(point + 1 + KEY_P256_BYTES, y.data, KEY_P256_BYTES);
    if (build &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1,
                                        0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point))
        pkey = public_from("EC", build);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

int key_new_p256(const struct cc_allocator *allocator, struct cc_slice kid, struct cc_slice x,
                 struct cc_slice y, struct key **ret_key)
{
    int r;

    if (x.size != KEY_P256_BYTES || y.size != KEY_P256_BYTES)
        return CC_EINVAL;
    ERR_set_mark();
    r = key_of(allocator, kid, p256_from(x, y), KEY_ES256, ret_key);
    ERR_pop_to_mark();
    return r;
}

/* --- Ed25519 ------------------------------------------------------------------------------------
 */

int key_new_ed25519(const struct cc_allocator *allocator, struct cc_slice kid,
                    enum key_algorithm algorithm, struct cc_slice point, struct key **ret_key)
{
    struct key *key;
    int r;

    /* libsodium refuses points of small order, and such that are written in a second way, whenever
     * it verifies: such a key accepts no token. */
    if (point.size != KEY_ED25519_BYTES)
        return CC_EINVAL;
    r = key_new(allocator, kid, algorithm, &key);
    if (r)
        return r;
    memcpy(key->ed25519, point.data, KEY_ED25519_BYTES);
    *ret_key = key;
    return 0;
}
