/*
 * Slices and the text that may come from anywhere: names and UTF-8.
 */
#include "support/test.h"

#include "base/memory.h"
#include "chatcore/error.h"
#include "support/failing_allocator.h"

#include <stdio.h>

static void slices_compare_bytewise_and_the_shorter_first(void **state)
{
    const char *const ascending[] = {"", "a", "aa", "ab", "b", "\x7f", "\x80", "\xff"};

    (void)state;
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 8; j++) {
            int order = slice_compare(slice_str(ascending[i]), slice_str(ascending[j]));

            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(slice_equal(slice_str(ascending[i]), slice_str(ascending[j])), i == j);
        }
    }
    assert_true(slice_equal(slice_of(NULL, 0), slice_of("x", 0)));
}

static void finds_among_those_that_ascend(void **state)
{
    const struct cc_slice names[] = {slice_str("a"), slice_str("ab"), slice_str("b"),
                                     slice_str("c")};

    (void)state;
    for (size_t count = 0; count <= 4; count++)
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(slice_find(names, count, names[i]), i < count ? i : count);
    assert_int_equal(slice_find(names, 4, slice_str("")), 4);
    assert_int_equal(slice_find(names, 4, slice_str("aa")), 4);
    assert_int_equal(slice_find(names, 4, slice_str("d")), 4);
}

static void copies_are_their_own(void **state)
{
    struct failing_allocator counting = {0};
    struct cc_allocator allocator = failing_allocator_of(&counting);
    struct cc_slice copy = slice_str("untouched");

    (void)state;
    failing_allocator_arm(&counting, 0, true);
    assert_int_equal(slice_copy(&allocator, slice_str("x"), &copy), CC_ENOMEM);
    assert_true(slice_equal(copy, slice_str("untouched")));
    assert_int_equal(slice_copy(&allocator, slice_str("x"), &copy), 0);
    assert_true(slice_equal(copy, slice_str("x")));
    mem_free(&allocator, (void *)copy.data);
    assert_int_equal(slice_copy(&allocator, slice_of(NULL, 0), &copy), 0);
    assert_int_equal(counting.out, 0);
}

static void zeroed_memory_is_zero_and_its_size_does_not_overflow(void **state)
{
    char zeros[48] = {0};
    char *memory = mem_zalloc(cc_allocator_default(), 6, 8);

    (void)state;
    assert_memory_equal(memory, zeros, sizeof zeros);
    mem_free(cc_allocator_default(), memory);
    assert_null(mem_zalloc(cc_allocator_default(), SIZE_MAX / 4, 8));
}

static void an_array_grows_or_stays_as_it_was(void **state)
{
    struct failing_allocator failing = {0};
    struct cc_allocator allocator = failing_allocator_of(&failing);
    void *array = NULL;
    void *before;
    size_t capacity = 0;

    (void)state;
    assert_int_equal(mem_reserve(&allocator, &array, &capacity, 100, 4), 0);
    assert_true(capacity >= 100);
    memset(array, 7, capacity * 4);
    before = array;
    failing_allocator_arm(&failing, 0, true);
    assert_int_equal(mem_reserve(&allocator, &array, &capacity, capacity + 1, 4), CC_ENOMEM);
    assert_ptr_equal(array, before);
    assert_int_equal(mem_reserve(&allocator, &array, &capacity, SIZE_MAX, 4), CC_ENOMEM);
    assert_int_equal(mem_reserve(&allocator, &array, &capacity, SIZE_MAX / 3, 4), CC_ENOMEM);
    assert_int_equal(((char *)array)[99 * 4], 7);
    mem_free(&allocator, array);
}

static void utf8_follows_the_rfc(void **state)
{
    const char *const valid[] = {"",
                                 "plain",
                                 "\xc2\x80",
                                 "\xdf\xbf",
                                 "\xe0\xa0\x80",
                                 "\xed\x9f\xbf",
                                 "\xee\x80\x80",
                                 "\xf0\x90\x80\x80",
                                 "\xf4\x8f\xbf\xbf"};
    const char *const invalid[] = {"\x80",             /* alone */
                                   "\xc0\xaf",         /* overlong */
                                   "\xc1\xbf",         /* overlong */
                                   "\xe0\x9f\xbf",     /* overlong */
                                   "\xf0\x8f\xbf\xbf", /* overlong */
                                   "\xed\xa0\x80",     /* a surrogate */
                                   "\xf4\x90\x80\x80", /* beyond U+10FFFF */
                                   "\xf5\x80\x80\x80",
                                   "\xff",
                                   "\xc2",
                                   "\xe2\x82",
                                   "\xf0\x9f\x98",
                                   "a\xe2\x82z",
                                   "\xe2\x28\xa1"};

    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++)
        assert_true(utf8_is_valid(slice_str(valid[i])));
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        assert_false(utf8_is_valid(slice_str(invalid[i])));
}

