/*
 * Keys from PEM and from JWKS documents: which are taken, and as what; which are too weak, of
 * another kind, or no key at all.
 */
#include "backends/auth/jwks.h"

#include "backends/auth/base64url.h"
#include "chatcore/error.h"
#include "signer.h"
#include "support/test.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#define SECRET_TEXT "MDEyMzQ1Njc4OWFiY2RlZg" /* SIGNER_SECRET */
#define RFC8037_X   "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define RFC7515_X   "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define RFC7515_Y   "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

static int pem_algorithm(const char *pem)
{
    struct key *key;
    int r = key_new_pem(cc_allocator_default(), slice_of(NULL, 0), slice_str(pem), &key);

    assert_int_equal(ERR_peek_error(), 0); /* nothing stays in OpenSSL's queue */
    if (r)
        return r;
    r = (int)key->algorithm;
    key_free(cc_allocator_default(), key);
    return r;
}

/* What the public half of this key is taken as. Frees the key. */
static int taken_as(EVP_PKEY *key)
{
    char *pem;
    int r;

    assert_non_null(key);
    pem = signer_pem(key);
    r = pem_algorithm(pem);
    free(pem);
    EVP_PKEY_free(key);
    return r;
}

static void pem_of_the_four_kinds(void **state)
{
    (void)state;
    assert_int_equal(taken_as(EVP_RSA_gen(2048)), KEY_RS256);
    assert_int_equal(taken_as(EVP_EC_gen("P-256")), KEY_ES256);
    assert_int_equal(taken_as(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), KEY_EDDSA);
}

static void pem_of_other_kinds_and_weak_ones(void **state)
{
    (void)state;
    assert_int_equal(taken_as(EVP_RSA_gen(1024)), CC_EINVAL);
    assert_int_equal(taken_as(EVP_RSA_gen(2047)), CC_EINVAL);
    assert_int_equal(taken_as(EVP_EC_gen("P-384")), CC_EINVAL);
    assert_int_equal(taken_as(EVP_EC_gen("secp256k1")), CC_EINVAL);
    assert_int_equal(taken_as(EVP_PKEY_Q_keygen(NULL, NULL, "X25519")), CC_EINVAL);
    assert_int_equal(taken_as(EVP_PKEY_Q_keygen(NULL, NULL, "ED448")), CC_EINVAL);
}

static void pem_that_is_none(void **state)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = signer_pem(signer_p256());
    char private[4096] = "";

    (void)state;
    assert_int_equal(pem_algorithm(""), CC_EINVAL);
    assert_int_equal(pem_algorithm("secret"), CC_EINVAL);
    assert_int_equal(pem_algorithm("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
                     CC_EINVAL);
    for (size_t cut = 0; cut < strlen(pem) - 2; cut += 7) {
        char *part = strndup(pem, cut);

        assert_int_equal(pem_algorithm(part), CC_EINVAL);
        free(part);
    }
    /* the secret half does not belong on a server that only verifies */
    PEM_write_bio_PrivateKey(bio, signer_p256(), NULL, NULL, 0, NULL, NULL);
    BIO_read(bio, private, sizeof private - 1);
    assert_int_equal(pem_algorithm(private), CC_EINVAL);
    BIO_free(bio);
    free(pem);
}

static void secrets_have_their_bounds(void **state)
{
    static const char bytes[KEY_SECRET_MAX + 1];
    static const struct {
        size_t size;
        int status;
    } cases[] = {{0, CC_EINVAL},
                 {15, CC_EINVAL},
                 {16, 0},
                 {KEY_SECRET_MAX, 0},
                 {KEY_SECRET_MAX + 1, CC_EINVAL}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct key *key = NULL;

        assert_int_equal(key_new_secret(cc_allocator_default(), slice_of(NULL, 0),
                                        slice_of(bytes, cases[i].size), &key),
                         cases[i].status);
        if (key)
            key_free(cc_allocator_default(), key);
    }
}

