/*
 * A program with a loop of its own, of whatever kind, that drives the engine itself; and a filter
 * of its own. Alice sends two messages, one of which the filter refuses; then all stops.
 */
#include <chatcore/backend/memory.h>
#include <chatcore/error.h>
#include <chatcore/host.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define COMMANDS 3 /* that talk() submits */

#define SLICE(text) ((struct cc_slice){(text), sizeof(text) - 1})

/* --- the filter -------------------------------------------------------------------------------
 */

/* On the engine's thread: it must not block. One that asks a service would keep `op`, and call
 * cc_op_done() from any thread once it has the answer. */
static void check(void *self, struct cc_filter_check *op)
{
    static const char word[] = "forbidden";
    const char *words = self;

    for (size_t i = 0; i + strlen(words) <= op->text.size; i++)
        if (memcmp(op->text.data + i, words, strlen(words)) == 0) {
            op->ret_verdict = CC_FILTER_REJECT;
            op->ret_reason = SLICE(word);
        }
    cc_op_done(&op->op, 0);
}

static void filter_free(void *self)
{
    (void)self;
}

static const struct cc_filter_vtable filter_vtable = {sizeof filter_vtable, check, filter_free};

/* --- the loop ---------------------------------------------------------------------------------
 */

/* Called from any thread, so it only signals. */
static void wake(void *context)
{
    uint64_t one = 1;

    if (write(*(int *)context, &one, sizeof one) < 0)
        return; /* the counter is full: it wakes as well */
}

static void sleep_until(int wake_fd, int64_t deadline)
{
    struct pollfd fd = {wake_fd, POLLIN, 0};
    int64_t wait = deadline - cc_host_now().mono_ms;
    uint64_t count;

    if (wait < 0)
        wait = 0;
    if (poll(&fd, 1, wait > 1000 ? 1000 : (int)wait) > 0 && read(wake_fd, &count, sizeof count) < 0)
        return;
}

/* False when the engine has stopped. */
static bool take_events(struct cc_engine *engine, int *replies)
{
    const struct cc_event *event;

    while ((event = cc_engine_next_event(engine))) {
        if (event->type == CC_EVENT_STOPPED)
            return false;
        if (event->type != CC_EVENT_REPLY)
            continue;
        printf("%s: %s %.*s\n", cc_command_key(event->u.reply->command),
               event->u.reply->error ? cc_error_name(event->u.reply->error) : "done",
               (int)event->u.reply->error_text.size, event->u.reply->error_text.data);
        if (++*replies == COMMANDS)
            cc_engine_stop(engine, CC_CLOSE_NORMAL);
    }
    return true;
}

static void run(struct cc_engine *engine, struct cc_memory_world *world, int wake_fd)
{
    struct cc_time now = cc_host_now();
    int replies = 0;

    for (;;) {
        cc_memory_world_set_time(world, now);
        cc_engine_step(engine, now);
        if (!take_events(engine, &replies))
            return;
        sleep_until(wake_fd, cc_engine_deadline(engine));
        now = cc_host_now();
    }
}

/* --- the parts --------------------------------------------------------------------------------
 */

/* Everything in memory; with cc_lmdb_log_open() and its like it would be in a folder. */
static int open_engine(struct cc_memory_world *world, const struct cc_filter *filter, int *wake_fd,
                       struct cc_engine **ret_engine)
{
    struct cc_engine_options options = CC_ENGINE_OPTIONS_INIT;
    struct cc_slice node = SLICE("node");

    if (cc_memory_log_open(world, node, &options.log) ||
        cc_memory_store_open(world, &options.store) ||
        cc_memory_directory_open(world, &options.directory) ||
        cc_memory_cluster_open(world, node, &options.cluster))
        return CC_ENOMEM;
    options.filters = filter;
    options.filter_count = 1;
    options.wake = wake;
    options.wake_context = wake_fd;
    return cc_engine_new(&options, ret_engine);
}

static void talk(struct cc_session *session)
{
    struct cc_command command = {.id = 1, .type = CC_COMMAND_CONNECT, .device = SLICE("laptop")};

    cc_session_submit(session, &command);
    command = (struct cc_command){.id = 2, .type = CC_COMMAND_SEND, .user = SLICE("bob")};
    command.client_id = SLICE("1");
    command.text = SLICE("Hello, Bob!");
    cc_session_submit(session, &command);
    command.id = 3;
    command.client_id = SLICE("2");
    command.text = SLICE("Buy this now!");
    cc_session_submit(session, &command);
}

int main(void)
{
    char words[] = "Buy this";
    struct cc_filter filter = {&filter_vtable, words};
    struct cc_session_options as_alice = CC_SESSION_OPTIONS_INIT;
    struct cc_memory_world *world;
    struct cc_session *session;
    struct cc_engine *engine;
    int wake_fd = eventfd(0, EFD_NONBLOCK);

    as_alice.user = SLICE("alice");
    if (cc_memory_world_new(cc_allocator_default(), 1, &world) ||
        open_engine(world, &filter, &wake_fd, &engine) ||
        cc_session_open(cc_engine_queue(engine), &as_alice, &session))
        return 1;
    talk(session);
    run(engine, world, wake_fd);
    cc_engine_free(engine);
    cc_memory_world_free(world);
    close(wake_fd);
    return 0;
}
