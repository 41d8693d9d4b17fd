/*
 * What replies and pushes look like: a table of events and their JSON, byte for byte. The
 * MessagePack form is read by msgpack-c and must be the same tree.
 */
#include "budget.h"
#include "chatcore/error.h"
#include "convert.h"
#include "wire/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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

static const struct cc_push_device push_device = {S("phone"), S("apns"), S("t")};
static const struct cc_slice bob_carol[] = {S("bob"), S("carol")};

struct example {
    struct cc_event event;
    const char *json;
};

#define REPLY(...)                                                                                 \
    {                                                                                              \
        .type = CC_EVENT_REPLY, .u.reply = &(const struct cc_reply)                                \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define MESSAGE(...)                                                                               \
    {                                                                                              \
        .type = CC_EVENT_MESSAGE, .u.message = &(const struct cc_message)                          \
        {                                                                                          \
            .conversation = S("room"), .seq = 17, .id = UUID, .from = S("bob"),                    \
            .ts = 1700000000000, __VA_ARGS__                                                       \
        }                                                                                          \
    }
#define MESSAGE_HEAD                                                                               \
    "\"conversation\":\"room\",\"seq\":17,\"id\":\"" UUID_TEXT                                     \
    "\",\"from\":\"bob\",\"ts\":1700000000000,"

static const struct cc_message two_messages[] = {
    {.conversation = S("r"), .seq = 1, .id = UUID, .from = S("a"), .kind = CC_MESSAGE_TEXT},
    {.conversation = S("r"),
     .seq = 2,
     .id = UUID,
     .from = S("b"),
     .kind = CC_MESSAGE_DELETE,
     .target = UUID},
};
#define TWO_MESSAGES                                                                               \
    "[{\"conversation\":\"r\",\"seq\":1,\"id\":\"" UUID_TEXT                                       \
    "\",\"from\":\"a\",\"ts\":0,\"kind\":\"text\",\"text\":\"\"},"                                 \
    "{\"conversation\":\"r\",\"seq\":2,\"id\":\"" UUID_TEXT                                        \
    "\",\"from\":\"b\",\"ts\":0,\"kind\":\"delete\",\"message\":\"" UUID_TEXT "\"}]"

static const struct cc_conversation_summary summaries[] = {
    {.conversation =
         {.id = S("room"), .kind = CC_KIND_GROUP, .name = S("The \"room\""), .member_count = 3},
     .role = CC_ROLE_OWNER,
     .head = 9,
     .ts = 1700000000000,
     .read = 7,
     .delivered = 8,
     .unread = 2},
    {.conversation = {.id = S("d"), .kind = CC_KIND_DIRECT, .member_count = 2},
     .peer = S("bob"),
     .muted_until = 1800000000000},
};
#define SUMMARY_ROOM                                                                               \
    "{\"id\":\"room\",\"kind\":\"group\",\"name\":\"The \\\"room\\\"\",\"members\":3,\"head\":9,"  \
    "\"read\":7,\"delivered\":8,\"unread\":2,\"muted\":false,\"ts\":1700000000000,"                \
    "\"role\":\"owner\"}"
#define SUMMARY_DIRECT                                                                             \
    "{\"id\":\"d\",\"kind\":\"direct\",\"name\":\"\",\"members\":2,\"head\":0,\"read\":0,"         \
    "\"delivered\":0,\"unread\":0,\"muted\":true,\"muted_until\":1800000000000,\"peer\":\"bob\"}"

static const struct cc_conversation_summary gone = {
    .conversation = {.id = S("room"), .kind = CC_KIND_GROUP}, .gone = true};

static const struct cc_member members[] = {{.user = S("bob"), .role = CC_ROLE_ADMIN},
                                           {.user = S("carol"), .role = CC_ROLE_MEMBER}};
static const struct cc_presence presences[] = {{S("bob"), CC_PRESENCE_ONLINE, 0},
                                               {S("carol"), CC_PRESENCE_OFFLINE, 1700000000000}};
static const struct cc_header headers[] = {{S("content-type"), S("image/png")},
                                           {S("x-\"q\""), S("1")}};
static const struct cc_profile profile = {S("bob"), S("Bob"), S("https://x/y"), S("\x81\xa1k\xc3")};
static const struct cc_profile empty_profile = {.user = S("bob")};
static const struct cc_profile private_profile = {
    .user = S("bob"), .privacy = {CC_AUDIENCE_CONTACTS, CC_READ_MARKS_PRIVATE}};

static const struct cc_invitation invitations[] = {
    {.token = S("t1"),
     .conversation = S("room"),
     .creator = S("bob"),
     .created = 1700000000000,
     .expires = 1700000060000,
     .max_uses = 2,
     .uses = 1},
    {.token = S("t2"), .conversation = S("room"), .creator = S("bob"), .created = 1700000000000},
};
static const struct cc_conversation_summary peeked[] = {
    {.conversation = {.kind = CC_KIND_GROUP, .name = S("Club"), .member_count = 4}},
};

static const struct example examples[] = {
    {REPLY(.id = 1, .command = CC_COMMAND_CONNECT, .user = S("alice"), .device = S("phone"),
           .session = S("s1"), .server_time = 1700000000000, .ping_interval_ms = 25000,
           .max_message_bytes = 65536),
     "{\"id\":1,\"connect\":{\"user\":\"alice\",\"device\":\"phone\",\"session\":\"s1\","
     "\"server_time\":1700000000000,\"ping_interval_ms\":25000,\"max_message_bytes\":65536}}"},
    {REPLY(.id = 9007199254740991, .command = CC_COMMAND_SEND, .conversation = S("room"),
           .message = UUID, .ts = 1700000000000),
     "{\"id\":9007199254740991,\"send\":{\"conversation\":\"room\",\"message\":\"" UUID_TEXT
     "\",\"ts\":1700000000000}}"},
    {REPLY(.id = 2, .command = CC_COMMAND_SEND, .conversation = S("room"), .message = UUID,
           .ts = 1700000000000, .duplicate = true),
     "{\"id\":2,\"send\":{\"conversation\":\"room\",\"message\":\"" UUID_TEXT
     "\",\"ts\":1700000000000,\"duplicate\":true}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_EDIT, .seq = 18), "{\"id\":3,\"edit\":{\"seq\":18}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_DELETE, .seq = 18), "{\"id\":3,\"delete\":{\"seq\":18}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_REACT, .seq = 18), "{\"id\":3,\"react\":{\"seq\":18}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_DELIVERED), "{\"id\":3,\"delivered\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_READ), "{\"id\":3,\"read\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_TYPING), "{\"id\":3,\"typing\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_REFRESH, .expires = 5),
     "{\"id\":3,\"refresh\":{\"expires\":5}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_HISTORY, .messages = two_messages, .message_count = 2,
           .more = true),
     "{\"id\":3,\"history\":{\"messages\":" TWO_MESSAGES ",\"more\":true}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_HISTORY),
     "{\"id\":3,\"history\":{\"messages\":[],\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_CONVERSATIONS, .conversations = summaries,
           .conversation_count = 2),
     "{\"id\":3,\"conversations\":{\"conversations\":[" SUMMARY_ROOM "," SUMMARY_DIRECT
     "],\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_CREATE, .conversation = S("room"), .duplicate = true),
     "{\"id\":3,\"create\":{\"conversation\":\"room\",\"duplicate\":true}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_CREATE, .conversation = S("room")),
     "{\"id\":3,\"create\":{\"conversation\":\"room\"}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_UPDATE, .seq = 18), "{\"id\":3,\"update\":{\"seq\":18}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_ADD, .seq = 18), "{\"id\":3,\"add\":{\"seq\":18}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_REMOVE, .seq = 18), "{\"id\":3,\"remove\":{\"seq\":18}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_LEAVE, .seq = 18), "{\"id\":3,\"leave\":{\"seq\":18}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_ROLE, .seq = 18), "{\"id\":3,\"role\":{\"seq\":18}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_MEMBERS, .members = members, .member_count = 2),
     "{\"id\":3,\"members\":{\"members\":[{\"user\":\"bob\",\"role\":\"admin\"},"
     "{\"user\":\"carol\",\"role\":\"member\"}],\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_PROFILE, .profile = &profile),
     "{\"id\":3,\"profile\":{\"user\":\"bob\",\"name\":\"Bob\",\"avatar\":\"https://x/y\","
     "\"meta\":{\"k\":true}}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_PROFILE, .profile = &empty_profile),
     "{\"id\":3,\"profile\":{\"user\":\"bob\"}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_PROFILE, .profile = &private_profile),
     "{\"id\":3,\"profile\":{\"user\":\"bob\",\"presence\":\"contacts\",\"read_marks\":\"private\"}"
     "}"},
    {REPLY(.id = 3, .command = CC_COMMAND_PROFILE), "{\"id\":3,\"profile\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_CONTACTS, .users = bob_carol, .user_count = 2,
           .more = true),
     "{\"id\":3,\"contacts\":{\"contacts\":[\"bob\",\"carol\"],\"more\":true}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_ADD_CONTACT), "{\"id\":3,\"add_contact\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_REMOVE_CONTACT), "{\"id\":3,\"remove_contact\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_BLOCK), "{\"id\":3,\"block\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_UNBLOCK), "{\"id\":3,\"unblock\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_BLOCKED, .users = bob_carol, .user_count = 2),
     "{\"id\":3,\"blocked\":{\"blocked\":[\"bob\",\"carol\"],\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_INVITE, .invitations = invitations,
           .invitation_count = 1),
     "{\"id\":3,\"invite\":{\"token\":\"t1\",\"conversation\":\"room\",\"creator\":\"bob\","
     "\"created\":1700000000000,\"expires\":1700000060000,\"max_uses\":2,\"uses\":1}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_INVITATIONS, .invitations = invitations,
           .invitation_count = 2),
     "{\"id\":3,\"invitations\":{\"invitations\":[{\"token\":\"t1\",\"conversation\":\"room\","
     "\"creator\":\"bob\",\"created\":1700000000000,\"expires\":1700000060000,\"max_uses\":2,"
     "\"uses\":1},{\"token\":\"t2\",\"conversation\":\"room\",\"creator\":\"bob\","
     "\"created\":1700000000000,\"uses\":0}],\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_REVOKE_INVITATION),
     "{\"id\":3,\"revoke_invitation\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_INVITATION, .conversations = peeked,
           .conversation_count = 1),
     "{\"id\":3,\"invitation\":{\"kind\":\"group\",\"name\":\"Club\",\"members\":4}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_JOIN, .conversation = S("room"), .seq = 9),
     "{\"id\":3,\"join\":{\"conversation\":\"room\",\"seq\":9}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_MUTE), "{\"id\":3,\"mute\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_PRESENCE, .presence = presences, .presence_count = 2),
     "{\"id\":3,\"presence\":{\"presence\":[{\"user\":\"bob\",\"status\":\"online\"},"
     "{\"user\":\"carol\",\"status\":\"offline\",\"last_seen\":1700000000000}]}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_UPLOAD, .media = S("m-1"), .method = S("PUT"),
           .url = S("https://s/m-1?x=1&y=2"), .headers = headers, .header_count = 2,
           .expires = 1700000000000),
     "{\"id\":3,\"upload\":{\"media\":\"m-1\",\"method\":\"PUT\","
     "\"url\":\"https://s/m-1?x=1&y=2\",\"headers\":{\"content-type\":\"image/png\","
     "\"x-\\\"q\\\"\":\"1\"},\"expires\":1700000000000}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_MEDIA, .url = S("https://c/m-1"), .expires = 7),
     "{\"id\":3,\"media\":{\"url\":\"https://c/m-1\",\"expires\":7}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_DEVICE), "{\"id\":3,\"device\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_DEVICE, .has_verified = true),
     "{\"id\":3,\"device\":{\"verified\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_DEVICE, .has_verified = true, .verified = true),
     "{\"id\":3,\"device\":{\"verified\":true}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_ERASE), "{\"id\":3,\"erase\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_REVOKE), "{\"id\":3,\"revoke\":{}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_EXPORT, .export_part = CC_EXPORT_PROFILE,
           .profile = &empty_profile, .cursor = S("2:0:"), .more = true),
     "{\"id\":3,\"export\":{\"profile\":{\"user\":\"bob\"},\"more\":true,\"cursor\":\"2:0:\"}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_EXPORT, .export_part = CC_EXPORT_DEVICES,
           .devices = &push_device, .device_count = 1),
     "{\"id\":3,\"export\":{\"devices\":[{\"device\":\"phone\",\"provider\":\"apns\","
     "\"token\":\"t\"}],\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_EXPORT, .export_part = CC_EXPORT_CONTACTS,
           .users = bob_carol, .user_count = 2),
     "{\"id\":3,\"export\":{\"contacts\":[\"bob\",\"carol\"],\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_EXPORT, .export_part = CC_EXPORT_BLOCKED,
           .users = bob_carol, .user_count = 2),
     "{\"id\":3,\"export\":{\"blocked\":[\"bob\",\"carol\"],\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_EXPORT, .export_part = CC_EXPORT_CONVERSATIONS),
     "{\"id\":3,\"export\":{\"conversations\":[],\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_EXPORT, .export_part = CC_EXPORT_MESSAGES,
           .messages = two_messages, .message_count = 2),
     "{\"id\":3,\"export\":{\"messages\":" TWO_MESSAGES ",\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_SEARCH, .messages = two_messages, .message_count = 2),
     "{\"id\":3,\"search\":{\"messages\":" TWO_MESSAGES ",\"more\":false}}"},
    {REPLY(.id = 3, .command = CC_COMMAND_SEARCH, .more = true, .cursor = S("77")),
     "{\"id\":3,\"search\":{\"messages\":[],\"more\":true,\"cursor\":\"77\"}}"},

    {REPLY(.id = 4, .command = CC_COMMAND_SEND, .error = CC_ERATELIMITED, .retry_after_ms = 1200),
     "{\"id\":4,\"error\":{\"code\":429,\"name\":\"rate_limited\","
     "\"message\":\"too many requests; wait and try again\",\"retry_after_ms\":1200,"
     "\"temporary\":true}}"},
    {REPLY(.id = 0, .error = CC_EINVAL, .error_text = S("id: must be \"1\"")),
     "{\"id\":0,\"error\":{\"code\":400,\"name\":\"bad_request\","
     "\"message\":\"id: must be \\\"1\\\"\"}}"},

    {MESSAGE(.kind = CC_MESSAGE_TEXT, .text = S("hi")),
     "{\"message\":{" MESSAGE_HEAD "\"kind\":\"text\",\"text\":\"hi\"}}"},
    {MESSAGE(.kind = CC_MESSAGE_TEXT, .text = S("h\ni"), .client_id = S("c-1"), .reply_to = UUID,
             .mentions = bob_carol, .mention_count = 2,
             .meta = S("\x81\xa1k\x92\x01\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"), .flagged = true),
     "{\"message\":{" MESSAGE_HEAD "\"kind\":\"text\",\"text\":\"h\\ni\",\"reply_to\":\"" UUID_TEXT
     "\",\"mentions\":[\"bob\",\"carol\"],\"meta\":{\"k\":[1,0.1]},\"client_id\":\"c-1\","
     "\"flagged\":true}}"},
    {MESSAGE(.kind = CC_MESSAGE_MEDIA, .media = bob_carol, .media_count = 2),
     "{\"message\":{" MESSAGE_HEAD "\"kind\":\"media\",\"media\":[\"bob\",\"carol\"]}}"},
    {MESSAGE(.kind = CC_MESSAGE_MEDIA, .media = bob_carol, .media_count = 1, .text = S("look")),
     "{\"message\":{" MESSAGE_HEAD "\"kind\":\"media\",\"text\":\"look\",\"media\":[\"bob\"]}}"},
    {MESSAGE(.kind = CC_MESSAGE_MEDIA, .media = bob_carol, .media_count = 1,
             .files = S("\x91\x82\xa5media\xa3"
                        "bob\xa5"
                        "bytes\x07")),
     "{\"message\":{" MESSAGE_HEAD "\"kind\":\"media\",\"media\":[\"bob\"],"
     "\"files\":[{\"media\":\"bob\",\"bytes\":7}]}}"},
    {MESSAGE(.kind = CC_MESSAGE_MEDIA, .media = bob_carol, .media_count = 1, .files = S("\x91")),
     "{\"message\":{" MESSAGE_HEAD "\"kind\":\"media\",\"media\":[\"bob\"],\"files\":null}}"},
    {MESSAGE(.kind = CC_MESSAGE_EDIT, .text = S("ho"), .target = UUID),
     "{\"message\":{" MESSAGE_HEAD "\"kind\":\"edit\",\"text\":\"ho\",\"message\":\"" UUID_TEXT
     "\"}}"},
    {MESSAGE(.kind = CC_MESSAGE_DELETE, .target = UUID),
     "{\"message\":{" MESSAGE_HEAD "\"kind\":\"delete\",\"message\":\"" UUID_TEXT "\"}}"},
    {MESSAGE(.kind = CC_MESSAGE_REACTION, .target = UUID, .emoji = S("+1"), .on = false),
     "{\"message\":{" MESSAGE_HEAD "\"kind\":\"reaction\",\"message\":\"" UUID_TEXT
     "\",\"emoji\":\"+1\",\"on\":false}}"},
    {MESSAGE(.kind = CC_MESSAGE_SYSTEM, .action = CC_SYSTEM_CREATED, .users = bob_carol,
             .user_count = 2, .name = S("Room")),
     "{\"message\":{" MESSAGE_HEAD
     "\"kind\":\"system\",\"action\":\"created\",\"users\":[\"bob\",\"carol\"],"
     "\"name\":\"Room\"}}"},
    {MESSAGE(.kind = CC_MESSAGE_SYSTEM, .action = CC_SYSTEM_ROLE, .users = bob_carol,
             .user_count = 1, .role = CC_ROLE_ADMIN),
     "{\"message\":{" MESSAGE_HEAD
     "\"kind\":\"system\",\"action\":\"role\",\"users\":[\"bob\"],\"role\":\"admin\"}}"},
    {MESSAGE(.kind = (enum cc_message_kind)99),
     "{\"message\":{" MESSAGE_HEAD "\"kind\":\"unknown\",\"text\":\"\"}}"},

    {{.type = CC_EVENT_RECEIPT,
      .u.receipt = &(const struct cc_receipt){S("room"), S("bob"), 5, 0, 1700000000000}},
     "{\"receipt\":{\"conversation\":\"room\",\"user\":\"bob\",\"delivered\":5,"
     "\"ts\":1700000000000}}"},
    {{.type = CC_EVENT_RECEIPT,
      .u.receipt = &(const struct cc_receipt){S("room"), S("bob"), 0, 6, 1700000000000}},
     "{\"receipt\":{\"conversation\":\"room\",\"user\":\"bob\",\"read\":6,\"ts\":1700000000000}}"},
    {{.type = CC_EVENT_TYPING, .u.typing = &(const struct cc_typing){S("room"), S("bob"), true}},
     "{\"typing\":{\"conversation\":\"room\",\"user\":\"bob\",\"on\":true}}"},
    {{.type = CC_EVENT_PRESENCE, .u.presence = &presences[1]},
     "{\"presence\":{\"user\":\"carol\",\"status\":\"offline\",\"last_seen\":1700000000000}}"},
    {{.type = CC_EVENT_CONVERSATION, .u.conversation = &summaries[0]},
     "{\"conversation\":" SUMMARY_ROOM "}"},
    {{.type = CC_EVENT_CONVERSATION, .u.conversation = &gone},
     "{\"conversation\":{\"id\":\"room\",\"kind\":\"group\",\"gone\":true}}"},
    {{.type = CC_EVENT_SYNCED, .u.synced = {S("c:1")}}, "{\"synced\":{\"cursor\":\"c:1\"}}"},
};

#define COUNT (sizeof examples / sizeof examples[0])

static void assert_text(struct cc_slice text, const char *expected)
{
    if (!slice_equal(text, slice_str(expected)))
        fail_msg("\n%.*s\nis not\n%s", (int)text.size, text.data, expected);
}

static void test_json(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out, cc_allocator_default());
    for (size_t i = 0; i < COUNT; i++) {
        buffer_clear(&out);
        assert_int_equal(wire_encode_event(&out, &examples[i].event, WIRE_JSON), 0);
        assert_text(buffer_slice(&out), examples[i].json);
    }
    buffer_deinit(&out);
}

static void test_msgpack(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out, cc_allocator_default());
    for (size_t i = 0; i < COUNT; i++) {
        json_t *expected = json_of_text(slice_str(examples[i].json));
        json_t *json;

        buffer_clear(&out);
        assert_int_equal(wire_encode_event(&out, &examples[i].event, WIRE_MSGPACK), 0);
        json = json_of_msgpack(buffer_slice(&out));
        assert_non_null(expected);
        assert_non_null(json);
        if (!json_equal(json, expected))
            fail_msg("%s\nis not\n%s", json_dumps(json, 0), examples[i].json);
        json_decref(json);
        json_decref(expected);
    }
    buffer_deinit(&out);
}

static void test_ids_are_binary_in_msgpack(void **state)
{
    static const struct cc_reply reply = {
        .id = 1, .command = CC_COMMAND_SEND, .conversation = S("r"), .message = UUID, .ts = 1};
    static const char expected[] =
        "\x82\xa2id\x01\xa4send\x83\xac"
        "conversation\xa1r\xa7message\xc4\x10"
        "\x01\x8f\x00\x11\x22\x33\x74\x55\x86\x77\x88\x99\xaa\xbb\xcc\xdd"
        "\xa2ts\x01";
    struct buffer out;

    (void)state;
    buffer_init(&out, cc_allocator_default());
    assert_int_equal(wire_encode_reply(&out, &reply, WIRE_MSGPACK), 0);
    assert_int_equal(out.size, sizeof expected - 1);
    assert_memory_equal(out.data, expected, sizeof expected - 1);
    buffer_deinit(&out);
}

static void test_every_reply_and_push_has_an_example(void **state)
{
    bool commands[CC_COMMAND_COUNT] = {false};
    bool events[CC_EVENT_STOPPED + 1] = {false};

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        events[examples[i].event.type] = true;
        if (examples[i].event.type == CC_EVENT_REPLY)
            commands[examples[i].event.u.reply->command] = true;
    }
    for (int i = CC_COMMAND_HEARTBEAT + 1; i < CC_COMMAND_COUNT; i++)
        if (!commands[i])
            fail_msg("no example of %s", cc_command_key((enum cc_command_type)i));
    for (int i = CC_EVENT_REPLY; i < CC_EVENT_CLOSED; i++)
        assert_true(events[i]);
}

static void test_bodies(void **state)
{
    static const struct cc_reply reply = {.id = 1, .command = CC_COMMAND_EDIT, .seq = 3};
    static const struct cc_reply error = {
        .id = 1, .command = CC_COMMAND_EDIT, .error = CC_ENOTFOUND};
    struct buffer out;

    (void)state;
    buffer_init(&out, cc_allocator_default());
    assert_int_equal(wire_encode_body(&out, &reply, WIRE_JSON), 0);
    assert_text(buffer_slice(&out), "{\"seq\":3}");
    buffer_clear(&out);
    assert_int_equal(wire_encode_body(&out, &error, WIRE_JSON), 0);
    assert_text(buffer_slice(&out),
                "{\"code\":404,\"name\":\"not_found\",\"message\":\"there is no "
                "such object, or it may not be seen\"}");
    buffer_deinit(&out);
}

static void test_what_has_no_form_is_refused(void **state)
{
    const struct cc_event events[] = {
        {.type = CC_EVENT_CLOSED},
        {.type = CC_EVENT_STOPPED},
        {.type = (enum cc_event_type)0},
        {.type = (enum cc_event_type)1000},
        REPLY(.id = 1, .command = CC_COMMAND_NONE),
        REPLY(.id = 1, .command = CC_COMMAND_HEARTBEAT),
        REPLY(.id = 1, .command = (enum cc_command_type)1000),
    };
    struct buffer out;

    (void)state;
    buffer_init(&out, cc_allocator_default());
    buffer_append_byte(&out, 'x');
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        assert_int_equal(wire_encode_event(&out, &events[i], WIRE_JSON), CC_EINVAL);
        assert_int_equal(wire_encode_event(&out, &events[i], WIRE_MSGPACK), CC_EINVAL);
    }
    assert_int_equal(wire_encode_body(&out, events[4].u.reply, WIRE_JSON), CC_EINVAL);
    assert_int_equal(out.size, 1);
    buffer_deinit(&out);
}

static void test_damaged_meta_is_null(void **state)
{
    static const struct cc_profile damaged = {.user = S("b"), .meta = S("\x81\xa1k")};
    static const struct cc_reply reply = {.command = CC_COMMAND_PROFILE, .profile = &damaged};
    struct buffer out;

    (void)state;
    buffer_init(&out, cc_allocator_default());
    assert_int_equal(wire_encode_body(&out, &reply, WIRE_JSON), 0);
    assert_text(buffer_slice(&out), "{\"user\":\"b\",\"meta\":null}");
    buffer_clear(&out);
    assert_int_equal(wire_encode_body(&out, &reply, WIRE_MSGPACK), 0);
    assert_text(buffer_slice(&out), "\x82\xa4user\xa1"
                                    "b\xa4meta\xc0");
    buffer_deinit(&out);
}

/* The n-th allocation fails, for every n, until all is written. */
static void sweep(const struct cc_event *event, enum wire_format format)
{
    for (int n = 0;; n++) {
        struct budget budget = {.allocations = n};
        struct cc_allocator allocator = budget_allocator(&budget);
        struct buffer out;
        int r;

        buffer_init(&out, &allocator);
        r = wire_encode_event(&out, event, format);
        assert_true(r == 0 || (r == CC_ENOMEM && out.size == 0));
        buffer_deinit(&out);
        assert_int_equal(budget.out, 0);
        if (!r)
            return;
        assert_true(n < 100);
    }
}

static void test_without_memory_nothing_is_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        sweep(&examples[i].event, WIRE_JSON);
        sweep(&examples[i].event, WIRE_MSGPACK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_msgpack),
        cmocka_unit_test(test_ids_are_binary_in_msgpack),
        cmocka_unit_test(test_every_reply_and_push_has_an_example),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_what_has_no_form_is_refused),
        cmocka_unit_test(test_damaged_meta_is_null),
        cmocka_unit_test(test_without_memory_nothing_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
