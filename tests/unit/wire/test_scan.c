/*
 * The JSON scanner against jansson: of texts written down and of ones made by damaging valid ones,
 * both take the same and refuse the same; and what is taken has the same content.
 */
#include "base/real.h"
#include "convert.h"
#include "random.h"
#include "wire/reader.h"
#include "wire/scan.h"
#include "wire/text.h"
#include "wire/writer.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool skips(struct cc_slice text)
{
    struct scan scan = {text.data, text.data + text.size, false};

    scan_skip(&scan);
    scan_peek(&scan);
    return !scan.failed && scan.at == scan.end;
}

/*
 * A value through the reader and the writer. False when the reader fails. `ret_is_plain` is
 * false for what jansson refuses and the scanner leaves to its caller: NUL, invalid UTF-8,
 * numbers beyond a double or a json_int_t.
 */
static bool copy_value(struct reader *reader, struct writer *writer, bool *ret_is_plain);

static bool copy_array(struct reader *reader, struct writer *writer, bool *ret_is_plain)
{
    struct writer_scope written;
    struct scope scope;

    reader_open_array(reader, &scope);
    writer_open_array(writer, 0, &written);
    while (reader_next_element(reader, &scope))
        if (!copy_value(reader, writer, ret_is_plain))
            return false;
    writer_close_array(writer, &written);
    return !reader_failed(reader);
}

static bool copy_object(struct reader *reader, struct writer *writer, bool *ret_is_plain)
{
    struct writer_scope written;
    struct scope scope;
    struct value key;

    reader_open_object(reader, &scope);
    writer_open_object(writer, &written);
    while (reader_next_member(reader, &scope, &key)) {
        *ret_is_plain = *ret_is_plain && key.is_valid_text;
        writer_any_key(writer, key.bytes);
        if (!copy_value(reader, writer, ret_is_plain))
            return false;
    }
    writer_close_object(writer, &written);
    return !reader_failed(reader);
}

static bool copy_value(struct reader *reader, struct writer *writer, bool *ret_is_plain)
{
    struct value value;

    reader_value(reader, &value);
    switch (value.type) {
    case VALUE_NULL:
        writer_null(writer);
        return true;
    case VALUE_BOOL:
        writer_bool(writer, value.boolean);
        return true;
    case VALUE_INT:
        writer_int(writer, value.integer);
        return true;
    case VALUE_UINT:
        *ret_is_plain = false;
        return true;
    case VALUE_REAL:
        if (isfinite(value.real) && fabs(value.real) < 9e18)
            writer_real(writer, value.real);
        else
            *ret_is_plain = false;
        return true;
    case VALUE_STRING:
        *ret_is_plain = *ret_is_plain && value.is_valid_text;
        writer_string(writer, value.bytes);
        return true;
    case VALUE_ARRAY:
        return copy_array(reader, writer, ret_is_plain);
    case VALUE_OBJECT:
        return copy_object(reader, writer, ret_is_plain);
    default:
        return false;
    }
}

struct copier {
    struct arena arena;
    struct buffer json;
    struct buffer msgpack;
};

static bool copy_text(struct copier *copier, struct cc_slice text, enum wire_format format,
                      struct buffer *out, bool *ret_is_plain)
{
    struct reader reader;
    struct writer writer;

    *ret_is_plain = true;
    buffer_clear(out);
    arena_clear(&copier->arena);
    reader_init(&reader, WIRE_JSON, text, &copier->arena);
    writer_init(&writer, out, format);
    return copy_value(&reader, &writer, ret_is_plain) && reader_is_at_end(&reader);
}

/* What both take must be the same tree, also after it was written again, in either encoding. */
static void compare(struct copier *copier, struct cc_slice text)
{
    bool is_plain;
    bool is_taken = copy_text(copier, text, WIRE_JSON, &copier->json, &is_plain);
    json_t *expected = json_of_text(text);
    json_t *json;

    if (is_taken != skips(text))
        fail_msg("reading and skipping differ: %.*s", (int)text.size, text.data);
    if (is_taken && !is_plain) {
        json_decref(expected);
        return;
    }
    if (is_taken != (expected != NULL))
        fail_msg("%s: %.*s", is_taken ? "taken" : "refused", (int)text.size, text.data);
    if (!is_taken)
        return;
    json = json_of_text(buffer_slice(&copier->json));
    if (!json_equal(json, expected))
        fail_msg("%.*s became %.*s", (int)text.size, text.data, (int)copier->json.size,
                 copier->json.data);
    json_decref(json);
    assert_true(copy_text(copier, text, WIRE_MSGPACK, &copier->msgpack, &is_plain));
    json = json_of_msgpack(buffer_slice(&copier->msgpack));
    if (!json_equal(json, expected))
        fail_msg("%.*s in MessagePack", (int)text.size, text.data);
    json_decref(json);
    json_decref(expected);
}

static int setup(void **state)
{
    struct copier *copier = malloc(sizeof *copier);

    if (!copier)
        return -1;
    arena_init(&copier->arena, cc_allocator_default());
    buffer_init(&copier->json, cc_allocator_default());
    buffer_init(&copier->msgpack, cc_allocator_default());
    *state = copier;
    return 0;
}

static int teardown(void **state)
{
    struct copier *copier = *state;

    arena_deinit(&copier->arena);
    buffer_deinit(&copier->json);
    buffer_deinit(&copier->msgpack);
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
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        compare(*state, slice_str(texts[i]));
}

/* A NUL byte is no white space, inside or at the end. */
static void test_nul_bytes(void **state)
{
    compare(*state, slice_of("[]\0", 3));
    compare(*state, slice_of("\0[]", 3));
    compare(*state, slice_of("[\0]", 3));
    compare(*state, slice_of("\"\0\"", 3));
    compare(*state, slice_of("nul\0", 4));
    compare(*state, slice_of("\"\\\0\"", 4));
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
        /* jansson keeps the last of two equal keys; the scanner leaves that to its caller */
        compare(*state, slice_of(text, size));
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
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