static void names_have_their_bound(void **state)
{
    static const char kid[KEY_KID_MAX + 1];
    struct key *key;

    (void)state;
    assert_int_equal(key_new_secret(cc_allocator_default(), slice_of(kid, KEY_KID_MAX),
                                    slice_str(SIGNER_SECRET), &key),
                     0);
    key_free(cc_allocator_default(), key);
    assert_int_equal(key_new_secret(cc_allocator_default(), slice_of(kid, KEY_KID_MAX + 1),
                                    slice_str(SIGNER_SECRET), &key),
                     CC_EINVAL);
}

/* --- JWKS ---------------------------------------------------------------------------------------
 */

/* The modulus of a key that was made here, as a JWK writes it. */
static char *modulus_of(EVP_PKEY *key)
{
    uint8_t bytes[1024];
    BIGNUM *n = NULL;
    char *text;
    size_t size;

    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    size = (size_t)BN_bn2bin(n, bytes);
    BN_free(n);
    text = malloc(base64url_encoded_size(size) + 1);
    *base64url_encode(bytes, size, text) = '\0';
    return text;
}

static int jwks(const char *json, struct key **ret_keys)
{
    int r = jwks_read(cc_allocator_default(), slice_str(json), ret_keys);

    assert_int_equal(ERR_peek_error(), 0);
    return r;
}

/* Which algorithms the keys of a document have, a letter each; "" for an error. */
static const char *letters(const char *json)
{
    static char text[KEYS_MAX + 1];
    struct key *keys = NULL;
    size_t at = 0;

    if (jwks(json, &keys) == 0)
        for (const struct key *key = keys; key; key = key->next)
            text[at++] = "HREDP"[key->algorithm];
    text[at] = '\0';
    keys_free(cc_allocator_default(), keys);
    return text;
}

static void jwks_of_all_kinds(void **state)
{
    char *modulus = modulus_of(signer_rsa());
    struct key *keys;
    char json[2048];

    (void)state;
    snprintf(
        json, sizeof json,
        "{\"x\":[],\"keys\":["
        "{\"kty\":\"RSA\",\"kid\":\"one\",\"use\":\"sig\",\"alg\":\"RS256\",\"n\":\"%s\",\"e\":"
        "\"AQAB\",\"x5c\":[\"MII\"]},"
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"two\",\"x\":\"" RFC7515_X
        "\",\"y\":\"" RFC7515_Y "\",\"key_ops\":[\"sign\",\"verify\"]},"
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"x\":\"" RFC8037_X "\"},"
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\",\"kid\":\"f\\u006fur\"}]}",
        modulus);
    assert_int_equal(jwks(json, &keys), 0);
    assert_int_equal(keys->algorithm, KEY_RS256);
    assert_true(slice_equal(keys->kid, slice_str("one")));
    assert_int_equal(keys->next->algorithm, KEY_ES256);
    assert_true(slice_equal(keys->next->kid, slice_str("two")));
    assert_int_equal(keys->next->next->algorithm, KEY_EDDSA);
    assert_int_equal(keys->next->next->kid.size, 0);
    assert_int_equal(keys->next->next->next->algorithm, KEY_HS256);
    assert_true(slice_equal(keys->next->next->next->kid, slice_str("four")));
    assert_null(keys->next->next->next->next);
    keys_free(cc_allocator_default(), keys);
    free(modulus);
}

