/*
 * Reading JSON's tokens.
 */
#include "wire/scan.h"

#include "base/real.h"
#include "chatcore/error.h"
#include "wire/hex.h"
#include "wire/text.h"

/* --- strings ------------------------------------------------------------------------------------
 */

/* The number of four hexadecimal digits, or -1. */
static int hex_quad(const char *at)
{
    int value = 0;

    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The length of the escape at its backslash, or 0. */
static size_t escape_size(const char *at, const char *end)
{
    if (end - at < 2 || !at[1] || !strchr("\"\\/bfnrtu", at[1]))
        return 0;
    if (at[1] != 'u')
        return 2;
    return end - at >= 6 && hex_quad(at + 2) >= 0 ? 6 : 0;
}

struct cc_slice scan_string(struct scan *scan, bool *ret_escaped)
{
    const char *start = scan->at + 1;
    const char *at = start;

    *ret_escaped = false;
    if (scan->at == scan->end || *scan->at != '"') {
        scan_fail(scan);
        return slice_of(NULL, 0);
    }
    for (;;) {
        size_t size;

        at += text_plain_run(at, scan->end);
        if (at < scan->end && *at == '"')
            break;
        size = at < scan->end && *at == '\\' ? escape_size(at, scan->end) : 0;
        if (!size) { /* the end, a control character, an unknown escape */
            scan_fail(scan);
            return slice_of(NULL, 0);
        }
        *ret_escaped = true;
        at += size;
    }
    scan->at = at + 1;
    return slice_of(start, (size_t)(at - start));
}

static char *put_utf8(char *to, unsigned point)
{
    if (point < 0x80) {
        *to++ = (char)point;
    } else if (point < 0x800) {
        *to++ = (char)(0xc0 | point >> 6);
        *to++ = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *to++ = (char)(0xe0 | point >> 12);
        *to++ = (char)(0x80 | (point >> 6 & 0x3f));
        *to++ = (char)(0x80 | (point & 0x3f));
    } else {
        *to++ = (char)(0xf0 | point >> 18);
        *to++ = (char)(0x80 | (point >> 12 & 0x3f));
        *to++ = (char)(0x80 | (point >> 6 & 0x3f));
        *to++ = (char)(0x80 | (point & 0x3f));
    }
    return to;
}

/* The code point of the \u at `at`; two of them if they are a pair of surrogates. */
static unsigned unicode_escape(const char *at, const char *end, size_t *ret_size)
{
    unsigned high = (unsigned)hex_quad(at + 2);
    int low;

    *ret_size = 6;
    if (high < 0xd800 || high > 0xdbff || end - at < 12 || at[6] != '\\' || at[7] != 'u')
        return high;
    low = hex_quad(at + 8);
    if (low < 0xdc00 || low > 0xdfff)
        return high;
    *ret_size = 12;
    return 0x10000 + ((high - 0xd800) << 10 | ((unsigned)low - 0xdc00));
}

static char plain_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

int scan_unescape(struct cc_slice escaped, struct arena *arena, struct cc_slice *ret_text)
{
    const char *at = escaped.size ? escaped.data : "";
    const char *end = at + escaped.size;
    char *text =
        arena_alloc(arena, escaped.size); /* no escape is shorter than what it stands for */
    char *to = text;

    if (!text)
        return CC_ENOMEM;
    while (at < end) {
        size_t size = text_plain_run(at, end);

        memcpy(to, at, size);
        to += size;
        at += size;
        if (at == end)
            break;
        if (at[1] == 'u') {
            to = put_utf8(to, unicode_escape(at, end, &size));
        } else {
            *to++ = plain_escape(at[1]);
            size = 2;
        }
        at += size;
    }
    *ret_text = slice_of(text, (size_t)(to - text));
    return 0;
}

/* --- numbers ------------------------------------------------------------------------------------
 */

static bool is_digit(const struct scan *scan)
{
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static void take_digits(struct scan *scan)
{
    if (!is_digit(scan))
        scan_fail(scan);
    while (is_digit(scan))
        scan->at++;
}

/* Takes the integer part. False when it doesn't fit in 64 bits. */
static bool take_integer(struct scan *scan, uint64_t *ret_magnitude)
{
    bool fits = true;
    uint64_t value = 0;

    if (scan->at < scan->end && *scan->at == '0') { /* nothing may follow a leading zero */
        scan->at++;
        *ret_magnitude = 0;
        return true;
    }
    if (!is_digit(scan))
        scan_fail(scan);
    for (; is_digit(scan); scan->at++)
        fits = fits && !__builtin_mul_overflow(value, (uint64_t)10, &value) &&
               !__builtin_add_overflow(value, (uint64_t)(*scan->at - '0'), &value);
    *ret_magnitude = value;
    return fits;
}

/* Takes a fraction and an exponent. True if there was one. */
static bool take_fraction(struct scan *scan)
{
    const char *start = scan->at;

    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        take_digits(scan);
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
            scan->at++;
        take_digits(scan);
    }
    return scan->at != start;
}

struct scan_number scan_number(struct scan *scan)
{
    struct scan_number number = {0};
    const char *start = scan->at;

    if (scan->at < scan->end && *scan->at == '-') {
        number.is_negative = true;
        scan->at++;
    }
    number.is_integer = take_integer(scan, &number.magnitude);
    if (take_fraction(scan))
        number.is_integer = false;
    if (number.is_negative && number.magnitude > (uint64_t)1 << 63)
        number.is_integer = false;
    if (!number.is_integer && !scan->failed)
        number.real = real_parse(slice_of(start, (size_t)(scan->at - start)));
    return number;
}

/* --- the rest -----------------------------------------------------------------------------------
 */

void scan_literal(struct scan *scan, const char *literal, size_t size)
{
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, literal, size) != 0)
        scan_fail(scan);
    else
        scan->at += size;
}

