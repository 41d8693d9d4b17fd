/*
 * Public addresses.
 */
#include "backends/notify/address.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool is_public4(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    assert_int_equal(inet_pton(AF_INET, text, &address.sin_addr), 1);
    return address_is_public((struct sockaddr *)&address);
}

static bool is_public6(const char *text)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};

    assert_int_equal(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
    return address_is_public((struct sockaddr *)&address);
}

static void test_the_public_internet_is_public(void **state)
{
    static const char *const four[] = {"1.1.1.1",         "8.8.8.8",    "100.63.255.255",
                                       "172.15.255.255",  "172.32.0.0", "192.167.0.1",
                                       "223.255.255.255", "198.20.0.0", "11.0.0.0"};

    (void)state;
    for (size_t i = 0; i < sizeof four / sizeof four[0]; i++)
        assert_true(is_public4(four[i]));
    assert_true(is_public6("2606:4700::1111"));
    assert_true(is_public6("2a00:1450:4001::1"));
    assert_true(is_public6("::ffff:8.8.8.8"));
    assert_true(is_public6("64:ff9b::8.8.8.8"));
}

static void test_the_rest_is_not(void **state)
{
    static const char *const four[] = {
        "0.0.0.0",         "10.0.0.1",       "100.64.0.1",     "127.0.0.1", "127.255.255.255",
        "169.254.169.254", "172.16.0.1",     "172.31.255.255", "192.0.0.1", "192.168.1.1",
        "198.18.0.1",      "198.19.255.255", "224.0.0.1",      "240.0.0.1", "255.255.255.255"};
    static const char *const six[] = {"::",
                                      "::1",
                                      "fe80::1",
                                      "fc00::1",
                                      "fd12::1",
                                      "ff02::1",
                                      "::ffff:127.0.0.1",
                                      "::ffff:10.0.0.1",
                                      "::127.0.0.1",
                                      "64:ff9b::169.254.169.254",
                                      "2002:7f00:1::",
                                      "2001::1",
                                      "2001:db8::1",
                                      "3fff::1"};
    struct sockaddr local = {.sa_family = AF_UNIX};

    (void)state;
    for (size_t i = 0; i < sizeof four / sizeof four[0]; i++)
        assert_false(is_public4(four[i]));
    for (size_t i = 0; i < sizeof six / sizeof six[0]; i++)
        assert_false(is_public6(six[i]));
    assert_false(address_is_public(&local));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_public_internet_is_public),
        cmocka_unit_test(test_the_rest_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
