/*
 * Invitations: who makes them, who gets in by one, and what an outsider learns.
 */
#include "chatcore/error.h"
#include "engine/invitations.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

#define GONE "CC_ENOTFOUND: there is no such invitation, or it holds no longer\n"

static void invite(struct client *client, uint64_t expires_s, uint64_t max_uses)
{
    client_forget(client);
    client_do(client, (struct cc_command){.type = CC_COMMAND_INVITE,
                                          .conversation = text_slice("g"),
                                          .expires_s = expires_s,
                                          .max_uses = max_uses});
}

/* A command with the token that `owner` was told last. */
static void use(struct client *client, enum cc_command_type type, const struct client *owner)
{
    client_forget(client);
    client_do(client, (struct cc_command){.type = type,
                                          .conversation = text_slice("g"),
                                          .token = slice_of(owner->token, owner->token_size)});
}

static void list(struct client *client)
{
    client_forget(client);
    client_do(client,
              (struct cc_command){.type = CC_COMMAND_INVITATIONS, .conversation = text_slice("g")});
}

/* The system message is that of one who was added, from himself; the group then looks as to any
 * member. */
static void test_join(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", NULL);
    invite(alice, 60, 2);
    client_expect(alice, "invite ok g alice 0/2 for=60000\n");
    assert_int_equal(alice->token_size, INVITATION_TOKEN_BYTES);
    use(bob, CC_COMMAND_INVITATION, alice);
    client_expect(bob, "invitation ok\n   group name=club none members=1 head=0 read=0 delivered=0 "
                       "unread=0\n");
    use(bob, CC_COMMAND_JOIN, alice);
    client_expect(bob, "message g 2 bob *added* member bob\n"
                       "join ok g seq=2\n"
                       "conversation g group name=club member members=2 head=2 read=0 delivered=0 "
                       "unread=0\n");
    client_expect(alice, "message g 2 bob *added* member bob\n");
    list(alice);
    client_expect(alice, "invitations ok g alice 1/2 for=60000\n");
    client_say(bob, "g", "hello");
    client_expect(alice, "message g 3 bob hello\n");
}

static void test_tokens_differ(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    char first[INVITATION_TOKEN_BYTES];

    client_create(alice, "g", NULL);
    invite(alice, 0, 0);
    memcpy(first, alice->token, sizeof first);
    invite(alice, 0, 0);
    assert_memory_not_equal(first, alice->token, sizeof first);
    for (size_t i = 0; i < alice->token_size; i++)
        assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                               alice->token[i]));
}

/* Nothing is counted, not even where the uses are used up: a retry is no error. */
static void test_join_again(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *carol = client_connect(*state, "carol", "phone");

    client_create(alice, "g", NULL);
    invite(alice, 0, 1);
    use(bob, CC_COMMAND_JOIN, alice);
    use(bob, CC_COMMAND_JOIN, alice);
    client_expect(bob, "join ok g seq=2\n");
    use(bob, CC_COMMAND_INVITATION, alice);
    client_expect(bob, "invitation ok\n  g group name=club none members=2 head=0 read=0 "
                       "delivered=0 unread=0\n");
    use(carol, CC_COMMAND_JOIN, alice);
    client_expect(carol, "join " GONE);
    use(carol, CC_COMMAND_INVITATION, alice);
    client_expect(carol, "invitation " GONE);
    list(alice);
    client_expect(alice, "invitations ok\n");
}

/* Both are asked before either is answered. */
static void test_race_for_the_last_use(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *clients[3] = {client_connect(fixture, "bob", "phone"),
                                 client_connect(fixture, "carol", "phone"),
                                 client_connect(fixture, "dave", "phone")};
    int in = 0;
    int out = 0;

    client_create(alice, "g", NULL);
    invite(alice, 0, 2);
    for (size_t i = 0; i < 3; i++)
        client_submit(clients[i],
                      (struct cc_command){.type = CC_COMMAND_JOIN,
                                          .token = slice_of(alice->token, alice->token_size)});
    fixture_settle(fixture);
    for (size_t i = 0; i < 3; i++) {
        const char *text = client_text(clients[i]);

        in += strstr(text, "join ok g") != NULL;
        out += strstr(text, "join CC_ENOTFOUND") != NULL;
    }
    assert_int_equal(in, 2);
    assert_int_equal(out, 1);
    client_forget(alice);
    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_INVITATIONS, .conversation = text_slice("g")});
    client_expect(alice, "invitations ok\n");
}

/* Many at once are conflicts for each other, and get in all the same. */
static void test_burst(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *clients[20];
    char name[16];

    client_create(alice, "g", NULL);
    invite(alice, 0, 0);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "user-%d", i);
        clients[i] = client_connect(fixture, name, "phone");
    }
    for (int i = 0; i < 20; i++)
        client_submit(clients[i],
                      (struct cc_command){.type = CC_COMMAND_JOIN,
                                          .token = slice_of(alice->token, alice->token_size)});
    fixture_settle(fixture);
    for (int i = 0; i < 20; i++)
        assert_non_null(strstr(client_text(clients[i]), "join ok g"));
    list(alice);
    client_expect(alice, "invitations ok g alice 20/0\n");
}

