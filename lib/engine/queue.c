/*
 * Queues: submitting, taking, adding events, draining.
 */
#include "engine/queue.h"

#include "base/options.h"
#include "chatcore/error.h"
#include "engine/command_copy.h"
#include "engine/consumer_host.h"
#include "engine/engine.h"
#include "engine/session.h"

int queue_new(struct cc_engine *engine, struct cc_queue **ret_queue)
{
    struct cc_queue *queue = mem_zalloc(&engine->allocator, 1, sizeof *queue);

    if (!queue)
        return CC_ENOMEM;
    queue->engine = engine;
    *ret_queue = queue;
    return 0;
}

int cc_queue_new(struct cc_engine *engine, void (*wake)(void *context), void *context,
                 struct cc_queue **ret_queue)
{
    struct cc_queue *queue;
    int r = queue_new(engine, &queue);

    if (r)
        return r;
    queue->wake = wake;
    queue->context = context;
    queue->next = atomic_load(&engine->queues);
    while (!atomic_compare_exchange_weak(&engine->queues, &queue->next, queue))
        ;
    *ret_queue = queue;
    return 0;
}

/* --- inputs ----------------------------------------------------------------------------------- */

static struct input_batch *batch_submitting(struct cc_queue *queue)
{
    struct input_batch *batch = queue->submitting;

    if (batch)
        return batch;
    batch = mem_zalloc(&queue->engine->allocator, 1, sizeof *batch);
    if (!batch)
        return NULL;
    arena_init(&batch->arena, &queue->engine->allocator);
    batch->last = &batch->first;
    queue->submitting = batch;
    return batch;
}

struct input *input_new(struct cc_queue *queue, enum input_type type, struct cc_session *session)
{
    struct input_batch *batch = batch_submitting(queue);
    struct input *input = batch ? arena_alloc(&batch->arena, sizeof *input) : NULL;

    if (!input)
        return NULL;
    memset(input, 0, sizeof *input);
    input->type = type;
    input->session = session;
    input->batch = batch;
    return input;
}

void input_submit(struct input *input)
{
    struct input_batch *batch = input->batch;

    *batch->last = input;
    batch->last = &input->next;
    batch->refs++;
}

static void batch_free(struct input_batch *batch)
{
    const struct cc_allocator *allocator = batch->arena.allocator;

    arena_deinit(&batch->arena);
    mem_free(allocator, batch);
}

void input_batch_unref(struct input_batch *batch)
{
    if (--batch->refs == 0)
        batch_free(batch);
}

static void report_consumed(struct cc_queue *queue);

void cc_queue_flush(struct cc_queue *queue)
{
    struct input_batch *batch;

    report_consumed(queue);
    batch = queue->submitting;
    if (!batch || !batch->first)
        return;
    queue->submitting = NULL;
    batch->bytes = batch->arena.total;
    atomic_fetch_add_explicit(&queue->waiting_bytes, batch->bytes, memory_order_relaxed);
    if (chain_add(&queue->inputs, &batch->link))
        engine_wake(queue->engine);
}

void queue_take_inputs(struct cc_queue *queue)
{
    struct chain_link *link = chain_take(&queue->inputs);

    while (link) {
        struct input_batch *batch = (struct input_batch *)link;
        struct input *input = batch->first;

        link = link->next;
        atomic_fetch_sub_explicit(&queue->waiting_bytes, batch->bytes, memory_order_relaxed);
        while (input) {
            struct input *next = input->next; /* the input may go with its batch */

            if (input->consumer)
                consumer_host_input(input);
            else
                session_input(input);
            input = next;
        }
    }
}

/* --- sessions, as the queue's thread sees them -------------------------------------------------
 */

int cc_session_open(struct cc_queue *queue, const struct cc_session_options *options,
                    struct cc_session **ret_session)
{
    struct cc_session_options given;
    struct cc_session *session;
    struct input *input;
    int r;

    r = options_read(&given, sizeof given, options);
    if (!r)
        r = session_new(queue, &given, &session);
    if (r)
        return r;
    input = input_new(queue, INPUT_OPEN, session);
    if (!input) {
        session_free(session);
        return CC_ENOMEM;
    }
    input_submit(input);
    *ret_session = session;
    return 0;
}

static bool has_room(struct cc_queue *queue)
{
    size_t waiting = atomic_load_explicit(&queue->waiting_bytes, memory_order_relaxed);

    if (queue->submitting)
        waiting += queue->submitting->arena.total;
    return waiting < queue->engine->limits.max_input_bytes;
}

