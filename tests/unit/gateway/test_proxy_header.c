/*
 * The PROXY protocol's header: what each form tells, where the client's bytes begin, what is none.
 */
#include "gateway/proxy_header.h"

#include "chatcore/error.h"
#include "support/test.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IPV4      "\xcb\x00\x71\x07\x0a\x00\x00\x01\xc7\x38\x01\xbb"
#define IPV6                                                                                       \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"         \
    "\xc7\x38\x01\xbb"
#define EXTRA                                                                                      \
    "\x02\x00\x03"                                                                                 \
    "abc"

#define BYTES(text) slice_of(text, sizeof(text) - 1)

/* The header, whole and behind it what the client says; and every shorter part of it goes on. */
static void assert_reads(struct cc_slice header, const char *address)
{
    char bytes[PROXY_HEADER_MAX + 4];
    char text[ADDRESS_TEXT_MAX];
    struct proxy_header read;

    memcpy(bytes, header.data, header.size);
    memcpy(bytes + header.size, "GET ", 4);
    assert_int_equal(proxy_header_read(slice_of(bytes, header.size + 4), &read), 0);
    assert_int_equal(read.size, header.size);
    assert_int_equal(read.has_address, address != NULL);
    if (address) {
        address_text(&read.address, text);
        assert_string_equal(text, address);
    }
    for (size_t size = 0; size < header.size; size++)
        assert_int_equal(proxy_header_read(slice_of(bytes, size), &read), PROXY_HEADER_MORE);
}

static void version_1(void **state)
{
    (void)state;
    assert_reads(BYTES("PROXY TCP4 203.0.113.7 10.0.0.1 51000 443\r\n"), "203.0.113.7");
    assert_reads(BYTES("PROXY TCP6 2001:db8::7 2001:db8::1 51000 443\r\n"), "2001:db8::7");
    assert_reads(BYTES("PROXY UNKNOWN\r\n"), NULL);
    assert_reads(BYTES("PROXY UNKNOWN whatever it says\r\n"), NULL);
}

static void version_2(void **state)
{
    (void)state;
    assert_reads(BYTES(SIGNATURE "\x21\x11\x00\x0c" IPV4), "203.0.113.7");
    assert_reads(BYTES(SIGNATURE "\x21\x11\x00\x12" IPV4 EXTRA), "203.0.113.7");
    assert_reads(BYTES(SIGNATURE "\x21\x21\x00\x24" IPV6), "2001:db8::7");
    assert_reads(BYTES(SIGNATURE "\x21\x21\x00\x2a" IPV6 EXTRA), "2001:db8::7");
    assert_reads(BYTES(SIGNATURE "\x21\x00\x00\x00"), NULL);
    assert_reads(BYTES(SIGNATURE "\x20\x00\x00\x00"), NULL);
    assert_reads(BYTES(SIGNATURE "\x20\x11\x00\x0c" IPV4), NULL);
}

static void what_is_no_header(void **state)
{
    const struct cc_slice wrong[] = {
        BYTES("GET / HTTP/1.1\r\n"),
        BYTES("PROXY\r\n"),
        BYTES("proxy TCP4 203.0.113.7 10.0.0.1 51000 443\r\n"),
        BYTES("PROXY TCP4 203.0.113.7 10.0.0.1 51000 443\n"),
        BYTES("PROXY TCP4 203.0.113.7 10.0.0.1 51000\r\n"),
        BYTES("PROXY TCP4 203.0.113.7 10.0.0.1 51000 443 1\r\n"),
        BYTES("PROXY TCP4 203.0.113.7 10.0.0.1 51000 65536\r\n"),
        BYTES("PROXY TCP4 203.0.113.7 10.0.0.1  443\r\n"),
        BYTES("PROXY TCP4 203.0.113.7:1 10.0.0.1 51000 443\r\n"),
        BYTES("PROXY TCP4 203.0.113.7\0 10.0.0.1 51000 443\r\n"),
        BYTES("PROXY TCP4 2001:db8::7 2001:db8::1 51000 443\r\n"),
        BYTES("PROXY TCP6 203.0.113.7 10.0.0.1 51000 443\r\n"),
        BYTES("PROXY TCP4 203.0.113.7 nowhere 51000 443\r\n"),
        BYTES("PROXY UDP4 203.0.113.7 10.0.0.1 51000 443\r\n"),
        BYTES("\r\n\r\n\0\r\nQUIT\r"),
        BYTES(SIGNATURE "\x11\x11\x00\x0c" IPV4),
        BYTES(SIGNATURE "\x22\x11\x00\x0c" IPV4),
        BYTES(SIGNATURE "\x21\x12\x00\x0c" IPV4),
        BYTES(SIGNATURE "\x21\x31\x00\x0c" IPV4),
        BYTES(SIGNATURE "\x21\x11\x00\x0b" IPV4),
        BYTES(SIGNATURE "\x21\x21\x00\x0c" IPV4),
        BYTES(SIGNATURE "\x21\x11\x03\xf1"),
        BYTES(SIGNATURE "\x21\x11\xff\xff"),
    };
    struct proxy_header read;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(proxy_header_read(wrong[i], &read), CC_EPROTOCOL);
}

static void none_grows_without_end(void **state)
{
    char bytes[PROXY_HEADER_MAX];
    struct proxy_header read;

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "PROXY UNKNOWN ", 14);
    assert_int_equal(proxy_header_read(slice_of(bytes, 106), &read), PROXY_HEADER_MORE);
    assert_int_equal(proxy_header_read(slice_of(bytes, 107), &read), CC_EPROTOCOL);
    memcpy(bytes + 105, "\r\n", 2);
    assert_reads(slice_of(bytes, 107), NULL);
    memcpy(bytes, SIGNATURE "\x20\x00\x03\xf0", 16);
    assert_reads(slice_of(bytes, sizeof bytes), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1),
        cmocka_unit_test(version_2),
        cmocka_unit_test(what_is_no_header),
        cmocka_unit_test(none_grows_without_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
