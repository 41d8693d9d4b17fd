/*
 * The JSON scanner against jansson, with texts written down and with ones made by damaging valid
 * ones; and the two things under it: reals, and scanning text by words.
 */
#include "base/real.h"
#include "json_oracle.h"
#include "random.h"
#include "wire/reader.h"
#include "wire/text.h"
#include "wire/writer.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct copier {
    struct arena arena;
    struct buffer json;
};

static void compare(struct cc_slice text)
{
    const char *difference = json_difference(text);

    if (difference)
        fail_msg("%s: %.*s", difference, (int)text.size, text.data);
}

static int setup(void **state)
{
    struct copier *copier = malloc(sizeof *copier);

    if (!copier)
        return -1;
    arena_init(&copier->arena, cc_allocator_default());
    buffer_init(&copier->json, cc_allocator_default());
    *state = copier;
    return 0;
}

static int teardown(void **state)
{
    struct copier *copier = *state;

    arena_deinit(&copier->arena);
    buffer_deinit(&copier->json);
    free(copier);
    return 0;
}

static const char *const texts[] = {
    /* valid */
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "0.5",
    "-0.5",
    "1e5",
    "1E+5",
    "1e-5",
    "1.25e2",
    "0e0",
    "0.1",
    "3.141592653589793",
    "2.2250738585072014e-308",
    "1.7976931348623157e3",
    "123456789012345.678",
    "\"\"",
    "\"a\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"",
    "\"\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
    "[]",
    "{}",
    " [ ] ",
    "\t{\r\n}\n",
    "[1]",
    "[1,2]",
    "[[],{}]",
    "{\"a\":1}",
    "{\"a\":{\"b\":[{}]},\"c\":null}",
    "{\"\":\"\"}",
    "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
    "[true,false,null,0,\"\"]",
    "\"12345678\"",
    "\"1234567\\n\"",
    "\"12345678\\n\"",
    "\"123456789\\n12345678\"",
    /* not */
    "",
    " ",
    "nul",
    "nulll",
    "True",
    "tru",
    "01",
    "-",
    "-01",
    "+1",
    ".5",
    "1.",
    "1e",
    "1e+",
    "1.e5",
    "0x10",
    "1_000",
    "NaN",
    "Infinity",
    "-Infinity",
    "\"",
    "\"a",
    "\"\\",
    "\"\\\"",
    "\"\\x41\"",
    "\"\\u12\"",
    "\"\\u123g\"",
    "\"\\U0041\"",
    "\"a\tb\"",
    "\"a\nb\"",
    "'a'",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,,2]",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{\"a\" 1}",
    "{a:1}",
    "{1:1}",
    "{\"a\":1]",
    "[1}",
    "[[]",
    "[]]",
    "{}}",
    "1 2",
    "[] []",
    "null,",
    "//",
    "/**/1",
    "\xef\xbb\xbf[]",
    "[\v]",
    "[1]\f",
    "\"\xff\"",
    "\"\xc3\"",
    "\"\xed\xa0\x80\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud83d\\ud83d\\ude00\"",
    "\"\\u0000\"",
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        compare(slice_str(texts[i]));
}

/* A NUL byte is no white space, inside or at the end. */
static void test_nul_bytes(void **state)
{
    (void)state;
    compare(slice_of("[]\0", 3));
    compare(slice_of("\0[]", 3));
    compare(slice_of("[\0]", 3));
    compare(slice_of("\"\0\"", 3));
    compare(slice_of("nul\0", 4));
    compare(slice_of("\"\\\0\"", 4));
}

static void test_damaged_texts(void **state)
{
    static const char bytes[] = "\"\\{}[]:,0123456789.eE+-truefalsn /b\t\n\xc3\xa9\xff\x01u";
    static const char *const seeds[] = {
        "{\"id\":12,\"send\":{\"conversation\":\"r\",\"text\":\"a\\n\\u00e9b\",\"x\":[1,2.5e3]}}",
        "[true,false,null,-12.5e-3,\"\\ud83d\\ude00\",{\"a\":[{}],\"b\":\"\"}]",
        "{\"a\":{\"b\":{\"c\":[[1],[2]]}}, \"d\" : \"12345678\\\\\"}",
    };
    uint64_t seed = 5;

    (void)state;
    for (int i = 0; i < 30000; i++) {
        char text[128];
        const char *from = seeds[random_below(&seed, 3)];
        size_t size = strlen(from);

        memcpy(text, from, size);
        for (uint64_t changes = 1 + random_below(&seed, 3); changes; changes--) {
            size_t at = random_below(&seed, size);

            if (random_coin(&seed))
                text[at] = bytes[random_below(&seed, sizeof bytes - 1)];
            else
                memmove(text + at, text + at + 1, --size - at);
        }
        compare(slice_of(text, size));
    }
}

/* --- reals --------------------------------------------------------------------------------------
 */

