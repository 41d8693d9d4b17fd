/*
 * Bad input: each gets its error, with the id as far as it is known, and harms nothing beside it.
 */
#include "budget.h"
#include "chatcore/error.h"
#include "commands.h"

#include <stdio.h>

#define A10       "aaaaaaaaaa"
#define A60       A10 A10 A10 A10 A10 A10
#define UUID_TEXT "018f0011-2233-7455-8677-8899aabbccdd"

static int setup(void **state)
{
    struct wire_decoder *decoder = malloc(sizeof *decoder);

    if (!decoder)
        return -1;
    wire_decoder_init(decoder, cc_allocator_default());
    *state = decoder;
    return 0;
}

static int teardown(void **state)
{
    wire_decoder_deinit(*state);
    free(*state);
    return 0;
}

struct example {
    const char *frame;
    const char *text;
    int error;
    uint64_t id;
};

static void check_one(struct wire_decoder *decoder, const struct example *example,
                      struct cc_slice frame, enum wire_format format)
{
    struct wire_item item;

    wire_decode_start(decoder, frame, format);
    assert_true(wire_decode_next(decoder, &item));
    if (item.error != example->error || !slice_equal(item.error_text, slice_str(example->text)))
        fail_msg("%s\n%d \"%.*s\", not \"%s\"", example->frame, item.error,
                 (int)item.error_text.size, item.error_text.size ? item.error_text.data : "",
                 example->text);
    if (item.command.id != example->id)
        fail_msg("%s: id %llu", example->frame, (unsigned long long)item.command.id);
    assert_false(wire_decode_next(decoder, &item));
}

/* --- values -------------------------------------------------------------------------------------
 */

#define NAME_TEXT  "must be 1 to 64 bytes of UTF-8 without spaces or control characters"
#define NAMES_TEXT "must be an array of names of 1 to 64 bytes without spaces or control characters"
#define ID_TEXT    "id: must be an integer from 1 to 2^53 - 1"

