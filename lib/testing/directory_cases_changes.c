/*
 * The directory's conversations: creating and changing them, memberships, mutes, the outbox.
 */
#include "testing/directory_cases.h"

#include "chatcore/error.h"

#include <stdio.h>
#include <stdlib.h>

static void a_new_conversation_is_there_in_every_list(struct dir *dir)
{
    struct suite *suite = dir->suite;

    dir->partition = 3;
    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_CHANNEL, "*alice +bob carol"), 0);
    CHECK_READ(dir, "channel v1 members 3 small \"Name\"", dir_read_conversation, "room");
    CHECK_READ(dir, "*alice@1 +bob@1 carol@1", dir_read_members, "room", 0);
    CHECK_READ(dir, "*alice@1 +bob@1 carol@1", dir_read_members, "room", 1);
    CHECK_READ(dir, "+bob@1", dir_read_member, "room", "bob");
    CHECK_READ(dir, "no member", dir_read_member, "room", "dan");
    CHECK_READ(dir, "room(v1):carol@1", dir_read_memberships, "carol");
    CHECK_READ(dir, "", dir_read_memberships, "dan");
    CHECK_READ(dir, "room/1", dir_read_outbox, 3);
    CHECK_READ(dir, "", dir_read_outbox, 0);
}

static void a_taken_id_changes_nothing(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice"), 0);
    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_CHANNEL, "*bob carol"), CC_EEXISTS);
    CHECK_READ(dir, "group v1 members 1 small \"Name\"", dir_read_conversation, "room");
    CHECK_READ(dir, "*alice@1", dir_read_members, "room", 0);
    CHECK_READ(dir, "", dir_read_memberships, "bob");
    CHECK_READ(dir, "room/1", dir_read_outbox, 0);
}

static void what_does_not_exist_is_not_found(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_conversation, "room");
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_member, "room", "alice");
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_members, "room", 0);
    CHECK_STATUS(suite, dir_rename(dir, "room", 1, "New"), CC_ENOTFOUND);
    CHECK_STATUS(suite, dir_change(dir, "room", 0, CC_CHANGE_ADD, "alice"), CC_ENOTFOUND);
    CHECK_STATUS(suite, dir_mute(dir, "alice", "room", 5), CC_ENOTFOUND);
    CHECK_STATUS(suite, dir_outbox_done(dir, "room", 9), 0);
    CHECK_READ(dir, "", dir_read_outbox, 0);
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_conversation, "room");
}

static void every_change_raises_the_version_by_one(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_ADD, "carol +dan"), 0);
    CHECK_READ(dir, "group v2 members 4 small \"Name\"", dir_read_conversation, "room");
    CHECK_READ(dir, "*alice@1 bob@1 carol@2 +dan@2", dir_read_members, "room", 0);
    CHECK_STATUS(suite, dir_rename(dir, "room", 2, "New name"), 0);
    CHECK_READ(dir, "group v3 members 4 small \"New name\"", dir_read_conversation, "room");
    CHECK_STATUS(suite, dir_change(dir, "room", 3, CC_CHANGE_ROLE, "+bob *carol"), 0);
    CHECK_READ(dir, "*alice@1 +bob@1 *carol@2 +dan@2", dir_read_members, "room", 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 4, CC_CHANGE_REMOVE, "alice dan"), 0);
    CHECK_READ(dir, "group v5 members 2 small \"New name\"", dir_read_conversation, "room");
    CHECK_READ(dir, "+bob@1 *carol@2", dir_read_members, "room", 0);
    CHECK_READ(dir, "no member", dir_read_member, "room", "alice");
    CHECK_STATUS(suite, dir_rename(dir, "room", 5, ""), 0);
    CHECK_READ(dir, "group v6 members 2 small \"\"", dir_read_conversation, "room");
    CHECK_READ(dir, "room/1 room/2 room/3 room/4 room/5 room/6", dir_read_outbox, 0);
}