/* What has expired, was revoked, or never was looks the same. */
static void test_ended(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", NULL);
    invite(alice, 60, 0);
    fixture_advance(fixture, 60000);
    use(bob, CC_COMMAND_JOIN, alice);
    client_expect(bob, "join " GONE);
    use(bob, CC_COMMAND_INVITATION, alice);
    client_expect(bob, "invitation " GONE);
    list(alice);
    client_expect(alice, "invitations ok\n");
    invite(alice, 0, 0);
    use(alice, CC_COMMAND_REVOKE_INVITATION, alice);
    client_expect(alice, "revoke_invitation ok\n");
    use(alice, CC_COMMAND_REVOKE_INVITATION, alice);
    client_expect(alice, "revoke_invitation ok\n");
    use(bob, CC_COMMAND_JOIN, alice);
    client_expect(bob, "join " GONE);
    alice->token[0] = alice->token[0] == 'A' ? 'B' : 'A';
    use(bob, CC_COMMAND_JOIN, alice);
    client_expect(bob, "join " GONE);
    alice->token_size = 0;
    use(bob, CC_COMMAND_JOIN, alice);
    client_expect(bob, "join CC_EINVAL\n");
}

/* A plain member may not even see the tokens; to an outsider the group is not there. */
static void test_who_may(void **state)
{
    static const enum cc_command_type types[] = {CC_COMMAND_INVITE, CC_COMMAND_INVITATIONS,
                                                 CC_COMMAND_REVOKE_INVITATION};
    static const char *const names[] = {"invite", "invitations", "revoke_invitation"};
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *eve = client_connect(*state, "eve", "phone");
    struct client *admin = client_open_admin(*state, "boss");
    char expected[64];

    client_create(alice, "g", "bob");
    invite(alice, 0, 0);
    for (size_t i = 0; i < 3; i++) {
        use(bob, types[i], alice);
        snprintf(expected, sizeof expected, "%s CC_EFORBIDDEN\n", names[i]);
        client_expect(bob, expected);
        use(eve, types[i], alice);
        snprintf(expected, sizeof expected, "%s CC_ENOTFOUND\n", names[i]);
        client_expect(eve, expected);
    }
    client_forget(alice);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_ROLE,
                                         .conversation = text_slice("g"),
                                         .user = text_slice("bob"),
                                         .role = CC_ROLE_ADMIN});
    invite(bob, 0, 0);
    client_expect(bob, "invite ok g bob 0/0\n");
    invite(admin, 0, 0);
    client_expect(admin, "invite ok g boss 0/0\n");
    use(eve, CC_COMMAND_JOIN, bob);
    client_expect(eve, "message g 3 eve *added* member eve\njoin ok g seq=3\nconversation g group "
                       "name=club member members=3 head=3 read=0 delivered=0 unread=0\n");
    client_forget(alice);
    client_say_to(alice, "bob", "hi");
    client_forget(alice);
    client_do(alice, (struct cc_command){
                         .type = CC_COMMAND_INVITE,
                         .conversation = slice_of(alice->conversation, alice->conversation_size)});
    client_expect(alice, "invite CC_EINVAL\n"); /* two is a pair, and stays one */
}

static void remove_bob(struct client *alice)
{
    client_name_users(alice, CC_COMMAND_REMOVE, "g", "bob");
}

/* Who left may come back; whom an admin removed may not, by no invitation, until he is added. */
static void test_removed(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", "bob");
    invite(alice, 0, 0);
    client_do(bob, (struct cc_command){.type = CC_COMMAND_LEAVE, .conversation = text_slice("g")});
    use(bob, CC_COMMAND_JOIN, alice);
    assert_non_null(strstr(client_text(bob), "join ok g"));
    remove_bob(alice);
    use(bob, CC_COMMAND_JOIN, alice);
    client_expect(bob, "join CC_EFORBIDDEN\n");
    use(bob, CC_COMMAND_INVITATION, alice);
    client_expect(bob, "invitation CC_EFORBIDDEN\n");
    invite(alice, 0, 0);
    use(bob, CC_COMMAND_JOIN, alice);
    client_expect(bob, "join CC_EFORBIDDEN\n");
    client_name_users(alice, CC_COMMAND_ADD, "g", "bob");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_LEAVE, .conversation = text_slice("g")});
    use(bob, CC_COMMAND_JOIN, alice);
    assert_non_null(strstr(client_text(bob), "join ok g"));
}

