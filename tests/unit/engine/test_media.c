/*
 * Media: who may upload, send and read; what is forgotten, and what is removed.
 */
#include "chatcore/error.h"
#include "support/engine_fixture.h"
#include "support/media_fake.h"
#include "support/test.h"

#include <stdio.h>

#define HOUR_MS 3600000

static void configure(struct cc_engine_options *options)
{
    options->media = media_fake();
    options->limits.max_media_bytes = 1000000;
    options->limits.max_unsent_bytes = 2000000;
}

static void show_joiners(struct cc_engine_options *options)
{
    configure(options);
    options->history_for_joiners = true;
}

static int setup(void **state)
{
    static struct fixture fixture;

    media_fake_reset();
    fixture_init(&fixture, configure);
    *state = &fixture;
    return 0;
}

static struct cc_command upload_of(const char *name, const char *type, uint64_t bytes)
{
    return (struct cc_command){.type = CC_COMMAND_UPLOAD,
                               .name = text_slice(name),
                               .media_type = text_slice(type),
                               .bytes = bytes};
}

/* The id stays the client's `media` until its next upload. */
static struct cc_slice upload(struct client *client)
{
    client_do(client, upload_of("cat", "image/png", 5000));
    client_expect(client, "upload ok put-here\n");
    media_fake_arrive();
    return slice_of(client->media, client->media_size);
}

/* What most cases begin with: alice has a group `g` with bob, and an upload. */
static struct cc_slice upload_for_group(struct client *alice)
{
    client_create(alice, "g", "bob");
    client_forget(alice);
    return upload(alice);
}

static void send_media(struct client *client, const char *conversation, struct cc_slice media)
{
    static unsigned number;
    char client_id[32];

    snprintf(client_id, sizeof client_id, "media-%u", ++number);
    client_do(client, (struct cc_command){.type = CC_COMMAND_SEND,
                                          .conversation = text_slice(conversation),
                                          .client_id = text_slice(client_id),
                                          .media = &media,
                                          .media_count = 1});
}

static void ask(struct client *client, struct cc_slice media)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_MEDIA, .media_id = media});
}

/* Before the message is in the store, and then again from there. */
static void expect_url(struct fixture *fixture, struct client *client, struct cc_slice media,
                       bool is_seen)
{
    const char *expected = is_seen ? "media ok get-here\n" : "media CC_ENOTFOUND\n";

    for (int i = 0; i < 2; i++) {
        client_forget(client);
        ask(client, media);
        client_expect(client, expected);
        fixture_advance(fixture, 1000);
    }
}

/* --- uploading -------------------------------------------------------------------------------- */