static void a_retention_is_kept_and_listed(struct dir *dir)
{
    struct suite *suite = dir->suite;
    struct text got = {0};

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice"), 0);
    CHECK_STATUS(suite, dir_create(dir, "hall", CC_KIND_CHANNEL, "*alice"), 0);
    CHECK_STATUS(suite, dir_create(dir, "plain", CC_KIND_GROUP, "*alice"), 0);
    CHECK_STATUS(suite, dir_retain(dir, "room", 1, NULL, 60), 0);
    CHECK_READ(dir, "group v2 members 1 small \"Name\" 60s", dir_read_conversation, "room");
    CHECK_STATUS(suite, dir_retain(dir, "hall", 1, "Hall", 86400), 0);
    CHECK_READ(dir, "channel v2 members 1 small \"Hall\" 86400s", dir_read_conversation, "hall");
    CHECK_STATUS(suite, dir_retain(dir, "room", 1, NULL, 5), CC_ECONFLICT);
    CHECK_STATUS(suite, dir_rename(dir, "room", 2, "New"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 3, CC_CHANGE_ADD, "bob"), 0);
    CHECK_READ(dir, "group v4 members 2 small \"New\" 60s", dir_read_conversation, "room");
    dir_read_retained(dir, &got);
    CHECK_TEXT(suite, got.bytes, "hall=86400 room=60");
    CHECK_STATUS(suite, dir_retain(dir, "hall", 2, NULL, 0), 0);
    CHECK_READ(dir, "channel v3 members 1 small \"Hall\"", dir_read_conversation, "hall");
    memset(&got, 0, sizeof got);
    dir_read_retained(dir, &got);
    CHECK_TEXT(suite, got.bytes, "room=60");
    CHECK_READ(dir, "hall/1 hall/2 hall/3 plain/1 room/1 room/2 room/3 room/4", dir_read_outbox, 0);
}

static void another_version_is_a_conflict(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice"), 0);
    CHECK_STATUS(suite, dir_rename(dir, "room", 1, "Second"), 0);
    CHECK_STATUS(suite, dir_rename(dir, "room", 1, "Third"), CC_ECONFLICT);
    CHECK_STATUS(suite, dir_change(dir, "room", 3, CC_CHANGE_ADD, "bob"), CC_ECONFLICT);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_REMOVE, "alice"), CC_ECONFLICT);
    CHECK_READ(dir, "group v2 members 1 small \"Second\"", dir_read_conversation, "room");
    CHECK_READ(dir, "*alice@1", dir_read_members, "room", 0);
    CHECK_READ(dir, "", dir_read_memberships, "bob");
    CHECK_READ(dir, "room/1 room/2", dir_read_outbox, 0);
}

static void a_change_that_would_change_nothing_is_refused_whole(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_ADD, "carol bob"), CC_EINVAL);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_ADD, "carol carol"), CC_EINVAL);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_REMOVE, "bob carol"), CC_EINVAL);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_REMOVE, "bob bob"), CC_EINVAL);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_ROLE, "+bob +carol"), CC_EINVAL);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_ADD, ""), CC_EINVAL);
    CHECK_READ(dir, "group v1 members 2 small \"Name\"", dir_read_conversation, "room");
    CHECK_READ(dir, "*alice@1 bob@1", dir_read_members, "room", 0);
    CHECK_READ(dir, "", dir_read_memberships, "carol");
    CHECK_READ(dir, "room/1", dir_read_outbox, 0);
    CHECK_STATUS(suite, dir_create(dir, "double", CC_KIND_GROUP, "*alice bob alice"), CC_EINVAL);
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_conversation, "double");
    CHECK_READ(dir, "room(v1):*alice@1", dir_read_memberships, "alice");
}

/* Only one of many that were decided on the same version may win. */
static void one_of_many_at_once_wins(struct dir *dir)
{
    enum { COUNT = 40 };
    struct cc_directory_change ops[COUNT];
    struct cc_member members[COUNT];
    char names[COUNT][8];
    struct suite *suite = dir->suite;
    size_t won = 0;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice"), 0);
    memset(ops, 0, sizeof ops);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "u%zu", i);
        members[i] = (struct cc_member){slice_str(names[i]), CC_ROLE_MEMBER, 0};
        ops[i].conversation = slice_str("room");
        ops[i].expected_version = 1 + i / 10;
        ops[i].kind = CC_CHANGE_ADD;
        ops[i].members = &members[i];
        ops[i].count = 1;
        suite_submit(suite, &ops[i].op);
        dir->port.vtable->change(dir->port.self, &ops[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        int status = suite_wait(suite, &ops[i].op);

        won += status == 0;
        if (status)
            suite_check_status(suite, __func__, __LINE__, status, CC_ECONFLICT);
        else
            suite_check_number(suite, __func__, __LINE__, ops[i].ret_version,
                               ops[i].expected_version + 1);
    }
    CHECK_NUMBER(suite, won, 4);
    CHECK_READ(dir, "group v5 members 5 small \"Name\"", dir_read_conversation, "room");
}

