/*
 * JSON Web Tokens: the examples of the RFCs, every algorithm with keys of our own, and forgeries of
 * every kind that libraries have fallen for.
 */
#include "backends/auth/jwt.h"

#include "backends/auth/base64url.h"
#include "chatcore/error.h"
#include "signer.h"
#include "support/test.h"

#include <openssl/pem.h>
#include <stdlib.h>

#define RFC7515_PAYLOAD                                                                            \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"

static struct cc_slice no_kid(void)
{
    return slice_of(NULL, 0);
}

/* Decodes into static memory; the text is a constant of these tests. */
static struct cc_slice bytes_of(const char *text, uint8_t to[512])
{
    assert_true(base64url_decode(slice_str(text), to));
    return slice_of(to, base64url_decoded_size(strlen(text)));
}

static int open_with(const struct key *keys, const char *token)
{
    struct cc_slice payload;
    struct arena arena;
    int r;

    arena_init(&arena, cc_allocator_default());
    r = jwt_open(slice_str(token), keys, &arena, &payload);
    arena_deinit(&arena);
    return r;
}

static struct key *secret_key(const char *kid, const char *secret)
{
    struct key *key;

    assert_int_equal(
        key_new_secret(cc_allocator_default(), slice_str(kid), slice_str(secret), &key), 0);
    return key;
}

static struct key *public_key(const char *kid, EVP_PKEY *public)
{
    char *pem = signer_pem(public);
    struct key *key;

    assert_int_equal(key_new_pem(cc_allocator_default(), slice_str(kid), slice_str(pem), &key), 0);
    free(pem);
    return key;
}

static void assert_opens(struct key *key, const char *token, const char *expected)
{
    struct cc_slice payload;
    struct arena arena;

    arena_init(&arena, cc_allocator_default());
    assert_int_equal(jwt_open(slice_str(token), key, &arena, &payload), 0);
    assert_int_equal(payload.size, strlen(expected));
    assert_memory_equal(payload.data, expected, payload.size);
    arena_deinit(&arena);
    keys_free(cc_allocator_default(), key);
}

/* --- the examples of the RFCs ------------------------------------------------------------------
 */

static const char rfc7515_text[] =
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

static void rfc7515_a1_hs256(void **state)
{
    uint8_t secret[512];
    struct key *key;

    (void)state;
    assert_int_equal(
        key_new_secret(cc_allocator_default(), no_kid(),
                       bytes_of("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0i"
                                "PS4hcgUuTwjAzZr1Z9CAow",
                                secret),
                       &key),
        0);
    assert_opens(key,
                 "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC7515_PAYLOAD
                 ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                 rfc7515_text);
}

static void rfc7515_a2_rs256(void **state)
{
    uint8_t modulus[512];
    uint8_t exponent[512];
    struct key *key;

    (void)state;
    assert_int_equal(
        key_new_rsa(cc_allocator_default(), no_kid(),
                    bytes_of("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw"
                             "-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b3269"
                             "0r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS"
                             "-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aG"
                             "hyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp"
                             "oQ",
                             modulus),
                    bytes_of("AQAB", exponent), &key),
        0);
    assert_opens(key,
                 "eyJhbGciOiJSUzI1NiJ9." RFC7515_PAYLOAD
                 ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF"
                 "5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5"
                 "h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZ"
                 "ESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0i"
                 "gcN_IoypGlUPQGe77Rw",
                 rfc7515_text);
}

static void rfc7515_a3_es256(void **state)
{
    uint8_t x[512];
    uint8_t y[512];
    struct key *key;

    (void)state;
    assert_int_equal(key_new_p256(cc_allocator_default(), no_kid(),
                                  bytes_of("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", x),
                                  bytes_of("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", y), &key),
                     0);
    assert_opens(key,
                 "eyJhbGciOiJFUzI1NiJ9." RFC7515_PAYLOAD
                 ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-K"
                 "g6NU1Q",
                 rfc7515_text);
}

static void rfc8037_a4_eddsa(void **state)
{
    uint8_t point[512];
    struct key *key;

    (void)state;
    assert_int_equal(key_new_ed25519(cc_allocator_default(), no_kid(), KEY_EDDSA,
                                     bytes_of("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", point),
                                     &key),
                     0);
    assert_opens(key,
                 "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
                 "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_Mu"
                 "M0KAg",
                 "Example of Ed25519 signing");
}