static const struct example values[] = {
    /* the id */
    {"{\"leave\":{\"conversation\":\"r\"}}", ID_TEXT, CC_EINVAL, 0},
    {"{\"id\":0,\"leave\":{\"conversation\":\"r\"}}", ID_TEXT, CC_EINVAL, 0},
    {"{\"id\":-1,\"leave\":{\"conversation\":\"r\"}}", ID_TEXT, CC_EINVAL, 0},
    {"{\"id\":\"1\",\"leave\":{\"conversation\":\"r\"}}", ID_TEXT, CC_EINVAL, 0},
    {"{\"id\":1.5,\"leave\":{\"conversation\":\"r\"}}", ID_TEXT, CC_EINVAL, 0},
    {"{\"id\":[1],\"leave\":{\"conversation\":\"r\"}}", ID_TEXT, CC_EINVAL, 0},
    {"{\"id\":9007199254740992,\"leave\":{\"conversation\":\"r\"}}", ID_TEXT, CC_EINVAL, 0},
    {"{\"id\":1e400,\"leave\":{\"conversation\":\"r\"}}", ID_TEXT, CC_EINVAL, 0},
    {"{\"id\":1,\"id\":2,\"leave\":{\"conversation\":\"r\"}}", "id: is given twice", CC_EINVAL, 1},
    {"{\"leave\":{},\"id\":7}", "leave.conversation: is missing", CC_EINVAL, 7},
    {"{\"x\":1}", ID_TEXT, CC_EINVAL, 0},
    /* the command */
    {"{\"id\":1}", "there is no command that this server knows", CC_EINVAL, 1},
    {"{\"id\":1,\"dance\":{}}", "there is no command that this server knows", CC_EINVAL, 1},
    {"{\"id\":1,\"\":{}}", "there is no command that this server knows", CC_EINVAL, 1},
    {"{\"id\":1,\"leave\":null}", "leave: must be an object", CC_EINVAL, 1},
    {"{\"id\":1,\"leave\":[{}]}", "leave: must be an object", CC_EINVAL, 1},
    {"{\"id\":1,\"leave\":{\"conversation\":\"r\"},\"leave\":{\"conversation\":\"r\"}}",
     "an object carries one command only", CC_EINVAL, 1},
    {"{\"id\":1,\"leave\":{\"conversation\":\"r\"},\"typing\":1}",
     "an object carries one command only", CC_EINVAL, 1},
    /* fields: there, once, of their type */
    {"{\"id\":1,\"send\":{\"user\":\"b\"}}", "send.client_id: is missing", CC_EINVAL, 1},
    {"{\"id\":1,\"send\":{\"user\":\"b\",\"client_id\":null}}", "send.client_id: is missing",
     CC_EINVAL, 1},
    {"{\"id\":1,\"leave\":{\"conversation\":\"a\",\"conversation\":\"b\"}}",
     "leave.conversation: is given twice", CC_EINVAL, 1},
    {"{\"id\":1,\"send\":{\"user\":5,\"client_id\":\"c\"}}", "send.user: " NAME_TEXT, CC_EINVAL, 1},
    {"{\"id\":1,\"send\":{\"user\":[\"b\"],\"client_id\":\"c\"}}", "send.user: " NAME_TEXT,
     CC_EINVAL, 1},
    {"{\"id\":1,\"send\":{\"user\":{},\"client_id\":\"c\"}}", "send.user: " NAME_TEXT, CC_EINVAL,
     1},
    {"{\"id\":1,\"typing\":{\"conversation\":\"r\",\"on\":1}}", "typing.on: must be true or false",
     CC_EINVAL, 1},
    /* names */
    {"{\"id\":1,\"leave\":{\"conversation\":\"\"}}", "leave.conversation: " NAME_TEXT, CC_EINVAL,
     1},
    {"{\"id\":1,\"leave\":{\"conversation\":\"" A60 "aaaaa\"}}", "leave.conversation: " NAME_TEXT,
     CC_EINVAL, 1},
    {"{\"id\":1,\"leave\":{\"conversation\":\"a b\"}}", "leave.conversation: " NAME_TEXT, CC_EINVAL,
     1},
    {"{\"id\":1,\"leave\":{\"conversation\":\"a\\u0000\"}}", "leave.conversation: " NAME_TEXT,
     CC_EINVAL, 1},
    {"{\"id\":1,\"leave\":{\"conversation\":\"a\\u0085\"}}", "leave.conversation: " NAME_TEXT,
     CC_EINVAL, 1},
    {"{\"id\":1,\"send\":{\"user\":\"b\",\"client_id\":\"" A60 "aaaaa\"}}",
     "send.client_id: " NAME_TEXT, CC_EINVAL, 1},
    {"{\"id\":1,\"connect\":{\"device\":\"my phone\"}}", "connect.device: " NAME_TEXT, CC_EINVAL,
     1},
    {"{\"id\":1,\"presence\":{\"users\":[\"a\",1]}}", "presence.users: " NAMES_TEXT, CC_EINVAL, 1},
    {"{\"id\":1,\"presence\":{\"users\":[\"a\",[]]}}", "presence.users: " NAMES_TEXT, CC_EINVAL, 1},
    {"{\"id\":1,\"presence\":{\"users\":[\"a\",\"\"]}}", "presence.users: " NAMES_TEXT, CC_EINVAL,
     1},
    {"{\"id\":1,\"presence\":{\"users\":{\"a\":1}}}", "presence.users: " NAMES_TEXT, CC_EINVAL, 1},
    {"{\"id\":1,\"presence\":{\"users\":\"a\"}}", "presence.users: " NAMES_TEXT, CC_EINVAL, 1},
    /* text */
    {"{\"id\":1,\"search\":{\"text\":\"a\\u0000b\"}}",
     "search.text: must be a string of valid UTF-8", CC_EINVAL, 1},
    {"{\"id\":1,\"search\":{\"text\":\"\\ud800\"}}", "search.text: must be a string of valid UTF-8",
     CC_EINVAL, 1},
    {"{\"id\":1,\"search\":{\"text\":\"\\ude00\\ud83d\"}}",
     "search.text: must be a string of valid UTF-8", CC_EINVAL, 1},
    {"{\"id\":1,\"search\":{\"text\":\"\xff\"}}", "search.text: must be a string of valid UTF-8",
     CC_EINVAL, 1},
    {"{\"id\":1,\"search\":{\"text\":\"aaaaaaaaaaaa\xed\xa0\x80\"}}",
     "search.text: must be a string of valid UTF-8", CC_EINVAL, 1},
    {"{\"id\":1,\"react\":{\"conversation\":\"r\",\"message\":\"" UUID_TEXT
     "\",\"on\":true,\"emoji\":\"" A60 "aaaaa\"}}",
     "react.emoji: is too large", CC_ETOOLARGE, 1},
    /* ids */
    {"{\"id\":1,\"delete\":{\"conversation\":\"r\",\"message\":\"018f\"}}",
     "delete.message: must be a UUID", CC_EINVAL, 1},
    {"{\"id\":1,\"delete\":{\"conversation\":\"r\",\"message\":"
     "\"018f0011+2233-7455-8677-8899aabbccdd\"}}",
     "delete.message: must be a UUID", CC_EINVAL, 1},
    {"{\"id\":1,\"delete\":{\"conversation\":\"r\",\"message\":"
     "\"018f0011-2233-7455-8677-8899aabbccdg\"}}",
     "delete.message: must be a UUID", CC_EINVAL, 1},
    {"{\"id\":1,\"delete\":{\"conversation\":\"r\",\"message\":"
     "\"00000000-0000-0000-0000-000000000000\"}}",
     "delete.message: must be a UUID", CC_EINVAL, 1},
    {"{\"id\":1,\"delete\":{\"conversation\":\"r\",\"message\":5}}",
     "delete.message: must be a UUID", CC_EINVAL, 1},
    /* numbers */
    {"{\"id\":1,\"read\":{\"conversation\":\"r\",\"seq\":-1}}",
     "read.seq: must be an integer from 0 to 2^53 - 1", CC_EINVAL, 1},
    {"{\"id\":1,\"read\":{\"conversation\":\"r\",\"seq\":9007199254740992}}",
     "read.seq: must be an integer from 0 to 2^53 - 1", CC_EINVAL, 1},
    {"{\"id\":1,\"read\":{\"conversation\":\"r\",\"seq\":18446744073709551615}}",
     "read.seq: must be an integer from 0 to 2^53 - 1", CC_EINVAL, 1},
    {"{\"id\":1,\"read\":{\"conversation\":\"r\",\"seq\":1e300}}",
     "read.seq: must be an integer from 0 to 2^53 - 1", CC_EINVAL, 1},
    {"{\"id\":1,\"read\":{\"conversation\":\"r\",\"seq\":1.5}}",
     "read.seq: must be an integer from 0 to 2^53 - 1", CC_EINVAL, 1},
    {"{\"id\":1,\"history\":{\"conversation\":\"r\",\"limit\":4294967296}}",
     "history.limit: must be an integer from 0 to 2^32 - 1", CC_EINVAL, 1},
    {"{\"id\":1,\"mute\":{\"conversation\":\"r\",\"until\":\"0\"}}",
     "mute.until: must be milliseconds from 0 to 2^53 - 1", CC_EINVAL, 1},
    /* words */
    {"{\"id\":1,\"create\":{\"kind\":\"direct\",\"name\":\"n\",\"members\":[]}}",
     "create.kind: must be group or channel", CC_EINVAL, 1},
    {"{\"id\":1,\"create\":{\"kind\":\"\",\"name\":\"n\",\"members\":[]}}",
     "create.kind: must be group or channel", CC_EINVAL, 1},
    {"{\"id\":1,\"role\":{\"conversation\":\"r\",\"user\":\"b\",\"role\":\"king\"}}",
     "role.role: must be owner, admin or member", CC_EINVAL, 1},
    {"{\"id\":1,\"upload\":{\"name\":\"n\",\"type\":\"t\",\"bytes\":1,\"sha256\":\"abc\"}}",
     "upload.sha256: must be 64 hexadecimal digits", CC_EINVAL, 1},
    {"{\"id\":1,\"upload\":{\"name\":\"n\",\"type\":\"t\",\"bytes\":1,\"sha256\":\"" A60 "abcg\"}}",
     "upload.sha256: must be 64 hexadecimal digits", CC_EINVAL, 1},
    /* push */
    {"{\"id\":1,\"device\":{\"push\":\"apns\"}}", "device.push: must be an object", CC_EINVAL, 1},
    {"{\"id\":1,\"device\":{\"push\":{\"token\":\"t\"}}}", "push.provider: is missing", CC_EINVAL,
     1},
    {"{\"id\":1,\"device\":{}}", "device.push: is missing", CC_EINVAL, 1},
    /* meta */
    {"{\"id\":1,\"profile\":{\"meta\":[]}}",
     "profile.meta: must be an object of what JSON can express", CC_EINVAL, 1},
    {"{\"id\":1,\"profile\":{\"meta\":{\"a\":\"\\ud800\"}}}",
     "profile.meta: must be an object of what JSON can express", CC_EINVAL, 1},
    {"{\"id\":1,\"profile\":{\"meta\":{\"a\\u0000\":[1,{}]}}}",
     "profile.meta: must be an object of what JSON can express", CC_EINVAL, 1},
    {"{\"id\":1,\"profile\":{\"meta\":{\"a\":1e999}}}",
     "profile.meta: must be an object of what JSON can express", CC_EINVAL, 1},
    {"{\"id\":1,\"profile\":{\"meta\":{\"a\":[[[[[[[[]]]]]]]]}}}", "profile.meta: is too large",
     CC_ETOOLARGE, 1},
};

