/*
 * Consumers of a host: a consumer whose batches become events of a queue.
 *
 * What the host has drained is told through a flag for each partition, which needs no memory;
 * the rest comes as inputs, like a session's.
 */
#include "engine/consumer_host.h"

#include "base/options.h"
#include "chatcore/error.h"
#include "engine/consumer.h"
#include "engine/engine.h"

struct cc_consumer {
    /* set at its making, then constant */
    struct cc_queue *queue;
    void *data;
    uint32_t partition_count;

    /* the queue's thread */
    bool close_submitted;
    bool forgets;
    struct builtin_input close_input;
    struct builtin_input release_input;

    /* both */
    _Atomic bool *taken; /* by partition: its event has been drained */
    _Atomic bool any_taken;

    /* the engine's thread */
    struct cc_consumer *next; /* of all the engine's */
    struct consumer *reader;  /* NULL: not open, or closed */
    bool is_closed;           /* CC_EVENT_CONSUMER_CLOSED is to be given, or was */
    bool has_told;
    int status;
    struct cc_consumer_options options; /* for the opening; its slices lie behind the struct */
};

/* --- making -------------------------------------------------------------------------------------
 */

static void host_free(struct cc_consumer *consumer)
{
    mem_free(&consumer->queue->engine->allocator, (void *)consumer->taken);
    mem_free(&consumer->queue->engine->allocator, consumer);
}

static bool options_are_valid(const struct cc_consumer_options *options)
{
    return options->name.size && options->name.size <= CC_CONSUMER_NAME_MAX &&
           options->start <= CC_CONSUMER_OFFSETS && (options->offsets || !options->offset_count);
}

/* The struct, the offsets and the name are one block. */
static struct cc_consumer *host_new(struct cc_queue *queue,
                                    const struct cc_consumer_options *options)
{
    struct cc_engine *engine = queue->engine;
    size_t offset_bytes = options->offset_count * sizeof(uint64_t);
    char *block = mem_zalloc(&engine->allocator, 1,
                             sizeof(struct cc_consumer) + offset_bytes + options->name.size);
    struct cc_consumer *consumer = (struct cc_consumer *)(void *)block;

    if (!consumer)
        return NULL;
    consumer->queue = queue;
    consumer->data = options->data;
    consumer->options = *options;
    consumer->options.offsets = (uint64_t *)(void *)(block + sizeof *consumer);
    consumer->options.name = slice_of(block + sizeof *consumer + offset_bytes, options->name.size);
    if (offset_bytes)
        memcpy(block + sizeof *consumer, options->offsets, offset_bytes);
    memcpy(block + sizeof *consumer + offset_bytes, options->name.data, options->name.size);
    consumer->partition_count = engine->partition_count;
    consumer->taken = mem_zalloc(&engine->allocator, engine->partition_count, sizeof(bool));
    if (!consumer->taken) {
        host_free(consumer);
        return NULL;
    }
    return consumer;
}

/* --- the queue's thread -------------------------------------------------------------------------
 */

int cc_consumer_open(struct cc_queue *queue, const struct cc_consumer_options *options,
                     struct cc_consumer **ret_consumer)
{
    struct cc_consumer_options given;
    struct cc_consumer *consumer;
    struct input *input;

    if (options_read(&given, sizeof given, options) || !options_are_valid(&given) ||
        given.offset_count > queue->engine->partition_count)
        return CC_EINVAL;
    consumer = host_new(queue, &given);
    if (!consumer)
        return CC_ENOMEM;
    input = input_new(queue, INPUT_CONSUMER_OPEN, NULL);
    if (!input) {
        host_free(consumer);
        return CC_ENOMEM;
    }
    input->consumer = consumer;
    input_submit(input);
    *ret_consumer = consumer;
    return 0;
}

int cc_consumer_commit(struct cc_consumer *consumer, uint32_t partition, uint64_t offset)
{
    struct input *input = input_new(consumer->queue, INPUT_CONSUMER_COMMIT, NULL);

    if (!input)
        return CC_ENOMEM;
    input->consumer = consumer;
    input->count = partition;
    input->offset = offset;
    input_submit(input);
    return 0;
}

void cc_consumer_close(struct cc_consumer *consumer, bool forget)
{
    if (consumer->close_submitted)
        return;
    consumer->close_submitted = true;
    consumer->forgets = forget;
    consumer->close_input.input.consumer = consumer;
    input_submit_builtin(consumer->queue, &consumer->close_input, INPUT_CONSUMER_CLOSE);
}

void consumer_host_drained(const struct cc_event *event)
{
    struct cc_consumer *consumer = event->u.consumed.consumer;

    atomic_store(&consumer->taken[event->u.consumed.partition], true);
    atomic_store(&consumer->any_taken, true);
    engine_wake(consumer->queue->engine);
}

void consumer_host_release(struct cc_consumer *consumer)
{
    consumer->release_input.input.consumer = consumer;
    input_submit_builtin(consumer->queue, &consumer->release_input, INPUT_CONSUMER_RELEASE);
}

/* --- the engine's thread: the sink --------------------------------------------------------------
 */

