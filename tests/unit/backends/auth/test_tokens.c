/*
 * The auth port over tokens, through its public functions: operations complete once and in the
 * mailbox, keys can be rotated, and every failed allocation is an error that leaves all as it was.
 */
#include "../../wire/budget.h"
#include "chatcore/backend/auth.h"
#include "chatcore/error.h"
#include "signer.h"
#include "support/test.h"

#include <stdio.h>

#define NOW 1700000000000

struct verification {
    struct cc_mailbox mailbox;
    struct cc_auth_verify verify;
    int completed;
};

static void completed(struct cc_op *op)
{
    struct verification *verification =
        (struct verification *)((char *)op - offsetof(struct verification, verify));

    verification->completed++;
}

/* Verifies; the answer's memory stays until verification_end(). */
static int verify(struct cc_auth *auth, const char *token, struct verification *verification)
{
    memset(verification, 0, sizeof *verification);
    verification->verify.op.mailbox = &verification->mailbox;
    verification->verify.op.complete = completed;
    verification->verify.token = slice_str(token);
    verification->verify.now = (struct cc_time){.wall_ms = NOW, .mono_ms = 5};
    auth->vtable->verify(auth->self, &verification->verify);
    assert_int_equal(verification->completed, 0);
    assert_int_equal(cc_mailbox_drain(&verification->mailbox), 1);
    assert_int_equal(verification->completed, 1);
    return verification->verify.op.status;
}

static void verification_end(struct verification *verification)
{
    cc_op_release(&verification->verify.op);
    cc_op_release(&verification->verify.op);
}

static int status_of(struct cc_auth *auth, const char *token)
{
    struct verification verification;
    int status = verify(auth, token, &verification);

    verification_end(&verification);
    return status;
}

static struct cc_auth auth_new(const struct cc_allocator *allocator)
{
    struct cc_auth_tokens_options options = CC_AUTH_TOKENS_OPTIONS_INIT;
    struct cc_auth auth;

    assert_int_equal(cc_auth_tokens_new(allocator, &options, &auth), 0);
    return auth;
}

static void auth_free(struct cc_auth *auth)
{
    auth->vtable->free(auth->self);
}

static char *hs256(const char *payload)
{
    return signer_jwt_hs256(slice_str(SIGNER_SECRET), "{\"alg\":\"HS256\"}", payload);
}

static void answers_user_expiry_and_rights(void **state)
{
    struct cc_auth auth = auth_new(cc_allocator_default());
    char *token = hs256("{\"sub\":\"alice\",\"exp\":1700000000.5,\"admin\":true}");
    struct verification verification;

    (void)state;
    assert_int_equal(cc_auth_tokens_add_secret(&auth, NULL, slice_str(SIGNER_SECRET)), 0);
    assert_int_equal(verify(&auth, token, &verification), 0);
    free(token);
    auth_free(&auth); /* the answer outlives the port */
    assert_true(slice_equal(verification.verify.ret_user, slice_str("alice")));
    assert_int_equal(verification.verify.ret_expires, NOW + 500);
    assert_true(verification.verify.ret_admin);
    verification_end(&verification);
}

static void each_kind_of_key_through_the_port(void **state)
{
    static const char payload[] = "{\"sub\":\"alice\",\"exp\":1700000001}";
    EVP_PKEY *publics[] = {signer_rsa(), signer_p256(), signer_ed25519()};
    static const char *const headers[] = {"{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}",
                                          "{\"alg\":\"EdDSA\"}"};
    struct cc_auth auth = auth_new(cc_allocator_default());
    uint8_t point[32];
    char *token;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char *pem = signer_pem(publics[i]);

        token = signer_jwt(publics[i], headers[i], payload);
        assert_int_equal(status_of(&auth, token), CC_EUNAUTHORIZED);
        assert_int_equal(cc_auth_tokens_add_pem(&auth, NULL, slice_str(pem)), 0);
        assert_int_equal(status_of(&auth, token), 0);
        free(token);
        free(pem);
    }
    token = signer_paseto(signer_ed25519(),
                          "{\"sub\":\"bob\",\"exp\":\"2099-01-01T00:00:00+00:00\"}", "{}");
    signer_raw(signer_ed25519(), point);
    assert_int_equal(status_of(&auth, token), CC_EUNAUTHORIZED);
    assert_int_equal(cc_auth_tokens_add_paseto(&auth, slice_of(point, 31)), CC_EINVAL);
    assert_int_equal(cc_auth_tokens_add_paseto(&auth, slice_of(point, 32)), 0);
    assert_int_equal(status_of(&auth, token), 0);
    free(token);
    auth_free(&auth);
}

