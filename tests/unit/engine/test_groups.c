/*
 * Groups: the commands, the rules, what members see.
 */
#include "engine/groups.h"
#include "support/engine_fixture.h"
#include "support/test.h"

static void set_role(struct client *client, const char *user, enum cc_role role)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_ROLE,
                                          .conversation = text_slice("g"),
                                          .user = text_slice(user),
                                          .role = role});
}

static void rename_to(struct client *client, const char *name)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_UPDATE,
                                          .conversation = text_slice("g"),
                                          .name = text_slice(name)});
}

static void leave(struct client *client)
{
    client_do(client,
              (struct cc_command){.type = CC_COMMAND_LEAVE, .conversation = text_slice("g")});
}

static void list_members(struct client *client)
{
    client_do(client,
              (struct cc_command){.type = CC_COMMAND_MEMBERS, .conversation = text_slice("g")});
}

static void test_create(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", "bob carol bob alice");
    client_expect(alice, "message g 1 alice *created* bob carol name=club\n"
                         "create ok g\n"
                         "conversation g group name=club owner members=3 head=1 read=0 "
                         "delivered=0 unread=0\n");
    client_expect(bob, "message g 1 alice *created* bob carol name=club\n"
                       "conversation g group name=club member members=3 head=1 read=0 "
                       "delivered=0 unread=0\n");
    list_members(bob);
    client_expect(bob, "members ok alice:owner bob:member carol:member\n");
    client_create(bob, "g", NULL);
    client_expect(bob, "create CC_EEXISTS\n");
    client_create(bob, NULL, NULL);
    assert_int_equal(bob->conversation_size, 36);
}

static void create_as(struct client *client, const char *client_id)
{
    client_forget(client);
    client_do(client, (struct cc_command){.type = CC_COMMAND_CREATE,
                                          .kind = CC_KIND_GROUP,
                                          .client_id = text_slice(client_id)});
}

/* Also by a session of after a restart; other users have other ids. */
static void test_create_again(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    char first[CC_NAME_MAX];

    create_as(alice, "k");
    assert_null(strstr(client_text(alice), "duplicate"));
    memcpy(first, alice->conversation, sizeof first);
    create_as(bob, "k");
    assert_null(strstr(client_text(bob), "duplicate"));
    assert_memory_not_equal(bob->conversation, first, alice->conversation_size);
    fixture_restart(fixture, NULL);
    alice = client_connect(fixture, "alice", "phone");
    create_as(alice, "k");
    assert_non_null(strstr(client_text(alice), "duplicate"));
    assert_memory_equal(alice->conversation, first, alice->conversation_size);
    create_as(alice, "other");
    assert_memory_not_equal(alice->conversation, first, alice->conversation_size);
}

static void test_create_refuses(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    char long_name[GROUP_NAME_MAX + 1];

    client_create(alice, "two words", NULL);
    client_expect(alice, "create CC_EINVAL\n");
    client_create(alice, "g", "bob\x01");
    client_expect(alice, "create CC_EINVAL\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CREATE, .kind = CC_KIND_DIRECT});
    client_expect(alice, "create CC_EINVAL\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CREATE,
                                         .kind = CC_KIND_GROUP,
                                         .name = text_slice("line\nbreak")});
    client_expect(alice, "create CC_EINVAL\n");
    memset(long_name, 'x', sizeof long_name);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CREATE,
                                         .kind = CC_KIND_GROUP,
                                         .name = {long_name, sizeof long_name}});
    client_expect(alice, "create CC_ETOOLARGE\n");
}

/* Nobody may take the id that two others' direct conversation will have. */
static void test_create_with_a_direct_id(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *eve = client_connect(*state, "eve", "phone");
    char id[CC_NAME_MAX + 1] = "";

    client_say_to(alice, "bob", "hi");
    memcpy(id, alice->conversation, alice->conversation_size);
    id[alice->conversation_size - 1] ^= 1;
    client_create(eve, id, NULL);
    client_expect(eve, "create CC_EINVAL\n");
}

static void test_update(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", "bob");
    client_forget(alice);
    client_forget(bob);
    rename_to(alice, "pub");
    client_expect(alice, "message g 2 alice *renamed* name=pub\n"
                         "update ok seq=2\n"
                         "conversation g group name=pub owner members=2 head=2 read=0 "
                         "delivered=0 unread=0\n");
    client_expect(bob, "message g 2 alice *renamed* name=pub\n"
                       "conversation g group name=pub member members=2 head=2 read=0 "
                       "delivered=0 unread=0\n");
    rename_to(alice, "pub");
    client_expect(alice, "update ok seq=2\n");
    rename_to(alice, "");
    client_expect(alice, "update CC_EINVAL\n");
    rename_to(bob, "mine");
    client_expect(bob, "update CC_EFORBIDDEN\n");
}

