/*
 * Every command in both encodings: a table of JSON texts and the commands they are. The MessagePack
 * form is made by msgpack-c from the same text.
 */
#include "chatcore/error.h"
#include "commands.h"
#include "convert.h"

#include <stdlib.h>

#define S(text)                                                                                    \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }
#define UUID_TEXT "018f0011-2233-7455-8677-8899aabbccdd"
#define UUID                                                                                       \
    {                                                                                              \
        {                                                                                          \
            0x01, 0x8f, 0x00, 0x11, 0x22, 0x33, 0x74, 0x55, 0x86, 0x77, 0x88, 0x99, 0xaa, 0xbb,    \
                0xcc, 0xdd                                                                         \
        }                                                                                          \
    }

static const struct cc_slice bob_carol[] = {S("bob"), S("carol")};
static const struct cc_slice media[] = {S("m-1"), S("m-2")};

struct example {
    const char *json;
    struct cc_command command;
};

static const struct example examples[] = {
    {"{}", {.type = CC_COMMAND_HEARTBEAT}},
    {" {\t} ", {.type = CC_COMMAND_HEARTBEAT}},
    {"{\"id\":1,\"connect\":{\"token\":\"a.b.c\",\"device\":\"phone-1\",\"cursor\":\"xyz\"}}",
     {.id = 1,
      .type = CC_COMMAND_CONNECT,
      .token = S("a.b.c"),
      .device = S("phone-1"),
      .cursor = S("xyz")}},
    {"{\"id\":1,\"connect\":{\"device\":\"phone-1\"}}",
     {.id = 1, .type = CC_COMMAND_CONNECT, .device = S("phone-1")}},
    {"{\"id\":9007199254740991,\"send\":{\"conversation\":\"room\",\"client_id\":\"c-1\","
     "\"text\":\"hi\"}}",
     {.id = 9007199254740991,
      .type = CC_COMMAND_SEND,
      .conversation = S("room"),
      .client_id = S("c-1"),
      .text = S("hi")}},
    {"{\"id\":2,\"send\":{\"user\":\"bob\",\"client_id\":\"c\",\"text\":\"\",\"media\":[\"m-1\","
     "\"m-2\"],\"reply_to\":\"" UUID_TEXT "\",\"mentions\":[\"bob\",\"carol\"],"
     "\"meta\":{\"a\":[1,null]}}}",
     {.id = 2,
      .type = CC_COMMAND_SEND,
      .user = S("bob"),
      .client_id = S("c"),
      .media = media,
      .media_count = 2,
      .reply_to = UUID,
      .users = bob_carol,
      .user_count = 2,
      .meta = S("\x81\xa1"
                "a\x92\x01\xc0"),
      .has_meta = true}},
    {"{\"send\":{\"client_id\":\"c\",\"text\":\"a\\n\\u00e9\\ud83d\\ude00\\/\",\"user\":\"b\"},"
     "\"id\":3}",
     {.id = 3,
      .type = CC_COMMAND_SEND,
      .user = S("b"),
      .client_id = S("c"),
      .text = S("a\n\xc3\xa9\xf0\x9f\x98\x80/")}},
    {"{\"id\":4,\"edit\":{\"conversation\":\"room\",\"message\":\"" UUID_TEXT
     "\",\"text\":\"ho\"}}",
     {.id = 4,
      .type = CC_COMMAND_EDIT,
      .conversation = S("room"),
      .message = UUID,
      .text = S("ho")}},
    {"{\"id\":5,\"delete\":{\"conversation\":\"room\",\"message\":\"" UUID_TEXT "\"}}",
     {.id = 5, .type = CC_COMMAND_DELETE, .conversation = S("room"), .message = UUID}},
    {"{\"id\":6,\"react\":{\"conversation\":\"room\",\"message\":\"" UUID_TEXT
     "\",\"emoji\":\"\xf0\x9f\x91\x8d\",\"on\":true}}",
     {.id = 6,
      .type = CC_COMMAND_REACT,
      .conversation = S("room"),
      .message = UUID,
      .emoji = S("\xf0\x9f\x91\x8d"),
      .on = true}},
    {"{\"id\":7,\"delivered\":{\"conversation\":\"room\",\"seq\":17}}",
     {.id = 7, .type = CC_COMMAND_DELIVERED, .conversation = S("room"), .seq = 17}},
    {"{\"id\":8,\"read\":{\"conversation\":\"room\",\"seq\":9007199254740991}}",
     {.id = 8, .type = CC_COMMAND_READ, .conversation = S("room"), .seq = 9007199254740991}},
    {"{\"id\":8,\"read\":{\"conversation\":\"room\",\"seq\":1.2e1}}",
     {.id = 8, .type = CC_COMMAND_READ, .conversation = S("room"), .seq = 12}},
    {"{\"id\":9,\"typing\":{\"conversation\":\"room\",\"on\":false}}",
     {.id = 9, .type = CC_COMMAND_TYPING, .conversation = S("room")}},
    {"{\"id\":10,\"refresh\":{\"token\":\"d.e.f\"}}",
     {.id = 10, .type = CC_COMMAND_REFRESH, .token = S("d.e.f")}},
    {"{\"id\":11,\"history\":{\"conversation\":\"room\",\"before\":100,\"limit\":50}}",
     {.id = 11, .type = CC_COMMAND_HISTORY, .conversation = S("room"), .before = 100, .limit = 50}},
    {"{\"id\":11,\"history\":{\"conversation\":\"room\",\"after\":0}}",
     {.id = 11, .type = CC_COMMAND_HISTORY, .conversation = S("room"), .has_after = true}},
    {"{\"id\":12,\"conversations\":{}}", {.id = 12, .type = CC_COMMAND_CONVERSATIONS}},
    {"{\"id\":12,\"conversations\":{\"after\":\"room\",\"limit\":4294967295}}",
     {.id = 12, .type = CC_COMMAND_CONVERSATIONS, .after_name = S("room"), .limit = UINT32_MAX}},
    {"{\"id\":13,\"create\":{\"kind\":\"group\",\"conversation\":\"room\",\"name\":\"The room\","
     "\"members\":[\"bob\",\"carol\"]}}",
     {.id = 13,
      .type = CC_COMMAND_CREATE,
      .kind = CC_KIND_GROUP,
      .conversation = S("room"),
      .name = S("The room"),
      .users = bob_carol,
      .user_count = 2}},
    {"{\"id\":13,\"create\":{\"kind\":\"channel\",\"name\":\"\",\"members\":[]}}",
     {.id = 13, .type = CC_COMMAND_CREATE, .kind = CC_KIND_CHANNEL}},
    {"{\"id\":13,\"create\":{\"kind\":\"group\",\"client_id\":\"k\",\"name\":\"\",\"members\":[]}}",
     {.id = 13, .type = CC_COMMAND_CREATE, .kind = CC_KIND_GROUP, .client_id = S("k")}},
    {"{\"id\":14,\"update\":{\"conversation\":\"room\",\"name\":\"New\"}}",
     {.id = 14,
      .type = CC_COMMAND_UPDATE,
      .conversation = S("room"),
      .name = S("New"),
      .has_name = true}},
    {"{\"id\":14,\"update\":{\"conversation\":\"room\",\"retention_s\":86400}}",
     {.id = 14,
      .type = CC_COMMAND_UPDATE,
      .conversation = S("room"),
      .retention_s = 86400,
      .has_retention = true}},
    {"{\"id\":15,\"add\":{\"conversation\":\"room\",\"users\":[\"bob\",\"carol\"],"
     "\"role\":\"admin\"}}",
     {.id = 15,
      .type = CC_COMMAND_ADD,
      .conversation = S("room"),
      .users = bob_carol,
      .user_count = 2,
      .role = CC_ROLE_ADMIN}},
    {"{\"id\":16,\"remove\":{\"conversation\":\"room\",\"users\":[\"bob\"]}}",
     {.id = 16,
      .type = CC_COMMAND_REMOVE,
      .conversation = S("room"),
      .users = bob_carol,
      .user_count = 1}},
    {"{\"id\":17,\"leave\":{\"conversation\":\"room\"}}",
     {.id = 17, .type = CC_COMMAND_LEAVE, .conversation = S("room")}},
    {"{\"id\":18,\"role\":{\"conversation\":\"room\",\"user\":\"bob\",\"role\":\"owner\"}}",
     {.id = 18,
      .type = CC_COMMAND_ROLE,
      .conversation = S("room"),
      .user = S("bob"),
      .role = CC_ROLE_OWNER}},
    {"{\"id\":19,\"members\":{\"conversation\":\"room\",\"after\":\"bob\",\"limit\":10}}",
     {.id = 19,
      .type = CC_COMMAND_MEMBERS,
      .conversation = S("room"),
      .after_name = S("bob"),
      .limit = 10}},
    {"{\"id\":20,\"profile\":{}}", {.id = 20, .type = CC_COMMAND_PROFILE}},
    {"{\"id\":20,\"profile\":{\"presence\":\"nobody\",\"read_marks\":\"private\"}}",
     {.id = 20,
      .type = CC_COMMAND_PROFILE,
      .privacy = {CC_AUDIENCE_NOBODY, CC_READ_MARKS_PRIVATE},
      .has_presence = true,
      .has_read_marks = true}},
    {"{\"id\":20,\"profile\":{\"presence\":\"everyone\",\"read_marks\":\"public\"}}",
     {.id = 20, .type = CC_COMMAND_PROFILE, .has_presence = true, .has_read_marks = true}},
    {"{\"id\":20,\"profile\":{\"user\":\"bob\"}}",
     {.id = 20, .type = CC_COMMAND_PROFILE, .user = S("bob")}},
    {"{\"id\":20,\"profile\":{\"name\":\"Bob\",\"avatar\":\"\",\"meta\":{}}}",
     {.id = 20,
      .type = CC_COMMAND_PROFILE,
      .name = S("Bob"),
      .has_name = true,
      .has_avatar = true,
      .meta = S("\x80"),
      .has_meta = true}},
    {"{\"id\":21,\"contacts\":{\"after\":\"bob\",\"limit\":5}}",
     {.id = 21, .type = CC_COMMAND_CONTACTS, .after_name = S("bob"), .limit = 5}},
    {"{\"id\":22,\"add_contact\":{\"user\":\"bob\"}}",
     {.id = 22, .type = CC_COMMAND_ADD_CONTACT, .user = S("bob")}},
    {"{\"id\":23,\"remove_contact\":{\"user\":\"bob\"}}",
     {.id = 23, .type = CC_COMMAND_REMOVE_CONTACT, .user = S("bob")}},
    {"{\"id\":24,\"block\":{\"user\":\"bob\"}}",
     {.id = 24, .type = CC_COMMAND_BLOCK, .user = S("bob")}},
    {"{\"id\":25,\"unblock\":{\"user\":\"bob\"}}",
     {.id = 25, .type = CC_COMMAND_UNBLOCK, .user = S("bob")}},
    {"{\"id\":21,\"blocked\":{\"after\":\"bob\",\"limit\":5}}",
     {.id = 21, .type = CC_COMMAND_BLOCKED, .after_name = S("bob"), .limit = 5}},
    {"{\"id\":22,\"invite\":{\"conversation\":\"room\",\"expires_s\":60,\"max_uses\":2}}",
     {.id = 22,
      .type = CC_COMMAND_INVITE,
      .conversation = S("room"),
      .expires_s = 60,
      .max_uses = 2}},
    {"{\"id\":22,\"invitations\":{\"conversation\":\"room\",\"after\":\"t\",\"limit\":5}}",
     {.id = 22,
      .type = CC_COMMAND_INVITATIONS,
      .conversation = S("room"),
      .after_name = S("t"),
      .limit = 5}},
    {"{\"id\":22,\"revoke_invitation\":{\"conversation\":\"room\",\"token\":\"t\"}}",
     {.id = 22, .type = CC_COMMAND_REVOKE_INVITATION, .conversation = S("room"), .token = S("t")}},
    {"{\"id\":22,\"invitation\":{\"token\":\"t\"}}",
     {.id = 22, .type = CC_COMMAND_INVITATION, .token = S("t")}},
    {"{\"id\":22,\"join\":{\"token\":\"t\"}}",
     {.id = 22, .type = CC_COMMAND_JOIN, .token = S("t")}},
    {"{\"id\":26,\"mute\":{\"conversation\":\"room\",\"until\":1700000000000}}",
     {.id = 26, .type = CC_COMMAND_MUTE, .conversation = S("room"), .until = 1700000000000}},
    {"{\"id\":27,\"presence\":{\"users\":[\"bob\",\"carol\"]}}",
     {.id = 27, .type = CC_COMMAND_PRESENCE, .users = bob_carol, .user_count = 2}},
    {"{\"id\":28,\"upload\":{\"name\":\"a b.png\",\"type\":\"image/png\",\"bytes\":12345,"
     "\"sha256\":\"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\"}}",
     {.id = 28,
      .type = CC_COMMAND_UPLOAD,
      .name = S("a b.png"),
      .media_type = S("image/png"),
      .bytes = 12345,
      .sha256 = S("00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF")}},
    {"{\"id\":29,\"media\":{\"media\":\"m-1\"}}",
     {.id = 29, .type = CC_COMMAND_MEDIA, .media_id = S("m-1")}},
    {"{\"id\":30,\"device\":{\"push\":{\"provider\":\"apns\",\"token\":\"abc\"}}}",
     {.id = 30, .type = CC_COMMAND_DEVICE, .provider = S("apns"), .token = S("abc")}},
    {"{\"id\":31,\"search\":{\"text\":\"hello\",\"conversation\":\"room\",\"cursor\":\"77\","
     "\"limit\":20}}",
     {.id = 31,
      .type = CC_COMMAND_SEARCH,
      .text = S("hello"),
      .conversation = S("room"),
      .cursor = S("77"),
      .limit = 20}},
    {"{\"id\":31,\"erase\":{\"user\":\"bob\"}}",
     {.id = 31, .type = CC_COMMAND_ERASE, .user = S("bob")}},
    {"{\"id\":31,\"export\":{\"user\":\"bob\",\"cursor\":\"6:1:room\"}}",
     {.id = 31, .type = CC_COMMAND_EXPORT, .user = S("bob"), .cursor = S("6:1:room")}},
    {"{\"id\":31,\"revoke\":{\"user\":\"bob\",\"issued_before\":1700000000000}}",
     {.id = 31, .type = CC_COMMAND_REVOKE, .user = S("bob"), .issued_before = 1700000000000}},
    {"{\"id\":31,\"revoke\":{\"jti\":\"t-1\"}}",
     {.id = 31, .type = CC_COMMAND_REVOKE, .token = S("t-1")}},
    /* what is not known, and what is null, counts as not there */
    {"{\"id\":32,\"future\":{\"x\":[{}]},\"leave\":{\"conversation\":\"r\",\"y\":[1,{\"z\":null}],"
     "\"w\":\"\\u0000\"},\"more\":1}",
     {.id = 32, .type = CC_COMMAND_LEAVE, .conversation = S("r")}},
    {"{\"id\":33,\"send\":{\"conversation\":null,\"user\":\"b\",\"client_id\":\"c\",\"meta\":null,"
     "\"media\":null,\"reply_to\":null}}",
     {.id = 33, .type = CC_COMMAND_SEND, .user = S("b"), .client_id = S("c")}},
};

