/*
 * Addresses: what parses, what networks hold, who is behind a proxy.
 */
#include "gateway/address.h"

#include "support/test.h"

#include <netinet/in.h>
#include <sys/un.h>

static struct address address(const char *text)
{
    struct address parsed;

    assert_true(address_parse(slice_str(text), &parsed));
    return parsed;
}

static void assert_text(const char *text, const char *expected)
{
    struct address parsed = address(text);
    char written[ADDRESS_TEXT_MAX];

    address_text(&parsed, written);
    assert_string_equal(written, expected);
}

static void forms(void **state)
{
    static const char *const malformed[] = {"",
                                            "1.2.3",
                                            "1.2.3.4.5",
                                            "x",
                                            "[::1",
                                            "::1]",
                                            "1.2.3.4 ",
                                            "12345::1",
                                            "localhost",
                                            "::1%lo",
                                            "999.1.1.1",
                                            "[]",
                                            "0000:0000:0000:0000:0000:0000:0000:00001:00001"};
    struct address parsed;

    (void)state;
    assert_text("192.0.2.1", "192.0.2.1");
    assert_text("192.0.2.1:8080", "192.0.2.1");
    assert_text("2001:DB8::1", "2001:db8::1");
    assert_text("[2001:db8::1]", "2001:db8::1");
    assert_text("[2001:db8::1]:443", "2001:db8::1");
    assert_text("::ffff:192.0.2.1", "192.0.2.1");
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_false(address_parse(slice_str(malformed[i]), &parsed));
    assert_false(address_parse(slice_of("1.2.3.4\0", 8), &parsed));
}

static void sockets(void **state)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct address a, b = address("192.0.2.1");

    (void)state;
    assert_true(address_from_socket((struct sockaddr *)&ipv4, &a));
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(address_from_socket((struct sockaddr *)&ipv6, &a));
    assert_true(address_is_loopback(&a));
    assert_false(address_from_socket((struct sockaddr *)&local, &a));
}

static bool has(const char *network, const char *text)
{
    struct network parsed;
    struct address member = address(text);

    assert_true(network_parse(slice_str(network), &parsed));
    return network_has(&parsed, &member);
}

static void networks(void **state)
{
    static const char *const malformed[] = {"10.0.0.0/33", "10.0.0.0/",  "::/129",
                                            "/8",          "10.0.0.0/a", "10.0.0.0/0008"};
    struct network parsed;

    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.1"));
    assert_true(has("192.0.2.128/25", "192.0.2.129"));
    assert_false(has("192.0.2.128/25", "192.0.2.127"));
    assert_true(has("192.0.2.1", "192.0.2.1"));
    assert_false(has("192.0.2.1", "192.0.2.2"));
    assert_true(has("0.0.0.0/0", "203.0.113.9"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_false(network_parse(slice_str(malformed[i]), &parsed));
}

static void clients(void **state)
{
    struct address a = address("2001:db8::1"), b = address("2001:db8::2:3:4:5");
    struct address c = address("2001:db8:0:1::1"), d = address("192.0.2.1");
    struct address loopback = address("127.1.2.3");

    (void)state;
    a = address_client(&a);
    b = address_client(&b);
    c = address_client(&c);
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_not_equal(&a, &c, sizeof a);
    b = address_client(&d);
    assert_memory_equal(&b, &d, sizeof b);
    assert_true(address_is_loopback(&loopback));
    assert_false(address_is_loopback(&d));
}

static void assert_behind(const char *peer, const char *forwarded_for, const char *expected)
{
    struct network trusted[2];
    struct address from = address(peer), wanted = address(expected), client;

    assert_true(network_parse(slice_str("10.0.0.0/8"), &trusted[0]));
    assert_true(network_parse(slice_str("127.0.0.1"), &trusted[1]));
    client = address_behind(&from, slice_str(forwarded_for), trusted, 2);
    assert_memory_equal(&client, &wanted, sizeof client);
}

/* A client can write what it likes into the header: only what trusted proxies added counts. */
static void proxies(void **state)
{
    (void)state;
    assert_behind("203.0.113.7", "198.51.100.1", "203.0.113.7");
    assert_behind("10.0.0.1", "198.51.100.1", "198.51.100.1");
    assert_behind("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1");
    assert_behind("10.0.0.1", "1.1.1.1,198.51.100.1 , 10.0.0.9, 127.0.0.1", "198.51.100.1");
    assert_behind("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2");
    assert_behind("10.0.0.1", "", "10.0.0.1");
    assert_behind("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1");
    assert_behind("10.0.0.1", "unknown, 10.0.0.3", "10.0.0.3");
    assert_behind("10.0.0.1", "[2001:db8::5]:1234", "2001:db8::5");
    assert_behind("10.0.0.1", ",,,", "10.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),   cmocka_unit_test(sockets), cmocka_unit_test(networks),
        cmocka_unit_test(clients), cmocka_unit_test(proxies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
