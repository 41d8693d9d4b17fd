/*
 * Consumers: each message once, in the log's order, from memory or from log and store; positions
 * that last; what closes, and what a slow one holds.
 */
#include "chatcore/consumer.h"
#include "chatcore/error.h"
#include "support/engine_fixture.h"
#include "support/test.h"

#include <stdio.h>

/* What one consumer was given. */
struct reader {
    struct fixture *fixture;
    struct cc_queue *queue;
    struct cc_consumer *consumer;
    struct buffer text;
    uint64_t next[4]; /* by partition */
    size_t events;
    size_t messages;
    bool is_cut;
    bool is_closed;
    int status;
};

static struct cc_consumer_options named(const char *name)
{
    struct cc_consumer_options options = CC_CONSUMER_OPTIONS_INIT;

    options.name = text_slice(name);
    return options;
}

static void reader_open(struct reader *reader, struct fixture *fixture,
                        const struct cc_consumer_options *options)
{
    struct cc_consumer_options with_data = *options;

    memset(reader, 0, sizeof *reader);
    buffer_init(&reader->text, cc_allocator_default());
    reader->fixture = fixture;
    with_data.data = reader;
    assert_int_equal(cc_queue_new(fixture->engine, NULL, NULL, &reader->queue), 0);
    assert_int_equal(cc_consumer_open(reader->queue, &with_data, &reader->consumer), 0);
    cc_queue_flush(reader->queue);
    fixture_settle(fixture);
}

static void take_message(struct reader *reader, const struct cc_message *message)
{
    char line[256];

    snprintf(line, sizeof line, "%.*s %llu %.*s\n", (int)message->conversation.size,
             message->conversation.data, (unsigned long long)message->seq, (int)message->text.size,
             message->text.data);
    buffer_append(&reader->text, line, strlen(line));
    reader->messages++;
}

static void take_event(struct reader *reader, const struct cc_event *event)
{
    if (event->type == CC_EVENT_CONSUMER_CLOSED) {
        assert_ptr_equal(event->u.consumer_closed.data, reader);
        reader->is_closed = true;
        reader->status = event->u.consumer_closed.status;
        return;
    }
    assert_int_equal(event->type, CC_EVENT_CONSUMED);
    assert_ptr_equal(event->u.consumed.data, reader);
    assert_ptr_equal(event->u.consumed.consumer, reader->consumer);
    reader->events++;
    reader->is_cut = reader->is_cut || event->u.consumed.is_cut;
    for (size_t i = 0; i < event->u.consumed.count; i++) {
        assert_true(event->u.consumed.offsets[i] >= reader->next[event->u.consumed.partition]);
        reader->next[event->u.consumed.partition] = event->u.consumed.offsets[i] + 1;
        take_message(reader, &event->u.consumed.messages[i]);
    }
    assert_true(event->u.consumed.next >= reader->next[event->u.consumed.partition]);
    reader->next[event->u.consumed.partition] = event->u.consumed.next;
}

/* What is in its queue now, without letting the engine go on. */
static size_t reader_drain(struct reader *reader)
{
    const struct cc_event *event;
    size_t count = 0;

    while ((event = cc_queue_next(reader->queue))) {
        take_event(reader, event);
        count++;
    }
    return count;
}

/* Drains until nothing comes any more. */
static void reader_run(struct reader *reader)
{
    do
        fixture_settle(reader->fixture);
    while (reader_drain(reader));
}

static const char *reader_text(struct reader *reader)
{
    reader_run(reader);
    buffer_append(&reader->text, "", 1);
    reader->text.size--;
    return reader->text.data;
}

static void reader_commit(struct reader *reader)
{
    for (uint32_t i = 0; i < 4; i++)
        if (reader->next[i])
            assert_int_equal(cc_consumer_commit(reader->consumer, i, reader->next[i]), 0);
    cc_queue_flush(reader->queue);
    fixture_settle(reader->fixture);
}

static void reader_close(struct reader *reader, bool forget)
{
    cc_consumer_close(reader->consumer, forget);
    cc_consumer_close(reader->consumer, !forget);
    reader_run(reader);
    assert_true(reader->is_closed);
    buffer_deinit(&reader->text);
}

/* The engine was stopped over it. */
static void reader_abandon(struct reader *reader)
{
    buffer_deinit(&reader->text);
}

static void say_numbers(struct client *client, const char *conversation, int from, int to)
{
    char text[16];

    for (int i = from; i <= to; i++) {
        snprintf(text, sizeof text, "%d", i);
        client_say(client, conversation, text);
    }
    client_forget(client);
}

static void little_memory(struct cc_engine_options *options)
{
    options->limits.max_recent_bytes = 1;
    options->limits.send.burst = 1000000;
    options->limits.send.per_second_milli = 1000000000;
    options->limits.request = options->limits.send;
}