/* Each stands in a document with an oct key, which alone remains. */
static void jwks_keys_that_are_passed_over(void **state)
{
    static const char *const others[] = {
        "{}",
        "{\"kty\":\"oct\"}",
        "{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "=\"}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\",\"k\":\"" SECRET_TEXT "\"}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\",\"alg\":\"HS512\"}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\",\"alg\":\"RS256\"}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\",\"alg\":\"none\"}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\",\"use\":\"enc\"}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\",\"key_ops\":[\"encrypt\",{}]}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\",\"key_ops\":\"verify\"}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\",\"key_ops\":{\"verify\":1}}",
        "{\"kty\":\"oct\",\"k\":[\"" SECRET_TEXT "\"]}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\",\"kid\":1}",
        "{\"kty\":\"OCT\",\"k\":\"" SECRET_TEXT "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_X "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_X "\",\"y\":\"" RFC7515_X "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" RFC7515_X "\",\"y\":\"" RFC7515_Y "\"}",
        "{\"kty\":\"EC\",\"x\":\"" RFC7515_X "\",\"y\":\"" RFC7515_Y "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" RFC8037_X "\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"HS256\",\"x\":\"" RFC8037_X "\"}",
        "{\"kty\":\"RSA\",\"n\":\"" SECRET_TEXT "\",\"e\":\"AQAB\"}",
        "{\"kty\":\"RSA\",\"e\":\"AQAB\"}",
    };
    char json[1024];

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(json, sizeof json, "{\"keys\":[%s,{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\"}]}",
                 others[i]);
        if (strcmp(letters(json), "H") != 0)
            fail_msg("%s: %s", letters(json), json);
        snprintf(json, sizeof json, "{\"keys\":[%s]}", others[i]);
        assert_string_equal(letters(json), "");
    }
}

/* With the exponent 1 every message is its own signature. */
static void jwks_rsa_that_is_too_easy(void **state)
{
    static const char *const exponents[] = {"AQ", "AA", "", "Ag", "BA"}; /* 1, 0, none, 2, 4 */
    char *modulus = modulus_of(signer_rsa());
    EVP_PKEY *small = EVP_RSA_gen(1024);
    char json[2048];

    (void)state;
    for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
        snprintf(json, sizeof json, "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}]}",
                 modulus, exponents[i]);
        assert_string_equal(letters(json), "");
    }
    snprintf(json, sizeof json, "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}]}",
             modulus);
    assert_string_equal(letters(json), "R");
    free(modulus);
    modulus = modulus_of(small);
    snprintf(json, sizeof json, "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}]}",
             modulus);
    assert_string_equal(letters(json), "");
    free(modulus);
    EVP_PKEY_free(small);
}

static void jwks_documents_that_are_none(void **state)
{
    static const char *const documents[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"keys\":[]}",
        "{\"keys\":{}}",
        "{\"keys\":[1]}",
        "{\"keys\":[null]}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\"}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\"}]",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\"}]}x",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\"},]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\"},7]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\"}],\"keys\":[]}",
    };
    struct key *keys = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        assert_int_equal(jwks(documents[i], &keys), CC_EINVAL);
    assert_null(keys);
}

static void jwks_with_too_many_keys(void **state)
{
    static const char key[] = "{\"kty\":\"oct\",\"k\":\"" SECRET_TEXT "\"}";
    char json[(sizeof key + 1) * (KEYS_MAX + 1) + 32];
    struct key *keys = NULL;

    (void)state;
    for (int count = KEYS_MAX; count <= KEYS_MAX + 1; count++) {
        size_t at = (size_t)sprintf(json, "{\"keys\":[");

        for (int i = 0; i < count; i++)
            at += (size_t)sprintf(json + at, "%s%s", i ? "," : "", key);
        sprintf(json + at, "]}");
        assert_int_equal(jwks(json, &keys), count > KEYS_MAX ? CC_ETOOLARGE : 0);
    }
    keys_free(cc_allocator_default(), keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem_of_the_four_kinds),
        cmocka_unit_test(pem_of_other_kinds_and_weak_ones),
        cmocka_unit_test(pem_that_is_none),
        cmocka_unit_test(secrets_have_their_bounds),
        cmocka_unit_test(names_have_their_bound),
        cmocka_unit_test(jwks_of_all_kinds),
        cmocka_unit_test(jwks_keys_that_are_passed_over),
        cmocka_unit_test(jwks_rsa_that_is_too_easy),
        cmocka_unit_test(jwks_documents_that_are_none),
        cmocka_unit_test(jwks_with_too_many_keys),
    };
    int failed = cmocka_run_group_tests_name("keys", tests, NULL, NULL);

    signer_free();
    return failed;
}
