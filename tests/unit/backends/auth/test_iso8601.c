/*
 * Points in time: against the C library for days all over the calendar, and what is refused.
 */
#include "backends/auth/iso8601.h"

#include "support/test.h"

#include <stdio.h>
#include <time.h>

static void assert_time(const char *text, int64_t ms)
{
    int64_t parsed;

    assert_true(iso8601_parse(slice_str(text), &parsed));
    assert_int_equal(parsed, ms);
}

static void known_times(void **state)
{
    (void)state;
    assert_time("1970-01-01T00:00:00Z", 0);
    assert_time("1970-01-01t00:00:00z", 0);
    assert_time("1969-12-31T23:59:59Z", -1000);
    assert_time("2022-01-01T00:00:00+00:00", 1640995200000);
    assert_time("2022-01-01T00:00:00-00:00", 1640995200000);
    assert_time("2022-01-01T01:30:00+01:30", 1640995200000);
    assert_time("2021-12-31T19:00:00-05:00", 1640995200000);
    assert_time("2022-01-01T00:00:00.5Z", 1640995200500);
    assert_time("2022-01-01T00:00:00.123456789Z", 1640995200123);
    assert_time("2016-12-31T23:59:60Z", 1483228800000);
    assert_time("2000-02-29T12:00:00Z", 951825600000);
    assert_time("0000-01-01T00:00:00Z", -62167219200000);
    assert_time("9999-12-31T23:59:59Z", 253402300799000);
}

/* Every 11 hours and some from the year 1 to 9999. */
static void agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t s = -62135596800; s < 253402300800; s += 39916801) {
        time_t time = (time_t)s;
        char text[64];
        struct tm parts;

        gmtime_r(&time, &parts);
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900,
                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
        assert_time(text, s * 1000);
    }
}

static void refuses_what_is_no_time(void **state)
{
    static const char *const texts[] = {
        "",
        "2022",
        "2022-01-01",
        "2022-01-01T00:00:00",  /* where? */
        "2022-01-01 00:00:00Z", /* RFC 3339 lets it be, PASETO does not write it */
        "2022-00-01T00:00:00Z",
        "2022-13-01T00:00:00Z",
        "2022-01-00T00:00:00Z",
        "2022-01-32T00:00:00Z",
        "2022-04-31T00:00:00Z",
        "2022-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2022-01-01T24:00:00Z",
        "2022-01-01T00:60:00Z",
        "2022-01-01T00:00:61Z",
        "2022-01-01T00:00:00.Z",
        "2022-01-01T00:00:00+24:00",
        "2022-01-01T00:00:00+00:60",
        "2022-01-01T00:00:00+0000",
        "2022-01-01T00:00:00Z ",
        " 2022-01-01T00:00:00Z",
        "+022-01-01T00:00:00Z",
        "2022-01-01T00:00:00Z0",
        "20220101T000000Z",
        "1640995200",
    };
    int64_t ms = 42;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(iso8601_parse(slice_str(texts[i]), &ms));
    assert_false(iso8601_parse(slice_of("2022-01-01T00:00:00Z\0", 21), &ms));
    assert_int_equal(ms, 42);
}

/* Cut anywhere, it is refused and nothing behind the end is read (ASan tells). */
static void refuses_every_beginning(void **state)
{
    static const char text[] = "2022-01-01T00:00:00.000+00:00";
    int64_t ms;

    (void)state;
    for (size_t size = 0; size < sizeof text - 1; size++)
        assert_false(iso8601_parse(slice_of(text, size), &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(refuses_every_beginning),
    };

    return cmocka_run_group_tests_name("iso8601", tests, NULL, NULL);
}