static int copy_messages(struct arena *arena, const struct consumer_batch *batch,
                         struct event_node *node)
{
    struct cc_message *messages = arena_alloc(arena, batch->count * sizeof *messages + 1);
    uint64_t *offsets = arena_alloc(arena, batch->count * sizeof *offsets + 1);
    struct message **held = arena_alloc(arena, batch->count * sizeof *held + 1);

    if (!messages || !offsets || !held)
        return CC_ENOMEM;
    for (size_t i = 0; i < batch->count; i++) {
        held[i] = message_ref(batch->messages[i]);
        messages[i] = held[i]->view;
        messages[i].client_id = held[i]->client_id;
        offsets[i] = held[i]->offset;
    }
    node->held = held;
    node->held_count = batch->count;
    node->event.u.consumed.messages = messages;
    node->event.u.consumed.offsets = offsets;
    node->event.u.consumed.count = batch->count;
    return 0;
}

/* Without memory the event is there, with nothing in it, at the old position. */
static int sink_batch(void *context, const struct consumer_batch *batch)
{
    struct cc_consumer *consumer = context;
    struct event_node *node = queue_add_event(consumer->queue, CC_EVENT_CONSUMED, NULL, 0, NULL);

    if (!node)
        return CC_ENOMEM;
    node->event.u.consumed.consumer = consumer;
    node->event.u.consumed.data = consumer->data;
    node->event.u.consumed.partition = batch->partition;
    node->event.u.consumed.next = batch->position;
    if (copy_messages(queue_arena(consumer->queue), batch, node) != 0)
        return CC_ENOMEM;
    node->event.u.consumed.next = batch->next;
    node->event.u.consumed.is_cut = batch->is_cut;
    return 0;
}

static void sink_closed(void *context, int status)
{
    struct cc_consumer *consumer = context;

    consumer->reader = NULL;
    consumer->is_closed = true;
    consumer->status = status;
}

static const struct consumer_sink sink = {.batch = sink_batch, .closed = sink_closed};

/* --- the engine's thread: inputs ----------------------------------------------------------------
 */

static void open_reader(struct cc_consumer *consumer)
{
    struct cc_engine *engine = consumer->queue->engine;
    const struct consumer_settings settings = {.name = consumer->options.name,
                                               .start = consumer->options.start,
                                               .offsets = consumer->options.offsets,
                                               .offset_count = consumer->options.offset_count,
                                               .sink = &sink,
                                               .context = consumer};
    int r = CC_ECANCELED;

    consumer->next = engine->host_consumers;
    engine->host_consumers = consumer;
    if (engine->state == ENGINE_RUNNING)
        r = consumer_open(engine, &settings, &consumer->reader);
    if (r)
        sink_closed(consumer, r);
}

static void release(struct cc_consumer *consumer)
{
    struct cc_consumer **at = &consumer->queue->engine->host_consumers;

    while (*at != consumer)
        at = &(*at)->next;
    *at = consumer->next;
    host_free(consumer);
}

void consumer_host_input(struct input *input)
{
    struct cc_consumer *consumer = input->consumer;

    switch (input->type) {
    case INPUT_CONSUMER_OPEN:
        open_reader(consumer);
        break;
    case INPUT_CONSUMER_COMMIT:
        if (consumer->reader)
            consumer_commit(consumer->reader, input->count, input->offset);
        break;
    case INPUT_CONSUMER_CLOSE:
        if (consumer->reader)
            consumer_close(consumer->reader, consumer->forgets);
        return; /* built in: no batch to give back */
    case INPUT_CONSUMER_RELEASE:
        release(consumer);
        return;
    default:
        break;
    }
    input_batch_unref(input->batch);
}

void consumer_host_drop(struct cc_consumer *consumer)
{
    host_free(consumer);
}

/* --- the engine's thread: each step -------------------------------------------------------------
 */

static void take(struct cc_consumer *consumer)
{
    if (!consumer->reader || !atomic_exchange(&consumer->any_taken, false))
        return;
    for (uint32_t i = 0; i < consumer->partition_count; i++)
        if (atomic_exchange(&consumer->taken[i], false))
            consumer_taken(consumer->reader, i);
}

static void tell_closed(struct cc_consumer *consumer)
{
    struct event_node *node;

    if (!consumer->is_closed || consumer->has_told)
        return;
    node = queue_add_event(consumer->queue, CC_EVENT_CONSUMER_CLOSED, NULL, 0, NULL);
    if (!node)
        return; /* the next step tries again */
    node->consumer = consumer;
    node->event.u.consumer_closed.data = consumer->data;
    node->event.u.consumer_closed.status = consumer->status;
    consumer->has_told = true;
}

void consumer_hosts_take(struct cc_engine *engine)
{
    for (struct cc_consumer *at = engine->host_consumers; at; at = at->next)
        take(at);
}

void consumer_hosts_tell(struct cc_engine *engine)
{
    for (struct cc_consumer *at = engine->host_consumers; at; at = at->next)
        tell_closed(at);
}

void consumer_hosts_free(struct cc_engine *engine)
{
    while (engine->host_consumers) {
        struct cc_consumer *consumer = engine->host_consumers;

        engine->host_consumers = consumer->next;
        host_free(consumer);
    }
}
