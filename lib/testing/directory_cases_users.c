/*
 * The directory's users: profiles, relations, devices, and names that are hard to keep apart.
 */
#include "testing/directory_cases.h"

#include "chatcore/error.h"

#include <stdio.h>

static int put_profile(struct dir *dir, struct cc_slice user, const char *name, const char *avatar,
                       const char *meta)
{
    struct cc_directory_profile op = {.user = user};

    if (name)
        op.name = slice_str(name);
    if (avatar)
        op.avatar = slice_str(avatar);
    if (meta)
        op.meta = slice_str(meta);
    suite_submit(dir->suite, &op.op);
    dir->port.vtable->profile_put(dir->port.self, &op);
    return suite_wait(dir->suite, &op.op);
}

static void profiles_keep_what_is_not_given(struct dir *dir)
{
    struct suite *suite = dir->suite;
    struct cc_slice alice = slice_str("alice");

    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_profile, "alice");
    CHECK_STATUS(suite, put_profile(dir, alice, "Alice", NULL, "m"), 0);
    CHECK_READ(dir, "Alice||m", dir_read_profile, "alice");
    CHECK_STATUS(suite, put_profile(dir, alice, NULL, "pic", NULL), 0);
    CHECK_READ(dir, "Alice|pic|m", dir_read_profile, "alice");
    CHECK_STATUS(suite, put_profile(dir, alice, "", "", "n"), 0);
    CHECK_READ(dir, "||n", dir_read_profile, "alice");
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_profile, "alic");
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_profile, "alicea");
}

/* Being named by others makes nobody known. */
static void only_a_profile_makes_a_user_known(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_relate(dir, "alice", "bob", CC_RELATION_CONTACT, true), 0);
    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice bob"), 0);
    CHECK_STATUS(suite, dir_device_put(dir, "bob", "phone", "fcm", "t"), 0);
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_profile, "alice");
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_profile, "bob");
    CHECK_STATUS(suite, put_profile(dir, slice_str("bob"), NULL, NULL, NULL), 0);
    CHECK_READ(dir, "||", dir_read_profile, "bob");
}

static void privacy_stands_beside_the_profile(struct dir *dir)
{
    struct suite *suite = dir->suite;
    const struct cc_slice users[] = {slice_str("nobody"), slice_str("bob"), slice_str("alice")};
    struct cc_directory_privacy op = {.users = users, .count = 3};
    struct cc_directory_profile put = {.user = slice_str("alice"),
                                       .sets_read_marks = true,
                                       .privacy = {CC_AUDIENCE_NOBODY, CC_READ_MARKS_PRIVATE}};

    CHECK_STATUS(suite, put_profile(dir, users[2], "Alice", NULL, "m"), 0);
    CHECK_STATUS(suite, DIR_RUN(dir, profile_put, &put), 0);
    CHECK_READ(dir, "Alice||m|0/1", dir_read_profile, "alice");
    CHECK_STATUS(suite, dir_set_privacy(dir, "bob", CC_AUDIENCE_CONTACTS, CC_READ_MARKS_PUBLIC), 0);
    CHECK_STATUS(suite, put_profile(dir, users[1], NULL, "pic", NULL), 0);
    CHECK_READ(dir, "|pic||1/0", dir_read_profile, "bob");
    CHECK_STATUS(suite, dir_set_privacy(dir, "bob", (enum cc_audience)3, CC_READ_MARKS_PUBLIC),
                 CC_EINVAL);
    CHECK_STATUS(suite, DIR_RUN(dir, privacy, &op), 0);
    CHECK(suite, !op.ret_privacy[0].presence && !op.ret_privacy[0].read_marks);
    CHECK(suite, op.ret_privacy[1].presence == CC_AUDIENCE_CONTACTS);
    CHECK(suite, op.ret_privacy[2].read_marks == CC_READ_MARKS_PRIVATE);
    CHECK(suite, !op.ret_privacy[2].presence);
    cc_op_release(&op.op);
    CHECK_STATUS(suite, dir_set_privacy(dir, "bob", CC_AUDIENCE_EVERYONE, CC_READ_MARKS_PUBLIC), 0);
    CHECK_READ(dir, "|pic|", dir_read_profile, "bob");
}

