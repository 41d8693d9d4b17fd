/*
 * Tokens that unsubscribe: what was signed comes back, and nothing else does.
 */
#include "base/unsubscribe.h"

#include "base/crypto.h"
#include "support/test.h"

static const uint8_t key[CRYPTO_KEY_BYTES] = {1, 2, 3};
static const uint8_t other_key[CRYPTO_KEY_BYTES] = {1, 2, 4};

static bool reads(const uint8_t *with, struct cc_slice token, struct unsubscribe *who)
{
    return unsubscribe_read(cc_allocator_default(), with, token, who);
}

static void sign(struct buffer *token, const char *user, const char *device)
{
    buffer_init(token, cc_allocator_default());
    unsubscribe_sign(key, slice_str(user), slice_str(device), token);
}

static void test_names_come_back(void **state)
{
    char longest[CC_NAME_MAX + 1] = {0};
    const char *names[] = {"a",
                           "b\xc3\xb6"
                           "b",
                           longest};
    struct unsubscribe who;
    struct buffer token;

    (void)state;
    memset(longest, 'x', CC_NAME_MAX);
    for (size_t i = 0; i < 9; i++) {
        sign(&token, names[i / 3], names[i % 3]);
        assert_false(token.failed);
        assert_true(reads(key, buffer_slice(&token), &who));
        assert_true(slice_equal(who.user, slice_str(names[i / 3])));
        assert_true(slice_equal(who.device, slice_str(names[i % 3])));
        assert_false(reads(other_key, buffer_slice(&token), &who));
        buffer_deinit(&token);
    }
}

/* A change of any character, or a cut at any place. */
static void test_what_was_not_signed_is_refused(void **state)
{
    struct unsubscribe who;
    struct buffer token;

    (void)state;
    sign(&token, "bob", "mail");
    for (size_t i = 0; i < token.size; i++) {
        char before = token.data[i];

        assert_false(reads(key, slice_of(token.data, i), &who));
        token.data[i] = before == 'Q' ? 'g' : 'Q';
        assert_false(reads(key, buffer_slice(&token), &who));
        token.data[i] = before;
    }
    buffer_append_byte(&token, 'A');
    assert_false(reads(key, buffer_slice(&token), &who));
    assert_false(reads(key, slice_str(""), &who));
    buffer_deinit(&token);
}

/* The border between the two names is signed, too. */
static void test_names_are_told_apart(void **state)
{
    struct buffer one, other;

    (void)state;
    sign(&one, "ab", "c");
    sign(&other, "a", "bc");
    assert_false(slice_equal(buffer_slice(&one), buffer_slice(&other)));
    buffer_deinit(&one);
    buffer_deinit(&other);
}

static void test_what_is_no_name_is_not_signed(void **state)
{
    struct buffer token;

    (void)state;
    sign(&token, "", "mail");
    assert_true(token.failed);
    buffer_deinit(&token);
    sign(&token, "bob", "a b");
    assert_true(token.failed);
    buffer_deinit(&token);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_come_back),
        cmocka_unit_test(test_what_was_not_signed_is_refused),
        cmocka_unit_test(test_names_are_told_apart),
        cmocka_unit_test(test_what_is_no_name_is_not_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
