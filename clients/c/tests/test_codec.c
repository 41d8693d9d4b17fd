/* The two encodings: what goes out, what comes in, and what is refused however it is bent. */
#include "codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char id_text[] = "018f0011-2233-7455-8677-8899aabbccdd";
static const unsigned char id_bytes[] = {0x01, 0x8f, 0x00, 0x11, 0x22, 0x33, 0x74, 0x55,
                                         0x86, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd};

static struct frame encode(enum cc_client_encoding encoding, uint64_t id, const char *fields)
{
    struct frame frame = {.room_before = 3};
    json_t *object = json_loads(fields, 0, NULL);

    assert_non_null(object);
    assert_int_equal(codec_encode(encoding, id, "send", object, &frame), 0);
    json_decref(object);
    return frame;
}

/* NULL: it can't be read. */
static json_t *decode(enum cc_client_encoding encoding, const void *bytes, size_t size)
{
    const char *at = bytes;
    json_t *object = NULL;
    bool is_good = codec_decode(encoding, &at, at + size, &object);

    assert_true(is_good == (object != NULL));
    if (is_good)
        assert_ptr_equal(at, (const char *)bytes + size);
    return object;
}

static void test_what_goes_out_comes_back(void **state)
{
    static const char fields[] =
        "{\"text\":\"h\\u00e9 "
        "\",\"name\":\"\",\"n\":[0,-1,300,-70000,5000000000,true,false,null,0.5],"
        "\"meta\":{\"a\":{\"b\":[]},\"message\":\"x\"}}";

    (void)state;
    for (int encoding = CC_CLIENT_JSON; encoding <= CC_CLIENT_MSGPACK; encoding++) {
        struct frame frame = encode((enum cc_client_encoding)encoding, 7, fields);
        json_t *object = decode((enum cc_client_encoding)encoding, frame.bytes + 3, frame.size - 3);
        json_t *meant = json_pack("{s:i, s:o}", "id", 7, "send", json_loads(fields, 0, NULL));

        assert_non_null(object);
        assert_true(json_equal(object, meant));
        json_decref(object);
        json_decref(meant);
        frame_free(&frame);
    }
}

static void test_ids_are_16_bytes_in_messagepack_alone(void **state)
{
    char fields[128];
    struct frame frame;
    json_t *object;

    (void)state;
    snprintf(fields, sizeof fields, "{\"reply_to\":\"%s\"}", id_text);
    frame = encode(CC_CLIENT_MSGPACK, 1, fields);
    assert_memory_equal(frame.bytes + frame.size - sizeof id_bytes, id_bytes, sizeof id_bytes);
    object = decode(CC_CLIENT_MSGPACK, frame.bytes + 3, frame.size - 3);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(object, "send"), "reply_to")), id_text);
    json_decref(object);
    frame_free(&frame);
    snprintf(fields, sizeof fields, "{\"text\":\"%s\"}", id_text); /* no id, though it looks so */
    frame = encode(CC_CLIENT_MSGPACK, 1, fields);
    assert_memory_equal(frame.bytes + frame.size - strlen(id_text), id_text, strlen(id_text));
    frame_free(&frame);
}

static void test_a_frame_holds_several(void **state)
{
    (void)state;
    for (int each = CC_CLIENT_JSON; each <= CC_CLIENT_MSGPACK; each++) {
        enum cc_client_encoding encoding = (enum cc_client_encoding)each;
        struct frame frame = encode(encoding, 1, "{}");
        json_t *fields = json_object();
        const char *at, *end;
        json_t *object;

        assert_int_equal(codec_encode(encoding, 2, "send", fields, &frame), 0);
        json_decref(fields);
        at = frame.bytes + 3;
        end = frame.bytes + frame.size;
        for (int id = 1; id <= 2; id++) {
            assert_true(codec_decode(encoding, &at, end, &object));
            assert_int_equal(json_integer_value(json_object_get(object, "id")), id);
            json_decref(object);
        }
        assert_ptr_equal(at, end);
        frame_free(&frame);
    }
}