#define COUNT (sizeof examples / sizeof examples[0])

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

static void check(struct wire_decoder *decoder, struct cc_slice frame, enum wire_format format,
                  const struct example *example)
{
    struct wire_item item;

    wire_decode_start(decoder, frame, format);
    assert_true(wire_decode_next(decoder, &item));
    if (item.error)
        fail_msg("%s: %.*s", example->json, (int)item.error_text.size, item.error_text.data);
    assert_same_command(&item.command, &example->command, example->json);
    assert_false(wire_decode_next(decoder, &item));
}

static void test_json(void **state)
{
    for (size_t i = 0; i < COUNT; i++)
        check(*state, slice_str(examples[i].json), WIRE_JSON, &examples[i]);
}

static void check_msgpack(struct wire_decoder *decoder, bool binary_ids)
{
    struct buffer buffer;

    buffer_init(&buffer, cc_allocator_default());
    for (size_t i = 0; i < COUNT; i++) {
        json_t *json = json_loads(examples[i].json, JSON_ALLOW_NUL, NULL);

        assert_non_null(json);
        buffer_clear(&buffer);
        msgpack_of_json(json, binary_ids, &buffer);
        check(decoder, buffer_slice(&buffer), WIRE_MSGPACK, &examples[i]);
        json_decref(json);
    }
    buffer_deinit(&buffer);
}

