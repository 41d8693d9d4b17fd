/*
 * The directory's member history: lists as of any version, and large conversations.
 */
#include "testing/directory_cases.h"

#include "chatcore/error.h"

#include <stdio.h>
#include <stdlib.h>

static void members_can_be_read_as_of_any_version(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_ADD, "carol"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 2, CC_CHANGE_ROLE, "+bob"), 0);
    CHECK_STATUS(suite, dir_rename(dir, "room", 3, "x"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 4, CC_CHANGE_REMOVE, "alice carol"), 0);
    CHECK_READ(dir, "*alice@1 bob@1", dir_read_members, "room", 1);
    CHECK_READ(dir, "*alice@1 bob@1 carol@2", dir_read_members, "room", 2);
    CHECK_READ(dir, "*alice@1 +bob@1 carol@2", dir_read_members, "room", 3);
    CHECK_READ(dir, "*alice@1 +bob@1 carol@2", dir_read_members, "room", 4);
    CHECK_READ(dir, "+bob@1", dir_read_members, "room", 5);
    CHECK_READ(dir, "+bob@1", dir_read_members, "room", 0);
}

static void who_comes_back_has_two_tenures(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice +bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_REMOVE, "bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 2, CC_CHANGE_ADD, "bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 3, CC_CHANGE_REMOVE, "bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 4, CC_CHANGE_ADD, "*bob"), 0);
    CHECK_READ(dir, "*alice@1 +bob@1", dir_read_members, "room", 1);
    CHECK_READ(dir, "*alice@1", dir_read_members, "room", 2);
    CHECK_READ(dir, "*alice@1 bob@3", dir_read_members, "room", 3);
    CHECK_READ(dir, "*alice@1", dir_read_members, "room", 4);
    CHECK_READ(dir, "*alice@1 *bob@5", dir_read_members, "room", 5);
    CHECK_READ(dir, "*bob@5", dir_read_member, "room", "bob");
    CHECK_READ(dir, "room(v5):*bob@5", dir_read_memberships, "bob");
}

/* Reading as of what is done itself must work: that is where the log's order stands. */
static void history_is_kept_from_what_is_done_on(struct dir *dir)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_REMOVE, "bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 2, CC_CHANGE_ADD, "bob carol"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 3, CC_CHANGE_ROLE, "+carol"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 4, CC_CHANGE_REMOVE, "bob carol"), 0);
    for (uint64_t done = 0; done <= 5; done++) {
        CHECK_STATUS(suite, dir_outbox_done(dir, "room", done), 0);
        if (done <= 1)
            CHECK_READ(dir, "*alice@1 bob@1", dir_read_members, "room", 1);
        if (done <= 2)
            CHECK_READ(dir, "*alice@1", dir_read_members, "room", 2);
        if (done <= 3)
            CHECK_READ(dir, "*alice@1 bob@3 carol@3", dir_read_members, "room", 3);
        if (done <= 4)
            CHECK_READ(dir, "*alice@1 bob@3 +carol@3", dir_read_members, "room", 4);
        CHECK_READ(dir, "*alice@1", dir_read_members, "room", 5);
        CHECK_READ(dir, "*alice@1", dir_read_members, "room", 0);
    }
    CHECK_STATUS(suite, dir_change(dir, "room", 5, CC_CHANGE_ADD, "bob"), 0);
    CHECK_READ(dir, "*alice@1", dir_read_members, "room", 5);
    CHECK_READ(dir, "*alice@1 bob@6", dir_read_members, "room", 0);
}

/* Those who are not listed as of a version do not shorten its pages. */
static void pages_of_members_skip_those_who_are_none(struct dir *dir)
{
    struct suite *suite = dir->suite;
    struct text odd = {0};
    struct text all = {0};
    char name[8];
    uint64_t version = 1;

    CHECK_STATUS(suite, dir_create(dir, "room", CC_KIND_GROUP, "*a"), 0);
    text_add(&odd, "*a@1");
    text_add(&all, "*a@1");
    for (int i = 10; i < 40; i++) {
        snprintf(name, sizeof name, "u%d", i);
        CHECK_STATUS(suite, dir_change(dir, "room", version++, CC_CHANGE_ADD, name), 0);
        text_add(&all, " %s@%llu", name, (unsigned long long)version);
        if (i % 2)
            text_add(&odd, " %s@%llu", name, (unsigned long long)version);
    }
    for (int i = 10; i < 40; i += 2) {
        snprintf(name, sizeof name, "u%d", i);
        CHECK_STATUS(suite, dir_change(dir, "room", version++, CC_CHANGE_REMOVE, name), 0);
    }
    for (dir->page = 1; dir->page < 34; dir->page++) {
        CHECK_READ(dir, odd.bytes, dir_read_members, "room", 0);
        CHECK_READ(dir, all.bytes, dir_read_members, "room", 31);
    }
}

