/*
 * Traces: only what is wanted is written, and never more than a line may have.
 */
#include "support/test.h"

#include "base/trace.h"

#include <string.h>

static char last[1024];
static int lines;

static void keep(void *context, enum cc_trace_level level, const char *area, const char *line)
{
    (void)context;
    (void)level;
    (void)area;
    lines++;
    assert_true(strlen(line) < sizeof last);
    strcpy(last, line);
}

static void only_the_levels_that_are_wanted_are_written(void **state)
{
    struct cc_trace trace = {.write = keep, .level = CC_TRACE_WARNING};
    struct cc_trace none = {.level = CC_TRACE_DEBUG};

    (void)state;
    trace_write(&trace, CC_TRACE_INFO, "area", "%d", 1);
    trace_write(&none, CC_TRACE_ERROR, "area", "%d", 2);
    assert_int_equal(lines, 0);
    trace_write(&trace, CC_TRACE_WARNING, "area", "%s %d", "three", 3);
    trace_write(&trace, CC_TRACE_ERROR, "area", "%s %d", "four", 4);
    assert_int_equal(lines, 2);
    assert_string_equal(last, "four 4");
}

static void a_long_line_is_cut(void **state)
{
    struct cc_trace trace = {.write = keep, .level = CC_TRACE_WARNING};
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    trace_write(&trace, CC_TRACE_ERROR, "area", "%s", text);
    assert_int_equal(strlen(last), 511);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_levels_that_are_wanted_are_written),
        cmocka_unit_test(a_long_line_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