/* --- our own keys -------------------------------------------------------------------------------
 */

/* One key and one token of it for each algorithm. */
struct pair {
    struct key *key;
    char *token;
};

static struct pair pair_of(enum key_algorithm algorithm)
{
    switch (algorithm) {
    case KEY_HS256:
        return (struct pair){
            secret_key("", SIGNER_SECRET),
            signer_jwt_hs256(slice_str(SIGNER_SECRET), "{\"alg\":\"HS256\"}", "{\"a\":1}")};
    case KEY_RS256:
        return (struct pair){public_key("", signer_rsa()),
                             signer_jwt(signer_rsa(), "{\"alg\":\"RS256\"}", "{\"a\":1}")};
    case KEY_ES256:
        return (struct pair){public_key("", signer_p256()),
                             signer_jwt(signer_p256(), "{\"alg\":\"ES256\"}", "{\"a\":1}")};
    default:
        return (struct pair){public_key("", signer_ed25519()),
                             signer_jwt(signer_ed25519(), "{\"alg\":\"EdDSA\"}", "{\"a\":1}")};
    }
}

static void pair_free(struct pair *pair)
{
    keys_free(cc_allocator_default(), pair->key);
    free(pair->token);
}

static void every_algorithm_opens_its_own_and_no_other(void **state)
{
    (void)state;
    for (enum key_algorithm one = KEY_HS256; one < KEY_PASETO; one++)
        for (enum key_algorithm other = KEY_HS256; other < KEY_PASETO; other++) {
            struct pair a = pair_of(one);
            struct pair b = pair_of(other);

            assert_int_equal(a.key->algorithm, one);
            assert_int_equal(open_with(a.key, b.token), one == other ? 0 : CC_EUNAUTHORIZED);
            pair_free(&a);
            pair_free(&b);
        }
}

/* Each character of the token replaced by another one. */
static void no_changed_character_passes(void **state)
{
    (void)state;
    for (enum key_algorithm algorithm = KEY_HS256; algorithm < KEY_PASETO; algorithm++) {
        struct pair pair = pair_of(algorithm);

        assert_int_equal(open_with(pair.key, pair.token), 0);
        for (char *at = pair.token; *at; at++) {
            char kept = *at;

            *at = kept == 'A' ? 'B' : 'A';
            assert_int_equal(open_with(pair.key, pair.token), CC_EUNAUTHORIZED);
            *at = kept;
        }
        pair_free(&pair);
    }
}

/* Cut or lengthened anywhere, in memory that ends where the token does. */
static void no_other_length_passes(void **state)
{
    (void)state;
    for (enum key_algorithm algorithm = KEY_HS256; algorithm < KEY_PASETO; algorithm++) {
        struct pair pair = pair_of(algorithm);
        size_t size = strlen(pair.token);
        char *longer = malloc(size + 3);

        for (size_t cut = 0; cut < size; cut++) {
            char *copy = strndup(pair.token, cut);

            assert_int_equal(open_with(pair.key, copy), CC_EUNAUTHORIZED);
            free(copy);
        }
        for (const char *tail = ".\0A\0=\0.A\0AA\0\n\0"; *tail; tail += strlen(tail) + 1) {
            sprintf(longer, "%s%s", pair.token, tail);
            assert_int_equal(open_with(pair.key, longer), CC_EUNAUTHORIZED);
        }
        free(longer);
        pair_free(&pair);
    }
}

/* --- forgeries ----------------------------------------------------------------------------------
 */

static void assert_refused(const struct key *key, char *token)
{
    assert_int_equal(open_with(key, token), CC_EUNAUTHORIZED);
    free(token);
}

static void none_is_no_algorithm(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"NONE\"}",
        "{\"alg\":\"nOnE\"}",
        "{\"alg\":\"\"}",
        "{\"alg\":null}",
        "{\"alg\":0}",
        "{\"alg\":[\"HS256\"]}",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"HS512\"}",
        "{\"alg\":\"PS256\"}",
        "{}",
        "[]",
        "",
        "null",
    };
    struct key *key = secret_key("", SIGNER_SECRET);

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        assert_refused(key, signer_jwt_with(headers[i], "{\"a\":1}", slice_of(NULL, 0)));
        assert_refused(key, signer_jwt_hs256(slice_str(SIGNER_SECRET), headers[i], "{\"a\":1}"));
        assert_int_equal(open_with(NULL, "eyJhbGciOiJub25lIn0.e30."), CC_EUNAUTHORIZED);
    }
    keys_free(cc_allocator_default(), key);
}