static void memberships_follow_the_members(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "b", CC_KIND_GROUP, "*alice bob"), 0);
    CHECK_STATUS(suite, dir_create(dir, "ab", CC_KIND_GROUP, "*bob"), 0);
    CHECK_STATUS(suite, dir_create(dir, "a", CC_KIND_DIRECT, "alice bob"), 0);
    CHECK_READ(dir, "a(v1):bob@1 ab(v1):*bob@1 b(v1):bob@1", dir_read_memberships, "bob");
    CHECK_STATUS(suite, dir_change(dir, "ab", 1, CC_CHANGE_ADD, "+alice"), 0);
    CHECK_STATUS(suite, dir_change(dir, "b", 1, CC_CHANGE_ROLE, "+bob"), 0);
    CHECK_READ(dir, "a(v1):alice@1 ab(v2):+alice@2 b(v2):*alice@1", dir_read_memberships, "alice");
    CHECK_READ(dir, "a(v1):bob@1 ab(v2):*bob@1 b(v2):+bob@1", dir_read_memberships, "bob");
    CHECK_STATUS(suite, dir_change(dir, "ab", 2, CC_CHANGE_REMOVE, "bob"), 0);
    CHECK_READ(dir, "a(v1):bob@1 b(v2):+bob@1", dir_read_memberships, "bob");
}

static void memberships_turn_pages(struct dir *dir)
{
    struct suite *suite = dir->suite;
    struct text wanted = {0};
    char name[16];

    for (int i = 10; i < 32; i++) {
        snprintf(name, sizeof name, "room%d", i);
        CHECK_STATUS(suite, dir_create(dir, name, CC_KIND_GROUP, i % 5 ? "*bob alice" : "*bob"), 0);
        if (i % 5)
            text_add(&wanted, "%s%s(v1):alice@1", wanted.size ? " " : "", name);
    }
    for (dir->page = 1; dir->page < 20; dir->page++)
        CHECK_READ(dir, wanted.bytes, dir_read_memberships, "alice");
}

static void a_mute_ends_with_the_membership(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice bob"), 0);
    CHECK_STATUS(suite, dir_mute(dir, "bob", "room", 5000000000000), 0);
    CHECK_READ(dir, "room(v1):bob@1 ~5000000000000", dir_read_memberships, "bob");
    CHECK_READ(dir, "bob@1 ~5000000000000", dir_read_member, "room", "bob");
    CHECK_READ(dir, "room(v1):*alice@1", dir_read_memberships, "alice");
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_ROLE, "+bob"), 0);
    CHECK_READ(dir, "room(v2):+bob@1 ~5000000000000", dir_read_memberships, "bob");
    CHECK_STATUS(suite, dir_mute(dir, "bob", "room", 0), 0);
    CHECK_READ(dir, "room(v2):+bob@1", dir_read_memberships, "bob");
    CHECK_STATUS(suite, dir_mute(dir, "bob", "room", 9), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 2, CC_CHANGE_REMOVE, "bob"), 0);
    CHECK_STATUS(suite, dir_mute(dir, "bob", "room", 10), CC_ENOTFOUND);
    CHECK_STATUS(suite, dir_change(dir, "room", 3, CC_CHANGE_ADD, "bob"), 0);
    CHECK_READ(dir, "room(v4):bob@4", dir_read_memberships, "bob");
}

