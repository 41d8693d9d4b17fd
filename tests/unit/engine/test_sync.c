/*
 * Coming online while the store and what the engine has applied are not at the same place.
 */
#include "support/engine_fixture.h"
#include "support/test.h"

static void drain(struct cc_op *op)
{
    cc_op_release(op);
}

/* What an owner before this one wrote last, of which this one does not know: row 4, which stands in
 * the log where nothing has been applied yet. */
static void write_early_row(struct fixture *fixture)
{
    struct cc_mailbox mailbox = {0};
    struct cc_store_read_rows read = {.op = {.mailbox = &mailbox, .complete = drain},
                                      .conversation = text_slice("g"),
                                      .from = 3,
                                      .to = 3,
                                      .limit = 1};
    struct cc_store_write write = {.op = {.mailbox = &mailbox, .complete = drain}};
    struct cc_store_row row;
    struct cc_store_head head = {.conversation = text_slice("g"), .member_version = 1};
    struct cc_store store;

    assert_int_equal(cc_memory_store_open(fixture->world, &store), 0);
    store.vtable->read_rows(store.self, &read);
    assert_int_equal(read.ret_count, 1);
    row = read.ret_rows[0];
    row.seq = head.seq = 4;
    row.offset = head.offset = row.offset + 10;
    write.rows = &row;
    write.row_count = 1;
    write.heads = &head;
    write.head_count = 1;
    store.vtable->write(store.self, &write);
    cc_mailbox_drain(&mailbox);
    store.vtable->free(store.self);
}

static void test_early_row(void **state)
{
    struct fixture fixture;
    struct client *alice;
    struct client *bob;

    (void)state;
    fixture_init(&fixture, NULL);
    alice = client_connect(&fixture, "alice", "phone");
    client_create(alice, "g", "bob");
    client_say(alice, "g", "two");
    client_say(alice, "g", "three");
    fixture_advance(&fixture, 1000);
    fixture_restart(&fixture, NULL);
    write_early_row(&fixture);
    bob = client_open(&fixture, "bob", "phone");
    client_expect(bob, "connect ok\n"
                       "message g 1 alice *created* bob name=club\n"
                       "message g 2 alice two\n"
                       "message g 3 alice three\n"
                       "synced\n");
    alice = client_connect(&fixture, "alice", "phone");
    client_say(alice, "g", "four");
    client_expect(bob, "message g 4 alice four\n");
    fixture_deinit(&fixture);
}

/* A device that never comes to its `synced` gets on by telling what it has received. */
static void test_without_a_cursor(void **state)
{
    struct fixture fixture;
    struct client *alice;
    struct client *bob;

    (void)state;
    fixture_init(&fixture, NULL);
    alice = client_connect(&fixture, "alice", "phone");
    client_create(alice, "g", "bob");
    client_say(alice, "g", "two");
    client_say(alice, "g", "three");
    bob = client_connect(&fixture, "bob", "phone");
    client_do(bob, (struct cc_command){
                       .type = CC_COMMAND_DELIVERED, .conversation = text_slice("g"), .seq = 2});
    client_close(bob);
    bob = client_open(&fixture, "bob", "phone");
    client_expect(bob, "connect ok\nmessage g 3 alice three\nsynced\n");
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"a row that the store has early is given once, when it is applied", test_early_row, NULL,
         NULL, NULL},
        cmocka_unit_test(test_without_a_cursor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
