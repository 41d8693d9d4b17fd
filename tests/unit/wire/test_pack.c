/*
 * MessagePack bytes against msgpack-c: the same bytes for the same values, every form is read, and
 * skipping ends where msgpack-c ends.
 */
#include "convert.h"
#include "random.h"
#include "wire/pack.h"
#include "wire/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <msgpack.h>

static int append(void *buffer, const char *data, size_t size)
{
    buffer_append(buffer, data, size);
    return 0;
}

struct pair {
    struct buffer expected; /* msgpack-c's */
    msgpack_packer packer;
    char bytes[16];
};

static int setup(void **state)
{
    struct pair *pair = malloc(sizeof *pair);

    if (!pair)
        return -1;
    buffer_init(&pair->expected, cc_allocator_default());
    msgpack_packer_init(&pair->packer, &pair->expected, append);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;

    buffer_deinit(&pair->expected);
    free(pair);
    return 0;
}

/* What was put must be what msgpack-c has packed. Ready for the next. */
static void check_same(struct pair *pair, const char *end)
{
    assert_int_equal(end - pair->bytes, pair->expected.size);
    assert_memory_equal(pair->bytes, pair->expected.data, pair->expected.size);
    buffer_clear(&pair->expected);
}

static void check_number(struct pair *pair, uint64_t value)
{
    int64_t negative = -(int64_t)(value >> 1) - 1;
    struct unpack unpack;

    msgpack_pack_uint64(&pair->packer, value);
    unpack =
        unpack_of(slice_of(pair->bytes, (size_t)(pack_put_uint(pair->bytes, value) - pair->bytes)));
    assert_true(unpack_uint(&unpack) == value && !unpack.failed && !unpack_left(&unpack));
    check_same(pair, (const char *)unpack.end);
    msgpack_pack_int64(&pair->packer, negative);
    unpack = unpack_of(
        slice_of(pair->bytes, (size_t)(pack_put_int(pair->bytes, negative) - pair->bytes)));
    assert_true(unpack_int(&unpack) == negative && !unpack.failed && !unpack_left(&unpack));
    check_same(pair, (const char *)unpack.end);
}

static void test_numbers(void **state)
{
    uint64_t seed = 1;

    for (unsigned bits = 0; bits < 64; bits++)
        for (uint64_t near = 0; near < 5; near++)
            check_number(*state, ((uint64_t)1 << bits) + near - 2);
    for (int i = 0; i < 20000; i++)
        check_number(*state, random_number(&seed, 64));
}

static void test_heads(void **state)
{
    static const uint32_t counts[] = {0,   1,     15,    16,    31,       32,         255,
                                      256, 65534, 65535, 65536, 16777216, 0x7fffffff, 0xffffffff};
    struct pair *pair = *state;

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        msgpack_pack_str(&pair->packer, counts[i]);
        check_same(pair, pack_put_str_head(pair->bytes, counts[i]));
        msgpack_pack_bin(&pair->packer, counts[i]);
        check_same(pair, pack_put_bin_head(pair->bytes, counts[i]));
        msgpack_pack_array(&pair->packer, counts[i]);
        check_same(pair, pack_put_array_head(pair->bytes, counts[i]));
        msgpack_pack_map(&pair->packer, counts[i]);
        check_same(pair, pack_put_map_head(pair->bytes, counts[i]));
    }
}

static void test_words_and_reals(void **state)
{
    struct pair *pair = *state;
    struct unpack unpack;

    msgpack_pack_nil(&pair->packer);
    check_same(pair, pack_put_nil(pair->bytes));
    msgpack_pack_true(&pair->packer);
    check_same(pair, pack_put_bool(pair->bytes, true));
    msgpack_pack_false(&pair->packer);
    check_same(pair, pack_put_bool(pair->bytes, false));
    msgpack_pack_double(&pair->packer, -2.5);
    unpack = unpack_of(slice_of(pair->bytes, 9));
    check_same(pair, pack_put_double(pair->bytes, -2.5));
    assert_true(unpack_double(&unpack) == -2.5);
    unpack = unpack_of(slice_of("\xca\xc0\x20\x00\x00", 5)); /* 32 bits */
    assert_true(unpack_double(&unpack) == -2.5 && !unpack.failed);
}

/* Longer forms than needed, and signed forms of what isn't negative. */
static void test_other_forms(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } fives[] = {{"\x05", 1},
                 {"\xcc\x05", 2},
                 {"\xcd\0\x05", 3},
                 {"\xce\0\0\0\x05", 5},
                 {"\xcf\0\0\0\0\0\0\0\x05", 9},
                 {"\xd0\x05", 2},
                 {"\xd1\0\x05", 3},
                 {"\xd2\0\0\0\x05", 5},
                 {"\xd3\0\0\0\0\0\0\0\x05", 9}};

    (void)state;
    for (size_t i = 0; i < sizeof fives / sizeof fives[0]; i++) {
        struct unpack as_uint = unpack_of(slice_of(fives[i].bytes, fives[i].size));
        struct unpack as_int = as_uint;

        assert_true(unpack_uint(&as_uint) == 5 && !as_uint.failed);
        assert_true(unpack_int(&as_int) == 5 && !as_int.failed);
    }
}