static void test_msgpack(void **state)
{
    check_msgpack(*state, true);
}

static void test_msgpack_with_ids_as_text(void **state)
{
    check_msgpack(*state, false);
}

static void test_every_command_has_an_example(void **state)
{
    bool has[CC_COMMAND_COUNT] = {false};

    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        has[examples[i].command.type] = true;
    for (int i = CC_COMMAND_NONE + 1; i < CC_COMMAND_COUNT; i++)
        if (!has[i])
            fail_msg("no example of %s", cc_command_key((enum cc_command_type)i));
}

static void check_all_in_a_frame(struct wire_decoder *decoder, struct cc_slice frame,
                                 enum wire_format format)
{
    struct wire_item items[COUNT];

    wire_decode_start(decoder, frame, format);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(wire_decode_next(decoder, &items[i]));
    assert_false(wire_decode_next(decoder, &items[0]));
    for (size_t i = 0; i < COUNT; i++) /* all live until the next frame */
        assert_same_command(&items[i].command, &examples[i].command, examples[i].json);
}

static void test_many_in_a_frame(void **state)
{
    struct buffer text;
    struct buffer bytes;

    buffer_init(&text, cc_allocator_default());
    buffer_init(&bytes, cc_allocator_default());
    for (size_t i = 0; i < COUNT; i++) {
        json_t *json = json_loads(examples[i].json, JSON_ALLOW_NUL, NULL);

        assert_non_null(json);
        buffer_append_slice(&text, slice_str(examples[i].json));
        buffer_append_byte(&text, '\n');
        msgpack_of_json(json, true, &bytes);
        json_decref(json);
    }
    check_all_in_a_frame(*state, buffer_slice(&text), WIRE_JSON);
    check_all_in_a_frame(*state, buffer_slice(&bytes), WIRE_MSGPACK);
    buffer_deinit(&text);
    buffer_deinit(&bytes);
}

