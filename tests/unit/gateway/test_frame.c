/*
 * Frame heads: the three forms of a length, at their borders.
 */
#include "gateway/frame.h"

#include "support/test.h"

#include <string.h>

static void assert_head(size_t size, enum frame_opcode opcode, const void *expected,
                        size_t expected_size)
{
    unsigned char space[FRAME_HEAD_MAX];
    unsigned char *head = frame_head_before(space + sizeof space, size, opcode);

    assert_int_equal(frame_head_size(size), expected_size);
    assert_ptr_equal(head, space + sizeof space - expected_size);
    assert_memory_equal(head, expected, expected_size);
}

static void lengths(void **state)
{
    (void)state;
    assert_head(0, FRAME_TEXT, "\x81\x00", 2);
    assert_head(1, FRAME_PING, "\x89\x01", 2);
    assert_head(125, FRAME_BINARY, "\x82\x7d", 2);
    assert_head(126, FRAME_TEXT, "\x81\x7e\x00\x7e", 4);
    assert_head(65535, FRAME_TEXT, "\x81\x7e\xff\xff", 4);
    assert_head(65536, FRAME_TEXT, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
    assert_head(0x123456789, FRAME_BINARY, "\x82\x7f\x00\x00\x00\x01\x23\x45\x67\x89", 10);
}

static void close_frames(void **state)
{
    unsigned char frame[FRAME_CLOSE_MAX];
    char reason[200];

    (void)state;
    assert_int_equal(frame_close(frame, 4001, NULL, 0), 4);
    assert_memory_equal(frame, "\x88\x02\x0f\xa1", 4);
    assert_int_equal(frame_close(frame, 4500, "no", 2), 6);
    assert_memory_equal(frame, "\x88\x04\x11\x94no", 6);
    memset(reason, 'x', sizeof reason);
    assert_int_equal(frame_close(frame, 4500, reason, sizeof reason), FRAME_CLOSE_MAX);
    assert_int_equal(frame[1], FRAME_CONTROL_MAX);
    /* A character of three bytes does not fit whole: it goes whole. */
    memcpy(reason + 121, "\xe2\x82\xac", 3);
    assert_int_equal(frame_close(frame, 4500, reason, sizeof reason), 4 + 121);
    memset(reason, 'x', sizeof reason);
    memcpy(reason + 120, "\xe2\x82\xac", 3);
    assert_int_equal(frame_close(frame, 4500, reason, sizeof reason), 4 + 123);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(close_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