static void check_refused(const char *bytes, size_t size)
{
    struct unpack unpack = unpack_of(slice_of(bytes, size));

    unpack_uint(&unpack);
    assert_true(unpack.failed);
}

static void test_what_is_refused(void **state)
{
    struct unpack unpack = unpack_of(slice_of("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9));

    (void)state;
    unpack_int(&unpack);
    assert_true(unpack.failed);
    check_refused("", 0);
    check_refused("\xff", 1);
    check_refused("\xd0\xff", 2);
    check_refused("\xcd\x01", 2);
    check_refused("\xa1", 1);
    check_refused("\xc0", 1);
    check_refused("\xc1", 1);
    check_refused("\xcb\0\0\0\0\0\0\0\0", 9);
}

/* Random bytes: skipping takes just what msgpack-c takes, or both refuse. */
static void test_skipping(void **state)
{
    static const uint8_t heads[] = {0x80, 0x81, 0x82, 0x90, 0x91, 0x93, 0xa0, 0xa2, 0xc0, 0xc1,
                                    0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb,
                                    0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5,
                                    0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdc, 0xde, 0xff, 0x00, 0x01};
    uint64_t seed = 9;
    int taken = 0;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        char bytes[24];
        size_t size = 1 + random_below(&seed, sizeof bytes);
        struct unpack unpack = unpack_of(slice_of(bytes, size));
        msgpack_unpacked unpacked;
        msgpack_unpack_return r;
        size_t offset = 0;

        for (size_t k = 0; k < size; k++)
            bytes[k] = (char)(random_coin(&seed) ? heads[random_below(&seed, sizeof heads)]
                                                 : random_below(&seed, 4));
        msgpack_unpacked_init(&unpacked);
        r = msgpack_unpack_next(&unpacked, bytes, size, &offset);
        msgpack_unpacked_destroy(&unpacked);
        unpack_skip(&unpack);
        assert_int_equal(!unpack.failed, r == MSGPACK_UNPACK_SUCCESS);
        if (!unpack.failed)
            assert_int_equal(unpack.at - (const uint8_t *)bytes, offset);
        taken += !unpack.failed;
    }
    assert_true(taken > 10000);
}

/* --- the writer's containers --------------------------------------------------------------------
 */

static void check_array(struct buffer *out, size_t expected, size_t count)
{
    struct writer_scope scope;
    struct writer writer;
    json_t *json;

    buffer_clear(out);
    writer_init(&writer, out, WIRE_MSGPACK);
    writer_open_array(&writer, expected, &scope);
    for (size_t i = 0; i < count; i++)
        writer_uint(&writer, i);
    writer_close_array(&writer, &scope);
    json = json_of_msgpack(buffer_slice(out));
    assert_int_equal(json_array_size(json), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(json_integer_value(json_array_get(json, i)), i);
    json_decref(json);
}

/* Whatever was expected, the head is right and as short as can be. */
static void test_heads_fit(void **state)
{
    static const size_t counts[] = {0, 1, 15, 16, 17, 65535, 65536, 65537};
    const size_t n = sizeof counts / sizeof counts[0];
    struct buffer out;

    (void)state;
    buffer_init(&out, cc_allocator_default());
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            check_array(&out, counts[k], counts[i]);
    buffer_deinit(&out);
}

static void test_large_objects(void **state)
{
    struct writer_scope scope;
    struct writer writer;
    struct buffer out;
    json_t *json;

    (void)state;
    buffer_init(&out, cc_allocator_default());
    writer_init(&writer, &out, WIRE_MSGPACK);
    writer_open_object(&writer, &scope);
    for (int i = 0; i < 70000; i++) {
        char key[16];

        writer_any_key(&writer, slice_of(key, (size_t)snprintf(key, sizeof key, "%d", i)));
        writer_null(&writer);
    }
    writer_close_object(&writer, &scope);
    json = json_of_msgpack(buffer_slice(&out));
    assert_int_equal(json_object_size(json), 70000);
    json_decref(json);
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),         cmocka_unit_test(test_heads),
        cmocka_unit_test(test_words_and_reals), cmocka_unit_test(test_other_forms),
        cmocka_unit_test(test_what_is_refused), cmocka_unit_test(test_skipping),
        cmocka_unit_test(test_heads_fit),       cmocka_unit_test(test_large_objects),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