static void skip_scalar(struct scan *scan)
{
    bool escaped;

    switch (scan_peek(scan)) {
    case '"':
        scan_string(scan, &escaped);
        break;
    case 't':
        scan_literal(scan, "true", 4);
        break;
    case 'f':
        scan_literal(scan, "false", 5);
        break;
    case 'n':
        scan_literal(scan, "null", 4);
        break;
    default: {
        uint64_t magnitude;

        scan_take(scan, '-');
        take_integer(scan, &magnitude);
        take_fraction(scan);
        break;
    }
    }
}

/* Open containers: a bit each, the innermost lowest; 1 is an object. */
struct open {
    uint64_t objects;
    unsigned depth;
};

static void skip_key(struct scan *scan)
{
    bool escaped;

    if (scan_peek(scan) != '"')
        scan_fail(scan);
    else
        scan_string(scan, &escaped);
    if (!scan_take(scan, ':'))
        scan_fail(scan);
}

/* Takes an opening bracket; an empty container is taken whole. True if a value or key follows in
 * it. */
static bool skip_open(struct scan *scan, struct open *open, bool is_object)
{
    if (open->depth == SCAN_DEPTH_MAX) {
        scan_fail(scan);
        return false;
    }
    scan->at++;
    if (scan_take(scan, is_object ? '}' : ']'))
        return false;
    open->objects = open->objects << 1 | is_object;
    open->depth++;
    return true;
}

/* Behind a value: takes closing brackets up to the comma before the next value, or the end. */
static void skip_close(struct scan *scan, struct open *open)
{
    while (open->depth && !scan->failed) {
        if (scan_take(scan, ','))
            return;
        if (!scan_take(scan, open->objects & 1 ? '}' : ']'))
            scan_fail(scan);
        open->objects >>= 1;
        open->depth--;
    }
}

void scan_skip(struct scan *scan)
{
    struct open open = {0};

    do {
        char c;

        if (open.depth && (open.objects & 1))
            skip_key(scan);
        c = scan_peek(scan);
        if (c == '{' || c == '[') {
            if (skip_open(scan, &open, c == '{'))
                continue;
        } else {
            skip_scalar(scan);
        }
        skip_close(scan, &open);
    } while (open.depth && !scan->failed);
}
