/*
 * RFC 3339, 5.6.
 */
#include "backends/auth/iso8601.h"

struct scanner {
    const char *at;
    const char *end;
    bool failed;
};

static bool is_digit(const struct scanner *scanner)
{
    return scanner->at < scanner->end && *scanner->at >= '0' && *scanner->at <= '9';
}

/* So many digits, whose value is within the bounds. */
static int take_number(struct scanner *scanner, int digits, int least, int most)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        if (!is_digit(scanner)) {
            scanner->failed = true;
            return least;
        }
        value = value * 10 + (*scanner->at++ - '0');
    }
    if (value < least || value > most)
        scanner->failed = true;
    return value;
}

static bool take_char(struct scanner *scanner, char c)
{
    if (scanner->at == scanner->end || *scanner->at != c)
        return false;
    scanner->at++;
    return true;
}

static void expect(struct scanner *scanner, char c)
{
    if (!take_char(scanner, c))
        scanner->failed = true;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Leap days before the year, counted from year 0, which is one. */
static int64_t leap_days_before(int64_t year)
{
    return year ? (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1 : 0;
}

static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t days = 365 * (int64_t)(year - 1970) + leap_days_before(year) - leap_days_before(1970);

    for (int before = 1; before < month; before++)
        days += days_of_month(year, before);
    return days + day - 1;
}

static int64_t take_date(struct scanner *scanner)
{
    int year = take_number(scanner, 4, 0, 9999);
    int month;
    int day;

    expect(scanner, '-');
    month = take_number(scanner, 2, 1, 12);
    expect(scanner, '-');
    if (scanner->failed)
        return 0;
    day = take_number(scanner, 2, 1, days_of_month(year, month));
    return days_since_epoch(year, month, day);
}

/* Seconds of the day; second 60 is a leap second, and the next day's first. */
static int take_time(struct scanner *scanner)
{
    int hour = take_number(scanner, 2, 0, 23);
    int minute;

    expect(scanner, ':');
    minute = take_number(scanner, 2, 0, 59);
    expect(scanner, ':');
    return (hour * 60 + minute) * 60 + take_number(scanner, 2, 0, 60);
}

static int take_fraction_ms(struct scanner *scanner)
{
    int scale = 100;
    int ms = 0;

    if (!take_char(scanner, '.'))
        return 0;
    if (!is_digit(scanner))
        scanner->failed = true;
    for (; is_digit(scanner); scanner->at++) {
        ms += (*scanner->at - '0') * scale;
        scale /= 10;
    }
    return ms;
}

static int take_offset_s(struct scanner *scanner)
{
    bool east = take_char(scanner, '+');
    int hour;
    int minute;

    if (!east && (take_char(scanner, 'Z') || take_char(scanner, 'z')))
        return 0;
    if (!east)
        expect(scanner, '-');
    hour = take_number(scanner, 2, 0, 23);
    expect(scanner, ':');
    minute = take_number(scanner, 2, 0, 59);
    return (hour * 60 + minute) * (east ? 60 : -60);
}

bool iso8601_parse(struct cc_slice text, int64_t *ret_ms)
{
    struct scanner scanner = {text.data, text.data + text.size, false};
    int64_t seconds = take_date(&scanner) * 86400;
    int ms;

    if (!take_char(&scanner, 't'))
        expect(&scanner, 'T');
    seconds += take_time(&scanner);
    ms = take_fraction_ms(&scanner);
    seconds -= take_offset_s(&scanner);
    if (scanner.failed || scanner.at != scanner.end)
        return false;
    *ret_ms = seconds * 1000 + ms;
    return true;
}