static void test_strings_point_into_the_frame(void **state)
{
    static const char json[] = "{\"id\":1,\"search\":{\"text\":\"hello\"}}";
    static const char bytes[] = "\x82\xa2id\x01\xa6search\x81\xa4text\xa5hello";
    struct wire_decoder *decoder = *state;
    struct wire_item item;

    wire_decode_start(decoder, slice_str(json), WIRE_JSON);
    assert_true(wire_decode_next(decoder, &item));
    assert_ptr_equal(item.command.text.data, strstr(json, "hello"));
    wire_decode_start(decoder, slice_of(bytes, sizeof bytes - 1), WIRE_MSGPACK);
    assert_true(wire_decode_next(decoder, &item));
    assert_ptr_equal(item.command.text.data, bytes + sizeof bytes - 6);
    assert_int_equal(decoder->arena.total, 0);
}

static void test_bodies_of_requests(void **state)
{
    static const char json[] = " {\"client_id\":\"c\",\"text\":\"hi\",\"id\":5}\n";
    struct wire_decoder *decoder = *state;
    struct wire_item item = {
        .command = {.id = 1, .type = CC_COMMAND_EDIT, .conversation = S("room"), .message = UUID}};
    struct cc_command expected = item.command;

    expected.text = slice_str("hi");
    wire_decode_body(decoder, slice_str(json), WIRE_JSON, &item);
    assert_int_equal(item.error, 0);
    assert_same_command(&item.command, &expected, "body");
    item.command.conversation.size = 0;
    memset(&item.command.conversation, 0, sizeof item.command.conversation);
    wire_decode_body(decoder, slice_str(json), WIRE_JSON, &item);
    assert_int_equal(item.error, CC_EINVAL);
    assert_true(slice_equal(item.error_text, slice_str("conversation: is missing")));
    wire_decode_body(decoder, slice_str("{} {}"), WIRE_JSON, &item);
    assert_int_equal(item.error, CC_EPROTOCOL);
    wire_decode_body(decoder, slice_str(""), WIRE_JSON, &item);
    assert_int_equal(item.error, CC_EPROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_msgpack),
        cmocka_unit_test(test_msgpack_with_ids_as_text),
        cmocka_unit_test(test_every_command_has_an_example),
        cmocka_unit_test(test_many_in_a_frame),
        cmocka_unit_test(test_strings_point_into_the_frame),
        cmocka_unit_test(test_bodies_of_requests),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