static void test_an_upload_is_checked(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    static const char long_name[300] = {[0 ... 298] = 'n'};
    static const struct {
        const char *name;
        const char *type;
        uint64_t bytes;
        const char *answer;
    } cases[] = {
        {"a", "image/png", 1000000, "ok put-here"},
        {"", "text/plain; charset=utf-8", 1, "ok put-here"},
        {"a", "image/png", 1000001, "CC_ETOOLARGE"},
        {"a", "image/png", 0, "CC_EINVAL"},
        {long_name, "image/png", 1, "CC_ETOOLARGE"},
        {"a", long_name, 1, "CC_ETOOLARGE"},
        {"a\nb", "image/png", 1, "CC_EINVAL"},
        {"\xff", "image/png", 1, "CC_EINVAL"},
        {"a", "image", 1, "CC_EINVAL"},
        {"a", "image/", 1, "CC_EINVAL"},
        {"a", "/png", 1, "CC_EINVAL"},
        {"a", "image/png x", 1, "CC_EINVAL"},
        {"a", "image/png;\r\n", 1, "CC_EINVAL"},
        {"a", "", 1, "CC_EINVAL"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[64];

        snprintf(expected, sizeof expected, "upload %s\n", cases[i].answer);
        client_do(alice, upload_of(cases[i].name, cases[i].type, cases[i].bytes));
        client_expect(alice, expected);
    }
}

static void test_what_is_unsent_is_bounded(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct cc_slice media;

    client_create(alice, "g", "bob");
    client_forget(alice);
    for (int i = 0; i < 2; i++) {
        client_do(alice, upload_of("a", "a/b", 950000));
        client_expect(alice, "upload ok put-here\n");
    }
    media_fake_arrive();
    media = slice_of(alice->media, alice->media_size);
    client_do(alice, upload_of("a", "a/b", 950000));
    client_expect(alice, "upload CC_ERATELIMITED\n");
    client_do(bob, upload_of("a", "a/b", 950000));
    send_media(alice, "g", media);
    client_forget(alice);
    client_do(alice, upload_of("a", "a/b", 950000)); /* there is room again */
    client_expect(alice, "upload ok put-here\n");
    client_do(alice, upload_of("a", "a/b", 950000));
    client_expect(alice, "upload CC_ERATELIMITED\n");
    fixture_advance(*state, 25 * HOUR_MS);
    client_forget(alice);
    client_do(alice, upload_of("a", "a/b", 950000));
    client_expect(alice, "upload ok put-here\n");
}

static void test_small_uploads_have_a_price(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");

    for (int i = 0; i < 2000000 / 65536; i++) {
        client_do(alice, upload_of("a", "a/b", 1));
        client_expect(alice, "upload ok put-here\n");
    }
    client_do(alice, upload_of("a", "a/b", 1));
    client_expect(alice, "upload CC_ERATELIMITED\n");
}

/* --- sending ---------------------------------------------------------------------------------- */

static void test_what_a_message_has_goes_with_it(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    char expected[256];
    struct cc_slice media;
    size_t size;

    client_create(alice, "g", "bob");
    media_fake_size(64, 48);
    client_forget(alice);
    media = upload(alice);
    send_media(alice, "g", media);
    size = (size_t)snprintf(expected, sizeof expected,
                            "\x91\x87\xa5media\xd9\x24%.36s\xa4type\xa9image/png\xa5"
                            "bytes\xcd\x13\x88\xa4name\xa3"
                            "cat\xa5width@\xa6height0\xa9thumbnail\xd9\x24%.14s8%.21s",
                            media.data, media.data, media.data + 15);
    assert_int_equal(bob->files.size, size);
    assert_memory_equal(bob->files.data, expected, size);
}

static void test_only_what_has_arrived_can_be_sent(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    static const char *const nonsense[] = {"x", "018f0011-2233-7455-8677-8899aabbccdd",
                                           "018f0011-2233-8455-8677-8899aabbccdd"};

    client_create(alice, "g", "bob");
    client_forget(alice);
    client_do(alice, upload_of("a", "a/b", 1));
    client_forget(alice);
    send_media(alice, "g", slice_of(alice->media, alice->media_size));
    client_expect(alice, "send CC_ENOTFOUND\n");
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        send_media(alice, "g", text_slice(nonsense[i]));
        client_expect(alice, "send CC_ENOTFOUND\n");
        ask(alice, text_slice(nonsense[i]));
        client_expect(alice, "media CC_ENOTFOUND\n");
    }
}

static void test_an_old_upload_cannot_be_sent(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct cc_slice media;

    media = upload_for_group(alice);
    fixture_advance(*state, 24 * HOUR_MS + 1);
    client_forget(alice);
    send_media(alice, "g", media);
    client_expect(alice, "send CC_ENOTFOUND\n");
}

static void test_another_one_s_upload_cannot_be_sent(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct cc_slice media;

    media = upload_for_group(alice);
    client_forget(bob);
    send_media(bob, "g", media);
    client_expect(bob, "send CC_ENOTFOUND\n");
}