static void large_profiles_come_back_whole(struct dir *dir)
{
    enum { SIZE = 60000 };
    static char meta[SIZE];
    struct suite *suite = dir->suite;
    struct cc_directory_profile op = {.user = slice_str("alice")};

    for (size_t i = 0; i < SIZE; i++)
        meta[i] = (char)(i * 31);
    op.meta = slice_of(meta, SIZE);
    suite_submit(suite, &op.op);
    dir->port.vtable->profile_put(dir->port.self, &op);
    CHECK_STATUS(suite, suite_wait(suite, &op.op), 0);
    suite_submit(suite, &op.op);
    dir->port.vtable->profile_get(dir->port.self, &op);
    CHECK_STATUS(suite, suite_wait(suite, &op.op), 0);
    bool is_same = slice_equal(op.ret_meta, op.meta);
    cc_op_release(&op.op);
    CHECK(suite, is_same);
}

static void relations_have_a_direction(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_READ(dir, "0:0", dir_read_relation, "alice", "bob");
    CHECK_STATUS(suite, dir_relate(dir, "alice", "bob", CC_RELATION_CONTACT, true), 0);
    CHECK_STATUS(suite, dir_relate(dir, "alice", "bob", CC_RELATION_CONTACT, true), 0);
    CHECK_READ(dir, "1:0", dir_read_relation, "alice", "bob");
    CHECK_READ(dir, "0:1", dir_read_relation, "bob", "alice");
    CHECK_STATUS(suite, dir_relate(dir, "bob", "alice", CC_RELATION_BLOCKED, true), 0);
    CHECK_STATUS(suite, dir_relate(dir, "alice", "bob", CC_RELATION_BLOCKED, true), 0);
    CHECK_READ(dir, "3:2", dir_read_relation, "alice", "bob");
    CHECK_STATUS(suite, dir_relate(dir, "alice", "bob", CC_RELATION_CONTACT, false), 0);
    CHECK_READ(dir, "2:2", dir_read_relation, "alice", "bob");
    CHECK_STATUS(suite, dir_relate(dir, "alice", "bob", CC_RELATION_BLOCKED, false), 0);
    CHECK_STATUS(suite, dir_relate(dir, "alice", "bob", CC_RELATION_BLOCKED, false), 0);
    CHECK_STATUS(suite, dir_relate(dir, "alice", "zoe", CC_RELATION_BLOCKED, false), 0);
    CHECK_READ(dir, "0:2", dir_read_relation, "alice", "bob");
    CHECK_READ(dir, "0:0", dir_read_relation, "alice", "zoe");
}

static void related_users_are_listed_by_kind_and_direction(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_relate(dir, "alice", "bob", CC_RELATION_CONTACT, true), 0);
    CHECK_STATUS(suite, dir_relate(dir, "alice", "carol", CC_RELATION_BLOCKED, true), 0);
    CHECK_STATUS(suite, dir_relate(dir, "alice", "dan", CC_RELATION_CONTACT, true), 0);
    CHECK_STATUS(suite, dir_relate(dir, "alice", "dan", CC_RELATION_BLOCKED, true), 0);
    CHECK_STATUS(suite, dir_relate(dir, "bob", "dan", CC_RELATION_CONTACT, true), 0);
    CHECK_READ(dir, "bob dan", dir_read_related, "alice", CC_RELATION_CONTACT, false);
    CHECK_READ(dir, "carol dan", dir_read_related, "alice", CC_RELATION_BLOCKED, false);
    CHECK_READ(dir, "", dir_read_related, "alice", CC_RELATION_CONTACT, true);
    CHECK_READ(dir, "alice bob", dir_read_related, "dan", CC_RELATION_CONTACT, true);
    CHECK_READ(dir, "alice", dir_read_related, "dan", CC_RELATION_BLOCKED, true);
    CHECK_READ(dir, "", dir_read_related, "nobody", CC_RELATION_BLOCKED, false);
}

