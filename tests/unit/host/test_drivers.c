/*
 * The three drivers: each carries a message from one session to another, sees the engine stop, and
 * leaves nothing behind.
 */
#include "chat.h"

#include "chatcore/backend/memory.h"
#include "chatcore/error.h"

#include <event2/event.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char alice[] = "alice", bob[] = "bob";

struct fixture {
    struct cc_host *host;
    struct cc_engine *engine;
    struct event_base *base;
    unsigned messages;
    unsigned stops;
};

static void on_event(void *context, const struct cc_event *event)
{
    struct fixture *fixture = context;

    if (chat_brings(event, bob, "hi")) {
        fixture->messages++;
        cc_engine_stop(fixture->engine, CC_CLOSE_NORMAL);
    }
    fixture->stops += event->type == CC_EVENT_STOPPED;
}

static void open_engine(struct fixture *fixture)
{
    struct cc_host_options options = CC_HOST_OPTIONS_INIT;

    options.on_event = on_event;
    options.context = fixture;
    assert_int_equal(cc_host_new(&options, &fixture->host), 0);
    assert_int_equal(cc_open_embedded(NULL, NULL, fixture->host, &fixture->engine), 0);
}

static void close_engine(struct fixture *fixture)
{
    assert_true(cc_host_has_stopped(fixture->host));
    cc_engine_free(fixture->engine);
    cc_host_free(fixture->host);
}

static void on_the_callers_thread(void **state)
{
    struct fixture fixture = {0};
    const struct cc_event *event;
    unsigned messages = 0, stops = 0;

    (void)state;
    open_engine(&fixture);
    assert_null(cc_host_next_event(fixture.host, fixture.engine, 0));
    chat_open(cc_engine_queue(fixture.engine), bob);
    chat_send(chat_open(cc_engine_queue(fixture.engine), alice), bob, "hi");
    while ((event = cc_host_next_event(fixture.host, fixture.engine, 5000))) {
        stops += event->type == CC_EVENT_STOPPED;
        if (chat_brings(event, bob, "hi") && ++messages)
            cc_engine_stop(fixture.engine, CC_CLOSE_NORMAL);
    }
    assert_int_equal(messages, 1);
    assert_int_equal(stops, 1);
    assert_int_equal(cc_host_attach(fixture.host, fixture.engine, (void *)&fixture), CC_EINVAL);
    assert_null(cc_host_next_event(fixture.host, fixture.engine, 0));
    close_engine(&fixture);
}

/* The loop ends by itself when the engine has stopped: nothing else is on the base. */
static void on_a_base(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    open_engine(&fixture);
    fixture.base = event_base_new();
    assert_int_equal(cc_host_attach(fixture.host, fixture.engine, fixture.base), 0);
    assert_int_equal(cc_host_attach(fixture.host, fixture.engine, fixture.base), CC_EINVAL);
    chat_open(cc_engine_queue(fixture.engine), bob);
    chat_send(chat_open(cc_engine_queue(fixture.engine), alice), bob, "hi");
    cc_queue_flush(cc_engine_queue(fixture.engine));
    event_base_dispatch(fixture.base);
    assert_int_equal(fixture.messages, 1);
    assert_int_equal(fixture.stops, 1);
    close_engine(&fixture);
    event_base_free(fixture.base);
}

static bool take_all(struct fixture *fixture)
{
    const struct cc_event *event;

    while ((event = cc_host_next_event(fixture->host, fixture->engine, 0)))
        on_event(fixture, event);
    return !cc_host_has_stopped(fixture->host);
}

/* A loop that waits itself, on a descriptor that is only ever looked at. */
static void on_a_foreign_loop(void **state)
{
    struct fixture fixture = {0};
    struct pollfd fd = {.events = POLLIN};

    (void)state;
    open_engine(&fixture);
    fd.fd = cc_host_fd(fixture.host);
    assert_int_equal(cc_host_timeout_ms(fixture.host), 0);
    take_all(&fixture);
    chat_open(cc_engine_queue(fixture.engine), bob);
    chat_send(chat_open(cc_engine_queue(fixture.engine), alice), bob, "hi");
    cc_queue_flush(cc_engine_queue(fixture.engine));
    assert_int_equal(poll(&fd, 1, 0), 1);
    while (take_all(&fixture))
        poll(&fd, 1, cc_host_timeout_ms(fixture.host));
    assert_int_equal(fixture.messages, 1);
    assert_int_equal(fixture.stops, 1);
    assert_int_equal(cc_host_timeout_ms(fixture.host), -1);
    close_engine(&fixture);
}