static void test_without_a_port_ids_are_the_host_s(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice;

    fixture_restart(fixture, NULL);
    alice = client_connect(fixture, "alice", "phone");
    client_create(alice, "g", "bob");
    client_forget(alice);
    send_media(alice, "g", text_slice("m-1"));
    assert_non_null(strstr(client_text(alice), "send ok g\n"));
    client_forget(alice);
    ask(alice, text_slice("m-1"));
    client_expect(alice, "media CC_ENOTSUP: this engine has no media store\n");
    fixture_restart(fixture, configure);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void test_members_read(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *eve = client_connect(*state, "eve", "phone");
    struct cc_slice media;

    media = upload_for_group(alice);
    expect_url(*state, alice, media, false);
    send_media(alice, "g", media);
    expect_url(*state, bob, media, true);
    expect_url(*state, alice, media, true);
    expect_url(*state, eve, media, false);
}

static void test_a_thumbnail_is_read_like_its_object(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *eve = client_connect(*state, "eve", "phone");
    char thumbnail[CC_NAME_MAX];
    struct cc_slice media;

    media = upload_for_group(alice);
    send_media(alice, "g", media);
    memcpy(thumbnail, media.data, media.size);
    thumbnail[14] = '8';
    client_forget(alice);
    ask(alice, slice_of(thumbnail, media.size));
    client_expect(alice, "media ok get-thumbnail\n");
    ask(eve, slice_of(thumbnail, media.size));
    client_expect(eve, "media CC_ENOTFOUND\n");
    send_media(alice, "g", slice_of(thumbnail, media.size));
    client_expect(alice, "send CC_ENOTFOUND\n");
}

static void test_who_has_gone_does_not_read(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct cc_slice media;

    media = upload_for_group(alice);
    send_media(alice, "g", media);
    expect_url(*state, bob, media, true);
    client_name_users(alice, CC_COMMAND_REMOVE, "g", "bob");
    expect_url(*state, bob, media, false);
    client_name_users(alice, CC_COMMAND_ADD, "g", "bob");
    expect_url(*state, bob, media, false); /* he is one who joins */
}

static void test_who_joins_reads_what_comes_later(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *carol = client_connect(*state, "carol", "phone");
    char before[CC_NAME_MAX];
    struct cc_slice media;

    media = upload_for_group(alice);
    send_media(alice, "g", media);
    memcpy(before, media.data, media.size);
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    expect_url(*state, carol, slice_of(before, media.size), false);
    client_forget(alice);
    media = upload(alice);
    send_media(alice, "g", media);
    expect_url(*state, carol, media, true);
    send_media(alice, "g", slice_of(before, media.size)); /* sent again, she sees it */
    expect_url(*state, carol, slice_of(before, media.size), true);
}

static void test_joiners_may_be_shown_everything(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice;
    struct client *carol;
    struct cc_slice media;

    fixture_restart(fixture, show_joiners);
    alice = client_connect(fixture, "alice", "phone");
    carol = client_connect(fixture, "carol", "phone");
    media = upload_for_group(alice);
    send_media(alice, "g", media);
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    expect_url(fixture, carol, media, true);
}

static void test_a_forward_gives_it_to_others(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *carol = client_connect(*state, "carol", "phone");
    struct cc_slice media;

    client_create(alice, "g", "bob");
    client_create(bob, "h", "carol");
    client_create(carol, "i", "dave");
    client_forget(alice);
    media = upload(alice);
    send_media(alice, "g", media);
    client_forget(carol);
    send_media(carol, "i", media);
    client_expect(carol, "send CC_ENOTFOUND\n");
    client_forget(bob);
    send_media(bob, "h", media);
    assert_non_null(strstr(client_text(bob), "send ok h\n"));
    expect_url(*state, carol, media, true);
    fixture_advance(*state, 48 * HOUR_MS); /* a forward has no end */
    client_forget(carol);
    send_media(carol, "i", media);
    assert_non_null(strstr(client_text(carol), "send ok i\n"));
}

static void delete_last(struct client *client, const char *conversation, struct cc_id message)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_DELETE,
                                          .conversation = text_slice(conversation),
                                          .message = message});
}

static void test_what_is_deleted_is_not_read(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct cc_slice media;
    struct cc_id sent;

    client_create(alice, "g", "bob");
    client_create(alice, "h", "carol");
    client_forget(alice);
    media = upload(alice);
    send_media(alice, "g", media);
    sent = alice->last_message;
    send_media(alice, "h", media);
    delete_last(alice, "g", sent);
    expect_url(*state, bob, media, false);
    expect_url(*state, alice, media, true); /* in h */
    send_media(alice, "g", media);
    expect_url(*state, bob, media, true);
}

static void test_a_restart_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    char kept[2][CC_NAME_MAX];
    struct cc_slice media[2];

    client_create(alice, "g", "bob");
    for (int i = 0; i < 2; i++) {
        client_forget(alice);
        media[i] = upload(alice);
        memcpy(kept[i], media[i].data, media[i].size);
        media[i].data = kept[i];
        send_media(alice, "g", media[i]);
    }
    delete_last(alice, "g", alice->last_message);
    client_forget(bob);
    fixture_restart(fixture, configure);
    bob = client_connect(fixture, "bob", "phone");
    expect_url(fixture, bob, media[0], true);
    expect_url(fixture, bob, media[1], false);
}

/* --- collecting ------------------------------------------------------------------------------- */