/* --- what it is given ---------------------------------------------------------------------------
 */

static void test_messages_come_as_they_are_applied(void **state)
{
    struct cc_consumer_options options = named("search");
    struct client *alice = client_connect(*state, "alice", "phone");
    struct reader reader;

    client_create(alice, "g", "bob");
    client_say(alice, "g", "one");
    reader_open(&reader, *state, &options);
    assert_string_equal(reader_text(&reader), "g 1 \ng 2 one\n");
    client_say(alice, "g", "two");
    assert_string_equal(reader_text(&reader), "g 1 \ng 2 one\ng 3 two\n");
    reader_close(&reader, false);
}

static void send_as(struct client *client, const char *client_id, const char *text)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_SEND,
                                          .conversation = text_slice("g"),
                                          .client_id = text_slice(client_id),
                                          .text = text_slice(text)});
}

static void test_a_retry_is_not_among_them(void **state)
{
    struct cc_consumer_options options = named("search");
    struct client *alice = client_connect(*state, "alice", "phone");
    struct reader reader;

    client_create(alice, "g", "bob");
    send_as(alice, "first", "one");
    send_as(alice, "first", "one");
    send_as(alice, "second", "two");
    reader_open(&reader, *state, &options);
    assert_string_equal(reader_text(&reader), "g 1 \ng 2 one\ng 3 two\n");
    reader_close(&reader, false);
}

static void test_newest_begins_with_what_comes(void **state)
{
    struct cc_consumer_options options = named("bell");
    struct client *alice = client_connect(*state, "alice", "phone");
    struct reader reader;

    options.start = CC_CONSUMER_NEWEST;
    client_create(alice, "g", "bob");
    reader_open(&reader, *state, &options);
    client_say(alice, "g", "new");
    assert_string_equal(reader_text(&reader), "g 2 new\n");
    reader_close(&reader, false);
    client_say(alice, "g", "newer");
    reader_open(&reader, *state, &options);
    assert_string_equal(reader_text(&reader), "g 2 new\ng 3 newer\n"); /* none was committed */
    reader_close(&reader, false);
}

static void test_offsets_are_the_hosts(void **state)
{
    struct cc_consumer_options options = named("index");
    struct client *alice = client_connect(*state, "alice", "phone");
    uint64_t offset = 2;
    struct reader reader;

    client_create(alice, "g", "bob");
    say_numbers(alice, "g", 2, 4);
    options.start = CC_CONSUMER_OFFSETS;
    options.offsets = &offset;
    options.offset_count = 1;
    reader_open(&reader, *state, &options);
    assert_string_equal(reader_text(&reader), "g 3 3\ng 4 4\n");
    assert_false(reader.is_cut);
    reader_close(&reader, false);
}

/* --- positions ----------------------------------------------------------------------------------
 */

static void test_it_goes_on_where_it_committed(void **state)
{
    struct fixture *fixture = *state;
    struct cc_consumer_options options = named("search");
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct reader reader;

    client_create(alice, "g", "bob");
    reader_open(&reader, fixture, &options);
    reader_run(&reader);
    reader_commit(&reader);
    client_say(alice, "g", "after");
    reader_run(&reader);
    reader_abandon(&reader);
    fixture_restart(fixture, NULL);
    reader_open(&reader, fixture, &options);
    assert_string_equal(reader_text(&reader), "g 2 after\n");
    reader_close(&reader, false);
}

/* A commit just before the closing is written. */
static void test_closing_writes_what_was_committed(void **state)
{
    struct fixture *fixture = *state;
    struct cc_consumer_options options = named("search");
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct reader reader;

    client_create(alice, "g", "bob");
    reader_open(&reader, fixture, &options);
    reader_run(&reader);
    assert_int_equal(cc_consumer_commit(reader.consumer, 0, reader.next[0]), 0);
    reader_close(&reader, false);
    client_say(alice, "g", "after");
    reader_open(&reader, fixture, &options);
    assert_string_equal(reader_text(&reader), "g 2 after\n");
    reader_close(&reader, false);
}

/* Nonsense from a host moves nothing. */
static void test_a_commit_beyond_what_came_is_passed_over(void **state)
{
    struct cc_consumer_options options = named("search");
    struct client *alice = client_connect(*state, "alice", "phone");
    struct reader reader;

    client_create(alice, "g", "bob");
    reader_open(&reader, *state, &options);
    reader_run(&reader);
    assert_int_equal(cc_consumer_commit(reader.consumer, 0, 1000), 0);
    assert_int_equal(cc_consumer_commit(reader.consumer, 77, 1), 0);
    reader_close(&reader, false);
    reader_open(&reader, *state, &options);
    assert_string_equal(reader_text(&reader), "g 1 \n");
    reader_close(&reader, false);
}

/* --- what it holds ------------------------------------------------------------------------------
 */

