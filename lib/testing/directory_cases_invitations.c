/*
 * Cases of the directory: invitations, who joins by them, and who may not.
 */
#include "chatcore/error.h"
#include "testing/directory_cases.h"

#include <stdio.h>

static void make_room(struct dir *dir)
{
    CHECK_STATUS(dir->suite, dir_create(dir, "room", CC_KIND_GROUP, "*alice"), 0);
    CHECK_STATUS(dir->suite, dir_create(dir, "other", CC_KIND_CHANNEL, "*alice"), 0);
}

static void an_invitation_is_found_by_its_token(struct dir *dir)
{
    struct suite *suite = dir->suite;

    make_room(dir);
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_invitation, "t1", "bob");
    CHECK_STATUS(suite, dir_invite(dir, "room", "t1", 5, 2, 1), 0);
    CHECK_READ(dir, "room(v1) 0/2 <5 alice", dir_read_invitation, "t1", "bob");
    CHECK_READ(dir, "room(v1) 0/2 <5 alice member", dir_read_invitation, "t1", "alice");
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_invitation, "t", "bob");
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_invitation, "t11", "bob");
    CHECK_STATUS(suite, dir_invite(dir, "other", "t1", 0, 0, 1), CC_EEXISTS);
    CHECK_STATUS(suite, dir_invite(dir, "none", "t2", 0, 0, 1), CC_ENOTFOUND);
    CHECK_STATUS(suite, dir_invite(dir, "room", "", 0, 0, 1), CC_EINVAL);
    CHECK_READ(dir, "t1:room", dir_read_invitations, NULL, "alice");
}

static void invitations_are_listed_by_conversation_and_creator(struct dir *dir)
{
    struct suite *suite = dir->suite;

    make_room(dir);
    CHECK_STATUS(suite, dir_invite(dir, "room", "c", 0, 0, 1), 0);
    CHECK_STATUS(suite, dir_invite(dir, "other", "b", 0, 0, 1), 0);
    CHECK_STATUS(suite, dir_invite(dir, "room", "a", 0, 0, 1), 0);
    CHECK_STATUS(suite, dir_invite(dir, "room", "d", 0, 0, 1), 0);
    for (dir->page = 1; dir->page < 5; dir->page++) {
        CHECK_READ(dir, "a:room c:room d:room", dir_read_invitations, "room", "");
        CHECK_READ(dir, "b:other", dir_read_invitations, "other", "");
        CHECK_READ(dir, "", dir_read_invitations, "none", "");
        CHECK_READ(dir, "a:room b:other c:room d:room", dir_read_invitations, NULL, "alice");
        CHECK_READ(dir, "", dir_read_invitations, NULL, "bob");
    }
}

static void an_invitation_is_taken_away_by_its_conversation(struct dir *dir)
{
    struct suite *suite = dir->suite;

    make_room(dir);
    CHECK_STATUS(suite, dir_invite(dir, "room", "t1", 0, 0, 1), 0);
    CHECK_STATUS(suite, dir_uninvite(dir, "other", "t1"), 0);
    CHECK_READ(dir, "t1:room", dir_read_invitations, "room", "");
    CHECK_STATUS(suite, dir_uninvite(dir, "room", "t1"), 0);
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_invitation, "t1", "bob");
    CHECK_READ(dir, "", dir_read_invitations, "room", "");
    CHECK_READ(dir, "", dir_read_invitations, NULL, "alice");
    CHECK_STATUS(suite, dir_uninvite(dir, "room", "t1"), 0); /* again */
    CHECK_STATUS(suite, dir_join(dir, "room", 1, "t1", "bob"), CC_ENOTFOUND);
    CHECK_READ(dir, "*alice@1", dir_read_members, "room", 0);
}

static void a_use_is_counted_with_the_change(struct dir *dir)
{
    struct suite *suite = dir->suite;

    make_room(dir);
    CHECK_STATUS(suite, dir_invite(dir, "room", "t1", 0, 2, 1), 0);
    CHECK_STATUS(suite, dir_join(dir, "other", 1, "t1", "bob"), CC_ENOTFOUND);
    CHECK_STATUS(suite, dir_join(dir, "room", 2, "t1", "bob"), CC_ECONFLICT);
    CHECK_STATUS(suite, dir_join(dir, "room", 1, "t1", "alice"), CC_EINVAL);
    CHECK_READ(dir, "room(v1) 0/2 <0 alice", dir_read_invitation, "t1", "bob");
    CHECK_STATUS(suite, dir_join(dir, "room", 1, "t1", "bob"), 0);
    CHECK_READ(dir, "room(v2) 1/2 <0 alice member", dir_read_invitation, "t1", "bob");
    CHECK_STATUS(suite, dir_join(dir, "room", 2, "t1", "carol"), 0);
    CHECK_STATUS(suite, dir_join(dir, "room", 3, "t1", "dave"), CC_ENOTFOUND); /* used up */
    CHECK_READ(dir, "*alice@1 bob@2 carol@3", dir_read_members, "room", 0);
    CHECK_READ(dir, "other/1 room/1 room/2 room/3", dir_read_outbox, 0);
    CHECK_READ(dir, "room(v3) 2/2 <0 alice", dir_read_invitation, "t1", "dave");
}