static void conversations_whose_ids_are_alike_do_not_mix(struct dir *dir)
{
    static const char *const ids[] = {"a", "aa", "aab", "ab", "b", "\xc3\xa9", "\xc3\xa9\xc3\xa9"};
    struct suite *suite = dir->suite;

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct text members = {0};

        text_add(&members, "*a ab %s b%s", ids[i][0] == 'a' ? "x" : "aa", ids[i]);
        CHECK_STATUS(suite, dir_create(dir, ids[i], CC_KIND_GROUP, members.bytes), 0);
    }
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct text wanted = {0};

        if (ids[i][0] == 'a')
            text_add(&wanted, "*a@1 ab@1 b%s@1 x@1", ids[i]);
        else
            text_add(&wanted, "*a@1 aa@1 ab@1 b%s@1", ids[i]);
        CHECK_READ(dir, wanted.bytes, dir_read_members, ids[i], 0);
        CHECK_STATUS(suite, dir_change(dir, ids[i], 1, CC_CHANGE_REMOVE, "a"), 0);
        CHECK_STATUS(suite, dir_outbox_done(dir, ids[i], 2), 0);
        CHECK_READ(dir, wanted.bytes + 5, dir_read_members, ids[i], 0);
    }
    CHECK_READ(dir, "", dir_read_outbox, 0);
}

/* --- large ones --- */

/* Members m00000, m00001 … from `first` on, in memory of their own. */
struct crowd {
    struct cc_member *members;
    char (*names)[8];
    size_t count;
};

static bool crowd_make(struct crowd *crowd, size_t first, size_t count)
{
    crowd->members = calloc(count, sizeof *crowd->members);
    crowd->names = calloc(count, sizeof *crowd->names);
    crowd->count = count;
    for (size_t i = 0; crowd->members && crowd->names && i < count; i++) {
        /* a step that visits all, so that they do not come in order */
        size_t number = first + i * 7919 % count;

        snprintf(crowd->names[i], sizeof crowd->names[i], "m%05zu", number % 100000);
        crowd->members[i].user = slice_str(crowd->names[i]);
        crowd->members[i].role = CC_ROLE_MEMBER;
    }
    return crowd->members && crowd->names;
}

static void crowd_free(struct crowd *crowd)
{
    free(crowd->members);
    free(crowd->names);
}

/* Counts the members as of a version, page by page; they must ascend without a gap from `first`. */
static size_t count_members(struct dir *dir, uint64_t version, size_t first, size_t page)
{
    char after[8] = "";
    size_t count = 0;
    bool more = true;

    while (more && !suite_has_failed(dir->suite)) {
        struct cc_directory_members op = {
            .conversation = slice_str("big"),
            .at_version = version,
            .after = slice_str(after),
            .limit = page,
        };

        suite_submit(dir->suite, &op.op);
        dir->port.vtable->members(dir->port.self, &op);
        suite_check_status(dir->suite, __func__, __LINE__, suite_wait(dir->suite, &op.op), 0);
        for (size_t i = 0; !op.op.status && i < op.ret_count; i++) {
            snprintf(after, sizeof after, "m%05zu", (first + count++) % 100000);
            if (!slice_equal(op.ret_members[i].user, slice_str(after)))
                suite_fail(dir->suite, __func__, __LINE__, "%.*s, wanted %s",
                           SLICE_ARGUMENTS(op.ret_members[i].user), after);
        }
        more = !op.op.status && op.ret_more && op.ret_count;
        cc_op_release(&op.op);
    }
    return count;
}

static void check_large(struct dir *dir, const struct crowd *crowd)
{
    struct suite *suite = dir->suite;
    struct cc_directory_create create = {
        .conversation = slice_str("big"),
        .kind = CC_KIND_GROUP,
        .name = slice_str("Name"),
        .created = 1700000000000,
        .members = crowd->members,
        .count = crowd->count,
        .payload = slice_str("big/1"),
    };

    suite_submit(suite, &create.op);
    dir->port.vtable->create(dir->port.self, &create);
    CHECK_STATUS(suite, suite_wait(suite, &create.op), 0);
    CHECK_READ(dir, "group v1 members 12000 large \"Name\"", dir_read_conversation, "big");
    CHECK_NUMBER(suite, count_members(dir, 0, 0, 1000), 12000);
    CHECK_STATUS(suite, dir_change(dir, "big", 1, CC_CHANGE_ADD, "m12000"), 0);
    CHECK_NUMBER(suite, count_members(dir, 0, 0, 700), 12001);
    CHECK_NUMBER(suite, count_members(dir, 1, 0, 12000), 12000);
}