static void test_one_batch_is_out_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct cc_consumer_options options = named("slow");
    struct client *alice;
    struct reader reader;

    fixture_restart(fixture, little_memory);
    alice = client_connect(fixture, "alice", "phone");
    client_create(alice, "g", "bob");
    reader_open(&reader, fixture, &options);
    say_numbers(alice, "g", 2, 900);
    fixture_settle(fixture);
    assert_int_equal(reader_drain(&reader), 1);
    reader_run(&reader);
    assert_int_equal(reader.messages, 900);
    assert_true(reader.events >= 4);
    reader_close(&reader, false);
}

struct bounds {
    struct cc_log_bounds op;
    bool is_done;
};

static void bounds_done(struct cc_op *op)
{
    ((struct bounds *)op)->is_done = true;
}

static uint64_t first_kept(struct fixture *fixture, uint32_t partition)
{
    struct cc_mailbox mailbox = {0};
    struct bounds bounds = {.op = {.partition = partition}};
    struct cc_log log;

    assert_int_equal(cc_memory_log_open(fixture->world, text_slice("looking"), &log), 0);
    bounds.op.op.mailbox = &mailbox;
    bounds.op.op.complete = bounds_done;
    log.vtable->bounds(log.self, &bounds.op);
    cc_mailbox_drain(&mailbox);
    assert_true(bounds.is_done);
    log.vtable->free(log.self);
    return bounds.op.ret_first;
}

static void test_the_log_is_kept_for_it_until_it_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    struct cc_consumer_options options = named("slow");
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct reader reader;

    reader_open(&reader, fixture, &options);
    client_create(alice, "g", "bob");
    say_numbers(alice, "g", 2, 20);
    fixture_advance(fixture, 1000);
    assert_int_equal(first_kept(fixture, 0), 0);
    reader_run(&reader);
    reader_commit(&reader);
    client_say(alice, "g", "more");
    fixture_advance(fixture, 1000);
    assert_int_equal(first_kept(fixture, 0), 20);
    reader_close(&reader, true);
    client_say(alice, "g", "more still");
    fixture_advance(fixture, 1000);
    assert_int_equal(first_kept(fixture, 0), 22);
}

static void test_a_name_is_open_once(void **state)
{
    struct cc_consumer_options options = named("search");
    struct reader first;
    struct reader second;

    reader_open(&first, *state, &options);
    reader_open(&second, *state, &options);
    reader_run(&second);
    assert_true(second.is_closed);
    assert_int_equal(second.status, CC_EEXISTS);
    buffer_deinit(&second.text);
    reader_run(&first);
    assert_false(first.is_closed);
    reader_close(&first, false);
}

static void test_options_are_checked(void **state)
{
    struct fixture *fixture = *state;
    struct cc_queue *queue = cc_engine_queue(fixture->engine);
    struct cc_consumer_options options = named("");
    struct cc_consumer *consumer;
    uint64_t offsets[2] = {0};

    assert_int_equal(cc_consumer_open(queue, &options, &consumer), CC_EINVAL);
    options = named("0123456789012345678901234567890123456789012345678901234567890");
    assert_int_equal(cc_consumer_open(queue, &options, &consumer), CC_EINVAL);
    options = named("x");
    options.offsets = offsets;
    options.offset_count = 2; /* there is one partition */
    assert_int_equal(cc_consumer_open(queue, &options, &consumer), CC_EINVAL);
}

/* Stopping over an open consumer, with a batch not drained: nothing is lost or leaks. */
static void test_the_engine_stops_over_it(void **state)
{
    struct fixture *fixture = *state;
    struct cc_consumer_options options = named("search");
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct reader reader;

    client_create(alice, "g", "bob");
    reader_open(&reader, fixture, &options);
    fixture_restart(fixture, NULL);
    reader_abandon(&reader);
}

/* No timer is waited for. */
static void test_stopping_takes_no_time(void **state)
{
    struct fixture *fixture = *state;
    struct cc_consumer_options options = named("search");
    struct reader reader;

    reader_open(&reader, fixture, &options);
    cc_engine_stop(fixture->engine, CC_CLOSE_NORMAL);
    fixture_settle(fixture);
    assert_true(fixture->is_stopped);
    reader_abandon(&reader);
}

/* --- far behind ---------------------------------------------------------------------------------
 */

#define ROOMS 40
#define EACH  50

static void fill_rooms(struct fixture *fixture)
{
    struct client *alice = client_connect(fixture, "alice", "phone");
    char name[8];

    for (int i = 0; i < ROOMS; i++) {
        snprintf(name, sizeof name, "r%d", i);
        client_create(alice, name, "bob");
    }
    for (int n = 0; n < EACH; n++) {
        for (int i = 0; i < ROOMS; i++) {
            char text[16];

            snprintf(name, sizeof name, "r%d", i);
            snprintf(text, sizeof text, "%d", n);
            client_say(alice, name, text);
        }
        fixture_advance(fixture, n % 7 ? 0 : 500);
        client_forget(alice);
    }
    fixture_advance(fixture, 1000);
}