/* A public key is known to all; used as a secret it must open nothing. */
static void a_public_key_is_no_secret(void **state)
{
    EVP_PKEY *publics[] = {signer_rsa(), signer_p256(), signer_ed25519()};
    static const char *const headers[] = {"{\"alg\":\"HS256\"}",
                                          "{\"alg\":\"HS256\",\"kid\":\"k\"}"};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t header = 0; header < 2; header++) {
            struct key *key = public_key(header ? "k" : "", publics[i]);
            char *pem = signer_pem(publics[i]);
            unsigned char *der = NULL;
            int size = i2d_PUBKEY(publics[i], &der);

            assert_refused(key, signer_jwt_hs256(slice_str(pem), headers[header], "{}"));
            assert_refused(key,
                           signer_jwt_hs256(slice_of(pem, strlen(pem) - 1), headers[header], "{}"));
            assert_refused(key,
                           signer_jwt_hs256(slice_of(der, (size_t)size), headers[header], "{}"));
            OPENSSL_free(der);
            free(pem);
            keys_free(cc_allocator_default(), key);
        }
}

static void the_empty_and_the_zero_signature_are_none(void **state)
{
    static const uint8_t zeros[512];
    static const size_t sizes[] = {0, 1, 31, 32, 33, 63, 64, 65, 256, 512};
    static const char *const headers[] = {"{\"alg\":\"HS256\"}", "{\"alg\":\"RS256\"}",
                                          "{\"alg\":\"ES256\"}", "{\"alg\":\"EdDSA\"}"};

    (void)state;
    for (enum key_algorithm algorithm = KEY_HS256; algorithm < KEY_PASETO; algorithm++) {
        struct pair pair = pair_of(algorithm);

        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            assert_refused(pair.key, signer_jwt_with(headers[algorithm], "{\"a\":1}",
                                                     slice_of(zeros, sizes[i])));
        pair_free(&pair);
    }
}

/* The DER that most tools write is not what JWS says. */
static void es256_is_no_der(void **state)
{
    struct key *key = public_key("", signer_p256());
    uint8_t signature[128];
    size_t size = sizeof signature;
    const char head[] = "eyJhbGciOiJFUzI1NiJ9.e30";
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    (void)state;
    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer_p256());
    assert_int_equal(EVP_DigestSign(context, signature, &size, (const uint8_t *)head, strlen(head)),
                     1);
    assert_refused(key, signer_jwt_with("{\"alg\":\"ES256\"}", "{}", slice_of(signature, size)));
    EVP_MD_CTX_free(context);
    keys_free(cc_allocator_default(), key);
}

/* S plus the order of the group signs the same in a careless implementation: a second token. */
static void ed25519_signatures_have_one_form(void **state)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                      0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                      0,    0,    0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0x10};
    struct pair pair = pair_of(KEY_EDDSA);
    uint8_t signature[512];
    unsigned carry = 0;

    (void)state;
    bytes_of(strrchr(pair.token, '.') + 1, signature);
    for (int i = 0; i < 32; i++) {
        carry += (unsigned)signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_refused(pair.key,
                   signer_jwt_with("{\"alg\":\"EdDSA\"}", "{\"a\":1}", slice_of(signature, 64)));
    pair_free(&pair);
}

/* With a point of small order as key, one signature fits every message. */
static void ed25519_points_of_small_order_open_nothing(void **state)
{
    static const uint8_t points[][32] = {{0}, {1}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t signature[64] = {0};
        struct key *key;

        assert_int_equal(key_new_ed25519(cc_allocator_default(), no_kid(), KEY_EDDSA,
                                         slice_of(points[i], 32), &key),
                         0);
        memcpy(signature, points[i], 32);
        assert_refused(key, signer_jwt_with("{\"alg\":\"EdDSA\"}", "{}", slice_of(signature, 64)));
        keys_free(cc_allocator_default(), key);
    }
}