static void test_values(void **state)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        check_one(*state, &values[i], slice_str(values[i].frame), WIRE_JSON);
}

#define M(bytes)                                                                                   \
    {                                                                                              \
        bytes, sizeof bytes - 1                                                                    \
    }

static void test_values_in_msgpack(void **state)
{
    static const struct {
        struct cc_slice frame;
        struct example expected;
    } cases[] = {
        {M("\x82\x01\x02\x03\x04"), {"keys of another type", ID_TEXT, CC_EINVAL, 0}},
        {M("\x82\xa2id\x05\x80\x80"),
         {"a map as key", "there is no command that this server knows", CC_EINVAL, 5}},
        {M("\x82\xa2id\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa5leave\x80"),
         {"id 2^64-1", "leave.conversation: is missing", CC_EINVAL, 0}},
        {M("\x82\xa2id\x05\xa5leave\x81\xac"
           "conversation\xc4\x01r"),
         {"a name as bin", "leave.conversation: " NAME_TEXT, CC_EINVAL, 5}},
        {M("\x82\xa2id\x05\xa5leave\x81\xac"
           "conversation\xa2r\xff"),
         {"invalid UTF-8", "leave.conversation: " NAME_TEXT, CC_EINVAL, 5}},
        {M("\x82\xa2id\x05\xa5leave\x81\xac"
           "conversation\xd4\x01r"),
         {"an extension type", "leave.conversation: " NAME_TEXT, CC_EINVAL, 5}},
        {M("\x82\xa2id\x05\xa6"
           "delete\x82\xac"
           "conversation\xa1r\xa7message\xc4\x03"
           "abc"),
         {"an id of 3 bytes", "delete.message: must be a UUID", CC_EINVAL, 5}},
        {M("\x82\xa2id\x05\xa7profile\x81\xa4meta\x81\xa1k\xc4\x01x"),
         {"bin in meta", "profile.meta: must be an object of what JSON can express", CC_EINVAL, 5}},
        {M("\x82\xa2id\x05\xa7profile\x81\xa4meta\x81\x01\x02"),
         {"a number as key", "profile.meta: must be an object of what JSON can express", CC_EINVAL,
          5}},
        {M("\x82\xa2id\x05\xa7profile\x81\xa4meta\x81\xa1k\xca\x7f\xc0\x00\x00"),
         {"not a number", "profile.meta: must be an object of what JSON can express", CC_EINVAL,
          5}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_one(*state, &cases[i].expected, cases[i].frame, WIRE_MSGPACK);
}

/* --- sizes and counts ---------------------------------------------------------------------------
 */

/* `before`, then `count` times `each` with commas, then `after`. The caller's to free. */
static char *repeated(const char *before, const char *each, size_t count, const char *after)
{
    size_t size = strlen(before) + count * (strlen(each) + 1) + strlen(after) + 1;
    char *text = malloc(size);
    char *at = text;

    if (!text)
        abort();
    at += sprintf(at, "%s", before);
    for (size_t i = 0; i < count; i++)
        at += sprintf(at, "%s%s", i && *each == '"' ? "," : "", each);
    sprintf(at, "%s", after);
    return text;
}

static void check_bound(struct wire_decoder *decoder, const char *before, const char *each,
                        size_t max, const char *after, const char *what)
{
    char text[64];
    struct example too_many = {what, text, CC_ETOOLARGE, 1};
    struct wire_item item;
    char *frame = repeated(before, each, max, after);

    wire_decode_start(decoder, slice_str(frame), WIRE_JSON);
    assert_true(wire_decode_next(decoder, &item));
    assert_int_equal(item.error, 0);
    free(frame);
    frame = repeated(before, each, max + 1, after);
    snprintf(text, sizeof text, "%s: is too large", what);
    check_one(decoder, &too_many, slice_str(frame), WIRE_JSON);
    free(frame);
}

static void test_bounds(void **state)
{
    check_bound(*state, "{\"id\":1,\"presence\":{\"users\":[", "\"a\"", CC_COMMAND_USERS_MAX, "]}}",
                "presence.users");
    check_bound(*state, "{\"id\":1,\"send\":{\"client_id\":\"c\",\"mentions\":[", "\"a\"",
                CC_COMMAND_MENTIONS_MAX, "]}}", "send.mentions");
    check_bound(*state, "{\"id\":1,\"send\":{\"client_id\":\"c\",\"media\":[", "\"a\"",
                CC_COMMAND_MEDIA_MAX, "]}}", "send.media");
    check_bound(*state, "{\"id\":1,\"connect\":{\"device\":\"d\",\"token\":\"", "t", WIRE_TOKEN_MAX,
                "\"}}", "connect.token");
    check_bound(*state, "{\"id\":1,\"connect\":{\"device\":\"d\",\"cursor\":\"", "t",
                WIRE_CURSOR_MAX, "\"}}", "connect.cursor");
    check_bound(*state, "{\"id\":1,\"profile\":{\"name\":\"", "n", WIRE_DISPLAY_MAX, "\"}}",
                "profile.name");
    check_bound(*state, "{\"id\":1,\"profile\":{\"avatar\":\"", "n", WIRE_URL_MAX, "\"}}",
                "profile.avatar");
    /* a map's head, the key, a str head of 3 bytes */
    check_bound(*state, "{\"id\":1,\"profile\":{\"meta\":{\"k\":\"", "m", 4096 - 1 - 2 - 3, "\"}}}",
                "profile.meta");
}

/* --- what is no frame ---------------------------------------------------------------------------
 */

static const struct example malformed[] = {
    {"x", "", CC_EPROTOCOL, 0},
    {"[]", "", CC_EPROTOCOL, 0},
    {"5", "", CC_EPROTOCOL, 0},
    {"null", "", CC_EPROTOCOL, 0},
    {"{", "", CC_EPROTOCOL, 0},
    {"{\"id\":5", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5 \"leave\":{}}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\"}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\":}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\":{\"conversation\":\"r\"}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\":{\"conversation\":\"r}}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\":{\"conversation\":'r'}}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\":{\"conversation\":tru}}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\":{\"conversation\":nul", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\":{\"conversation\":\"\\x\"}}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\":{\"conversation\":\"\\u12g4\"}}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\":{\"conversation\":\"\\u12\"}}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"leave\":{\"conversation\":\"a\nb\"}}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"unknown\":[1,}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"unknown\":[1}]", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"unknown\":{\"a\":1]}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"unknown\":{1:1}}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"unknown\":01}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"unknown\":1.}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"unknown\":.5}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"unknown\":1e}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"unknown\":-}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"unknown\":+1}", "", CC_EPROTOCOL, 5},
    {"{\"id\":05}", "", CC_EPROTOCOL, 0},
    {"{id:5}", "", CC_EPROTOCOL, 0},
    {"{\"id\":5,\"profile\":{\"meta\":{\"a\":[1,2}}}}", "", CC_EPROTOCOL, 5},
    {"{\"id\":5,\"presence\":{\"users\":[\"a\" \"b\"]}}", "", CC_EPROTOCOL, 5},
};

static void test_malformed_json(void **state)
{
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        struct example example = malformed[i];

        example.text = "the frame is not JSON objects";
        check_one(*state, &example, slice_str(example.frame), WIRE_JSON);
    }
}

static void test_malformed_msgpack(void **state)
{
    static const struct cc_slice frames[] = {
        M("\xc1"),
        M("\x90"),
        M("\x05"),
        M("\xc0"),
        M("\x81"),
        M("\x81\xa2id"),
        M("\x82\xa2id\x05\xa5leave"),
        M("\x81\xa2id\xcf\x01"),
        M("\x81\xa2id\xd9"),
        M("\xdf\xff\xff\xff\xff\xa2id\x05"),
        M("\xde\xff\xff\xa2id\x05"),
        M("\x81\xa1x\xdd\xff\xff\xff\xff"),
        M("\x81\xa1x\xdb\xff\xff\xff\xff"),
        M("\x81\xa1x\xc6\xff\xff\xff\xffxx"),
        M("\x81\xa1x\xc9\xff\xff\xff\xff\x01x"),
        M("\x81\xa1x\xc9\xff\xff\xff"),
        M("\x81\xa1x\xd8\x01x"),
        M("\x82\xa2id\x05\xa8presence\x81\xa5users\xdd\x7f\xff\xff\xff\xa1"
          "a"),
        M("\x82\xa2id\x05\xa7profile\x81\xa4meta\xdf\x7f\xff\xff\xff\xa1"
          "a"),
    };
    struct wire_item item;

    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        char *copy = malloc(frames[i].size); /* of its own, so that a sanitizer sees an overrun */

        assert_non_null(copy);
        memcpy(copy, frames[i].data, frames[i].size);
        wire_decode_start(*state, slice_of(copy, frames[i].size), WIRE_MSGPACK);
        assert_true(wire_decode_next(*state, &item));
        if (item.error != CC_EPROTOCOL)
            fail_msg("frame %zu: %d", i, item.error);
        assert_false(wire_decode_next(*state, &item));
        free(copy);
    }
}

