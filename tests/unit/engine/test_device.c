/*
 * Where a device is notified: addresses whose owner is asked first, what comes of his word, and
 * what can be had without it.
 */
#include "chatcore/error.h"
#include "notify_fixture.h"
#include "support/test.h"

static void verifying(struct cc_engine_options *engine)
{
    notify_fake.verifies = true;
    notify_configure(engine);
}

static void trusting(struct cc_engine_options *engine)
{
    notify_fake.trusts_servers = true;
    verifying(engine);
}

static int setup(void **state)
{
    int r = notify_setup_gathering(state, 300000);

    fixture_restart(*state, verifying);
    return r;
}

static void give(struct client *client, const char *address, int64_t verified_until,
                 const char *wanted)
{
    client_forget(client);
    client_do(client, (struct cc_command){.type = CC_COMMAND_DEVICE,
                                          .device = text_slice("mail"),
                                          .provider = text_slice("fcm"),
                                          .token = text_slice(address),
                                          .verified_until = verified_until});
    client_expect(client, wanted);
}

static int64_t in_a_day(struct fixture *fixture)
{
    return fixture->now.wall_ms + 86400000;
}

/* Bob, who is away, is written to; what his device is pushed within the hour. */
static void expect_pushed(struct fixture *fixture, const char *wanted)
{
    struct client *alice = client_connect(fixture, "alice", "phone");

    settle_offline(fixture);
    client_say_to(alice, "bob", "hi");
    fixture_advance(fixture, 3600000);
    fake_expect(&notify_fake, wanted);
    client_close(alice);
}

static void test_nothing_before_the_owners_word(void **state)
{
    struct client *bob = client_connect(*state, "bob", "phone");

    give(bob, "bob@x", 0, "device ok unverified\n");
    fake_expect(&notify_fake, "verify bob/bob@x\n"); /* at once: it is not gathered */
    client_close(bob);
    expect_pushed(*state, "");
    bob = client_connect(*state, "bob", "phone");
    give(bob, "bob@x", in_a_day(*state), "device ok verified\n");
    give(bob, "bob@x", 0, "device ok verified\n");
    client_close(bob);
    expect_pushed(*state, "show bob/bob@x [alice] hi (1, badge 2, high)\n");
}

/* Of another address, another device, or too late; a session with a token says nothing at all. */
static void test_what_is_no_word(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct client *eve = client_connect(fixture, "eve", "phone");

    give(bob, "bob@x", 0, "device ok unverified\n");
    give(bob, "eve@x", in_a_day(fixture),
         "device CC_ENOTFOUND: the address is not asked for any more\n");
    give(eve, "bob@x", in_a_day(fixture),
         "device CC_ENOTFOUND: the address is not asked for any more\n");
    give(bob, "bob@x", fixture->now.wall_ms, "device CC_EFORBIDDEN: the link has expired\n");
    give(bob, "", in_a_day(fixture), "device CC_EFORBIDDEN\n");
    give(bob, "other@x", 0, "device ok unverified\n");
    give(bob, "bob@x", in_a_day(fixture),
         "device CC_ENOTFOUND: the address is not asked for any more\n");
    give(bob, "", 0, "device ok\n");
    give(bob, "other@x", in_a_day(fixture),
         "device CC_ENOTFOUND: the address is not asked for any more\n");
}

static void test_nobody_is_buried_in_mails(void **state)
{
    static const char *const users[] = {"u1", "u2", "u3"};
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *eve = client_connect(*state, "eve", "phone");

    for (int i = 0; i < 3; i++)
        give(bob, i == 1 ? "b@x" : "a@x", 0, "device ok unverified\n");
    give(bob, "c@x", 0, "device CC_ERATELIMITED: too many mails that ask for an address's owner\n");
    for (size_t i = 0; i < 3; i++)
        give(client_connect(*state, users[i], "phone"), "V@x", 0, "device ok unverified\n");
    give(eve, "v@X", 0, "device CC_ERATELIMITED: too many mails that ask for an address's owner\n");
    assert_int_equal(notify_fake.pushes, 6);
    fixture_advance(*state, 1000001);
    give(eve, "v@x", 0, "device ok unverified\n");
}

/* The mail is tried again like others; a server that stops does not wait for it. */
static void test_a_mail_that_fails(void **state)
{
    struct client *bob = client_connect(*state, "bob", "phone");

    notify_fake.answer = CC_NOTIFIER_LATER;
    give(bob, "bob@x", 0, "device ok unverified\n");
    notify_fake.answer = CC_NOTIFIER_SENT;
    fixture_advance(*state, 10000);
    fake_expect(&notify_fake, "verify bob/bob@x\nverify bob/bob@x\n");
    notify_fake.odd_token = "held@x";
    give(bob, "held@x", 0, "device ok unverified\n");
    fixture_restart(*state, verifying);
}

static void test_servers_may_be_trusted(void **state)
{
    struct client *bob;

    fixture_restart(*state, trusting);
    bob = client_connect(*state, "bob", "phone");
    give(bob, "bob@x", 0, "device ok verified\n");
    fake_expect(&notify_fake, "");
    client_close(bob);
    expect_pushed(*state, "show bob/bob@x [alice] hi (1, badge 1, high)\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, notify_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_nothing_before_the_owners_word), TEST(test_what_is_no_word),
        TEST(test_nobody_is_buried_in_mails),      TEST(test_a_mail_that_fails),
        TEST(test_servers_may_be_trusted),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