static void check_real(struct copier *copier, double value)
{
    struct cc_slice bytes;
    struct reader reader;
    struct writer writer;
    struct value back;

    buffer_clear(&copier->json);
    writer_init(&writer, &copier->json, WIRE_JSON);
    writer_real(&writer, value);
    bytes = buffer_slice(&copier->json);
    reader_init(&reader, WIRE_JSON, bytes, &copier->arena);
    reader_value(&reader, &back);
    if (back.type != VALUE_REAL || memcmp(&back.real, &value, sizeof value) != 0)
        fail_msg("%.*s", (int)bytes.size, bytes.data);
}

static void test_reals_come_back(void **state)
{
    static const double values[] = {0.0,     -0.0,   0.1,     1.0,    -1.0,
                                    1e22,    1e23,   5e-324,  1e308,  1.7976931348623157e308,
                                    1 / 3.0, 2.5e15, 4503.25, -1e-10, 9007199254740993.0};
    uint64_t seed = 3;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        check_real(*state, values[i]);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = random_next(&seed);
        double value;

        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            check_real(*state, value);
    }
}

/* A locale with a decimal comma changes nothing. */
static void test_reals_in_another_locale(void **state)
{
    static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C"};
    struct copier *copier = *state;
    size_t i = 0;

    while (!setlocale(LC_NUMERIC, locales[i]))
        i++;
    check_real(copier, 0.5);
    assert_true(slice_equal(buffer_slice(&copier->json), slice_str("0.5")));
    setlocale(LC_NUMERIC, "C");
}

static void test_very_long_numbers_are_no_numbers(void **state)
{
    char text[REAL_PARSE_MAX + 2];
    struct copier *copier = *state;
    struct reader reader;
    struct value value;

    memset(text, '1', sizeof text);
    reader_init(&reader, WIRE_JSON, slice_of(text, REAL_PARSE_MAX), &copier->arena);
    reader_value(&reader, &value);
    assert_int_equal(value.type, VALUE_REAL);
    assert_true(value.real > 1e126 && value.real < 1e128);
    reader_init(&reader, WIRE_JSON, slice_of(text, REAL_PARSE_MAX + 1), &copier->arena);
    reader_value(&reader, &value);
    assert_int_equal(value.type, VALUE_REAL);
    assert_true(isnan(value.real));
}

/* --- text ---------------------------------------------------------------------------------------
 */

/* Bytewise, at every offset in a word and every length. */
static void test_plain_runs(void **state)
{
    char text[40];

    (void)state;
    for (int special = 0; special < 256; special++)
        for (size_t at = 0; at < 20; at++) {
            bool is_special = special < 0x20 || special == '"' || special == '\\';

            memset(text, 'x', sizeof text);
            text[at] = (char)special;
            for (size_t start = 0; start <= at; start++)
                assert_int_equal(text_plain_run(text + start, text + 20),
                                 is_special ? at - start : 20 - start);
        }
}

static void test_valid_text(void **state)
{
    char text[40];

    (void)state;
    for (int byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < 20; at++) {
            memset(text, 'x', sizeof text);
            text[at] = (char)byte;
            assert_int_equal(text_is_valid(slice_of(text, 20)), byte > 0 && byte < 0x80);
        }
    assert_true(text_is_valid(slice_str("")));
    assert_true(text_is_valid(slice_str("12345678\xc3\xa9 1234567\xe2\x82\xac")));
    assert_false(text_is_valid(slice_of("12345678\xc3\xa9\0", 11)));
    assert_false(text_is_valid(slice_str("1234567\xc3")));
}

/* The same bytes: the check by words must not take what the check by bytes refuses. */
static void test_names(void **state)
{
    char name[CC_NAME_MAX + 1];

    (void)state;
    for (int byte = 0; byte < 256; byte++)
        for (size_t size = 1; size <= 20; size++)
            for (size_t at = 0; at < size; at++) {
                memset(name, 'x', sizeof name);
                name[at] = (char)byte;
                assert_int_equal(name_is_valid(slice_of(name, size)), byte > 0x20 && byte < 0x7f);
            }
    memset(name, '~', sizeof name);
    assert_true(name_is_valid(slice_of(name, CC_NAME_MAX)));
    assert_false(name_is_valid(slice_of(name, CC_NAME_MAX + 1)));
    assert_false(name_is_valid(slice_of(name, 0)));
    assert_true(name_is_valid(slice_str("12345678\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_false(name_is_valid(slice_str("12345678\xc2\x85"))); /* a control character */
    assert_true(name_is_valid(slice_str("12345678\xc2\xa1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_damaged_texts),
        cmocka_unit_test(test_reals_come_back),
        cmocka_unit_test(test_reals_in_another_locale),
        cmocka_unit_test(test_very_long_numbers_are_no_numbers),
        cmocka_unit_test(test_plain_runs),
        cmocka_unit_test(test_valid_text),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