static void test_what_came_before_counts(void **state)
{
    static const char frame[] = "{\"id\":1,\"leave\":{\"conversation\":\"r\"}}\n"
                                "{\"id\":2,\"leave\":{}}\n"
                                "{\"id\":3,\"leave\":{\"conversation\":\"r\"}},{}\n{}";
    struct wire_item item;

    wire_decode_start(*state, slice_str(frame), WIRE_JSON);
    assert_true(wire_decode_next(*state, &item));
    assert_int_equal(item.error, 0);
    assert_true(wire_decode_next(*state, &item));
    assert_int_equal(item.error, CC_EINVAL);
    assert_int_equal(item.command.id, 2);
    assert_true(wire_decode_next(*state, &item));
    assert_int_equal(item.error, 0);
    assert_int_equal(item.command.id, 3);
    assert_true(wire_decode_next(*state, &item));
    assert_int_equal(item.error, CC_EPROTOCOL);
    assert_false(wire_decode_next(*state, &item));
}

static void test_nothing_is_in_an_empty_frame(void **state)
{
    struct wire_item item;

    wire_decode_start(*state, slice_of(NULL, 0), WIRE_JSON);
    assert_false(wire_decode_next(*state, &item));
    wire_decode_start(*state, slice_str(" \r\n\t"), WIRE_JSON);
    assert_false(wire_decode_next(*state, &item));
    wire_decode_start(*state, slice_of(NULL, 0), WIRE_MSGPACK);
    assert_false(wire_decode_next(*state, &item));
}

