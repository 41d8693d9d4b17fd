/*
 * A consumer: prints what is said in a data folder from its first start on, each message once, and
 * remembers where it left off. Killed at any moment, it repeats at most what it had not committed.
 *
 *   log_reader FOLDER      prints what is new, and ends when it has come to the end
 */
#include <chatcore/consumer.h>
#include <chatcore/error.h>
#include <chatcore/host.h>
#include <stdio.h>

/* The end is reached when nothing has come for so long. */
#define QUIET_MS 1000

static void print(const struct cc_message *message)
{
    printf("%.*s %llu %.*s: %.*s\n", (int)message->conversation.size, message->conversation.data,
           (unsigned long long)message->seq, (int)message->from.size, message->from.data,
           (int)message->text.size, message->text.data);
}

static void consumed(const struct cc_event *event)
{
    for (size_t i = 0; i < event->u.consumed.count; i++)
        print(&event->u.consumed.messages[i]);
    fflush(stdout); /* what is committed has been printed */
    cc_consumer_commit(event->u.consumed.consumer, event->u.consumed.partition,
                       event->u.consumed.next);
}

static void read_log(struct cc_host *host, struct cc_engine *engine, struct cc_consumer *consumer)
{
    const struct cc_event *event;

    while ((event = cc_host_next_event(host, engine, QUIET_MS)))
        if (event->type == CC_EVENT_CONSUMED)
            consumed(event);
    cc_consumer_close(consumer, false);
    cc_engine_stop(engine, CC_CLOSE_NORMAL);
    while (cc_host_next_event(host, engine, -1))
        ;
}

int main(int argc, char **argv)
{
    struct cc_consumer_options options = {.size = sizeof options, .name = {"printer", 7}};
    struct cc_consumer *consumer;
    struct cc_engine *engine;
    struct cc_host *host;
    int r;

    if (argc != 2) {
        fprintf(stderr, "usage: log_reader FOLDER\n");
        return 2;
    }
    r = cc_host_new(NULL, &host);
    if (!r)
        r = cc_open_embedded(argv[1], NULL, host, &engine);
    if (!r)
        r = cc_consumer_open(cc_engine_queue(engine), &options, &consumer);
    if (r) {
        fprintf(stderr, "log_reader: %s\n", cc_strerror(r));
        return 1;
    }
    read_log(host, engine, consumer);
    cc_engine_free(engine);
    cc_host_free(host);
    return 0;
}
