/*
 * Tokens that verify an address: what was signed comes back, and nothing else does.
 */
#include "base/verification.h"

#include "base/crypto.h"
#include "base/unsubscribe.h"
#include "support/test.h"

static const uint8_t key[CRYPTO_KEY_BYTES] = {1, 2, 3};
static const uint8_t other_key[CRYPTO_KEY_BYTES] = {1, 2, 4};

static bool reads(const uint8_t *with, struct cc_slice token, struct verification *who)
{
    return verification_read(cc_allocator_default(), with, token, who);
}

static void sign(struct buffer *token, const char *user, const char *address)
{
    const struct verification verification = {.user = slice_str(user),
                                              .device = slice_str("mail"),
                                              .address = slice_str(address),
                                              .until = INT64_C(1700000000123)};

    buffer_init(token, cc_allocator_default());
    verification_sign(key, &verification, token);
}

static void test_it_comes_back(void **state)
{
    char user[CC_NAME_MAX + 1] = {0};
    char address[VERIFICATION_ADDRESS_MAX + 1] = {0};
    struct verification who;
    struct buffer token;

    (void)state;
    memset(user, 'u', CC_NAME_MAX);
    memset(address, 'a', VERIFICATION_ADDRESS_MAX);
    sign(&token, user, address);
    assert_false(token.failed);
    assert_true(reads(key, buffer_slice(&token), &who));
    assert_true(slice_equal(who.user, slice_str(user)));
    assert_true(slice_equal(who.device, slice_str("mail")));
    assert_true(slice_equal(who.address, slice_str(address)));
    assert_int_equal(who.until, INT64_C(1700000000123));
    assert_false(reads(other_key, buffer_slice(&token), &who));
    buffer_deinit(&token);
}

static void test_what_is_none_is_not_signed(void **state)
{
    char address[VERIFICATION_ADDRESS_MAX + 2] = {0};
    struct buffer token;

    (void)state;
    memset(address, 'a', sizeof address - 1);
    sign(&token, "bob", address);
    assert_true(token.failed);
    sign(&token, "b b", "a@b");
    assert_true(token.failed);
    sign(&token, "bob", "");
    assert_true(token.failed);
    buffer_deinit(&token);
}

/* A change of any character, a cut at any place; and what the same key signed for something else.
 */
static void test_what_was_not_signed_is_refused(void **state)
{
    struct unsubscribe other;
    struct verification who;
    struct buffer token;

    (void)state;
    sign(&token, "bob", "bob@example.org");
    assert_false(unsubscribe_read(cc_allocator_default(), key, buffer_slice(&token), &other));
    for (size_t i = 0; i < token.size; i++) {
        char before = token.data[i];

        assert_false(reads(key, slice_of(token.data, i), &who));
        token.data[i] = before == 'Q' ? 'g' : 'Q';
        assert_false(reads(key, buffer_slice(&token), &who));
        token.data[i] = before;
    }
    buffer_clear(&token);
    unsubscribe_sign(key, slice_str("bob"), slice_str("mail"), &token);
    assert_false(reads(key, buffer_slice(&token), &who));
    buffer_deinit(&token);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_comes_back),
        cmocka_unit_test(test_what_is_none_is_not_signed),
        cmocka_unit_test(test_what_was_not_signed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
