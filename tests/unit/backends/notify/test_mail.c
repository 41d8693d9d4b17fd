/*
 * Mails: what may be an address, what stands in a header, and that no text gets out of its place.
 * What mail programs make of them is read by Python's email package, in tests/e2e/mail_test.py.
 */
#include "backends/notify/mail.h"

#include "support/test.h"

static void test_addresses(void **state)
{
    static const char *const good[] = {"a@b", "bob@example.org", "bob.b+chat@mail.example.org",
                                       "o'hara_1@x-y.org"};
    static const char *const bad[] = {
        "",     "bob",    "@example.org", "bob@",  "a@b@c", ".a@b",       "a..b@c",
        "a.@b", "a@b..c", "a@.b",         "a@b.",  "a b@c", "a@b c",      "a@b\r\nX: y",
        "a@b>", "<a@b",   "\"a\"@b",      "a%b@c", "a!b@c", "\xc3\xb6@b", "a@[127.0.0.1]"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(mail_address_is_valid(slice_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mail_address_is_valid(slice_str(bad[i])));
}

static void test_addresses_are_bounded(void **state)
{
    char text[300];

    (void)state;
    memset(text, 'a', sizeof text);
    text[64] = '@';
    assert_true(mail_address_is_valid(slice_of(text, 254)));
    assert_false(mail_address_is_valid(slice_of(text, 255)));
    text[64] = 'a';
    text[65] = '@';
    assert_false(mail_address_is_valid(slice_of(text, 200)));
    assert_false(mail_address_is_valid(slice_of("a\0@b", 4)));
}

static void check_from(const char *text, const char *name, const char *address)
{
    struct mail_from from;

    assert_true(mail_from_read(slice_str(text), &from));
    assert_string_equal(from.address, address);
    assert_true(slice_equal(from.name, slice_str(name)));
}

static void test_senders(void **state)
{
    struct mail_from from;

    (void)state;
    check_from("chat@example.org", "", "chat@example.org");
    check_from("Chat <chat@example.org>", "Chat", "chat@example.org");
    check_from("\"Chat, the\" <chat@example.org>", "Chat, the", "chat@example.org");
    assert_false(mail_from_read(slice_str("Chat chat@example.org"), &from));
    assert_false(mail_from_read(slice_str("Chat <chat@example.org"), &from));
    assert_false(mail_from_read(slice_str("Chat <>"), &from));
}

static void check_words(struct cc_slice text, const char *expected)
{
    struct buffer out;

    buffer_init(&out, cc_allocator_default());
    mail_put_words(&out, text);
    buffer_append_byte(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.data, expected);
    buffer_deinit(&out);
}

/* The expected ones were encoded by Python's base64. */
static void test_header_texts(void **state)
{
    (void)state;
    check_words(slice_str("Club 7"), "Club 7");
    check_words(slice_str("B\xc3\xbc"
                          "cher"),
                "=?UTF-8?B?QsO8Y2hlcg==?=");
    check_words(slice_str("=?UTF-8?B?QQ==?="), "=?UTF-8?B?PT9VVEYtOD9CP1FRPT0/PQ==?=");
    check_words(slice_str("a\r\nBcc: b@c"), "=?UTF-8?B?YSAgQmNjOiBiQGM=?=");
    check_words(slice_str(" a"), "=?UTF-8?B?IGE=?=");
}

/* 18 characters of two bytes are a word; a character is never parted. */
static void test_long_header_texts_are_folded(void **state)
{
    static const char one[] = "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"
                              "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"
                              "\xc3\xbc";
    char text[96];

    (void)state;
    memcpy(text, "x", 1);
    memcpy(text + 1, one, 34);
    memcpy(text + 35, one, 4);
    check_words(slice_of(text, 39),
                "=?UTF-8?B?eMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7w=?=\r\n "
                "=?UTF-8?B?w7zDvA==?=");
}

static struct cc_notification notification(const char *title, const char *body)
{
    return (struct cc_notification){.kind = CC_KIND_GROUP,
                                    .user = slice_str("bob"),
                                    .token = slice_str("bob@example.org"),
                                    .title = slice_str(title),
                                    .body = slice_str(body),
                                    .count = 2};
}

static struct mail mail_of(const struct mail_from *from, const struct cc_notification *first)
{
    return (struct mail){.from = from, .first = first, .wall_ms = 1700000000000};
}

static void test_the_header(void **state)
{
    static const char expected[] =
        "From: \"Chat \\\"7\\\"\" <chat@example.org>\0To: <bob@example.org>\0"
        "Subject: 2 new messages in\r\n Club\0Date: Tue, 14 Nov 2023 22:13:20 +0000\0"
        "Message-ID: <00000000000000000000000000000000@example.org>\0"
        "Auto-Submitted: auto-generated\0List-Unsubscribe: <https://x/u>\0"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click";
    struct cc_notification first = notification("Club", "hi");
    struct mail_from from;
    struct mail mail = mail_of(&from, &first);
    struct buffer out;

    (void)state;
    assert_true(mail_from_read(slice_str("Chat \"7\". <chat@example.org>"), &from));
    from.name.size--; /* what follows the quote would be trimmed */
    mail.unsubscribe = slice_str("https://x/u");
    buffer_init(&out, cc_allocator_default());
    mail_put_header(&out, &mail);
    assert_int_equal(out.size, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    buffer_deinit(&out);
}

static void check_body(void (*put)(struct buffer *out, const struct mail *mail), const char *title,
                       const char *body, const char *expected)
{
    struct cc_notification first = notification(title, body);
    struct mail_from from = {.domain = ""};
    struct mail mail = mail_of(&from, &first);
    struct buffer out;

    buffer_init(&out, cc_allocator_default());
    put(&out, &mail);
    buffer_append_byte(&out, '\0');
    assert_non_null(strstr(out.data, expected));
    buffer_deinit(&out);
}

static void test_texts_stay_in_their_place(void **state)
{
    (void)state;
    check_body(mail_put_text, "Cl\nub", "a\r\nb\x1b[1m", "Cl ub\r\n  a \r\n  b [1m\r\n");
    check_body(mail_put_html, "<b>\"&", "a\n</p>",
               "<h3>&lt;b&gt;&quot;&amp;</h3>\r\n<p>a<br>\r\n&lt;/p&gt;</p>");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_addresses_are_bounded),
        cmocka_unit_test(test_senders),
        cmocka_unit_test(test_header_texts),
        cmocka_unit_test(test_long_header_texts_are_folded),
        cmocka_unit_test(test_the_header),
        cmocka_unit_test(test_texts_stay_in_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
