/*
 * Signatures of Standard Webhooks; the expected one was computed with Python's hmac.
 */
#include "backends/notify/signature.h"

#include "support/test.h"

#define SECRET    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define SIGNATURE "v1,2c4VI0bO4Wd5svqP2unEA9pCk0dTAXr/elrHCJ+/efk="

static void test_each_secret_signs(void **state)
{
    struct signing_secrets secrets;
    char text[SIGNATURES_SIZE];

    (void)state;
    assert_true(signing_secrets_read("whsec_" SECRET "\n" SECRET " ", &secrets));
    assert_int_equal(secrets.count, 2);
    signatures_write(&secrets, slice_str("msg_1"), slice_str("1700000000"), slice_str("{}"), text);
    assert_string_equal(text, SIGNATURE " " SIGNATURE);
}

static void test_secrets_are_checked(void **state)
{
    struct signing_secrets secrets;

    (void)state;
    assert_false(signing_secrets_read("", &secrets));
    assert_false(signing_secrets_read(" \n", &secrets));
    assert_false(signing_secrets_read("whsec_c2hvcnQ=", &secrets));
    assert_false(signing_secrets_read("whsec_!", &secrets));
    assert_false(
        signing_secrets_read(SECRET " " SECRET " " SECRET " " SECRET " " SECRET, &secrets));
    assert_true(signing_secrets_read(SECRET " " SECRET " " SECRET " " SECRET, &secrets));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_secret_signs),
        cmocka_unit_test(test_secrets_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