/* Submits without waiting. */
static void submit_join(struct dir *dir, struct cc_directory_change *op,
                        const struct cc_member *member)
{
    *op = (struct cc_directory_change){
        .conversation = slice_str("room"),
        .expected_version = 1,
        .kind = CC_CHANGE_ADD,
        .members = member,
        .count = 1,
        .payload = slice_str("room/2"),
        .invitation = slice_str("t1"),
    };
    suite_submit(dir->suite, &op->op);
    dir->port.vtable->change(dir->port.self, op);
}

static void one_of_two_at_once_has_the_last_use(struct dir *dir)
{
    static const struct cc_member members[2] = {{.user = {"bob", 3}, .role = CC_ROLE_MEMBER},
                                                {.user = {"carol", 5}, .role = CC_ROLE_MEMBER}};
    struct suite *suite = dir->suite;
    struct cc_directory_change ops[2];
    int statuses[2];
    int got_in = 0;

    make_room(dir);
    CHECK_STATUS(suite, dir_invite(dir, "room", "t1", 0, 1, 1), 0);
    for (size_t i = 0; i < 2; i++)
        submit_join(dir, &ops[i], &members[i]);
    for (size_t i = 0; i < 2; i++) {
        statuses[i] = suite_wait(suite, &ops[i].op);
        got_in += !statuses[i];
    }
    suite_check_number(suite, __func__, __LINE__, (uint64_t)got_in, 1);
    CHECK_STATUS(suite, statuses[!statuses[0]], CC_ECONFLICT);
    CHECK_STATUS(suite, dir_join(dir, "room", 2, "t1", "dave"), CC_ENOTFOUND);
    CHECK_READ(dir, "room(v2) 1/1 <0 alice", dir_read_invitation, "t1", "dave");
}

static void what_has_ended_makes_room(struct dir *dir)
{
    struct suite *suite = dir->suite;
    char token[16];

    make_room(dir);
    CHECK_STATUS(suite, dir_invite(dir, "room", "brief", 5, 0, 1), 0);
    CHECK_STATUS(suite, dir_invite(dir, "room", "once", 0, 1, 1), 0);
    for (int i = 2; i < CC_INVITATIONS_MAX; i++) {
        snprintf(token, sizeof token, "t%03d", i);
        CHECK_STATUS(suite, dir_invite(dir, "room", token, 0, 0, 1), 0);
    }
    CHECK_STATUS(suite, dir_invite(dir, "room", "more", 0, 0, 4), CC_ETOOLARGE);
    CHECK_STATUS(suite, dir_invite(dir, "other", "more", 0, 0, 4), 0);
    CHECK_STATUS(suite, dir_join(dir, "room", 1, "once", "bob"), 0);
    CHECK_STATUS(suite, dir_invite(dir, "room", "new1", 0, 0, 5), 0);
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_invitation, "brief", "bob");
    CHECK_READ(dir, "CC_ENOTFOUND", dir_read_invitation, "once", "bob");
    CHECK_STATUS(suite, dir_invite(dir, "room", "new2", 0, 0, 5), 0);
    CHECK_STATUS(suite, dir_invite(dir, "room", "new3", 0, 0, 5), CC_ETOOLARGE);
    CHECK_READ(dir, "room(v2) 0/0 <0 alice", dir_read_invitation, "t002", "carol");
}

static void who_is_barred_stays_so_until_he_is_added(struct dir *dir)
{
    struct suite *suite = dir->suite;

    make_room(dir);
    CHECK_STATUS(suite, dir_invite(dir, "room", "t1", 0, 0, 1), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 1, CC_CHANGE_ADD, "bob carol"), 0);
    CHECK_STATUS(suite, dir_bar(dir, "room", 2, "bob"), 0);
    CHECK_STATUS(suite, dir_change(dir, "room", 3, CC_CHANGE_REMOVE, "carol"), 0);
    CHECK_STATUS(suite, dir_outbox_done(dir, "room", 4), 0);
    CHECK_READ(dir, "room(v4) 0/0 <0 alice x", dir_read_invitation, "t1", "bob");
    CHECK_READ(dir, "room(v4) 0/0 <0 alice", dir_read_invitation, "t1", "carol");
    CHECK_STATUS(suite, dir_change(dir, "room", 4, CC_CHANGE_ADD, "bob"), 0);
    CHECK_READ(dir, "room(v5) 0/0 <0 alice member", dir_read_invitation, "t1", "bob");
    CHECK_STATUS(suite, dir_bar(dir, "room", 5, "bob"), 0);
    CHECK_STATUS(suite, dir_join(dir, "room", 6, "t1", "bob"), 0); /* whether he may is not ours */
    CHECK_STATUS(suite, dir_bar(dir, "room", 7, "bob"), 0);
    CHECK_READ(dir, "room(v8) 1/0 <0 alice x", dir_read_invitation, "t1", "bob");
}

const struct dir_case dir_invitation_cases[] = {
    {"an invitation is found by its token", an_invitation_is_found_by_its_token},
    {"invitations are listed by conversation and creator",
     invitations_are_listed_by_conversation_and_creator},
    {"an invitation is taken away by its conversation",
     an_invitation_is_taken_away_by_its_conversation},
    {"a use is counted with the change", a_use_is_counted_with_the_change},
    {"one of two at once has the last use", one_of_two_at_once_has_the_last_use},
    {"what has ended makes room", what_has_ended_makes_room},
    {"who is barred stays so until he is added", who_is_barred_stays_so_until_he_is_added},
    {NULL, NULL},
};
