/*
 * A session's first 10 seconds: it says who it is, or is closed with a code after which it may come
 * back.
 */
#include "chatcore/error.h"
#include "support/engine_fixture.h"
#include "support/test.h"

/* A queue of the test's own, so that it sees each event. */
struct stage {
    struct fixture fixture;
    struct cc_queue *queue;
    struct cc_session *session;
};

static int setup(void **state)
{
    static struct stage stage;
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;

    fixture_init(&stage.fixture, NULL);
    assert_int_equal(cc_queue_new(stage.fixture.engine, NULL, NULL, &stage.queue), 0);
    options.user = text_slice("alice");
    assert_int_equal(cc_session_open(stage.queue, &options, &stage.session), 0);
    cc_queue_flush(stage.queue);
    fixture_settle(&stage.fixture);
    *state = &stage;
    return 0;
}

static int teardown(void **state)
{
    fixture_deinit(&((struct stage *)*state)->fixture);
    return 0;
}

static void submit(struct stage *stage, struct cc_command command)
{
    assert_int_equal(cc_session_submit(stage->session, &command), 0);
    cc_queue_flush(stage->queue);
}

static void connect(struct stage *stage)
{
    submit(stage,
           (struct cc_command){.id = 1, .type = CC_COMMAND_CONNECT, .device = text_slice("phone")});
}

/* The next event of that type; NULL when there is none. */
static const struct cc_event *next_of(struct stage *stage, enum cc_event_type type)
{
    const struct cc_event *event = cc_queue_next(stage->queue);

    while (event && event->type != type)
        event = cc_queue_next(stage->queue);
    return event;
}

static void test_who_says_nothing_is_closed_and_may_come_back(void **state)
{
    struct stage *stage = *state;
    const struct cc_event *closed;

    fixture_advance(&stage->fixture, 9999);
    assert_null(next_of(stage, CC_EVENT_CLOSED));
    fixture_advance(&stage->fixture, 1);
    closed = next_of(stage, CC_EVENT_CLOSED);
    assert_non_null(closed);
    assert_int_equal(closed->u.closed.code, CC_CLOSE_NO_HEARTBEAT);
}

static void test_who_connects_in_time_stays(void **state)
{
    struct stage *stage = *state;

    fixture_advance(&stage->fixture, 9999);
    connect(stage);
    fixture_settle(&stage->fixture);
    assert_non_null(next_of(stage, CC_EVENT_REPLY));
    fixture_advance(&stage->fixture, 60000);
    assert_null(next_of(stage, CC_EVENT_CLOSED));
}

/* Heartbeats and other commands say nothing of who it is. */
static void test_other_commands_do_not_count(void **state)
{
    struct stage *stage = *state;
    const struct cc_event *reply;

    submit(stage, (struct cc_command){.type = CC_COMMAND_HEARTBEAT});
    submit(stage, (struct cc_command){.id = 2, .type = CC_COMMAND_CONTACTS});
    fixture_settle(&stage->fixture);
    reply = next_of(stage, CC_EVENT_REPLY);
    assert_int_equal(reply->u.reply->error, CC_EUNAUTHORIZED);
    fixture_advance(&stage->fixture, 10000);
    assert_non_null(next_of(stage, CC_EVENT_CLOSED));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_who_says_nothing_is_closed_and_may_come_back),
        CASE(test_who_connects_in_time_stays),
        CASE(test_other_commands_do_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