static void test_what_is_cut_off_is_refused(void **state)
{
    struct frame frame = encode(CC_CLIENT_MSGPACK, 1000, "{\"a\":[1,\"two\",{\"b\":3.5}]}");

    (void)state;
    for (size_t size = 1; size < frame.size - 3; size++) {
        char *copy = malloc(size); /* of that size, so that reading beyond it is seen */

        assert_non_null(copy);
        memcpy(copy, frame.bytes + 3, size);
        assert_null(decode(CC_CLIENT_MSGPACK, copy, size));
        free(copy);
    }
    frame_free(&frame);
}

static void test_lies_and_strangers_are_refused(void **state)
{
    static const struct {
        size_t size;
        const char *bytes;
    } frames[] = {
        {5, "\xdd\xff\xff\xff\xff"}, /* an array of 4 billion */
        {6, "\x81\xa1"
            "a\xdc\xff\xff"},            /* one of 65,535 */
        {5, "\xdf\x7f\xff\xff\xff"},     /* a map */
        {5, "\xdb\xff\xff\xff\xff"},     /* a text */
        {5, "\xc6\xff\xff\xff\xff"},     /* a bin */
        {6, "\xc9\xff\xff\xff\xff\x01"}, /* an extension */
        {1, "\xc1"},                     /* no type at all */
        {5, "\x81\xa1"
            "a\xc4\x00"}, /* a bin that is no id */
        {4, "\x81\xa1"
            "a\xc1"},
        {6, "\x81\xa1"
            "a\xd4\x01\x02"}, /* an extension */
        {5, "\x81\xa1"
            "a\xa1\x00"}, /* a text with NUL */
        {5, "\x81\xa1"
            "a\xa1\xff"},        /* that is not UTF-8 */
        {3, "\x81\x01\x02"},     /* a key that is no text */
        {4, "\x81\xa1\x00\x02"}, /* with NUL */
        {12, "\x81\xa1"
             "a\xcf\xff\xff\xff\xff\xff\xff\xff\xff"}, /* 2^64 - 1 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        assert_null(decode(CC_CLIENT_MSGPACK, frames[i].bytes, frames[i].size));
    assert_null(decode(CC_CLIENT_JSON, "{\"a\":", 5));
    assert_null(decode(CC_CLIENT_JSON, "\x00\x01", 2));
}

static void test_depth_has_an_end(void **state)
{
    static char deep[100000];

    (void)state;
    memset(deep, '\x91', sizeof deep - 1); /* an array in an array … */
    deep[sizeof deep - 1] = 0;
    assert_null(decode(CC_CLIENT_MSGPACK, deep, sizeof deep));
    memset(deep, '[', sizeof deep);
    assert_null(decode(CC_CLIENT_JSON, deep, sizeof deep));
}

/* Anything is read or refused: nothing else happens, which the sanitizers see. */
static void test_chance_breaks_nothing(void **state)
{
    unsigned char bytes[64];
    uint32_t random = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t size = 1 + (size_t)round % sizeof bytes;
        const char *at = (const char *)bytes;
        json_t *object = NULL;

        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)((random = random * 1664525 + 1013904223) >> 24);
        codec_decode(round % 2 ? CC_CLIENT_JSON : CC_CLIENT_MSGPACK, &at, at + size, &object);
        json_decref(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_out_comes_back),
        cmocka_unit_test(test_ids_are_16_bytes_in_messagepack_alone),
        cmocka_unit_test(test_a_frame_holds_several),
        cmocka_unit_test(test_what_is_cut_off_is_refused),
        cmocka_unit_test(test_lies_and_strangers_are_refused),
        cmocka_unit_test(test_depth_has_an_end),
        cmocka_unit_test(test_chance_breaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