static void the_outbox_is_kept_apart_by_partition(struct dir *dir)
{
    struct suite *suite = dir->suite;

    dir->partition = 1;
    CHECK_STATUS(suite, dir_create(dir, "one", CC_KIND_GROUP, "*alice"), 0);
    dir->partition = 256;
    CHECK_STATUS(suite, dir_create(dir, "two", CC_KIND_GROUP, "*alice"), 0);
    CHECK_STATUS(suite, dir_rename(dir, "two", 1, "x"), 0);
    CHECK_READ(dir, "one/1", dir_read_outbox, 1);
    CHECK_READ(dir, "two/1 two/2", dir_read_outbox, 256);
    CHECK_READ(dir, "", dir_read_outbox, 0);
    CHECK_STATUS(suite, dir_outbox_done(dir, "two", 2), 0);
    CHECK_READ(dir, "one/1", dir_read_outbox, 1);
    CHECK_READ(dir, "", dir_read_outbox, 256);
}

static void what_is_done_leaves_the_outbox(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "a", CC_KIND_GROUP, "*alice"), 0);
    CHECK_STATUS(suite, dir_create(dir, "ab", CC_KIND_GROUP, "*alice"), 0);
    for (uint64_t version = 1; version < 5; version++) {
        CHECK_STATUS(suite, dir_rename(dir, "ab", version, "x"), 0);
        CHECK_STATUS(suite, dir_rename(dir, "a", version, "y"), 0);
    }
    CHECK_STATUS(suite, dir_outbox_done(dir, "a", 3), 0);
    CHECK_READ(dir, "a/4 a/5 ab/1 ab/2 ab/3 ab/4 ab/5", dir_read_outbox, 0);
    CHECK_STATUS(suite, dir_outbox_done(dir, "ab", 1), 0);
    CHECK_STATUS(suite, dir_outbox_done(dir, "a", 3), 0);
    CHECK_STATUS(suite, dir_outbox_done(dir, "a", 0), 0);
    CHECK_READ(dir, "a/4 a/5 ab/2 ab/3 ab/4 ab/5", dir_read_outbox, 0);
    CHECK_STATUS(suite, dir_outbox_done(dir, "ab", 5), 0);
    CHECK_STATUS(suite, dir_outbox_done(dir, "a", 5), 0);
    CHECK_READ(dir, "", dir_read_outbox, 0);
    CHECK_STATUS(suite, dir_rename(dir, "a", 5, "z"), 0);
    CHECK_READ(dir, "a/6", dir_read_outbox, 0);
}

/* A relay that reads a few at a time and takes each out gets all, each conversation's in order. */
static void the_outbox_drains_in_small_steps(struct dir *dir)
{
    struct suite *suite = dir->suite;
    uint64_t seen[3] = {0};
    size_t total = 0;
    bool more = true;

    for (uint64_t version = 0; version < 9; version++)
        for (int i = 0; i < 3; i++) {
            const char *id = i == 0 ? "x" : i == 1 ? "y" : "z";

            CHECK_STATUS(suite,
                         version ? dir_rename(dir, id, version, "n")
                                 : dir_create(dir, id, CC_KIND_GROUP, "*alice"),
                         0);
        }
    while (more && total < 100) {
        struct cc_directory_outbox op = {.partition = 0, .limit = 2};

        suite_submit(suite, &op.op);
        dir->port.vtable->outbox(dir->port.self, &op);
        CHECK_STATUS(suite, suite_wait(suite, &op.op), 0);
        more = op.ret_more;
        for (size_t i = 0; i < op.ret_count && op.ret_entries[i].conversation.size == 1; i++) {
            char id[2] = {op.ret_entries[i].conversation.data[0], 0};
            uint64_t version = op.ret_entries[i].version;

            suite_check_number(suite, __func__, __LINE__, version, ++seen[(id[0] - 'x') % 3]);
            suite_check_status(suite, __func__, __LINE__, dir_outbox_done(dir, id, version), 0);
            total++;
        }
        cc_op_release(&op.op);
    }
    CHECK_NUMBER(suite, total, 27);
}