static void without_keys_nothing_passes(void **state)
{
    struct cc_auth auth = auth_new(cc_allocator_default());
    char *token = hs256("{\"sub\":\"alice\",\"exp\":1700000001}");

    (void)state;
    assert_int_equal(status_of(&auth, token), CC_EUNAUTHORIZED);
    assert_int_equal(status_of(&auth, ""), CC_EUNAUTHORIZED);
    assert_int_equal(status_of(&auth, "eyJhbGciOiJub25lIn0."
                                      "eyJzdWIiOiJhbGljZSIsImV4cCI6MTcwMDAwMDAwMX0."),
                     CC_EUNAUTHORIZED);
    free(token);
    auth_free(&auth);
}

static void tells_expired_from_unauthorized(void **state)
{
    struct cc_auth auth = auth_new(cc_allocator_default());
    char *token = hs256("{\"sub\":\"alice\",\"exp\":1700000000}");

    (void)state;
    assert_int_equal(cc_auth_tokens_add_secret(&auth, NULL, slice_str(SIGNER_SECRET)), 0);
    assert_int_equal(status_of(&auth, token), CC_EEXPIRED);
    token[strlen(token) - 2] ^= 1;
    assert_int_equal(status_of(&auth, token), CC_EUNAUTHORIZED);
    free(token);
    auth_free(&auth);
}

static void options_are_copied(void **state)
{
    char audience[] = "chat";
    char issuer[] = "id";
    struct cc_auth_tokens_options options = CC_AUTH_TOKENS_OPTIONS_INIT;
    char *good = hs256("{\"sub\":\"a\",\"exp\":1699999999,\"aud\":\"chat\",\"iss\":\"id\"}");
    char *other = hs256("{\"sub\":\"a\",\"exp\":1699999999,\"aud\":\"mail\",\"iss\":\"id\"}");
    struct cc_auth auth;

    (void)state;
    options.audience = audience;
    options.issuer = issuer;
    options.leeway_ms = 1001;
    assert_int_equal(cc_auth_tokens_new(cc_allocator_default(), &options, &auth), 0);
    memset(audience, 'x', 4);
    memset(issuer, 'x', 2);
    options.leeway_ms = 0;
    assert_int_equal(cc_auth_tokens_add_secret(&auth, NULL, slice_str(SIGNER_SECRET)), 0);
    assert_int_equal(status_of(&auth, good), 0);
    assert_int_equal(status_of(&auth, other), CC_EUNAUTHORIZED);
    free(good);
    free(other);
    auth_free(&auth);
    options.leeway_ms = -1;
    assert_int_equal(cc_auth_tokens_new(cc_allocator_default(), &options, &auth), CC_EINVAL);
    options.leeway_ms = 0;
    options.size = 0;
    assert_int_equal(cc_auth_tokens_new(cc_allocator_default(), &options, &auth), CC_EINVAL);
}

static void keys_can_be_replaced(void **state)
{
    struct cc_auth auth = auth_new(cc_allocator_default());
    char *token = hs256("{\"sub\":\"alice\",\"exp\":1700000001}");

    (void)state;
    assert_int_equal(
        cc_auth_tokens_add_jwks(
            &auth, slice_str("{\"keys\":[{\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZg\"}]}")),
        0);
    assert_int_equal(status_of(&auth, token), 0);
    assert_int_equal(cc_auth_tokens_clear(&auth), 0);
    assert_int_equal(status_of(&auth, token), CC_EUNAUTHORIZED);
    assert_int_equal(cc_auth_tokens_add_secret(&auth, NULL, slice_str(SIGNER_SECRET)), 0);
    assert_int_equal(status_of(&auth, token), 0);
    free(token);
    auth_free(&auth);
}

