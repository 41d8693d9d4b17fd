/*
 * Tokens that are revoked: refused where they are used, and the sessions that live by one are
 * closed, on every node.
 */
#include "chatcore/error.h"
#include "engine/link.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define NODES 2

/* --- tokens: "user id issued" ----------------------------------------------------------------- */

static char user[64];
static char id[64];

static void fake_verify(void *self, struct cc_auth_verify *op)
{
    char token[128];
    long long issued = 0;
    int parts;

    (void)self;
    snprintf(token, sizeof token, "%.*s", (int)op->token.size, op->token.data);
    parts = sscanf(token, "%63s %63s %lld", user, id, &issued);
    op->ret_user = slice_str(user);
    op->ret_token_id = strcmp(id, "-") == 0 ? slice_of(NULL, 0) : slice_str(id);
    op->ret_issued = issued;
    op->ret_expires = INT64_MAX;
    cc_op_done(&op->op, parts == 3 ? 0 : CC_EUNAUTHORIZED);
}

static void fake_free(void *self)
{
    (void)self;
}

/* --- a directory that may be slow to say that a token is good ------------------------------------
 */

static struct cc_directory real;
static bool is_slow;
static struct cc_directory_revoked *late; /* asked while it was slow */

static void slow_revoked(void *self, struct cc_directory_revoked *op)
{
    if (is_slow && !late)
        late = op;
    else
        real.vtable->revoked(self, op);
}

/* What it has seen when it was asked. */
static void answer_late(struct fixture *fixture)
{
    is_slow = false;
    late->ret_is_revoked = false;
    cc_op_done(&late->op, 0);
    late = NULL;
    fixture_settle(fixture);
}

static void with_tokens(struct cc_engine_options *options)
{
    static const struct cc_auth_vtable vtable = {
        .size = sizeof vtable, .verify = fake_verify, .free = fake_free};
    static struct cc_directory_vtable slow;

    options->auth.vtable = &vtable;
    real = options->directory;
    slow = *real.vtable;
    slow.revoked = slow_revoked;
    options->directory.vtable = &slow;
}

static int setup(void **state)
{
    static struct fixture nodes[NODES];

    fixture_init_cluster(nodes, NODES, NODES, with_tokens);
    fixture_advance(nodes, 3000);
    *state = nodes;
    return 0;
}

static bool is_in(const struct client *client)
{
    return !client->is_closed;
}

static bool gets_in(struct fixture *fixture, const char *token)
{
    struct client *client = client_open_with_token(fixture, token, false);
    bool is_let_in = is_in(client);

    assert_int_equal(is_let_in, strstr(client_text(client), "connect ok") != NULL);
    if (is_let_in)
        client_close(client);
    return is_let_in;
}

static void revoke_token(struct client *admin, const char *token_id)
{
    client_do(admin, (struct cc_command){.type = CC_COMMAND_REVOKE, .token = text_slice(token_id)});
    client_expect(admin, "revoke ok\n");
}

static void revoke_user(struct client *admin, const char *name, int64_t before)
{
    client_do(admin, (struct cc_command){.type = CC_COMMAND_REVOKE,
                                         .user = text_slice(name),
                                         .issued_before = before});
    client_expect(admin, "revoke ok\n");
}

/* --- the cases -------------------------------------------------------------------------------- */

static void one_token_ends_and_no_other(void **state)
{
    struct fixture *nodes = *state;
    struct client *admin = client_open_admin(&nodes[0], "root");
    struct client *phone = client_open_with_token(&nodes[0], "alice t1 1000", false);
    struct client *requests = client_open_with_token(&nodes[0], "alice t1 1000", true);
    struct client *tablet = client_open_with_token(&nodes[0], "alice t2 1000", false);
    struct client *nameless = client_open_with_token(&nodes[0], "alice - 1000", false);

    revoke_token(admin, "t1");
    assert_false(is_in(phone));
    assert_false(is_in(requests));
    assert_true(is_in(tablet));
    assert_true(is_in(nameless));
    assert_false(gets_in(&nodes[0], "alice t1 1000"));
    assert_false(gets_in(&nodes[0], "bob t1 9000"));
    assert_true(gets_in(&nodes[0], "alice t2 1000"));
    assert_false(is_in(client_open_with_token(&nodes[0], "alice t1 1000", true)));
}

static void all_tokens_of_a_user_end_that_were_issued_before(void **state)
{
    struct fixture *nodes = *state;
    struct client *admin = client_open_admin(&nodes[0], "root");
    struct client *old = client_open_with_token(&nodes[0], "alice t1 1000", false);
    struct client *undated = client_open_with_token(&nodes[0], "alice t2 0", false);
    struct client *fresh = client_open_with_token(&nodes[0], "alice t3 2000", false);
    struct client *bob = client_open_with_token(&nodes[0], "bob t4 1000", false);
    struct client *trusted = client_open(&nodes[0], "alice", "desk");

    revoke_user(admin, "alice", 2000);
    assert_false(is_in(old));
    assert_false(is_in(undated));
    assert_true(is_in(fresh));
    assert_true(is_in(bob));
    assert_true(is_in(trusted));
    assert_false(gets_in(&nodes[0], "alice t9 1999"));
    assert_true(gets_in(&nodes[0], "alice t9 2000"));
    revoke_user(admin, "alice", 0); /* until now */
    assert_false(is_in(fresh));
    assert_false(gets_in(&nodes[0], "alice t9 2000"));
    fixture_advance(nodes, 10);
}