/* Words of ASCII are passed over at once: what follows them is looked at all the same. */
static void utf8_is_checked_at_every_place(void **state)
{
    char text[40];

    (void)state;
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'a', sizeof text);
        assert_true(utf8_is_valid(slice_of(text, at)));
        text[at] = (char)0xc3;
        assert_false(utf8_is_valid(slice_of(text, sizeof text)));
        assert_false(utf8_is_valid(slice_of(text, at + 1)));
        if (at + 1 < sizeof text) {
            text[at + 1] = (char)0xa9;
            assert_true(utf8_is_valid(slice_of(text, sizeof text)));
        }
    }
}

/* The slow, obvious reading of the rule, for names of one byte repeated. */
static bool may_stand_in_a_name(int byte)
{
    return byte > 0x20 && byte < 0x7f;
}

static void a_bad_byte_in_a_name_is_seen_at_every_place(void **state)
{
    (void)state;
    for (size_t size = 1; size <= CC_NAME_MAX; size++) {
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 0x80; byte++) {
                char name[CC_NAME_MAX];

                memset(name, 'n', sizeof name);
                name[at] = (char)byte;
                if (name_is_valid(slice_of(name, size)) != may_stand_in_a_name(byte))
                    fail_msg("size %zu, byte 0x%02x at %zu", size, (unsigned)byte, at);
            }
        }
    }
}

static void names_are_bounded_and_well_formed(void **state)
{
    char longest[CC_NAME_MAX + 1];

    (void)state;
    memset(longest, 'n', sizeof longest);
    assert_true(name_is_valid(slice_of(longest, CC_NAME_MAX)));
    assert_false(name_is_valid(slice_of(longest, CC_NAME_MAX + 1)));
    assert_false(name_is_valid(slice_of(NULL, 0)));
    assert_true(name_is_valid(slice_str("Zo\xc3\xab")));
    assert_true(name_is_valid(slice_str("\xe6\x9d\x8e\xe5\x9b\x9b\xe6\x9d\x8e")));
    assert_true(name_is_valid(slice_str("\xc2\xa1"))); /* U+00A1, the first that shows */
    assert_true(
        name_is_valid(slice_str("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb"))); /* joined */
    assert_false(name_is_valid(slice_str("x\xc2\x85")));
    assert_false(name_is_valid(slice_str("x\xc2")));
    assert_false(name_is_valid(slice_str("\xe6\x9d\x8e\x01")));
}

static void names_do_not_look_like_others(void **state)
{
    static const char *const blanks[] = {
        "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x8a",
        "\xe2\x80\xa8", "\xe2\x80\xae", "\xe2\x80\xaf", "\xe2\x81\x9f",
        "\xe2\x81\xa6", "\xe3\x80\x80", "\xef\xbb\xbf", "\xd8\x9c",
        "\xe2\x80\x8b", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x81\xa0",
    };
    char name[16];

    (void)state;
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        assert_false(name_is_valid(slice_str(blanks[i])));
        snprintf(name, sizeof name, "bob%s", blanks[i]);
        assert_false(name_is_valid(slice_str(name)));
    }
}

static void test_text_is_borrowed(void **state)
{
    static const char text[] = "text";

    (void)state;
    assert_ptr_equal(cc_text(text).data, text);
    assert_int_equal(cc_text(text).size, 4);
    assert_int_equal(cc_text("").size, 0);
    assert_int_equal(cc_text(NULL).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_borrowed),
        cmocka_unit_test(slices_compare_bytewise_and_the_shorter_first),
        cmocka_unit_test(finds_among_those_that_ascend),
        cmocka_unit_test(copies_are_their_own),
        cmocka_unit_test(zeroed_memory_is_zero_and_its_size_does_not_overflow),
        cmocka_unit_test(an_array_grows_or_stays_as_it_was),
        cmocka_unit_test(utf8_follows_the_rfc),
        cmocka_unit_test(utf8_is_checked_at_every_place),
        cmocka_unit_test(a_bad_byte_in_a_name_is_seen_at_every_place),
        cmocka_unit_test(names_are_bounded_and_well_formed),
        cmocka_unit_test(names_do_not_look_like_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