static void check_rooms(struct reader *reader)
{
    char line[64];

    reader_text(reader);
    assert_int_equal(reader->messages, ROOMS * (EACH + 1));
    for (int i = 0; i < ROOMS; i++) {
        const char *at = reader->text.data;

        for (int n = 0; n < EACH; n++) {
            snprintf(line, sizeof line, "r%d %d %d\n", i, n + 2, n);
            at = strstr(at, line);
            assert_non_null(at);
        }
    }
}

/* Those that memory has no more come from log and store, the same. */
static void check_behind(struct fixture *fixture)
{
    struct cc_consumer_options options = named("late");
    struct reader first;
    struct reader late;

    reader_open(&first, fixture, &options);
    fill_rooms(fixture);
    reader_abandon(&first); /* its position holds the log; it has drained nothing */
    fixture_restart(fixture, little_memory);
    reader_open(&late, fixture, &options);
    check_rooms(&late);
    assert_false(late.is_cut);
    reader_close(&late, true);
}

static void test_far_behind(void **state)
{
    fixture_restart(*state, little_memory);
    check_behind(*state);
}

/* A batch begins in the middle of a long conversation. */
static void test_far_behind_in_the_middle(void **state)
{
    struct fixture *fixture = *state;
    struct cc_consumer_options options = named("late");
    uint64_t offset = 1500;
    struct client *alice;
    struct reader first;
    struct reader late;

    fixture_restart(fixture, little_memory);
    reader_open(&first, fixture, &options);
    alice = client_connect(fixture, "alice", "phone");
    client_create(alice, "g", "bob");
    say_numbers(alice, "g", 2, 3000);
    fixture_advance(fixture, 1000);
    reader_abandon(&first);
    fixture_restart(fixture, little_memory);
    options.start = CC_CONSUMER_OFFSETS;
    options.offsets = &offset;
    options.offset_count = 1;
    reader_open(&late, fixture, &options);
    assert_non_null(strstr(reader_text(&late), "g 1501 1501\ng 1502 1502\n"));
    assert_int_equal(late.messages, 1500);
    reader_close(&late, false);
}

static void test_what_was_trimmed_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct cc_consumer_options options = named("rebuild");
    uint64_t offset = 0;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct reader reader;

    client_create(alice, "g", "bob");
    say_numbers(alice, "g", 2, 10);
    fixture_advance(fixture, 1000);
    assert_int_equal(first_kept(fixture, 0), 10);
    client_say(alice, "g", "kept");
    options.start = CC_CONSUMER_OFFSETS;
    options.offsets = &offset;
    options.offset_count = 1;
    reader_open(&reader, fixture, &options);
    assert_string_equal(reader_text(&reader), "g 11 kept\n");
    assert_true(reader.is_cut);
    reader_close(&reader, false);
}

/* Two nodes, four partitions: together they get each message once. */
static void test_partitions_are_shared_by_nodes(void **state)
{
    static struct fixture fixtures[2];
    struct cc_consumer_options options = named("search");
    struct reader readers[2];

    (void)state;
    fixture_init_cluster(fixtures, 2, 4, little_memory);
    fixture_advance(&fixtures[0], 3000); /* they find each other */
    for (int i = 0; i < 2; i++)
        reader_open(&readers[i], &fixtures[i], &options);
    fill_rooms(&fixtures[0]);
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < 2; i++)
            reader_run(&readers[i]);
    assert_true(readers[0].messages > 0);
    assert_true(readers[1].messages > 0);
    assert_int_equal(readers[0].messages + readers[1].messages, ROOMS * (EACH + 1));
    for (int i = 0; i < 2; i++)
        reader_abandon(&readers[i]);
    fixture_deinit(&fixtures[0]);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_messages_come_as_they_are_applied),
        CASE(test_a_retry_is_not_among_them),
        CASE(test_newest_begins_with_what_comes),
        CASE(test_offsets_are_the_hosts),
        CASE(test_it_goes_on_where_it_committed),
        CASE(test_closing_writes_what_was_committed),
        CASE(test_a_commit_beyond_what_came_is_passed_over),
        CASE(test_one_batch_is_out_at_a_time),
        CASE(test_the_log_is_kept_for_it_until_it_is_forgotten),
        CASE(test_a_name_is_open_once),
        CASE(test_options_are_checked),
        CASE(test_the_engine_stops_over_it),
        CASE(test_stopping_takes_no_time),
        CASE(test_far_behind),
        CASE(test_far_behind_in_the_middle),
        CASE(test_what_was_trimmed_is_told),
        cmocka_unit_test(test_partitions_are_shared_by_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