static void test_blocked_by_the_creator(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", NULL);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_BLOCK, .user = text_slice("bob")});
    invite(alice, 0, 0);
    use(bob, CC_COMMAND_JOIN, alice);
    client_expect(bob, "join CC_EFORBIDDEN\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_UNBLOCK, .user = text_slice("bob")});
    use(bob, CC_COMMAND_JOIN, alice);
    assert_non_null(strstr(client_text(bob), "join ok g"));
}

static void two_members(struct cc_engine_options *options)
{
    options->limits.max_members = 2;
}

static void test_full(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *carol;

    client_create(alice, "g", "bob");
    fixture_restart(fixture, two_members);
    alice = client_connect(fixture, "alice", "phone");
    carol = client_connect(fixture, "carol", "phone");
    invite(alice, 0, 0);
    use(carol, CC_COMMAND_JOIN, alice);
    client_expect(carol, "join CC_ETOOLARGE\n");
    list(alice);
    client_expect(alice, "invitations ok g alice 0/0\n");
}

static void test_most(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");

    client_create(alice, "g", NULL);
    for (int i = 0; i < CC_INVITATIONS_MAX; i++)
        invite(alice, 60, 0);
    client_expect(alice, "invite ok g alice 0/0 for=60000\n");
    invite(alice, 60, 0);
    client_expect(alice, "invite CC_ETOOLARGE: the group has its most invitations: revoke one "
                         "first\n");
    fixture_advance(*state, 60000);
    invite(alice, 0, 0);
    client_expect(alice, "invite ok g alice 0/0\n");
    invite(alice, INVITATION_MAX_S + 1, 0);
    client_expect(alice, "invite CC_EINVAL\n");
    invite(alice, 0, (uint64_t)UINT32_MAX + 1);
    client_expect(alice, "invite CC_EINVAL\n");
}

static void test_restart(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client token;
    struct client *bob;

    client_create(alice, "g", NULL);
    invite(alice, 3600, 1);
    token = *alice;
    fixture_restart(fixture, NULL);
    bob = client_connect(fixture, "bob", "phone");
    use(bob, CC_COMMAND_JOIN, &token);
    assert_non_null(strstr(client_text(bob), "join ok g"));
}

/* --- a directory in which a revocation overtakes a change ------------------------------------ */

static struct cc_directory real;

static void refusing_change(void *self, struct cc_directory_change *op)
{
    if (op->invitation.size)
        cc_op_done(&op->op, CC_ENOTFOUND);
    else
        real.vtable->change(self, op);
}

static void with_revocations(struct cc_engine_options *options)
{
    static struct cc_directory_vtable vtable;

    real = options->directory;
    vtable = *real.vtable;
    vtable.change = refusing_change;
    options->directory.vtable = &vtable;
}

static void test_revoked_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client token;
    struct client *bob;

    client_create(alice, "g", NULL);
    invite(alice, 0, 0);
    token = *alice;
    fixture_restart(fixture, with_revocations);
    bob = client_connect(fixture, "bob", "phone");
    use(bob, CC_COMMAND_JOIN, &token);
    client_expect(bob, "join " GONE);
}

/* Nobody is in it who could make him an owner. */
static void test_empty_group(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(alice, "g", NULL);
    invite(alice, 0, 0);
    client_do(alice,
              (struct cc_command){.type = CC_COMMAND_LEAVE, .conversation = text_slice("g")});
    use(bob, CC_COMMAND_JOIN, alice);
    client_expect(bob, "join " GONE);
}

static void export_invitations(struct client *client)
{
    client_forget(client);
    client_do(client, (struct cc_command){.type = CC_COMMAND_EXPORT,
                                          .user = text_slice("bob"),
                                          .cursor = text_slice("7:0:")});
}

/* They are the user's data: exported, and gone when he is erased. */
static void test_export_and_erase(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *eve = client_connect(*state, "eve", "phone");
    struct client *admin = client_open_admin(*state, "boss");
    struct client token;

    client_create(alice, "g", "bob");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_ROLE,
                                         .conversation = text_slice("g"),
                                         .user = text_slice("bob"),
                                         .role = CC_ROLE_ADMIN});
    invite(bob, 0, 3);
    invite(bob, 0, 4);
    token = *bob;
    export_invitations(admin);
    assert_non_null(strstr(client_text(admin), " g bob 0/3"));
    client_do(admin, (struct cc_command){.type = CC_COMMAND_ERASE, .user = text_slice("bob")});
    fixture_advance(*state, 2000);
    export_invitations(admin);
    client_expect(admin, "export ok\n");
    use(eve, CC_COMMAND_JOIN, &token);
    client_expect(eve, "join " GONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_join),
        TEST(test_tokens_differ),
        TEST(test_join_again),
        TEST(test_race_for_the_last_use),
        TEST(test_burst),
        TEST(test_ended),
        TEST(test_who_may),
        TEST(test_removed),
        TEST(test_blocked_by_the_creator),
        TEST(test_full),
        TEST(test_most),
        TEST(test_restart),
        TEST(test_revoked_meanwhile),
        TEST(test_empty_group),
        TEST(test_export_and_erase),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