/* --- hostile ------------------------------------------------------------------------------------
 */

static void test_deep_nesting_needs_no_stack(void **state)
{
    size_t depth = 4000000;
    char *frame = malloc(depth + 16);
    struct wire_item item;

    assert_non_null(frame);
    memcpy(frame, "{\"x\":", 5);
    memset(frame + 5, '[', depth);
    wire_decode_start(*state, slice_of(frame, depth + 5), WIRE_JSON);
    assert_true(wire_decode_next(*state, &item));
    assert_int_equal(item.error, CC_EPROTOCOL);
    memcpy(frame, "\x81\xa1x", 3);
    memset(frame + 3, 0x91, depth);
    frame[3 + depth] = '\x01';
    wire_decode_start(*state, slice_of(frame, depth + 4), WIRE_MSGPACK);
    assert_true(wire_decode_next(*state, &item));
    assert_int_equal(item.error, CC_EINVAL); /* it has no id */
    free(frame);
}

static void test_levels_of_what_is_unknown(void **state)
{
    char frame[256] = "{\"id\":1,\"leave\":{\"conversation\":\"r\"},\"x\":";
    size_t start = strlen(frame);
    struct wire_item item;

    for (size_t depth = 64; depth <= 65; depth++) {
        memset(frame + start, '[', depth);
        memset(frame + start + depth, ']', depth);
        frame[start + 2 * depth] = '}';
        wire_decode_start(*state, slice_of(frame, start + 2 * depth + 1), WIRE_JSON);
        assert_true(wire_decode_next(*state, &item));
        assert_int_equal(item.error, depth == 64 ? 0 : CC_EPROTOCOL);
    }
}