static void holds_64_keys(void **state)
{
    struct cc_auth auth = auth_new(cc_allocator_default());
    char secret[32] = SIGNER_SECRET;

    (void)state;
    for (int i = 0; i < 63; i++)
        assert_int_equal(cc_auth_tokens_add_secret(&auth, NULL, slice_of(secret, 32)), 0);
    /* two don't fit, and none of them stays */
    assert_int_equal(
        cc_auth_tokens_add_jwks(
            &auth, slice_str("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAA"
                             "AAAAA\"},{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAA"
                             "AAA\"}]}")),
        CC_ETOOLARGE);
    assert_int_equal(cc_auth_tokens_add_secret(&auth, NULL, slice_of(secret, 32)), 0);
    assert_int_equal(cc_auth_tokens_add_secret(&auth, NULL, slice_of(secret, 32)), CC_ETOOLARGE);
    auth_free(&auth);
}

/* 8,192 bytes are looked at, one more is not. */
static void tokens_have_their_bound(void **state)
{
    struct cc_auth auth = auth_new(cc_allocator_default());
    char payload[8192];

    (void)state;
    assert_int_equal(cc_auth_tokens_add_secret(&auth, NULL, slice_str(SIGNER_SECRET)), 0);
    for (int filler = 6060; filler < 6100; filler++) {
        char *token;

        snprintf(payload, sizeof payload, "{\"sub\":\"a\",\"exp\":1700000001,\"x\":\"%0*d\"}",
                 filler, 0);
        token = hs256(payload);
        assert_int_equal(status_of(&auth, token), strlen(token) <= 8192 ? 0 : CC_EUNAUTHORIZED);
        free(token);
    }
    auth_free(&auth);
}