static void thousands_of_members_turn_pages(struct dir *dir)
{
    struct crowd crowd;

    if (crowd_make(&crowd, 0, 12000))
        check_large(dir, &crowd);
    else
        suite_fail(dir->suite, __func__, __LINE__, "out of memory");
    crowd_free(&crowd);
}

static void check_leaving(struct dir *dir, const struct crowd *crowd)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "big", CC_KIND_GROUP, "*zoe"), 0);
    CHECK_STATUS(suite, dir_change_many(dir, "big", 1, CC_CHANGE_ADD, crowd->members, crowd->count),
                 0);
    CHECK_STATUS(suite, dir_change(dir, "big", 2, CC_CHANGE_REMOVE, "zoe"), 0);
    CHECK_STATUS(suite,
                 dir_change_many(dir, "big", 3, CC_CHANGE_ROLE, crowd->members, crowd->count), 0);
    CHECK_STATUS(suite,
                 dir_change_many(dir, "big", 4, CC_CHANGE_REMOVE, crowd->members, crowd->count), 0);
    CHECK_READ(dir, "group v5 members 0 large \"Name\"", dir_read_conversation, "big");
    CHECK_NUMBER(suite, count_members(dir, 0, 0, 100), 0);
    CHECK_NUMBER(suite, count_members(dir, 3, 0, 300), 2000);
    CHECK_NUMBER(suite, count_members(dir, 4, 0, 300), 2000);
    CHECK_STATUS(suite, dir_outbox_done(dir, "big", 5), 0);
    CHECK_NUMBER(suite, count_members(dir, 5, 0, 100), 0);
    CHECK_READ(dir, "", dir_read_memberships, "m00017");
}

static void thousands_come_and_leave_in_one_change(struct dir *dir)
{
    struct crowd crowd;

    if (crowd_make(&crowd, 0, 2000))
        check_leaving(dir, &crowd);
    else
        suite_fail(dir->suite, __func__, __LINE__, "out of memory");
    crowd_free(&crowd);
}

/* `crowd` is two less than the most that a small conversation has. */
static void check_was_large(struct dir *dir, const struct crowd *crowd)
{
    struct suite *suite = dir->suite;

    CHECK_STATUS(suite, dir_create(dir, "big", CC_KIND_GROUP, "*zoe yan"), 0);
    CHECK_STATUS(suite, dir_change_many(dir, "big", 1, CC_CHANGE_ADD, crowd->members, crowd->count),
                 0);
    CHECK_READ(dir, "group v2 members 50 small \"Name\"", dir_read_conversation, "big");
    CHECK_STATUS(suite, dir_change(dir, "big", 2, CC_CHANGE_ADD, "xia"), 0);
    CHECK_READ(dir, "group v3 members 51 large \"Name\"", dir_read_conversation, "big");
    CHECK_STATUS(suite,
                 dir_change_many(dir, "big", 3, CC_CHANGE_REMOVE, crowd->members, crowd->count), 0);
    CHECK_READ(dir, "group v4 members 3 large \"Name\"", dir_read_conversation, "big");
    CHECK_STATUS(suite, dir_outbox_done(dir, "big", 4), 0);
    CHECK_STATUS(suite, dir_rename(dir, "big", 4, "x"), 0);
    CHECK_READ(dir, "group v5 members 3 large \"x\"", dir_read_conversation, "big");
}

static void who_was_large_stays_so(struct dir *dir)
{
    struct crowd crowd;

    if (crowd_make(&crowd, 0, CC_FANOUT_WRITE_MAX - 2))
        check_was_large(dir, &crowd);
    else
        suite_fail(dir->suite, __func__, __LINE__, "out of memory");
    crowd_free(&crowd);
}

const struct dir_case dir_history_cases[] = {
    {"members can be read as of any version", members_can_be_read_as_of_any_version},
    {"who comes back has two tenures", who_comes_back_has_two_tenures},
    {"history is kept from what is done on", history_is_kept_from_what_is_done_on},
    {"pages of members skip those who are none", pages_of_members_skip_those_who_are_none},
    {"conversations whose ids are alike do not mix", conversations_whose_ids_are_alike_do_not_mix},
    {"thousands of members turn pages", thousands_of_members_turn_pages},
    {"thousands come and leave in one change", thousands_come_and_leave_in_one_change},
    {"who was large stays so", who_was_large_stays_so},
    {NULL, NULL},
};
