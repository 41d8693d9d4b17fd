/*
 * Changes of groups between the directory and the log: conflicts, what is left behind, what comes
 * twice.
 */
#include "chatcore/error.h"
#include "engine/groups.h"
#include "support/engine_fixture.h"
#include "support/test.h"

/* The ports' slots, some of them replaced: `self` stays the memory backend's. */
static struct cc_directory_vtable directory_slots;
static struct cc_log_vtable log_slots;
static struct cc_store_vtable store_slots;
static const struct cc_directory_vtable *memory_directory;
static const struct cc_store_vtable *memory_store;
static const struct cc_log_vtable *memory_log;
static int conflicts; /* changes to refuse */
static int changes;   /* asked for */
static bool store_is_down;
static int appends_to_lose; /* they fail, and nobody who waits is told: payloads have no token */

static void change(void *self, struct cc_directory_change *op)
{
    changes++;
    if (conflicts > 0) {
        conflicts--;
        cc_op_done(&op->op, CC_ECONFLICT);
        return;
    }
    memory_directory->change(self, op);
}

static void append(void *self, struct cc_log_append *op)
{
    if (appends_to_lose > 0) {
        appends_to_lose--;
        cc_op_done(&op->op, CC_EUNAVAILABLE);
        return;
    }
    memory_log->append(self, op);
}

static void store_write(void *self, struct cc_store_write *op)
{
    if (store_is_down)
        cc_op_done(&op->op, CC_EUNAVAILABLE);
    else
        memory_store->write(self, op);
}

static void replace_slots(struct cc_engine_options *options)
{
    memory_directory = options->directory.vtable;
    directory_slots = *memory_directory;
    directory_slots.change = change;
    options->directory.vtable = &directory_slots;
    memory_log = options->log.vtable;
    log_slots = *memory_log;
    log_slots.append = append;
    options->log.vtable = &log_slots;
    memory_store = options->store.vtable;
    store_slots = *memory_store;
    store_slots.write = store_write;
    options->store.vtable = &store_slots;
    options->trace.level = CC_TRACE_ERROR;
}

static int setup(void **state)
{
    static struct fixture fixture;

    conflicts = 0;
    changes = 0;
    store_is_down = false;
    appends_to_lose = 0;
    fixture_init(&fixture, replace_slots);
    *state = &fixture;
    return 0;
}

/* The entries of the only partition; `ret_copy` (or NULL) gets the payload of the first. */
static size_t outbox_count(struct fixture *fixture, struct buffer *ret_copy)
{
    struct cc_directory directory;
    struct cc_mailbox mailbox = {0};
    struct cc_directory_outbox op = {.limit = 100};
    size_t count;

    assert_int_equal(cc_memory_directory_open(fixture->world, &directory), 0);
    op.op.mailbox = &mailbox;
    directory.vtable->outbox(directory.self, &op);
    assert_int_equal(op.op.status, 0);
    count = op.ret_count;
    if (ret_copy && count)
        buffer_append_slice(ret_copy, op.ret_entries[0].payload);
    cc_op_release(&op.op);
    directory.vtable->free(directory.self);
    return count;
}

static void append_directly(struct fixture *fixture, struct cc_slice record)
{
    struct cc_log log;
    struct cc_mailbox mailbox = {0};
    struct cc_log_append op = {.records = &record, .count = 1};

    assert_int_equal(cc_memory_log_open(fixture->world, text_slice(fixture->node), &log), 0);
    op.op.mailbox = &mailbox;
    log.vtable->append(log.self, &op);
    assert_int_equal(op.op.status, 0);
    log.vtable->free(log.self);
}

static void test_conflict(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");

    client_create(alice, "g", "bob");
    client_forget(alice);
    conflicts = GROUP_ATTEMPTS_MAX - 1;
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    client_expect(alice, "message g 2 alice *added* member carol\nadd ok seq=2\n");
    assert_int_equal(changes, GROUP_ATTEMPTS_MAX);
    conflicts = GROUP_ATTEMPTS_MAX;
    client_name_users(alice, CC_COMMAND_ADD, "g", "dave");
    client_expect(alice, "add CC_ECONFLICT\n");
}

