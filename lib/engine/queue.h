/*
 * A queue joins one host thread with the engine's: batches of inputs one way, batches of events the
 * other, each handed over whole. Only the two chains and the count of waiting bytes are shared;
 * the members below say which thread owns them.
 *
 * A session's memory belongs to the engine. It gives the last event, CC_EVENT_CLOSED; when the host
 * has drained that, the queue sends a release behind every other input of the session, and the
 * engine frees.
 */
#ifndef CC_ENGINE_QUEUE_H
#define CC_ENGINE_QUEUE_H

#include "base/arena.h"
#include "base/chain.h"
#include "chatcore/engine.h"
#include "engine/message.h"

/* The CONSUMER ones name a consumer, the others a session. */
enum input_type {
    INPUT_OPEN,
    INPUT_COMMAND,
    INPUT_CONSUMED,
    INPUT_CLOSE,
    INPUT_RELEASE,
    INPUT_CONSUMER_OPEN,
    INPUT_CONSUMER_COMMIT,
    INPUT_CONSUMER_CLOSE,
    INPUT_CONSUMER_RELEASE
};

struct input {
    struct input *next;
    enum input_type type;
    uint32_t count; /* CONSUMED; CONSUMER_COMMIT: the partition */
    struct cc_session *session;
    struct cc_consumer *consumer;
    uint64_t offset; /* CONSUMER_COMMIT */
    struct input_batch *batch;
    struct cc_command *command; /* COMMAND: in the batch's arena, as its slices are */
};

/* Inputs submitted between two flushes. Lives until its last command is answered (refs: engine's
 * thread). */
struct input_batch {
    struct chain_link link;
    struct arena arena;
    struct input *first;
    struct input **last;
    size_t refs;
    size_t bytes;
    bool is_builtin;
};

/* An input of which the memory is there from the start: what must not fail for want of it. */
struct builtin_input {
    struct input_batch batch;
    struct input input;
};

struct event_node {
    struct event_node *next;
    struct cc_event event;
    struct cc_session **targets; /* the sessions that event.sessions names by their data */
    struct message *message;     /* a reference, or NULL */
    struct message **held;       /* CONSUMED: references, one for each of its messages */
    size_t held_count;
    struct cc_consumer *consumer; /* CONSUMER_CLOSED: goes when the event has been drained */
};

struct output_batch {
    struct chain_link link;
    struct arena arena;
    struct event_node *first;
    struct event_node **last;
};

/* Sessions that one event is being made for. */
struct targets {
    struct cc_session **sessions;
    size_t count;
    size_t capacity;
};

struct cc_queue {
    struct cc_engine *engine;
    struct cc_queue *next; /* in the engine's list, which only grows at its head */
    void (*wake)(void *context);
    void *context;

    /* shared */
    struct chain inputs;
    struct chain outputs;
    _Atomic size_t waiting_bytes; /* submitted, not yet taken */

    /* the queue's thread */
    struct input_batch *submitting;
    struct output_batch *reading;
    struct event_node *current;
    struct cc_session *consumers; /* sessions with consumed pushes not yet reported */

    /* the engine's thread */
    struct output_batch *filling;
    struct targets others; /* scratch of delivery.c */
    struct targets own;
};

int queue_new(struct cc_engine *engine, struct cc_queue **ret_queue);

/* Frees the inputs and events in it, before the sessions that they refer to go. Engine's thread,
 * the queue's at rest. */
void queue_drop(struct cc_queue *queue);
void queue_free(struct cc_queue *queue);

/* A new input, not submitted yet; NULL without memory. Queue's thread. */
struct input *input_new(struct cc_queue *queue, enum input_type type, struct cc_session *session);
void input_submit(struct input *input);

/* Its input names its session or consumer already. Queue's thread. */
void input_submit_builtin(struct cc_queue *queue, struct builtin_input *builtin,
                          enum input_type type);

/* Takes what was submitted and gives each input to session_input(). Engine's thread. */
void queue_take_inputs(struct cc_queue *queue);

/* The command of `batch` is answered. Engine's thread. */
void input_batch_unref(struct input_batch *batch);

/* Adds an event for sessions of this queue; takes a reference of `message` if given. NULL without
 * memory. Engine's thread. */
struct event_node *queue_add_event(struct cc_queue *queue, enum cc_event_type type,
                                   struct cc_session *const *sessions, size_t count,
                                   struct message *message);

/* The arena that lives as long as the queue's newest event. Valid after queue_add_event(). */
struct arena *queue_arena(struct cc_queue *queue);

/* Hands over the events of this step. Engine's thread. */
void queue_publish(struct cc_queue *queue);

#endif