/* An engine wakes itself while it has more to do: within some rounds it must be done. */
static bool gets_quiet(struct fixture *fixture, struct pollfd *fd)
{
    for (int round = 0; round < 20; round++) {
        take_all(fixture);
        if (poll(fd, 1, 0) == 0)
            return true;
    }
    return false;
}

/* A wake-up that is written late must not leave the descriptor readable: the loop would spin. */
static void a_late_wake_up_is_taken(void **state)
{
    struct fixture fixture = {0};
    struct pollfd fd = {.events = POLLIN};
    uint64_t one = 1;

    (void)state;
    open_engine(&fixture);
    fd.fd = cc_host_fd(fixture.host);
    assert_true(gets_quiet(&fixture, &fd));
    assert_int_equal(write(fd.fd, &one, sizeof one), sizeof one);
    assert_true(gets_quiet(&fixture, &fd));
    cc_engine_stop(fixture.engine, CC_CLOSE_NORMAL);
    while (take_all(&fixture))
        poll(&fd, 1, cc_host_timeout_ms(fixture.host));
    close_engine(&fixture);
}

static void ring(void *context)
{
    uint64_t one = 1;

    assert_int_equal(write(*(int *)context, &one, sizeof one), sizeof one);
}

/* Waits for the engine's thread to ring, and looks for the message. */
static bool wait_for(struct cc_queue *queue, int bell, const char *text)
{
    struct pollfd poll_bell = {.fd = bell, .events = POLLIN};
    const struct cc_event *event;
    uint64_t count;

    if (poll(&poll_bell, 1, 5000) != 1 || read(bell, &count, sizeof count) < 0)
        return false;
    while ((event = cc_queue_next(queue)))
        if (chat_brings(event, bob, text))
            return true;
    return wait_for(queue, bell, text);
}

/* The engine on its thread, the sessions on this one, through a queue of its own. */
static void on_a_thread(void **state)
{
    struct fixture fixture = {0};
    int bell = eventfd(0, EFD_CLOEXEC);
    struct cc_session *session;
    struct cc_queue *queue;

    (void)state;
    open_engine(&fixture);
    assert_int_equal(cc_host_thread_start(fixture.host, fixture.engine), 0);
    assert_int_equal(cc_host_thread_start(fixture.host, fixture.engine), CC_EINVAL);
    assert_int_equal(cc_queue_new(fixture.engine, ring, &bell, &queue), 0);
    chat_open(queue, bob);
    session = chat_open(queue, alice);
    for (int i = 0; i < 20; i++) {
        char text[16];

        snprintf(text, sizeof text, "message %d", i);
        chat_send(session, bob, text);
        cc_queue_flush(queue);
        assert_true(wait_for(queue, bell, text));
    }
    cc_host_thread_stop(fixture.host, CC_CLOSE_NORMAL);
    assert_int_equal(fixture.stops, 1);
    while (cc_queue_next(queue))
        ;
    close_engine(&fixture);
    close(bell);
}

static void open_own_backends(struct cc_memory_world **world, struct cc_embedded_options *options)
{
    assert_int_equal(cc_memory_world_new(cc_allocator_default(), 2, world), 0);
    assert_int_equal(cc_memory_log_open(*world, slice_str("a"), &options->log), 0);
    assert_int_equal(cc_memory_store_open(*world, &options->store), 0);
    assert_int_equal(cc_memory_directory_open(*world, &options->directory), 0);
    assert_int_equal(cc_memory_cluster_open(*world, slice_str("a"), &options->cluster), 0);
}

