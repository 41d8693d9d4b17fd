/*
 * base64url: RFC 4648's vectors, every length there and back, and that bytes have one text only.
 */
#include "backends/auth/base64url.h"

#include "support/test.h"

static void assert_pair(const char *bytes, const char *text)
{
    uint8_t decoded[64];
    char encoded[64];
    char *end = base64url_encode(bytes, strlen(bytes), encoded);

    assert_int_equal(end - encoded, strlen(text));
    assert_int_equal(base64url_encoded_size(strlen(bytes)), strlen(text));
    assert_memory_equal(encoded, text, strlen(text));
    assert_int_equal(base64url_decoded_size(strlen(text)), strlen(bytes));
    assert_true(base64url_decode(slice_str(text), decoded));
    assert_memory_equal(decoded, bytes, strlen(bytes));
}

/* RFC 4648, 10, and the two characters in which the URL's alphabet differs. */
static void the_vectors_of_the_rfc(void **state)
{
    (void)state;
    assert_pair("", "");
    assert_pair("f", "Zg");
    assert_pair("fo", "Zm8");
    assert_pair("foo", "Zm9v");
    assert_pair("foob", "Zm9vYg");
    assert_pair("fooba", "Zm9vYmE");
    assert_pair("foobar", "Zm9vYmFy");
    assert_pair("\xfb\xff\xbf", "-_-_");
}

static void every_length_comes_back(void **state)
{
    uint8_t bytes[300];
    uint8_t decoded[300];
    char text[400];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 151 + 7);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        size_t encoded = (size_t)(base64url_encode(bytes, size, text) - text);

        assert_int_equal(encoded, base64url_encoded_size(size));
        assert_int_equal(base64url_decoded_size(encoded), size);
        assert_true(base64url_decode(slice_of(text, encoded), decoded));
        assert_memory_equal(decoded, bytes, size);
    }
}

/* For each byte at each place: decoded only if it is of the alphabet. */
static void nothing_outside_the_alphabet(void **state)
{
    static const char others[] = "+/=. \n\t,~";
    uint8_t decoded[8];

    (void)state;
    for (int place = 0; place < 6; place++) {
        char text[] = "AAAAAA";

        for (int c = 128; c < 256; c++) {
            text[place] = (char)c;
            assert_false(base64url_decode(slice_of(text, 6), decoded));
        }
        for (const char *c = others; *c; c++) {
            text[place] = *c;
            assert_false(base64url_decode(slice_of(text, 6), decoded));
        }
        text[place] = '\0';
        assert_false(base64url_decode(slice_of(text, 6), decoded));
    }
}

/* Of the last character's 64 values, only those without left-over bits are taken. */
static void no_second_text_for_the_same_bytes(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t decoded[4];
    int two = 0;
    int three = 0;

    (void)state;
    for (int i = 0; i < 64; i++) {
        char text[] = {'A', 'A', alphabet[i]};

        three += base64url_decode(slice_of(text, 3), decoded);
        text[1] = alphabet[i];
        two += base64url_decode(slice_of(text, 2), decoded);
    }
    assert_int_equal(two, 4);
    assert_int_equal(three, 16);
    assert_false(base64url_decode(slice_str("A"), decoded));
    assert_false(base64url_decode(slice_str("AAAAA"), decoded));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_rfc),
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(nothing_outside_the_alphabet),
        cmocka_unit_test(no_second_text_for_the_same_bytes),
    };

    return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