/* Frames that cost most: what the arena hands out stays in proportion to their bytes. */
static void check_cost(const char *frame, enum wire_format format)
{
    struct budget budget = {.allocations = 1000000};
    struct cc_allocator allocator = budget_allocator(&budget);
    struct wire_decoder decoder;
    struct wire_item item;

    wire_decoder_init(&decoder, &allocator);
    wire_decode_start(&decoder, slice_str(frame), format);
    while (wire_decode_next(&decoder, &item))
        continue;
    assert_true(budget.bytes <= 24 * strlen(frame) + 65536);
    wire_decoder_deinit(&decoder);
    assert_int_equal(budget.out, 0);
}

static void test_memory_is_in_proportion(void **state)
{
    char *frames[4];

    (void)state;
    frames[0] = repeated("", "{\"id\":1,\"search\":{\"text\":\"\\n\"}}", 20000, "");
    frames[1] = repeated("{\"id\":1,\"presence\":{\"users\":[", "\"a\"", 200000, "]}}");
    frames[2] = repeated("", "{\"id\":1,\"profile\":{\"meta\":{}}}", 20000, "");
    frames[3] = repeated("", "{\"id\":1,\"presence\":{\"users\":[\"a\",\"a\",\"a\",\"a\",\"a\"]}}",
                         20000, "");
    for (size_t i = 0; i < 4; i++) {
        check_cost(frames[i], WIRE_JSON);
        free(frames[i]);
    }
}

