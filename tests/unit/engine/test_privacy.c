/*
 * Erasure: afterwards nothing of what a user has said or told is found through any port, and what
 * others have said is there as before.
 */
#include "chatcore/error.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

#define SECRET "hunter2"

static struct cc_search_sqlite_options sqlite = CC_SEARCH_SQLITE_OPTIONS_INIT;

static void with_index(struct cc_engine_options *options)
{
    options->limits.send = (struct cc_rate){100000, 100000};
    sqlite.no_thread = true;
    assert_int_equal(cc_search_sqlite_open(NULL, &sqlite, &options->search), 0);
}

static int setup(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture, with_index);
    *state = &fixture;
    return 0;
}

static void do_with_user(struct client *client, enum cc_command_type type, const char *user)
{
    client_forget(client);
    client_do(client, (struct cc_command){.type = type, .user = text_slice(user)});
}

/* --- looking through the ports ------------------------------------------------------------------
 */

struct look {
    struct cc_mailbox mailbox;
    struct cc_store store;
    struct cc_directory directory;
};

static void ignore(struct cc_op *op)
{
    (void)op;
}

static void begin(struct look *look, struct cc_op *op)
{
    op->mailbox = &look->mailbox;
    op->complete = ignore;
}

static bool contains(struct cc_slice bytes, const char *text)
{
    return bytes.size && memmem(bytes.data, bytes.size, text, strlen(text)) != NULL;
}

/* How many rows of all conversations have the text in them; `ret_rows`: how many there are. */
static size_t rows_with(struct look *look, const char *text, size_t *ret_rows)
{
    struct cc_store_list_heads heads = {.limit = 1000};
    size_t found = 0;

    *ret_rows = 0;
    begin(look, &heads.op);
    look->store.vtable->list_heads(look->store.self, &heads);
    cc_mailbox_drain(&look->mailbox);
    for (size_t i = 0; i < heads.ret_count; i++) {
        struct cc_store_read_rows rows = {.conversation = heads.ret_heads[i].conversation,
                                          .from = 1,
                                          .to = UINT64_MAX,
                                          .limit = 100000};

        begin(look, &rows.op);
        look->store.vtable->read_rows(look->store.self, &rows);
        cc_mailbox_drain(&look->mailbox);
        for (size_t j = 0; j < rows.ret_count; j++)
            found += contains(rows.ret_rows[j].body, text);
        *ret_rows += rows.ret_count;
        cc_op_release(&rows.op);
    }
    cc_op_release(&heads.op);
    return found;
}

static void check_directory(struct look *look)
{
    struct cc_directory_profile profile = {.user = text_slice("alice")};
    struct cc_directory_devices devices = {.user = text_slice("alice")};
    struct cc_store_read_cursors cursors = {.user = text_slice("alice"), .limit = 10};

    begin(look, &profile.op);
    look->directory.vtable->profile_get(look->directory.self, &profile);
    begin(look, &devices.op);
    look->directory.vtable->devices(look->directory.self, &devices);
    begin(look, &cursors.op);
    look->store.vtable->read_cursors(look->store.self, &cursors);
    cc_mailbox_drain(&look->mailbox);
    assert_int_equal(profile.ret_name.size + profile.ret_avatar.size, 0);
    assert_false(contains(profile.ret_meta, SECRET));
    assert_int_equal(devices.ret_count, 0);
    assert_int_equal(cursors.ret_count, 0);
    cc_op_release(&profile.op);
    cc_op_release(&devices.op);
    cc_op_release(&cursors.op);
    for (int i = 0; i < 4; i++) {
        struct cc_directory_related related = {.user = text_slice("alice"),
                                               .relation = i & 1 ? CC_RELATION_CONTACT
                                                                 : CC_RELATION_BLOCKED,
                                               .reverse = i > 1,
                                               .limit = 10};

        begin(look, &related.op);
        look->directory.vtable->related(look->directory.self, &related);
        cc_mailbox_drain(&look->mailbox);
        assert_int_equal(related.ret_count, 0);
        cc_op_release(&related.op);
    }
}

static void look_open(struct look *look, struct fixture *fixture)
{
    memset(look, 0, sizeof *look);
    assert_int_equal(cc_memory_store_open(fixture->world, &look->store), 0);
    assert_int_equal(cc_memory_directory_open(fixture->world, &look->directory), 0);
}

static void look_close(struct look *look)
{
    look->store.vtable->free(look->store.self);
    look->directory.vtable->free(look->directory.self);
}

/* --- the cases ----------------------------------------------------------------------------------
 */

