/*
 * A user's own affairs: profile, contacts, mute, device.
 */
#include "engine/contacts.h"
#include "support/engine_fixture.h"
#include "support/test.h"

static void relate(struct client *client, enum cc_command_type type, const char *user)
{
    client_do(client, (struct cc_command){.type = type, .user = text_slice(user)});
}

static void profile_of(struct client *client, const char *user)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_PROFILE, .user = text_slice(user)});
}

static void test_profile(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    static const char map[] = "\x81\xa1k\xa1v";

    profile_of(alice, NULL);
    client_expect(alice, "profile ok alice name= avatar= meta=0\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_PROFILE,
                                         .name = text_slice("Alice"),
                                         .has_name = true,
                                         .meta = text_slice(map),
                                         .has_meta = true});
    client_expect(alice, "profile ok alice name=Alice avatar= meta=5\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_PROFILE,
                                         .avatar = text_slice("cat.png"),
                                         .has_avatar = true});
    client_expect(alice, "profile ok alice name=Alice avatar=cat.png meta=5\n");
    profile_of(bob, "alice");
    client_expect(bob, "profile ok alice name=Alice avatar=cat.png meta=5\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_PROFILE, .has_name = true});
    client_expect(alice, "profile ok alice name= avatar=cat.png meta=5\n");
    relate(alice, CC_COMMAND_BLOCK, "bob");
    profile_of(bob, "alice");
    client_expect(bob, "profile CC_ENOTFOUND\n");
    profile_of(bob, "nobody");
    client_expect(bob, "profile CC_ENOTFOUND\n");
}

static void test_profile_refuses(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    static char large[PROFILE_META_MAX + 1];

    client_do(alice, (struct cc_command){.type = CC_COMMAND_PROFILE,
                                         .user = text_slice("bob"),
                                         .name = text_slice("Bobby"),
                                         .has_name = true});
    client_expect(alice, "profile CC_EFORBIDDEN\n");
    client_do(alice, (struct cc_command){
                         .type = CC_COMMAND_PROFILE, .name = text_slice("\xff"), .has_name = true});
    client_expect(alice, "profile CC_EINVAL\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_PROFILE,
                                         .meta = text_slice("\x81\xa1k"),
                                         .has_meta = true});
    client_expect(alice, "profile CC_EINVAL\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_PROFILE,
                                         .meta = slice_of(large, sizeof large),
                                         .has_meta = true});
    client_expect(alice, "profile CC_ETOOLARGE\n");
}

static void test_contacts(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");

    relate(alice, CC_COMMAND_ADD_CONTACT, "carol");
    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    relate(alice, CC_COMMAND_ADD_CONTACT, "bob");
    relate(alice, CC_COMMAND_ADD_CONTACT, "alice");
    relate(alice, CC_COMMAND_ADD_CONTACT, "");
    client_expect(alice, "add_contact ok\nadd_contact ok\nadd_contact ok\n"
                         "add_contact CC_EINVAL\nadd_contact CC_EINVAL\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CONTACTS, .limit = 1});
    client_expect(alice, "contacts ok bob more\n");
    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_CONTACTS, .after_name = text_slice("bob")});
    client_expect(alice, "contacts ok carol\n");
    relate(alice, CC_COMMAND_REMOVE_CONTACT, "bob");
    relate(alice, CC_COMMAND_BLOCK, "dave");
    client_forget(alice);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CONTACTS});
    client_expect(alice, "contacts ok carol\n");
    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_CONTACTS, .after_name = text_slice("a b")});
    client_expect(alice, "contacts CC_EINVAL\n");
}

/* Contacts are no part of it, and neither is by whom one is blocked. */
static void test_blocked(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    relate(alice, CC_COMMAND_BLOCK, "carol");
    relate(alice, CC_COMMAND_BLOCK, "bob");
    relate(alice, CC_COMMAND_ADD_CONTACT, "dave");
    client_forget(alice);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_BLOCKED, .limit = 1});
    client_expect(alice, "blocked ok bob more\n");
    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_BLOCKED, .after_name = text_slice("bob")});
    client_expect(alice, "blocked ok carol\n");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_BLOCKED});
    client_expect(bob, "blocked ok\n");
    relate(alice, CC_COMMAND_UNBLOCK, "bob");
    client_forget(alice);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_BLOCKED});
    client_expect(alice, "blocked ok carol\n");
    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_BLOCKED, .after_name = text_slice("a b")});
    client_expect(alice, "blocked CC_EINVAL\n");
}

static void test_mute(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *tablet = client_connect(*state, "alice", "tablet");
    struct client *eve = client_connect(*state, "eve", "phone");
    struct cc_command mute = {
        .type = CC_COMMAND_MUTE, .conversation = text_slice("g"), .until = INT64_C(1800000000000)};

    client_create(alice, "g", "bob");
    client_forget(tablet);
    client_do(alice, mute);
    client_expect(tablet, "conversation g group name=club owner members=2 head=1 read=0 "
                          "delivered=0 unread=0 muted=1800000000000\n");
    client_do(eve, mute);
    client_expect(eve, "mute CC_ENOTFOUND\n");
    mute.until = -1;
    client_do(eve, mute);
    client_expect(eve, "mute CC_EINVAL\n");
}

static void test_device(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct cc_command device = {
        .type = CC_COMMAND_DEVICE, .provider = text_slice("fcm"), .token = text_slice("abc")};

    client_do(alice, device);
    client_expect(alice, "device ok\n");
    device.provider = text_slice("pigeon");
    client_do(alice, device);
    client_expect(alice, "device CC_EINVAL\n");
    device.token = text_slice("");
    device.provider = text_slice("");
    client_do(alice, device);
    client_expect(alice, "device ok\n");
}

static void test_not_configured(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");

    client_do(alice, (struct cc_command){.type = CC_COMMAND_SEARCH, .text = text_slice("x")});
    client_do(alice, (struct cc_command){.type = CC_COMMAND_UPLOAD});
    client_do(alice, (struct cc_command){.type = CC_COMMAND_MEDIA});
    client_expect(alice, "search CC_ENOTSUP: this engine has no search index\n"
                         "upload CC_ENOTSUP: this engine has no media store\n"
                         "media CC_ENOTSUP: this engine has no media store\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_profile),        TEST(test_profile_refuses),
        TEST(test_contacts),       TEST(test_blocked),
        TEST(test_mute),           TEST(test_device),
        TEST(test_not_configured),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