/* The same lists, whatever the size of a page. Every second user is blocked too, so that a page's
 * end may fall on somebody who is not listed. */
static void lists_of_users_turn_pages(struct dir *dir)
{
    struct suite *suite = dir->suite;
    struct text contacts = {0};
    struct text blocked = {0};
    char name[16];

    for (int i = 10; i < 35; i++) {
        snprintf(name, sizeof name, "user%d", i);
        CHECK_STATUS(suite, dir_relate(dir, "alice", name, CC_RELATION_CONTACT, true), 0);
        text_add(&contacts, "%s%s", contacts.size ? " " : "", name);
        if (i % 2)
            continue;
        CHECK_STATUS(suite, dir_relate(dir, "alice", name, CC_RELATION_BLOCKED, true), 0);
        text_add(&blocked, "%s%s", blocked.size ? " " : "", name);
    }
    for (dir->page = 1; dir->page < 28; dir->page++) {
        CHECK_READ(dir, contacts.bytes, dir_read_related, "alice", CC_RELATION_CONTACT, false);
        CHECK_READ(dir, blocked.bytes, dir_read_related, "alice", CC_RELATION_BLOCKED, false);
    }
}

static void devices_are_put_replaced_and_removed(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_READ(dir, "", dir_read_devices, "alice");
    CHECK_STATUS(suite, dir_device_put(dir, "alice", "phone", "apns", "t1"), 0);
    CHECK_STATUS(suite, dir_device_put(dir, "alice", "laptop", "webhook", "t2"), 0);
    CHECK_STATUS(suite, dir_device_put(dir, "alicea", "phone", "fcm", "t3"), 0);
    CHECK_READ(dir, "laptop=webhook:t2 phone=apns:t1", dir_read_devices, "alice");
    CHECK_STATUS(suite, dir_device_put(dir, "alice", "phone", "fcm", "t4"), 0);
    CHECK_READ(dir, "laptop=webhook:t2 phone=fcm:t4", dir_read_devices, "alice");
    CHECK_STATUS(suite, dir_device_put(dir, "alice", "laptop", "webhook", ""), 0);
    CHECK_STATUS(suite, dir_device_put(dir, "alice", "tablet", "", ""), 0);
    CHECK_READ(dir, "phone=fcm:t4", dir_read_devices, "alice");
    CHECK_READ(dir, "phone=fcm:t3", dir_read_devices, "alicea");
}

/* Names whose bytes join to the same run, prefixes of each other, the longest, and beyond ASCII. */
static void names_are_never_taken_for_others(struct dir *dir)
{
    static const char longest[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    static const char *const names[] = {"a",
                                        "ab",
                                        "abc",
                                        "b",
                                        "bc",
                                        "c",
                                        longest,
                                        "\x7e\x7e",
                                        "\xc3\xa9",
                                        "e\xcc\x81",
                                        "\xf0\x9f\x98\x80",
                                        "\xef\xbf\xbf"};
    enum { COUNT = sizeof names / sizeof names[0] };
    struct suite *suite = dir->suite;

    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < COUNT; j++)
            if ((i * 7 + j * 3) % 4 == 0)
                CHECK_STATUS(suite, dir_relate(dir, names[i], names[j], CC_RELATION_CONTACT, true),
                             0);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < COUNT; j++)
            CHECK_READ(dir,
                       (i * 7 + j * 3) % 4 == 0   ? (j * 7 + i * 3) % 4 == 0 ? "1:1" : "1:0"
                       : (j * 7 + i * 3) % 4 == 0 ? "0:1"
                                                  : "0:0",
                       dir_read_relation, names[i], names[j]);
    for (size_t i = 0; i < COUNT; i++)
        CHECK_STATUS(suite, put_profile(dir, slice_str(names[i]), names[i], NULL, NULL), 0);
    for (size_t i = 0; i < COUNT; i++) {
        struct text wanted = {0};

        text_add(&wanted, "%s||", names[i]);
        CHECK_READ(dir, wanted.bytes, dir_read_profile, names[i]);
    }
}

