/*
 * Reals through the C library, under its "C" locale. (In glibc and musl that locale is static:
 * asking for it costs nothing and does not fail.)
 */
#include "base/real.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double real_parse(struct cc_slice text)
{
    char copy[REAL_PARSE_MAX + 1];
    locale_t c_locale;
    double value;

    if (text.size > REAL_PARSE_MAX)
        return NAN;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return NAN;
    value = strtod_l(copy, NULL, c_locale);
    freelocale(c_locale);
    return value;
}

/* The shortest of the usual precisions that reads back as the same number. */
static size_t format_shortest(double value, locale_t c_locale, char text[REAL_TEXT_MAX])
{
    int size = 0;

    for (int precision = 15; precision <= 17; precision++) {
        size = snprintf(text, REAL_TEXT_MAX - 2, "%.*g", precision, value);
        if (strtod_l(text, NULL, c_locale) == value)
            break;
    }
    return (size_t)size;
}

size_t real_format(double value, char text[REAL_TEXT_MAX])
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before;
    size_t size;

    if (!c_locale)
        return 0;
    before = uselocale(c_locale);
    size = format_shortest(value, c_locale, text);
    uselocale(before);
    freelocale(c_locale);
    if (!strpbrk(text, ".e")) {
        text[size++] = '.';
        text[size++] = '0';
    }
    return size;
}