/* In place of the folder's: what was said is in the host's store, and nothing is in the folder. */
static void on_backends_of_the_hosts(void **state)
{
    struct cc_embedded_options options = CC_EMBEDDED_OPTIONS_INIT;
    struct cc_store_read_offset read = {.op = {.status = CC_EBUSY}};
    struct fixture fixture = {0};
    struct cc_memory_world *world;
    struct cc_store store;

    (void)state;
    open_own_backends(&world, &options);
    options.search_off = true;
    assert_int_equal(cc_host_new(NULL, &fixture.host), 0);
    assert_int_equal(cc_open_embedded("/nowhere", &options, fixture.host, &fixture.engine), 0);
    chat_open(cc_engine_queue(fixture.engine), bob);
    chat_send(chat_open(cc_engine_queue(fixture.engine), alice), bob, "hi");
    while (!chat_brings(cc_host_next_event(fixture.host, fixture.engine, -1), bob, "hi"))
        ;
    cc_engine_stop(fixture.engine, CC_CLOSE_NORMAL);
    while (cc_host_next_event(fixture.host, fixture.engine, -1))
        ;
    close_engine(&fixture);
    assert_int_equal(cc_memory_store_open(world, &store), 0);
    for (uint64_t reached = 0; read.partition < 2; read.partition++) {
        struct cc_mailbox mailbox = {NULL, NULL, NULL};

        read.op.mailbox = &mailbox;
        store.vtable->read_offset(store.self, &read);
        reached += read.ret_offset;
        assert_true(read.partition == 0 || reached > 0);
    }
    store.vtable->free(store.self);
    cc_memory_world_free(world);
}

/* On failure they stay the host's, which frees each once. */
static void own_backends_outlive_a_failure(void **state)
{
    struct cc_embedded_options options = CC_EMBEDDED_OPTIONS_INIT;
    struct cc_log_vtable lame = {.size = sizeof lame};
    struct cc_memory_world *world;
    struct cc_engine *engine;
    struct cc_host *host;
    struct cc_log log;

    (void)state;
    open_own_backends(&world, &options);
    log = options.log;
    lame.partitions = log.vtable->partitions;
    options.log.vtable = &lame;
    assert_int_equal(cc_host_new(NULL, &host), 0);
    assert_int_equal(cc_open_embedded(NULL, &options, host, &engine), CC_EINVAL);
    cc_host_free(host);
    options.cluster.vtable->free(options.cluster.self);
    options.directory.vtable->free(options.directory.self);
    options.store.vtable->free(options.store.self);
    log.vtable->free(log.self);
    cc_memory_world_free(world);
}

/* Several engines live in one process, each in its own memory. */
static void many_at_once(void **state)
{
    struct fixture fixtures[10] = {{0}};

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        open_engine(&fixtures[i]);
        assert_int_equal(cc_host_thread_start(fixtures[i].host, fixtures[i].engine), 0);
    }
    for (size_t i = 0; i < 10; i++)
        cc_host_thread_stop(fixtures[i].host, CC_CLOSE_NORMAL);
    for (size_t i = 0; i < 10; i++)
        close_engine(&fixtures[i]);
}

/* What begins with its size may be shorter than this library's, or longer, but not nothing. */
static void options_grow(void **state)
{
    struct {
        struct cc_session_options known;
        char unknown[64];
    } newer = {CC_SESSION_OPTIONS_INIT, "what a later version reads"};
    struct cc_session_options older = CC_SESSION_OPTIONS_INIT, none = {0};
    struct fixture fixture = {0};
    struct cc_session *session;
    struct cc_queue *queue;

    (void)state;
    open_engine(&fixture);
    queue = cc_engine_queue(fixture.engine);
    newer.known.size = sizeof newer;
    older.size = offsetof(struct cc_session_options, is_admin);
    assert_int_equal(cc_session_open(queue, &newer.known, &session), 0);
    assert_int_equal(cc_session_open(queue, &older, &session), 0);
    assert_int_equal(cc_session_open(queue, &none, &session), CC_EINVAL);
    cc_engine_stop(fixture.engine, CC_CLOSE_NORMAL);
    while (cc_host_next_event(fixture.host, fixture.engine, -1))
        ;
    close_engine(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_the_callers_thread),
        cmocka_unit_test(on_a_base),
        cmocka_unit_test(on_a_foreign_loop),
        cmocka_unit_test(a_late_wake_up_is_taken),
        cmocka_unit_test(on_a_thread),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(options_grow),
        cmocka_unit_test(on_backends_of_the_hosts),
        cmocka_unit_test(own_backends_outlive_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