static void tokens_are_revoked_by_user_and_by_id(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_READ(dir, " newest 0", dir_read_revocations, 0);
    CHECK_READ(dir, "good", dir_read_revoked, "alice", "", 0);
    CHECK_STATUS(suite, dir_revoke(dir, CC_REVOKED_USER, "alice", 1000), 0);
    CHECK_READ(dir, "revoked", dir_read_revoked, "alice", "", 0);
    CHECK_READ(dir, "revoked", dir_read_revoked, "alice", "t1", 999);
    CHECK_READ(dir, "good", dir_read_revoked, "alice", "t1", 1000);
    CHECK_READ(dir, "good", dir_read_revoked, "alicea", "t1", 0);
    CHECK_STATUS(suite, dir_revoke(dir, CC_REVOKED_TOKEN, "t1", 0), 0);
    CHECK_READ(dir, "revoked", dir_read_revoked, "bob", "t1", 2000);
    CHECK_READ(dir, "good", dir_read_revoked, "bob", "t", 2000);
    CHECK_READ(dir, "good", dir_read_revoked, "t1", "alice", 2000); /* kinds are kept apart */
    CHECK_STATUS(suite, dir_revoke(dir, CC_REVOKED_TOKEN, "", 0), CC_EINVAL);
}

/* Who has read up to a number finds all that came since, and a repeated one again. */
static void revocations_have_an_order(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_revoke(dir, CC_REVOKED_USER, "alice", 1000), 0);
    CHECK_STATUS(suite, dir_revoke(dir, CC_REVOKED_TOKEN, "t1", 0), 0);
    CHECK_STATUS(suite, dir_revoke(dir, CC_REVOKED_TOKEN, "t2", 0), 0);
    for (dir->page = 1; dir->page < 5; dir->page++) {
        CHECK_READ(dir, "1:user:alice<1000 2:token:t1<0 3:token:t2<0 newest 3",
                   dir_read_revocations, 0);
        CHECK_READ(dir, "3:token:t2<0 newest 3", dir_read_revocations, 2);
        CHECK_READ(dir, " newest 3", dir_read_revocations, 3);
        CHECK_READ(dir, " newest 3", dir_read_revocations, UINT64_MAX);
    }
    CHECK_STATUS(suite, dir_revoke(dir, CC_REVOKED_USER, "alice", 500), 0); /* not backward */
    CHECK_STATUS(suite, dir_revoke(dir, CC_REVOKED_USER, "alice", 2000), 0);
    CHECK_READ(dir, "2:token:t1<0 3:token:t2<0 5:user:alice<2000 newest 5", dir_read_revocations,
               0);
    CHECK_READ(dir, "revoked", dir_read_revoked, "alice", "", 1999);
}

const struct dir_case dir_user_cases[] = {
    {"profiles keep what is not given", profiles_keep_what_is_not_given},
    {"privacy stands beside the profile", privacy_stands_beside_the_profile},
    {"only a profile makes a user known", only_a_profile_makes_a_user_known},
    {"large profiles come back whole", large_profiles_come_back_whole},
    {"relations have a direction", relations_have_a_direction},
    {"related users are listed by kind and direction",
     related_users_are_listed_by_kind_and_direction},
    {"lists of users turn pages", lists_of_users_turn_pages},
    {"devices are put, replaced and removed", devices_are_put_replaced_and_removed},
    {"tokens are revoked by user and by id", tokens_are_revoked_by_user_and_by_id},
    {"revocations have an order", revocations_have_an_order},
    {"names are never taken for others", names_are_never_taken_for_others},
    {NULL, NULL},
};