static void test_add(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *carol = client_connect(*state, "carol", "phone");

    client_create(alice, "g", "bob");
    client_forget(alice);
    client_forget(bob);
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol bob dave");
    client_expect(alice, "message g 2 alice *added* member carol dave\nadd ok seq=2\n");
    client_expect(bob, "message g 2 alice *added* member carol dave\n");
    client_expect(carol, "message g 2 alice *added* member carol dave\n"
                         "conversation g group name=club member members=4 head=2 read=0 "
                         "delivered=0 unread=0\n");
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    client_expect(alice, "add ok seq=2\n");
    client_name_users(bob, CC_COMMAND_ADD, "g", "erin");
    client_expect(bob, "add CC_EFORBIDDEN\n");
    client_name_users(alice, CC_COMMAND_ADD, "nowhere", "erin");
    client_expect(alice, "add CC_ENOTFOUND\n");
    client_name_users(alice, CC_COMMAND_ADD, "g", NULL);
    client_expect(alice, "add CC_EINVAL\n");
}

static void test_remove(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", "bob carol");
    set_role(alice, "carol", CC_ROLE_ADMIN);
    client_forget(alice);
    client_forget(bob);
    client_name_users(bob, CC_COMMAND_REMOVE, "g", "carol");
    client_expect(bob, "remove CC_EFORBIDDEN\n");
    client_name_users(alice, CC_COMMAND_REMOVE, "g", "alice bob");
    client_expect(alice, "remove CC_EINVAL\n");
    client_name_users(alice, CC_COMMAND_REMOVE, "g", "bob zoe");
    client_expect(alice, "message g 3 alice *removed* bob\nremove ok seq=3\n");
    client_expect(bob, "conversation g group gone\nmessage g 3 alice *removed* bob\n");
    client_say(alice, "g", "without bob");
    client_expect(bob, "");
    client_say(bob, "g", "let me in");
    client_expect(bob, "send CC_ENOTFOUND\n");
    client_name_users(alice, CC_COMMAND_REMOVE, "g", "bob");
    client_forget(alice);
}

static void test_roles(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", "bob carol");
    client_forget(alice);
    client_forget(bob);
    set_role(bob, "bob", CC_ROLE_ADMIN);
    client_expect(bob, "role CC_EFORBIDDEN\n");
    set_role(alice, "bob", CC_ROLE_ADMIN);
    client_expect(alice, "message g 2 alice *role* admin bob\nrole ok seq=2\n");
    client_expect(bob, "message g 2 alice *role* admin bob\n"
                       "conversation g group name=club admin members=3 head=2 read=0 "
                       "delivered=0 unread=0\n");
    set_role(alice, "bob", CC_ROLE_ADMIN);
    client_expect(alice, "role ok seq=2\n");
    set_role(alice, "zoe", CC_ROLE_ADMIN);
    client_expect(alice, "role CC_ENOTFOUND\n");
    set_role(alice, "bob", 0);
    client_expect(alice, "role CC_EINVAL\n");
    /* An admin may add members and no admins, remove members and no admins. */
    client_name_users(bob, CC_COMMAND_ADD, "g", "dave");
    client_expect(bob, "message g 3 bob *added* member dave\nadd ok seq=3\n");
    client_name_users(bob, CC_COMMAND_REMOVE, "g", "alice");
    client_expect(bob, "remove CC_EFORBIDDEN\n");
    client_forget(alice);
    set_role(alice, "alice", CC_ROLE_MEMBER);
    client_expect(alice, "role CC_EINVAL: a group needs an owner: name another one first\n");
    set_role(alice, "bob", CC_ROLE_OWNER);
    set_role(alice, "alice", CC_ROLE_MEMBER);
    client_forget(alice);
    list_members(alice);
    client_expect(alice, "members ok alice:member bob:owner carol:member dave:member\n");
}

static void test_add_as_admin_is_the_owners(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct cc_slice dave = text_slice("dave");
    struct cc_command add = {.type = CC_COMMAND_ADD,
                             .conversation = text_slice("g"),
                             .users = &dave,
                             .user_count = 1,
                             .role = CC_ROLE_ADMIN};

    client_create(alice, "g", "bob");
    set_role(alice, "bob", CC_ROLE_ADMIN);
    client_forget(bob);
    client_do(bob, add);
    client_expect(bob, "add CC_EFORBIDDEN\n");
    client_do(alice, add);
    list_members(bob);
    client_expect(bob, "message g 3 alice *added* admin dave\n"
                       "members ok alice:owner bob:admin dave:admin\n");
}

