/*
 * What libsodium is asked for: known answers, and the framing of the digest's parts.
 */
#include "support/test.h"

#include "base/crypto.h"
#include "base/memory.h"

static void digest(const char *a, const char *b, uint8_t ret_digest[16])
{
    struct cc_slice parts[] = {slice_str(a), slice_str(b)};

    crypto_digest16(parts, b[0] ? 2 : 1, ret_digest);
}

static void parts_do_not_run_together(void **state)
{
    uint8_t one[16], other[16];

    (void)state;
    digest("ab", "c", one);
    digest("a", "bc", other);
    assert_memory_not_equal(one, other, 16);
    digest("abc", "", other);
    assert_memory_not_equal(one, other, 16);
    digest("ab", "c", other);
    assert_memory_equal(one, other, 16);
}

/* RFC 8032, 7.1, test 2: one byte, 0x72. */
static void signatures_are_those_of_the_rfc(void **state)
{
    static const uint8_t key[32] =
        "\x3d\x40\x17\xc3\xe8\x43\x89\x5a\x92\xb7\x0a\xa7\x4d\x1b\x7e\xbc"
        "\x9c\x98\x2c\xcf\x2e\xc4\x96\x8c\xc0\xcd\x55\xf1\x2a\xf4\x66\x0c";
    uint8_t signature[64] = "\x92\xa0\x09\xa9\xf0\xd4\xca\xb8\x72\x0e\x82\x0b\x5f\x64\x25\x40"
                            "\xa2\xb2\x7b\x54\x16\x50\x3f\x8f\xb3\x76\x22\x23\xeb\xdb\x69\xda"
                            "\x08\x5a\xc1\xe4\x3e\x15\x99\x6e\x45\x8f\x36\x13\xd0\xf1\x1d\x8c"
                            "\x38\x7b\x2e\xae\xb4\x30\x2a\xee\xb0\x0d\x29\x16\x12\xbb\x0c\x00";

    (void)state;
    assert_true(crypto_ed25519_verify(signature, slice_str("\x72"), key));
    assert_false(crypto_ed25519_verify(signature, slice_str("\x73"), key));
    signature[10] ^= 1;
    assert_false(crypto_ed25519_verify(signature, slice_str("\x72"), key));
}

static void random_bytes_fill_all_and_repeat_nothing(void **state)
{
    uint8_t one[32] = {0}, other[32] = {0};

    (void)state;
    crypto_random(one, sizeof one);
    cc_random_default()->fill(cc_random_default()->context, other, sizeof other);
    assert_memory_not_equal(one, other, 32);
    assert_memory_not_equal(one, one + 16, 16);
    assert_memory_not_equal(other, other + 16, 16);
}

static void equality_looks_at_every_byte(void **state)
{
    char a[32] = {0}, b[32] = {0};

    (void)state;
    assert_true(crypto_equal(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] = 1;
        assert_false(crypto_equal(a, b, sizeof a));
        b[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_do_not_run_together),
        cmocka_unit_test(signatures_are_those_of_the_rfc),
        cmocka_unit_test(random_bytes_fill_all_and_repeat_nothing),
        cmocka_unit_test(equality_looks_at_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