static void signs_what_it_verifies(void **state)
{
    static const char *const users[] = {
        "alice", "a\"b\\c", "\xc3\xa9\xf0\x9f\x98\x80",
        ("\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"
         "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\")};
    struct cc_auth auth = auth_new(cc_allocator_default());
    struct verification verification;
    char *token;

    (void)state;
    assert_int_equal(strlen(users[3]), CC_NAME_MAX);
    assert_int_equal(cc_auth_tokens_add_secret(&auth, NULL, slice_str(SIGNER_SECRET)), 0);
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        assert_int_equal(cc_auth_tokens_sign(cc_allocator_default(), slice_str(SIGNER_SECRET),
                                             slice_str(users[i]), 1700000001, &token),
                         0);
        assert_int_equal(verify(&auth, token, &verification), 0);
        assert_true(slice_equal(verification.verify.ret_user, slice_str(users[i])));
        assert_int_equal(verification.verify.ret_expires, NOW + 1000);
        assert_false(verification.verify.ret_admin);
        assert_int_equal(verification.verify.ret_token_id.size, 32);
        assert_true(verification.verify.ret_issued > NOW);
        verification_end(&verification);
        free(token);
    }
    assert_int_equal(cc_auth_tokens_sign(cc_allocator_default(), slice_str(SIGNER_SECRET),
                                         slice_str("a"), INT64_MIN, &token),
                     0);
    assert_int_equal(status_of(&auth, token), CC_EEXPIRED);
    free(token);
    auth_free(&auth);
}

static void signs_nothing_that_is_wrong(void **state)
{
    char *token;

    (void)state;
    assert_int_equal(
        cc_auth_tokens_sign(cc_allocator_default(), slice_str("short"), slice_str("a"), 1, &token),
        CC_EINVAL);
    assert_int_equal(cc_auth_tokens_sign(cc_allocator_default(), slice_str(SIGNER_SECRET),
                                         slice_str(""), 1, &token),
                     CC_EINVAL);
    assert_int_equal(cc_auth_tokens_sign(cc_allocator_default(), slice_str(SIGNER_SECRET),
                                         slice_str("a b"), 1, &token),
                     CC_EINVAL);
}

static void a_foreign_port_is_refused(void **state)
{
    static const struct cc_auth_vtable vtable = {.size = sizeof vtable};
    struct cc_auth auth = {&vtable, NULL};

    (void)state;
    assert_int_equal(cc_auth_tokens_add_secret(&auth, NULL, slice_str(SIGNER_SECRET)), CC_EINVAL);
    assert_int_equal(cc_auth_tokens_add_pem(&auth, NULL, slice_str("x")), CC_EINVAL);
    assert_int_equal(cc_auth_tokens_add_jwks(&auth, slice_str("{}")), CC_EINVAL);
    assert_int_equal(cc_auth_tokens_add_paseto(&auth, slice_str("x")), CC_EINVAL);
    assert_int_equal(cc_auth_tokens_clear(&auth), CC_EINVAL);
}

/* --- without memory -----------------------------------------------------------------------------
 */

/* All that a host does with the port; the first error, or 0. */
static int use_all(const struct cc_allocator *allocator, const char *token)
{
    struct cc_auth_tokens_options options = CC_AUTH_TOKENS_OPTIONS_INIT;
    struct verification verification;
    struct cc_auth auth;
    char *minted = NULL;
    int r;

    options.audience = "chat";
    options.issuer = "id";
    r = cc_auth_tokens_new(allocator, &options, &auth);
    if (r)
        return r;
    r = cc_auth_tokens_add_secret(&auth, "k", slice_str(SIGNER_SECRET));
    if (!r)
        r = cc_auth_tokens_add_jwks(
            &auth, slice_str("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"j\",\"\\u006b\":"
                             "\"MDEyMzQ1Njc4OWFiY2RlZg\"},{\"kty\":\"oct\",\"k\":"
                             "\"MDEyMzQ1Njc4OWFiY2RlZg\"}]}"));
    if (!r)
        r = verify(&auth, token, &verification);
    if (!r)
        verification_end(&verification);
    if (!r)
        r = cc_auth_tokens_sign(allocator, slice_str(SIGNER_SECRET), slice_str("a"), 1, &minted);
    mem_free(allocator, minted);
    auth_free(&auth);
    return r;
}

static void every_failed_allocation_is_an_error(void **state)
{
    char *token = hs256("{\"\\u0073ub\":\"\\u0061\",\"exp\":1700000001,\"aud\":\"chat\",\"iss\":"
                        "\"id\"}");
    int failures = 0;
    int r = CC_ENOMEM;

    (void)state;
    for (int allowed = 0; r && allowed < 1000; allowed++) {
        struct budget budget = {.allocations = allowed};
        struct cc_allocator allocator = budget_allocator(&budget);

        r = use_all(&allocator, token);
        assert_true(r == 0 || r == CC_ENOMEM);
        assert_int_equal(budget.out, 0);
        failures += r != 0;
    }
    assert_int_equal(r, 0);
    assert_true(failures >= 10);
    free(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_user_expiry_and_rights),
        cmocka_unit_test(each_kind_of_key_through_the_port),
        cmocka_unit_test(without_keys_nothing_passes),
        cmocka_unit_test(tells_expired_from_unauthorized),
        cmocka_unit_test(options_are_copied),
        cmocka_unit_test(keys_can_be_replaced),
        cmocka_unit_test(holds_64_keys),
        cmocka_unit_test(tokens_have_their_bound),
        cmocka_unit_test(signs_what_it_verifies),
        cmocka_unit_test(signs_nothing_that_is_wrong),
        cmocka_unit_test(a_foreign_port_is_refused),
        cmocka_unit_test(every_failed_allocation_is_an_error),
    };
    int failed = cmocka_run_group_tests_name("tokens", tests, NULL, NULL);

    signer_free();
    return failed;
}
