/*
 * Fingerprints: what is the same text to the spam filter, what is not, and what counts as a link.
 */
#include "backends/filter/fingerprint.h"

#include "support/test.h"

#include <stdlib.h>

static uint32_t of(const char *text)
{
    return spam_fingerprint(slice_str(text));
}

static void sees_through_what_costs_nothing_to_vary(void **state)
{
    static const char *const same[][2] = {
        {"Buy now!", "buy NOW!"},
        {"Buy now!", "  b u y\tnow !\r\n"},
        {"Buy now!", "Buy\xc2\xa0now!"}, /* no-break space */
        {"Buy now!", "B\xe2\x80\x8buy n\xc2\xad"
                     "ow\xef\xbb\xbf!"},                      /* zero width, soft hyphen */
        {"Buy now!", "B\xf3\xa0\x81\xa1uy now!\xef\xb8\x8f"}, /* tag, variation selector */
        {"Buy now!", "\xef\xbc\xa2\xef\xbd\x95\xef\xbd\x99 now\xef\xbc\x81"}, /* full width */
        {"code 1234", "Code 77"},
        {"code 1234", "code 1 2 3"},
        {"a1b", "a99999b"},
        {"\xc3\x84\xc3\x96", "\xc3\xa4\xc3\xb6"}, /* Latin-1 */
        {"\xc5\x81\xc3\xb3"
         "d\xc5\xba",
         "\xc5\x82\xc3\x93"
         "D\xc5\xb9"},                                            /* Polish */
        {"\xce\x91\xce\xa9", "\xce\xb1\xcf\x89"},                 /* Greek */
        {"\xd0\x9f\xd0\xa0\xd0\x81", "\xd0\xbf\xd1\x80\xd1\x91"}, /* Cyrillic */
    };

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (of(same[i][0]) != of(same[i][1]))
            fail_msg("%s is not %s", same[i][0], same[i][1]);
}

static void tells_other_texts_apart(void **state)
{
    static const char *const texts[] = {
        "a",
        "b",
        "ab",
        "ba",
        "1",
        "a1",
        "1a",
        "a1a",
        "!",
        "?",
        ".",
        "\xc3\xa4",
        "\xc3\x97",
        "\xc3\xb7",
        "\xe4\xbd\xa0",
        "\xe5\xa5\xbd",
        "aa",
        "0x",
        "x0",
        "\xd0\xb0",
        "hello",
        "hallo",
        "hello!",
        "\xf0\x9f\x98\x80",
        "w",
        "ww",
        "h",
        "\xce\xb1",
        "\xf0\x9f\x98\x81",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t j = 0; j < i; j++)
            if (of(texts[i]) == of(texts[j]))
                fail_msg("%s is %s", texts[i], texts[j]);
}

static void nothing_visible_is_no_text(void **state)
{
    (void)state;
    assert_int_equal(of(""), 0);
    assert_int_equal(of(" \t\n\r "), 0);
    assert_int_equal(of("\xe2\x80\x8b\xe2\x80\x8d\xef\xbb\xbf\xe3\x80\x80"), 0);
    assert_int_equal(spam_fingerprint(slice_of("\0\0", 2)), 0);
    assert_int_not_equal(of("."), 0);
}

/* Stays the same for ever, so that answers can be replayed. */
static void is_a_function_of_the_text(void **state)
{
    (void)state;
    assert_int_equal(of("Hello, world 42"), of("Hello, world 42"));
    assert_int_equal(of("hello,world0"), 0xa540055c);
}

/* Longer than a block of the hash, differing in one place, whichever. */
static void long_texts_differ_by_every_place(void **state)
{
    char text[300];
    uint32_t whole;

    (void)state;
    memset(text, 'x', sizeof text);
    whole = spam_fingerprint(slice_of(text, sizeof text));
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = 'y';
        assert_int_not_equal(spam_fingerprint(slice_of(text, sizeof text)), whole);
        text[i] = 'x';
        assert_int_not_equal(spam_fingerprint(slice_of(text, i)), whole);
    }
}

/* Longer than blocks of the hash: what is dropped doesn't move where they are cut. */
static void white_space_changes_no_long_text(void **state)
{
    char text[1500];
    char spaced[sizeof text + 3];
    uint32_t whole;

    (void)state;
    for (size_t i = 0; i < sizeof text; i += 3)
        memcpy(text + i, i % 60 ? "ab." : "\xe4\xbd\xa0", 3);
    whole = spam_fingerprint(slice_of(text, sizeof text));
    for (size_t at = 0; at <= sizeof text; at += 3) {
        memcpy(spaced, text, at);
        memcpy(spaced + at, at % 2 ? " \t " : "\xe2\x80\x8b", 3);
        memcpy(spaced + at + 3, text + at, sizeof text - at);
        assert_int_equal(spam_fingerprint(slice_of(spaced, sizeof spaced)), whole);
    }
}

/* Nothing is read behind the end, where a sequence is cut short or malformed (ASan tells). */
static void bytes_of_any_kind_are_safe(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++)
        for (size_t size = 1; size <= 4; size++) {
            char *text = malloc(size);

            memset(text, 0xbf, size);
            text[0] = (char)first;
            spam_fingerprint(slice_of(text, size));
            spam_links(slice_of(text, size));
            text[size - 1] = (char)first;
            spam_fingerprint(slice_of(text, size));
            free(text);
        }
}

static void counts_links(void **state)
{
    static const struct {
        const char *text;
        uint32_t links;
    } cases[] = {
        {"", 0},
        {"no link at all, nor in www", 0},
        {"http://", 0},
        {"https:// x", 0},
        {"www.", 0},
        {"www..", 0},
        {"http://x", 1},
        {"HTTPS://Example.org/a?b=http", 1},
        {"see www.example.org.", 1},
        {"http://www.example.org", 1},
        {"https://www.example.org/www.a http://b", 3},
        {"(http://a),<https://b>;\"www.c\"", 3},
        {"http://a\nhttp://b\nhttp://c", 3},
        {"xhttp://a", 0},
        {"awww.cute", 0},
        {"ftp://www.a", 1},
        {"WwW.a", 1},
        {"://www.a", 1},
        {"http://http://a", 2},
        {"http://\xd0\xbf\xd1\x80\xd0\xb8", 1},
        {"h", 0},
        {"http:/", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (spam_links(slice_str(cases[i].text)) != cases[i].links)
            fail_msg("%u in %s", spam_links(slice_str(cases[i].text)), cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sees_through_what_costs_nothing_to_vary),
        cmocka_unit_test(tells_other_texts_apart),
        cmocka_unit_test(nothing_visible_is_no_text),
        cmocka_unit_test(is_a_function_of_the_text),
        cmocka_unit_test(long_texts_differ_by_every_place),
        cmocka_unit_test(white_space_changes_no_long_text),
        cmocka_unit_test(bytes_of_any_kind_are_safe),
        cmocka_unit_test(counts_links),
    };

    return cmocka_run_group_tests_name("fingerprint", tests, NULL, NULL);
}
