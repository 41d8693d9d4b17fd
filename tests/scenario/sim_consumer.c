/*
 * A consumer on every node: what it is given must be the model's rows, none passed over, whatever
 * crashes, moves or fails. It drains slowly and commits seldom, so much comes again.
 */
#include "sim.h"

#include "chatcore/consumer.h"
#include "chatcore/error.h"

#include <stdlib.h>

void consumers_open(struct sim_node *node)
{
    struct cc_consumer_options options = CC_CONSUMER_OPTIONS_INIT;

    options.name = slice_str("sim");
    if (cc_queue_new(node->engine, NULL, NULL, &node->queue) != 0 ||
        cc_consumer_open(node->queue, &options, &node->consumer) != 0)
        abort();
    cc_queue_flush(node->queue);
}

/* Commits are of what was given, so nothing before a position has been passed over: a message is
 * one given before, or the next one. */
static void check_message(struct sim *sim, const struct cc_message *message)
{
    int index = model_conversation(sim, message->conversation);
    struct sim_conversation *conversation = &sim->conversations[index];

    model_told(sim, message);
    if (message->seq > conversation->consumed + 1)
        sim_fail(sim, "the consumer is given seq %llu of conversation %d, but never got %llu",
                 (unsigned long long)message->seq, index,
                 (unsigned long long)conversation->consumed + 1);
    if (message->seq > conversation->consumed)
        conversation->consumed = message->seq;
}

static void take(struct sim_node *node, const struct cc_event *event)
{
    struct sim *sim = node->sim;

    if (event->u.consumed.is_cut)
        sim_fail(sim, "the log has trimmed what the consumer had not committed");
    for (size_t i = 0; i < event->u.consumed.count; i++)
        check_message(sim, &event->u.consumed.messages[i]);
    sim->consumed += event->u.consumed.count;
    if (sim_chance(&sim->random, 400) &&
        cc_consumer_commit(node->consumer, event->u.consumed.partition, event->u.consumed.next))
        abort();
}

void consumers_drain(struct sim_node *node)
{
    const struct cc_event *event;

    if (!node->sim->is_quiet && sim_chance(&node->sim->random, 700))
        return;
    while ((event = cc_queue_next(node->queue)))
        if (event->type == CC_EVENT_CONSUMED)
            take(node, event);
        else if (event->u.consumer_closed.status)
            sim_fail(node->sim, "the consumer is closed: %s",
                     cc_error_name(event->u.consumer_closed.status));
}

void consumers_check_end(struct sim *sim)
{
    for (int i = 0; i < sim->conversation_count; i++)
        if (sim->conversations[i].consumed != sim->conversations[i].newest)
            sim_fail(sim, "the consumer has conversation %d up to %llu of %llu", i,
                     (unsigned long long)sim->conversations[i].consumed,
                     (unsigned long long)sim->conversations[i].newest);
}