static void test_what_is_never_sent_is_removed(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    char sent[CC_NAME_MAX];
    struct cc_slice media;

    media = upload_for_group(alice);
    memcpy(sent, media.data, media.size);
    send_media(alice, "g", media);
    client_forget(alice);
    upload(alice);
    fixture_advance(*state, 24 * HOUR_MS + HOUR_MS / 2);
    assert_int_equal(media_fake_count(), 2);
    fixture_advance(*state, HOUR_MS);
    assert_int_equal(media_fake_count(), 1);
    expect_url(*state, bob, slice_of(sent, media.size), true);
}

static void test_what_is_deleted_everywhere_is_removed(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct cc_slice media;

    media = upload_for_group(alice);
    send_media(alice, "g", media);
    fixture_advance(*state, 30 * HOUR_MS);
    assert_int_equal(media_fake_count(), 1);
    delete_last(alice, "g", alice->last_message);
    fixture_advance(*state, 25 * HOUR_MS);
    assert_int_equal(media_fake_count(), 0);
}

/* With its author, an object goes out of sight at once, and for good when it can't be on its way
 * into another message: an old one without waiting for the daily look. */
static void test_what_an_erased_user_sent_is_removed(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    char kept[CC_NAME_MAX];
    struct cc_slice forwarded;
    struct cc_slice media;

    forwarded = upload_for_group(alice);
    memcpy(kept, forwarded.data, forwarded.size);
    forwarded.data = kept;
    send_media(alice, "g", forwarded);
    send_media(bob, "g", forwarded);
    client_forget(alice);
    media = upload(alice);
    send_media(alice, "g", media);
    fixture_advance(fixture, 30 * HOUR_MS);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_ERASE, .user = text_slice("alice")});
    fixture_advance(fixture, 5000);
    assert_int_equal(media_fake_count(), 1); /* what bob shows */
    expect_url(fixture, bob, forwarded, true);
}

static void keep_two_days(struct cc_engine_options *options)
{
    configure(options);
    options->limits.retention_s = 48 * 3600;
}

/* With its message, an object goes out of sight at once, and within a day for good. */
static void test_what_is_too_old_is_removed(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice;
    struct cc_slice media;

    fixture_restart(fixture, keep_two_days);
    alice = client_connect(fixture, "alice", "phone");
    media = upload_for_group(alice);
    send_media(alice, "g", media);
    fixture_advance(fixture, 40 * HOUR_MS);
    expect_url(fixture, alice, media, true);
    fixture_advance(fixture, 10 * HOUR_MS);
    expect_url(fixture, alice, media, false);
    fixture_advance(fixture, 25 * HOUR_MS);
    assert_int_equal(media_fake_count(), 0);
}

/* What is old is looked at once a day, not in each look. */
static void test_many_objects_are_looked_at_in_pages(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    unsigned lists;

    client_create(alice, "g", "bob");
    for (int i = 0; i < 200; i++) {
        client_forget(alice);
        send_media(alice, "g", upload(alice));
        if (i % 20 == 0)
            fixture_advance(fixture, 5000);
    }
    fixture_advance(fixture, 26 * HOUR_MS);
    assert_int_equal(media_fake_count(), 200);
    lists = media_fake_lists();
    fixture_advance(fixture, HOUR_MS);
    assert_in_range(media_fake_lists() - lists, 1, 10);
    fixture_restart(fixture, configure);
    fixture_advance(fixture, HOUR_MS);
    assert_int_equal(media_fake_count(), 200);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_an_upload_is_checked),
        TEST(test_what_is_unsent_is_bounded),
        TEST(test_small_uploads_have_a_price),
        TEST(test_what_a_message_has_goes_with_it),
        TEST(test_only_what_has_arrived_can_be_sent),
        TEST(test_an_old_upload_cannot_be_sent),
        TEST(test_another_one_s_upload_cannot_be_sent),
        TEST(test_without_a_port_ids_are_the_host_s),
        TEST(test_members_read),
        TEST(test_a_thumbnail_is_read_like_its_object),
        TEST(test_who_has_gone_does_not_read),
        TEST(test_who_joins_reads_what_comes_later),
        TEST(test_joiners_may_be_shown_everything),
        TEST(test_a_forward_gives_it_to_others),
        TEST(test_what_is_deleted_is_not_read),
        TEST(test_a_restart_changes_nothing),
        TEST(test_what_is_never_sent_is_removed),
        TEST(test_what_is_deleted_everywhere_is_removed),
        TEST(test_what_an_erased_user_sent_is_removed),
        TEST(test_what_is_too_old_is_removed),
        TEST(test_many_objects_are_looked_at_in_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