/* A reader's copy does not move under it. */
static void answers_live_until_their_release(struct dir *dir)
{
    struct suite *suite = dir->suite;
    struct cc_directory_members op = {.conversation = slice_str("room"), .limit = 10};
    struct text before = {0};
    struct text after = {0};

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice bob carol"), 0);
    suite_submit(suite, &op.op);
    dir->port.vtable->members(dir->port.self, &op);
    CHECK_STATUS(suite, suite_wait(suite, &op.op), 0);
    for (size_t i = 0; i < op.ret_count; i++)
        text_add(&before, "%.*s ", SLICE_ARGUMENTS(op.ret_members[i].user));
    suite_check_status(suite, __func__, __LINE__,
                       dir_change(dir, "room", 1, CC_CHANGE_REMOVE, "alice bob"), 0);
    suite_check_status(suite, __func__, __LINE__, dir_outbox_done(dir, "room", 2), 0);
    suite_check_status(suite, __func__, __LINE__,
                       dir_change(dir, "room", 2, CC_CHANGE_ADD, "dave erin"), 0);
    for (size_t i = 0; i < op.ret_count; i++)
        text_add(&after, "%.*s ", SLICE_ARGUMENTS(op.ret_members[i].user));
    cc_op_release(&op.op);
    cc_op_release(&op.op);
    CHECK_TEXT(suite, before.bytes, "alice bob carol ");
    CHECK_TEXT(suite, after.bytes, before.bytes);
}

void dir_write_before_reopening(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_REMOVE, "bob"), 0);
    CHECK_STATUS(suite, dir_relate(dir, "alice", "bob", CC_RELATION_CONTACT, true), 0);
    CHECK_STATUS(suite, dir_mute(dir, "alice", "room", 7), 0);
    CHECK_STATUS(suite, dir_device_put(dir, "alice", "phone", "apns", "t"), 0);
    CHECK_STATUS(suite, dir_create(dir, "club", CC_KIND_GROUP, "*alice bob"), 0);
    CHECK_STATUS(suite, dir_invite(dir, "club", "t1", 5, 2, 1), 0);
    CHECK_STATUS(suite, dir_bar(dir, "club", 1, "bob"), 0);
    CHECK_STATUS(suite, dir_join(dir, "club", 2, "t1", "carol"), 0);
}

void dir_check_after_reopening(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_READ(dir, "group v2 members 1 small \"Name\"", dir_read_conversation, "room");
    CHECK_READ(dir, "*alice@1 bob@1", dir_read_members, "room", 1);
    CHECK_READ(dir, "club(v3):*alice@1 room(v2):*alice@1 ~7", dir_read_memberships, "alice");
    CHECK_READ(dir, "1:0", dir_read_relation, "alice", "bob");
    CHECK_READ(dir, "phone=apns:t", dir_read_devices, "alice");
    CHECK_READ(dir, "club/1 club/2 club/3 room/1 room/2", dir_read_outbox, 0);
    CHECK_STATUS(suite, dir_rename(dir, "room", 2, "again"), 0);
    CHECK_READ(dir, "club/1 club/2 club/3 room/1 room/2 room/3", dir_read_outbox, 0);
    CHECK_READ(dir, "club(v3) 1/2 <5 alice x", dir_read_invitation, "t1", "bob");
    CHECK_READ(dir, "t1:club", dir_read_invitations, "club", "");
    CHECK_READ(dir, "t1:club", dir_read_invitations, NULL, "alice");
}

const struct dir_case dir_change_cases[] = {
    {"a new conversation is there in every list", a_new_conversation_is_there_in_every_list},
    {"a taken id changes nothing", a_taken_id_changes_nothing},
    {"what does not exist is not found", what_does_not_exist_is_not_found},
    {"every change raises the version by one", every_change_raises_the_version_by_one},
    {"a retention is kept and listed", a_retention_is_kept_and_listed},
    {"another version is a conflict", another_version_is_a_conflict},
    {"a change that would change nothing is refused whole",
     a_change_that_would_change_nothing_is_refused_whole},
    {"one of many at once wins", one_of_many_at_once_wins},
    {"memberships follow the members", memberships_follow_the_members},
    {"memberships turn pages", memberships_turn_pages},
    {"a mute ends with the membership", a_mute_ends_with_the_membership},
    {"the outbox is kept apart by partition", the_outbox_is_kept_apart_by_partition},
    {"what is done leaves the outbox", what_is_done_leaves_the_outbox},
    {"the outbox drains in small steps", the_outbox_drains_in_small_steps},
    {"answers live until their release", answers_live_until_their_release},
    {NULL, NULL},
};