/* The n-th allocation fails, for every n: an error and nothing lost, until all is there. */
static void test_out_of_memory(void **state)
{
    static const char frame[] =
        "{\"id\":1,\"send\":{\"user\":\"b\",\"client_id\":\"c\",\"text\":\"\\n\",\"mentions\":["
        "\"a\",\"b\",\"c\",\"d\",\"e\"],\"media\":[\"m\"],\"meta\":{\"k\":\"\\n\"}}}";

    (void)state;
    for (int n = 0;; n++) {
        struct budget budget = {.allocations = n};
        struct cc_allocator allocator = budget_allocator(&budget);
        struct wire_decoder decoder;
        struct wire_item item;

        wire_decoder_init(&decoder, &allocator);
        wire_decode_start(&decoder, slice_str(frame), WIRE_JSON);
        assert_true(wire_decode_next(&decoder, &item));
        assert_int_equal(item.command.id, 1);
        assert_true(item.error == 0 || item.error == CC_ENOMEM);
        wire_decoder_deinit(&decoder);
        assert_int_equal(budget.out, 0);
        if (!item.error)
            break;
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_values_in_msgpack),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_malformed_json),
        cmocka_unit_test(test_malformed_msgpack),
        cmocka_unit_test(test_what_came_before_counts),
        cmocka_unit_test(test_nothing_is_in_an_empty_frame),
        cmocka_unit_test(test_deep_nesting_needs_no_stack),
        cmocka_unit_test(test_levels_of_what_is_unknown),
        cmocka_unit_test(test_memory_is_in_proportion),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