static void test_leave(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", "bob");
    client_forget(alice);
    client_forget(bob);
    leave(bob);
    client_expect(bob, "conversation g group gone\nmessage g 2 bob *left* bob\nleave ok seq=2\n");
    client_expect(alice, "message g 2 bob *left* bob\n");
    leave(bob);
    client_expect(bob, "leave CC_ENOTFOUND\n");
    leave(alice);
    client_expect(alice,
                  "conversation g group gone\nmessage g 3 alice *left* alice\nleave ok seq=3\n");
}

/* The admin who came first follows the last owner, however many members came before. */
static void test_the_owner_leaves(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", "bob zoe");
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    client_name_users(alice, CC_COMMAND_ADD, "g", "anna");
    set_role(alice, "anna", CC_ROLE_ADMIN);
    set_role(alice, "carol", CC_ROLE_ADMIN);
    client_forget(alice);
    client_forget(bob);
    leave(alice);
    client_expect(alice, "message g 6 alice *role* owner carol\n"
                         "conversation g group gone\n"
                         "message g 7 alice *left* alice\n"
                         "leave ok seq=7\n");
    list_members(bob);
    client_expect(bob, "message g 6 alice *role* owner carol\n"
                       "message g 7 alice *left* alice\n"
                       "members ok anna:admin bob:member carol:owner zoe:member\n");
}

static void test_direct_cannot_change(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    char id[CC_NAME_MAX + 1] = "";

    client_say_to(alice, "bob", "hi");
    memcpy(id, alice->conversation, alice->conversation_size);
    client_forget(alice);
    client_name_users(alice, CC_COMMAND_ADD, id, "carol");
    client_expect(alice, "add CC_EINVAL\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_LEAVE, .conversation = text_slice(id)});
    client_expect(alice, "leave CC_EINVAL\n");
}

static void test_channel(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct cc_slice members = text_slice("bob");

    client_do(alice, (struct cc_command){.type = CC_COMMAND_CREATE,
                                         .kind = CC_KIND_CHANNEL,
                                         .conversation = text_slice("news"),
                                         .name = text_slice("news"),
                                         .users = &members,
                                         .user_count = 1});
    client_forget(bob);
    client_say(bob, "news", "me too");
    client_expect(bob, "send CC_EFORBIDDEN\n");
    client_say(alice, "news", "today");
    client_expect(bob, "message news 2 alice today\n");
}

static void test_blocked_is_not_added(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_do(bob, (struct cc_command){.type = CC_COMMAND_BLOCK, .user = text_slice("alice")});
    client_create(alice, "g", "bob carol");
    client_expect(alice, "create CC_EBLOCKED\n");
    client_create(alice, "g", "carol");
    client_forget(alice);
    client_name_users(alice, CC_COMMAND_ADD, "g", "anna bob");
    client_expect(alice, "add CC_EBLOCKED\n");
    list_members(alice);
    client_expect(alice, "members ok alice:owner carol:member\n");
}

static void few_members(struct cc_engine_options *options)
{
    options->limits.max_members = 3;
}

static void test_member_limit(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice;

    fixture_restart(fixture, few_members);
    alice = client_connect(fixture, "alice", "phone");
    client_create(alice, "g", "bob carol dave");
    client_expect(alice, "create CC_ETOOLARGE\n");
    client_create(alice, "g", "bob carol");
    client_forget(alice);
    client_name_users(alice, CC_COMMAND_ADD, "g", "dave");
    client_expect(alice, "add CC_ETOOLARGE\n");
}

/* What was agreed stands after a restart, and the next change goes on from it. */
static void test_restart(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_create(alice, "g", "bob");
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    fixture_restart(fixture, NULL);
    alice = client_connect(fixture, "alice", "phone");
    client_name_users(alice, CC_COMMAND_REMOVE, "g", "bob");
    client_expect(alice, "message g 3 alice *removed* bob\nremove ok seq=3\n");
    list_members(alice);
    client_expect(alice, "members ok alice:owner carol:member\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_create),
        TEST(test_create_again),
        TEST(test_create_refuses),
        TEST(test_create_with_a_direct_id),
        TEST(test_update),
        TEST(test_add),
        TEST(test_remove),
        TEST(test_roles),
        TEST(test_add_as_admin_is_the_owners),
        TEST(test_leave),
        TEST(test_the_owner_leaves),
        TEST(test_direct_cannot_change),
        TEST(test_channel),
        TEST(test_blocked_is_not_added),
        TEST(test_member_limit),
        TEST(test_restart),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