static void headers_that_are_refused_or_ignored(void **state)
{
    static const struct {
        const char *header;
        int status;
    } cases[] = {
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"x\":[{\"alg\":\"none\"}]}", 0},
        {" {\"\\u0061lg\" : \"HS\\u003256\"} ", 0},
        {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"},\"jku\":\"http://x\"}", 0},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\",\"crit\":[]}", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\"}", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\",\"kid\":\"a\",\"kid\":\"a\"}", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\",\"kid\":1}", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\"", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\"}}", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\\u0000\"}", CC_EUNAUTHORIZED},
    };
    struct key *key = secret_key("", SIGNER_SECRET);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *token = signer_jwt_hs256(slice_str(SIGNER_SECRET), cases[i].header, "{}");

        if (open_with(key, token) != cases[i].status)
            fail_msg("%s", cases[i].header);
        free(token);
    }
    keys_free(cc_allocator_default(), key);
}

/* --- several keys -------------------------------------------------------------------------------
 */

static void kids_choose_among_keys(void **state)
{
    static const struct {
        const char *header;
        const char *secret;
        int status;
    } cases[] = {
        {"{\"alg\":\"HS256\",\"kid\":\"old\"}", "old-secret-0123456789", 0},
        {"{\"alg\":\"HS256\",\"kid\":\"new\"}", "new-secret-0123456789", 0},
        {"{\"alg\":\"HS256\",\"kid\":\"old\"}", "new-secret-0123456789", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\"}", "new-secret-0123456789", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\",\"kid\":\"\"}", "new-secret-0123456789", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\",\"kid\":\"other\"}", "new-secret-0123456789", CC_EUNAUTHORIZED},
        {"{\"alg\":\"HS256\"}", "any-secret-0123456789", 0},
        {"{\"alg\":\"HS256\",\"kid\":\"other\"}", "any-secret-0123456789", 0},
        {"{\"alg\":\"HS256\",\"kid\":\"rsa\"}", "any-secret-0123456789", 0},
        {"{\"alg\":\"RS256\",\"kid\":\"new\"}", "new-secret-0123456789", CC_EUNAUTHORIZED},
    };
    struct key *keys = secret_key("old", "old-secret-0123456789");
    char *token;

    (void)state;
    keys->next = secret_key("new", "new-secret-0123456789");
    keys->next->next = public_key("rsa", signer_rsa());
    keys->next->next->next = secret_key("", "any-secret-0123456789");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        token = signer_jwt_hs256(slice_str(cases[i].secret), cases[i].header, "{}");
        assert_int_equal(open_with(keys, token), cases[i].status);
        free(token);
    }
    token = signer_jwt(signer_rsa(), "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", "{}");
    assert_int_equal(open_with(keys, token), 0);
    free(token);
    keys_free(cc_allocator_default(), keys);
}

static void both_names_of_eddsa(void **state)
{
    struct key *key = public_key("", signer_ed25519());
    char *token = signer_jwt(signer_ed25519(), "{\"alg\":\"Ed25519\"}", "{}");

    (void)state;
    assert_int_equal(open_with(key, token), 0);
    free(token);
    keys_free(cc_allocator_default(), key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc7515_a1_hs256),
        cmocka_unit_test(rfc7515_a2_rs256),
        cmocka_unit_test(rfc7515_a3_es256),
        cmocka_unit_test(rfc8037_a4_eddsa),
        cmocka_unit_test(every_algorithm_opens_its_own_and_no_other),
        cmocka_unit_test(no_changed_character_passes),
        cmocka_unit_test(no_other_length_passes),
        cmocka_unit_test(none_is_no_algorithm),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(the_empty_and_the_zero_signature_are_none),
        cmocka_unit_test(es256_is_no_der),
        cmocka_unit_test(ed25519_signatures_have_one_form),
        cmocka_unit_test(ed25519_points_of_small_order_open_nothing),
        cmocka_unit_test(headers_that_are_refused_or_ignored),
        cmocka_unit_test(kids_choose_among_keys),
        cmocka_unit_test(both_names_of_eddsa),
    };
    int failed = cmocka_run_group_tests_name("jwt", tests, NULL, NULL);

    signer_free();
    return failed;
}