int cc_session_submit(struct cc_session *session, const struct cc_command *command)
{
    struct cc_queue *queue = session->queue;
    struct cc_command *copy;
    struct input *input;
    int r;

    if (!has_room(queue))
        return CC_EBUSY;
    input = input_new(queue, INPUT_COMMAND, session);
    copy = input ? arena_alloc(&input->batch->arena, sizeof *copy) : NULL;
    if (!copy)
        return CC_ENOMEM;
    r = command_copy(&input->batch->arena, command, copy);
    if (r)
        return r;
    input->command = copy;
    input_submit(input);
    return 0;
}

void input_submit_builtin(struct cc_queue *queue, struct builtin_input *builtin,
                          enum input_type type)
{
    cc_queue_flush(queue);
    builtin->batch.first = &builtin->input;
    builtin->batch.is_builtin = true;
    builtin->batch.bytes = 0;
    builtin->input.next = NULL;
    builtin->input.type = type;
    builtin->input.batch = &builtin->batch;
    if (chain_add(&queue->inputs, &builtin->batch.link))
        engine_wake(queue->engine);
}

/* A session's closing and its release must not fail for want of memory. */
static void submit_own(struct cc_session *session, struct builtin_input *builtin,
                       enum input_type type)
{
    builtin->input.session = session;
    input_submit_builtin(session->queue, builtin, type);
}

void cc_session_close(struct cc_session *session)
{
    if (session->close_submitted)
        return;
    session->close_submitted = true;
    submit_own(session, &session->close_input, INPUT_CLOSE);
}

/* It is told in portions: the engine has to know only that a session is not slow. */
static uint32_t consumed_portion(const struct cc_queue *queue)
{
    uint32_t portion = queue->engine->limits.max_outstanding / 4;

    return portion ? portion : 1;
}

void cc_session_consumed(struct cc_session *session, uint32_t weight)
{
    struct cc_queue *queue = session->queue;
    uint32_t portion = consumed_portion(queue);
    bool was_listed = session->consumed >= portion;

    session->consumed += weight;
    if (!was_listed && session->consumed >= portion) {
        session->next_consumer = queue->consumers;
        queue->consumers = session;
    }
}

/* Without memory, those left are told by the next flush. */
static void report_consumed(struct cc_queue *queue)
{
    struct cc_session *session;

    while ((session = queue->consumers)) {
        struct input *input = input_new(queue, INPUT_CONSUMED, session);

        if (!input)
            return;
        queue->consumers = session->next_consumer;
        input->count = session->consumed;
        session->consumed = 0;
        input_submit(input);
    }
}

static void consumers_remove(struct cc_queue *queue, struct cc_session *session)
{
    struct cc_session **at = &queue->consumers;

    while (*at && *at != session)
        at = &(*at)->next_consumer;
    if (*at)
        *at = session->next_consumer;
}

/* --- events ----------------------------------------------------------------------------------- */

static struct output_batch *batch_filling(struct cc_queue *queue)
{
    struct output_batch *batch = queue->filling;

    if (batch)
        return batch;
    batch = mem_zalloc(&queue->engine->allocator, 1, sizeof *batch);
    if (!batch)
        return NULL;
    arena_init(&batch->arena, &queue->engine->allocator);
    batch->last = &batch->first;
    queue->filling = batch;
    return batch;
}

struct event_node *queue_add_event(struct cc_queue *queue, enum cc_event_type type,
                                   struct cc_session *const *sessions, size_t count,
                                   struct message *message)
{
    struct output_batch *batch = batch_filling(queue);
    struct event_node *node = batch ? arena_alloc(&batch->arena, sizeof *node) : NULL;
    void **data = node ? arena_alloc(&batch->arena, count * sizeof *data) : NULL;
    struct cc_session **targets = data ? arena_alloc(&batch->arena, count * sizeof *targets) : NULL;

    if (!targets)
        return NULL;
    memset(node, 0, sizeof *node);
    for (size_t i = 0; i < count; i++) {
        targets[i] = sessions[i];
        data[i] = sessions[i]->data;
    }
    node->targets = targets;
    node->event.type = type;
    node->event.sessions = data;
    node->event.session_count = count;
    node->message = message ? message_ref(message) : NULL;
    *batch->last = node;
    batch->last = &node->next;
    return node;
}

struct arena *queue_arena(struct cc_queue *queue)
{
    return &queue->filling->arena;
}

void queue_publish(struct cc_queue *queue)
{
    struct output_batch *batch = queue->filling;

    if (!batch || !batch->first)
        return;
    queue->filling = NULL;
    if (chain_add(&queue->outputs, &batch->link) && queue->wake)
        queue->wake(queue->context);
}