static void the_other_node_closes_at_once(void **state)
{
    struct fixture *nodes = *state;
    struct client *admin = client_open_admin(&nodes[0], "root");
    struct client *here = client_open_with_token(&nodes[0], "alice t1 1000", false);
    struct client *there = client_open_with_token(&nodes[1], "alice t1 1000", false);
    struct client *other = client_open_with_token(&nodes[1], "alice t2 1000", false);

    fixture_advance(nodes, 100);
    revoke_token(admin, "t1");
    assert_false(is_in(here));
    fixture_advance(nodes, 1);
    assert_false(is_in(there));
    assert_true(is_in(other));
    assert_false(gets_in(&nodes[1], "alice t1 1000"));
    revoke_user(admin, "alice", 5000);
    fixture_advance(nodes, 1);
    assert_false(is_in(other));
}

/* A node that did not hear of it looks for itself. */
static void a_lost_word_is_made_good(void **state)
{
    struct fixture *nodes = *state;
    struct client *admin = client_open_admin(&nodes[0], "root");
    struct client *there = client_open_with_token(&nodes[1], "alice t1 1000", false);

    nodes[1].is_frozen = true;
    revoke_token(admin, "t1");
    fixture_advance(nodes, LINK_SILENCE_MS + 2000); /* the other node is forgotten */
    assert_true(is_in(there));
    nodes[1].is_frozen = false;
    fixture_advance(nodes, 2 * LINK_TICK_MS);
    assert_false(is_in(there));
}

static void a_new_token_is_looked_at(void **state)
{
    struct fixture *nodes = *state;
    struct client *admin = client_open_admin(&nodes[0], "root");
    struct client *alice = client_open_with_token(&nodes[0], "alice t1 1000", false);

    revoke_token(admin, "t2");
    client_forget(alice);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_REFRESH,
                                         .token = text_slice("alice t2 1000")});
    client_expect(alice, "refresh CC_EUNAUTHORIZED\n");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_REFRESH,
                                         .token = text_slice("alice t3 1000")});
    assert_non_null(strstr(client_text(alice), "refresh ok"));
    revoke_token(admin, "t1"); /* it lives by t3 now */
    assert_true(is_in(alice));
    revoke_token(admin, "t3");
    assert_false(is_in(alice));
}

/* It was good when it was looked up; the revocation came before the session was there. */
static void no_session_slips_in_between(void **state)
{
    struct fixture *nodes = *state;
    struct client *admin = client_open_admin(&nodes[0], "root");
    struct client *alice;

    is_slow = true;
    alice = client_open_with_token(&nodes[0], "alice t1 1000", false);
    assert_true(is_in(alice));
    assert_non_null(late);
    revoke_token(admin, "t1");
    answer_late(&nodes[0]);
    assert_false(is_in(alice));
    assert_null(strstr(client_text(alice), "connect ok"));
}

static void it_lasts(void **state)
{
    struct fixture *nodes = *state;
    struct client *admin = client_open_admin(&nodes[0], "root");

    revoke_token(admin, "t1");
    revoke_user(admin, "bob", 2000);
    fixture_restart(&nodes[1], with_tokens);
    fixture_advance(nodes, 1000);
    assert_false(gets_in(&nodes[1], "alice t1 1000"));
    assert_false(gets_in(&nodes[1], "bob t2 1000"));
    assert_true(gets_in(&nodes[1], "bob t2 3000"));
}

static void only_administrators_may(void **state)
{
    struct fixture *nodes = *state;
    struct client *alice = client_open_with_token(&nodes[0], "alice t1 1000", false);
    struct client *admin = client_open_admin(&nodes[0], "root");

    client_forget(alice);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_REVOKE, .user = text_slice("alice")});
    client_expect(alice, "revoke CC_EFORBIDDEN\n");
    client_do(admin, (struct cc_command){.type = CC_COMMAND_REVOKE});
    assert_non_null(strstr(client_text(admin), "revoke CC_EINVAL"));
    client_forget(admin);
    client_do(admin, (struct cc_command){.type = CC_COMMAND_REVOKE,
                                         .user = text_slice("alice"),
                                         .token = text_slice("t1")});
    assert_non_null(strstr(client_text(admin), "revoke CC_EINVAL"));
    assert_true(is_in(alice));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(one_token_ends_and_no_other),
        TEST(all_tokens_of_a_user_end_that_were_issued_before),
        TEST(the_other_node_closes_at_once),
        TEST(a_lost_word_is_made_good),
        TEST(a_new_token_is_looked_at),
        TEST(no_session_slips_in_between),
        TEST(it_lasts),
        TEST(only_administrators_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