/* What alice leaves, in a group and in a direct conversation, and about herself. */
static void leave_traces(struct client *alice, struct client *bob)
{
    client_do(alice, (struct cc_command){.type = CC_COMMAND_PROFILE,
                                         .name = text_slice("Alice " SECRET),
                                         .has_name = true});
    client_do(alice, (struct cc_command){.type = CC_COMMAND_DEVICE,
                                         .device = text_slice("phone"),
                                         .provider = text_slice("apns"),
                                         .token = text_slice(SECRET)});
    do_with_user(alice, CC_COMMAND_ADD_CONTACT, "bob");
    do_with_user(alice, CC_COMMAND_BLOCK, "eve");
    do_with_user(bob, CC_COMMAND_ADD_CONTACT, "alice");
    client_create(bob, "g", "alice");
    client_say(bob, "g", "bob's own words");
    for (int i = 0; i < 300; i++)
        client_say(alice, "g", "my password is " SECRET);
    client_do(alice, (struct cc_command){.type = CC_COMMAND_EDIT,
                                         .conversation = text_slice("g"),
                                         .message = alice->last_message,
                                         .text = text_slice(SECRET " edited")});
    client_do(bob, (struct cc_command){
                       .type = CC_COMMAND_READ, .conversation = text_slice("g"), .seq = 5});
    client_do(alice, (struct cc_command){
                         .type = CC_COMMAND_READ, .conversation = text_slice("g"), .seq = 2});
    client_say_to(alice, "bob", "for your eyes: " SECRET);
}

static void test_an_erased_user(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *tablet = client_connect(fixture, "alice", "tablet");
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct look look;
    size_t rows;
    size_t rows_before;

    leave_traces(alice, bob);
    fixture_advance(fixture, 1000);
    look_open(&look, fixture);
    assert_int_equal(rows_with(&look, SECRET, &rows_before), 302);
    do_with_user(alice, CC_COMMAND_ERASE, "alice");
    fixture_advance(fixture, 2000);
    assert_non_null(strstr(client_text(alice), "erase ok"));
    assert_true(tablet->is_closed);
    client_close(alice);
    fixture_advance(fixture, 2000);
    assert_int_equal(rows_with(&look, SECRET, &rows), 0);
    assert_int_equal(rows, rows_before + 1); /* she left */
    assert_int_equal(rows_with(&look, "bob's own words", &rows), 1);
    check_directory(&look);
    look_close(&look);
    client_forget(bob);
    client_do(bob, (struct cc_command){.type = CC_COMMAND_SEARCH, .text = text_slice(SECRET)});
    client_expect(bob, "search ok\n");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_HISTORY,
                                       .conversation = text_slice("g"),
                                       .after = 1,
                                       .has_after = true,
                                       .limit = 2});
    client_expect(bob, "history ok\n  2 bob bob's own words client_id=c1\n  3 alice  more\n");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_PROFILE, .user = text_slice("alice")});
    assert_null(strstr(client_text(bob), SECRET));
}

/* What was not in the store yet when it was asked for goes as well. */
static void test_what_was_said_just_now(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct look look;
    size_t rows;

    client_say_to(alice, "bob", SECRET);
    do_with_user(alice, CC_COMMAND_ERASE, "alice");
    client_expect(alice, "");
    fixture_advance(fixture, 1000);
    assert_non_null(strstr(client_text(alice), "erase ok"));
    look_open(&look, fixture);
    assert_int_equal(rows_with(&look, SECRET, &rows), 0);
    assert_int_equal(rows, 1);
    look_close(&look);
    fixture_restart(fixture, with_index);
    look_open(&look, fixture);
    assert_int_equal(rows_with(&look, SECRET, &rows), 0);
    look_close(&look);
}

/* In order, with a successor where the last owner goes; by an administrator who is in none of them.
 */
static void test_groups_are_left(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");
    char name[16];

    client_create(alice, "owned", "bob");
    client_create(alice, "alone", NULL);
    for (int i = 0; i < 600; i++) { /* more than a page */
        snprintf(name, sizeof name, "g%d", i);
        client_create(bob, name, "alice");
        if (i % 200 == 0)
            fixture_advance(fixture, 10000); /* within his rate */
    }
    client_forget(bob);
    do_with_user(alice, CC_COMMAND_ERASE, "alice");
    fixture_advance(fixture, 2000);
    assert_non_null(strstr(client_text(alice), "erase ok"));
    assert_non_null(strstr(client_text(bob), "message owned 2 alice *role* owner bob\n"));
    client_forget(bob);
    client_do(bob,
              (struct cc_command){.type = CC_COMMAND_HISTORY, .conversation = text_slice("owned")});
    client_expect(bob, "history ok\n  1 alice *created* bob name=club\n"
                       "  2 alice *role* owner bob\n  3 alice *left* alice\n");
    for (int i = 0; i < 600; i += 599) {
        snprintf(name, sizeof name, "g%d", i);
        client_do(
            bob, (struct cc_command){.type = CC_COMMAND_MEMBERS, .conversation = text_slice(name)});
        client_expect(bob, "members ok bob:owner\n");
    }
    client_close(alice);
    alice = client_connect(fixture, "alice", "phone");
    client_do(alice, (struct cc_command){.type = CC_COMMAND_CONVERSATIONS});
    client_expect(alice, "conversations ok\n");
}

static void test_others_may_not(void **state)
{
    struct client *eve = client_connect(*state, "eve", "phone");

    do_with_user(eve, CC_COMMAND_ERASE, "alice");
    client_expect(eve, "erase CC_EFORBIDDEN\n");
    do_with_user(eve, CC_COMMAND_ERASE, "a b");
    client_expect(eve, "erase CC_EINVAL\n");
    do_with_user(eve, CC_COMMAND_ERASE, "eve"); /* who left nothing */
    client_expect(eve, "erase ok\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_an_erased_user),
        TEST(test_what_was_said_just_now),
        TEST(test_groups_are_left),
        TEST(test_others_may_not),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