static void node_release(struct event_node *node)
{
    if (node->message)
        message_unref(node->message);
    node->message = NULL;
    for (size_t i = 0; i < node->held_count; i++)
        message_unref(node->held[i]);
    node->held_count = 0;
}

static void output_batch_free(struct output_batch *batch)
{
    const struct cc_allocator *allocator = batch->arena.allocator;

    for (struct event_node *node = batch->first; node; node = node->next)
        node_release(node);
    arena_deinit(&batch->arena);
    mem_free(allocator, batch);
}

uint32_t cc_event_weight(const struct cc_event *event)
{
    switch (event->type) {
    case CC_EVENT_REPLY:
    case CC_EVENT_CLOSED:
    case CC_EVENT_STOPPED:
    case CC_EVENT_CONSUMED:
    case CC_EVENT_CONSUMER_CLOSED:
        return 0;
    case CC_EVENT_MESSAGE:
        return message_weight(event->u.message);
    default:
        return 1;
    }
}

/* The host has seen the event. */
static void event_done(struct cc_queue *queue, struct event_node *node)
{
    uint32_t weight = cc_event_weight(&node->event);

    node_release(node);
    for (size_t i = 0; weight && i < node->event.session_count; i++)
        if (!node->targets[i]->counts_consumed)
            cc_session_consumed(node->targets[i], weight);
    if (node->event.type == CC_EVENT_CLOSED) {
        consumers_remove(queue, node->targets[0]);
        submit_own(node->targets[0], &node->targets[0]->release_input, INPUT_RELEASE);
    } else if (node->event.type == CC_EVENT_CONSUMED) {
        consumer_host_drained(&node->event);
    } else if (node->event.type == CC_EVENT_CONSUMER_CLOSED) {
        consumer_host_release(node->consumer);
    }
}

/* Links of one batch to the next are kept in the chain's links: the oldest batch is read first. */
static struct event_node *next_batch(struct cc_queue *queue)
{
    struct output_batch *done = queue->reading;
    struct chain_link *next = done ? done->link.next : NULL;

    if (done)
        output_batch_free(done);
    if (!next)
        next = chain_take(&queue->outputs);
    queue->reading = (struct output_batch *)next;
    return queue->reading ? queue->reading->first : NULL;
}

const struct cc_event *cc_queue_next(struct cc_queue *queue)
{
    struct event_node *done = queue->current;
    struct event_node *node = done ? done->next : NULL;

    if (done)
        event_done(queue, done);
    if (!node)
        node = next_batch(queue);
    queue->current = node;
    if (node)
        return &node->event;
    cc_queue_flush(queue);
    return NULL;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void outputs_free(struct cc_queue *queue)
{
    struct chain_link *link = queue->reading ? &queue->reading->link : NULL;

    for (int round = 0; round < 2; round++) {
        while (link) {
            struct output_batch *batch = (struct output_batch *)link;

            link = link->next;
            output_batch_free(batch);
        }
        link = chain_take(&queue->outputs);
    }
    if (queue->filling)
        output_batch_free(queue->filling);
}

/* Sessions and consumers whose opening was never taken are known to nobody else. */
static void inputs_drop(struct input_batch *batch)
{
    for (struct input *input = batch->first; input; input = input->next)
        if (input->type == INPUT_OPEN)
            session_free(input->session);
        else if (input->type == INPUT_CONSUMER_OPEN)
            consumer_host_drop(input->consumer);
    batch_free(batch);
}

static void inputs_free(struct cc_queue *queue)
{
    struct chain_link *link = chain_take(&queue->inputs);
    struct input_batch *first = NULL;

    /* The built-in ones lie in sessions and consumers: they are passed over before any is freed. */
    while (link) {
        struct input_batch *batch = (struct input_batch *)link;

        link = link->next;
        if (batch->is_builtin)
            continue;
        batch->link.next = first ? &first->link : NULL;
        first = batch;
    }
    while (first) {
        struct input_batch *batch = first;

        first = (struct input_batch *)batch->link.next;
        inputs_drop(batch);
    }
    if (queue->submitting)
        inputs_drop(queue->submitting);
    queue->submitting = NULL;
}

void queue_drop(struct cc_queue *queue)
{
    inputs_free(queue);
    outputs_free(queue);
    queue->reading = NULL;
    queue->filling = NULL;
    queue->current = NULL;
    queue->consumers = NULL;
}

void queue_free(struct cc_queue *queue)
{
    queue_drop(queue);
    mem_free(&queue->engine->allocator, queue->others.sessions);
    mem_free(&queue->engine->allocator, queue->own.sessions);
    mem_free(&queue->engine->allocator, queue);
}