/* Two who change at once: both changes happen, one after the other. */
static void test_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct cc_slice users[] = {text_slice("carol"), text_slice("dave")};

    client_create(alice, "g", "bob");
    client_forget(alice);
    for (size_t i = 0; i < 2; i++)
        client_submit(alice, (struct cc_command){.type = CC_COMMAND_ADD,
                                                 .conversation = text_slice("g"),
                                                 .users = &users[i],
                                                 .user_count = 1});
    fixture_settle(fixture);
    client_expect(alice, "message g 2 alice *added* member carol\n"
                         "add ok seq=2\n"
                         "message g 3 alice *added* member dave\n"
                         "add ok seq=3\n");
    assert_int_equal(changes, 3);
}

static void test_emptied_behind_the_store(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_create(alice, "g", "bob");
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    assert_int_equal(outbox_count(fixture, NULL), 2);
    fixture_advance(fixture, 1000);
    assert_int_equal(outbox_count(fixture, NULL), 0);
}

/* A crash would find the members of the version that the store has, so they are kept until then. */
static void test_kept_until_stored(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");

    client_create(alice, "g", "bob");
    fixture_advance(fixture, 1000);
    store_is_down = true;
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    fixture_advance(fixture, 10000);
    assert_int_equal(outbox_count(fixture, NULL), 1);
    store_is_down = false;
    fixture_advance(fixture, 2000);
    assert_int_equal(outbox_count(fixture, NULL), 0);
}

/* What its maker could not append, the relay does; the maker is answered then. */
static void test_left_behind(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", "bob");
    fixture_advance(fixture, 1000);
    client_forget(alice);
    client_forget(bob);
    appends_to_lose = 1;
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    client_expect(bob, "");
    fixture_advance(fixture, 2500);
    client_expect(bob, "message g 2 alice *added* member carol\n");
    client_expect(alice, "message g 2 alice *added* member carol\nadd ok seq=2\n");
    fixture_advance(fixture, 1000);
    assert_int_equal(outbox_count(fixture, NULL), 0);
}

/* A crash between the directory and the log: the next owner brings it when it opens. */
static void test_after_a_crash(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob;

    client_create(alice, "g", "bob");
    fixture_advance(fixture, 1000);
    appends_to_lose = 1000;
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    client_name_users(alice, CC_COMMAND_REMOVE, "g", "carol");
    fixture_restart(fixture, NULL);
    bob = client_connect(fixture, "bob", "phone");
    client_do(bob, (struct cc_command){.type = CC_COMMAND_HISTORY,
                                       .conversation = text_slice("g"),
                                       .after = 1,
                                       .has_after = true});
    client_expect(bob, "history ok\n"
                       "  2 alice *added* member carol\n"
                       "  3 alice *removed* carol\n");
    fixture_advance(fixture, 2000);
    assert_int_equal(outbox_count(fixture, NULL), 0);
}

/* The second change comes to the log, the first does not: the order is restored. */
static void test_early(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(alice, "g", "bob");
    fixture_advance(fixture, 1000);
    client_forget(bob);
    appends_to_lose = 1;
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    client_name_users(alice, CC_COMMAND_ADD, "g", "dave");
    client_expect(bob, "message g 2 alice *added* member carol\n"
                       "message g 3 alice *added* member dave\n");
}

static void test_twice(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct buffer payload;

    buffer_init(&payload, cc_allocator_default());
    client_create(alice, "g", "bob");
    fixture_advance(fixture, 1000);
    client_name_users(alice, CC_COMMAND_ADD, "g", "carol");
    assert_int_equal(outbox_count(fixture, &payload), 1);
    client_forget(alice);
    append_directly(fixture, buffer_slice(&payload));
    fixture_settle(fixture);
    client_say(alice, "g", "next");
    client_expect(alice, "message g 3 alice next client_id=c1\nsend ok g\n");
    buffer_deinit(&payload);
}

/* Each payload is in the log once where nothing goes wrong: the relay keeps its hands off. */
static void test_relayed_only_when_left(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct cc_engine_stats before = {.size = sizeof before};
    struct cc_engine_stats after = {.size = sizeof after};

    client_create(alice, "g", "bob");
    cc_engine_get_stats(fixture->engine, &before);
    fixture_advance(fixture, 10000);
    cc_engine_get_stats(fixture->engine, &after);
    assert_int_equal(after.log_appends, before.log_appends);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_conflict),          TEST(test_at_once),     TEST(test_emptied_behind_the_store),
        TEST(test_kept_until_stored), TEST(test_left_behind), TEST(test_early),
        TEST(test_after_a_crash),     TEST(test_twice),       TEST(test_relayed_only_when_left),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
