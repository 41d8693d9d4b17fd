/*
 * Delivery: targets gathered by queue, one event each.
 */
#include "engine/delivery.h"

#include "chatcore/error.h"
#include "engine/command_copy.h"
#include "engine/sync.h"

void delivery_begin(struct cc_engine *engine)
{
    for (struct cc_queue *queue = atomic_load(&engine->queues); queue; queue = queue->next) {
        queue->others.count = 0;
        queue->own.count = 0;
    }
}

static int targets_add(struct cc_engine *engine, struct targets *targets,
                       struct cc_session *session)
{
    void *sessions = targets->sessions;
    int r = mem_reserve(&engine->allocator, &sessions, &targets->capacity, targets->count + 1,
                        sizeof *targets->sessions);

    if (r)
        return r;
    targets->sessions = sessions;
    targets->sessions[targets->count++] = session;
    return 0;
}

/* Adds a live session, or turns it back to catching up when it reads too slowly. */
static void add_live(struct cc_engine *engine, struct cc_session *session, bool is_own)
{
    struct cc_queue *queue = session->queue;

    if (!session_is_live(session))
        return;
    if (session->outstanding >= engine->limits.max_outstanding ||
        targets_add(engine, is_own ? &queue->own : &queue->others, session) != 0) {
        engine->stats.slow_consumers++;
        sync_fall_back(session);
    }
}

static void add_sessions(struct cc_engine *engine, const struct user *user,
                         const struct cc_session *except, bool is_own)
{
    struct cc_session *session = user ? user->sessions : NULL;

    while (session) {
        struct cc_session *next = session->next_of_user; /* falling back may end it */

        if (session != except)
            add_live(engine, session, is_own);
        session = next;
    }
}

void delivery_add_user(struct cc_engine *engine, struct cc_slice user,
                       const struct cc_session *except)
{
    add_sessions(engine, user_find(engine, user), except, false);
}

/* One event for one queue's targets. NULL: no memory; the targets miss it. */
static struct event_node *emit(struct cc_queue *queue, enum cc_event_type type,
                               struct targets *targets, struct message *message)
{
    struct event_node *node =
        queue_add_event(queue, type, targets->sessions, targets->count, message);

    for (size_t i = 0; node && i < targets->count; i++)
        targets->sessions[i]->outstanding += message ? message_weight(&message->view) : 1;
    return node;
}

/* --- values ------------------------------------------------------------------------------------
 */

typedef int (*value_copier)(struct arena *arena, const void *value, void *copy);

/* Hints may be lost, never half told. Nobody consumes what nobody is given. */
static void take_back(struct event_node *node, const struct targets *targets)
{
    node->event.session_count = 0;
    for (size_t i = 0; i < targets->count; i++)
        targets->sessions[i]->outstanding--;
}

struct value {
    enum cc_event_type type;
    const void *value;
    size_t size;
    value_copier copier;
};

static void emit_value(struct cc_queue *queue, struct targets *targets, const struct value *value)
{
    struct event_node *node = targets->count ? emit(queue, value->type, targets, NULL) : NULL;
    void *copy;

    if (!node)
        return;
    copy = arena_alloc(queue_arena(queue), value->size);
    if (!copy || value->copier(queue_arena(queue), value->value, copy) != 0)
        take_back(node, targets);
    else
        node->event.u.reply = copy; /* every value's pointer is the union's first word */
}

static void end_value(struct cc_engine *engine, enum cc_event_type type, const void *value,
                      size_t size, value_copier copier)
{
    const struct value given = {type, value, size, copier};

    for (struct cc_queue *queue = atomic_load(&engine->queues); queue; queue = queue->next)
        emit_value(queue, &queue->others, &given);
}

static int copy_receipt(struct arena *arena, const void *value, void *copy)
{
    struct cc_receipt *receipt = copy;
    int r;

    *receipt = *(const struct cc_receipt *)value;
    r = arena_copy(arena, receipt->conversation, &receipt->conversation);
    return r ? r : arena_copy(arena, receipt->user, &receipt->user);
}

static int copy_typing(struct arena *arena, const void *value, void *copy)
{
    struct cc_typing *typing = copy;
    int r;

    *typing = *(const struct cc_typing *)value;
    r = arena_copy(arena, typing->conversation, &typing->conversation);
    return r ? r : arena_copy(arena, typing->user, &typing->user);
}

static int copy_presence(struct arena *arena, const void *value, void *copy)
{
    struct cc_presence *presence = copy;

    *presence = *(const struct cc_presence *)value;
    return arena_copy(arena, presence->user, &presence->user);
}

static int copy_conversation(struct arena *arena, const void *value, void *copy)
{
    return summary_copy(arena, value, copy);
}

static bool learns_no_reading(const struct cc_session *session, const struct cc_receipt *receipt)
{
    const struct user *user = session->user;

    return user->privacy.read_marks == CC_READ_MARKS_PRIVATE &&
           !slice_equal(user->name, receipt->user);
}

/* Moves those who are not told of others' reading from `others` to `own`. Without memory they are
 * told nothing. */
static void set_apart(struct cc_engine *engine, struct cc_queue *queue,
                      const struct cc_receipt *receipt)
{
    struct targets *others = &queue->others;
    size_t count = 0;

    for (size_t i = 0; i < others->count; i++)
        if (!learns_no_reading(others->sessions[i], receipt))
            others->sessions[count++] = others->sessions[i];
        else
            (void)targets_add(engine, &queue->own, others->sessions[i]);
    others->count = count;
}

void delivery_end_receipt(struct cc_engine *engine, const struct cc_receipt *receipt)
{
    struct cc_receipt less = *receipt;
    const struct value whole = {CC_EVENT_RECEIPT, receipt, sizeof *receipt, copy_receipt};
    const struct value part = {CC_EVENT_RECEIPT, &less, sizeof less, copy_receipt};

    less.read = 0;
    for (struct cc_queue *queue = atomic_load(&engine->queues); queue; queue = queue->next) {
        if (receipt->read)
            set_apart(engine, queue, receipt);
        emit_value(queue, &queue->others, &whole);
        if (less.delivered)
            emit_value(queue, &queue->own, &part);
    }
}

void delivery_end_typing(struct cc_engine *engine, const struct cc_typing *typing)
{
    end_value(engine, CC_EVENT_TYPING, typing, sizeof *typing, copy_typing);
}

void delivery_end_presence(struct cc_engine *engine, const struct cc_presence *presence)
{
    end_value(engine, CC_EVENT_PRESENCE, presence, sizeof *presence, copy_presence);
}

void delivery_end_conversation(struct cc_engine *engine,
                               const struct cc_conversation_summary *summary)
{
    end_value(engine, CC_EVENT_CONVERSATION, summary, sizeof *summary, copy_conversation);
}

/* --- messages ----------------------------------------------------------------------------------
 */

/* The sender's own sessions see the client_id, in a copy of the view. */
static bool emit_own(struct cc_queue *queue, struct targets *targets, struct message *message)
{
    struct event_node *node = emit(queue, CC_EVENT_MESSAGE, targets, message);
    struct cc_message *view;

    if (!node)
        return false;
    node->event.u.message = &message->view;
    view = message->client_id.size ? arena_alloc(queue_arena(queue), sizeof *view) : NULL;
    if (view) {
        *view = message->view;
        view->client_id = message->client_id;
        node->event.u.message = view;
    }
    return true;
}

static bool emit_others(struct cc_queue *queue, struct targets *targets, struct message *message)
{
    struct event_node *node = emit(queue, CC_EVENT_MESSAGE, targets, message);

    if (node)
        node->event.u.message = &message->view;
    return node != NULL;
}

static void fall_back_all(struct targets *targets)
{
    for (size_t i = 0; i < targets->count; i++)
        sync_fall_back(targets->sessions[i]);
}

static void end_message(struct cc_engine *engine, struct message *message)
{
    for (struct cc_queue *queue = atomic_load(&engine->queues); queue; queue = queue->next) {
        engine->stats.deliveries += queue->own.count + queue->others.count;
        if (queue->own.count && !emit_own(queue, &queue->own, message))
            fall_back_all(&queue->own);
        if (queue->others.count && !emit_others(queue, &queue->others, message))
            fall_back_all(&queue->others);
    }
}

void delivery_message(struct conversation *conversation, struct message *message)
{
    struct cc_engine *engine = conversation->engine;
    struct member_entry *member;
    struct member_entry *next;

    delivery_begin(engine);
    HASH_ITER(hh, conversation->members, member, next)
    add_sessions(engine, user_find_hashed(engine, member->user, member->hh.hashv), NULL,
                 slice_equal(member->user, message->view.from));
    if (message->view.kind == CC_MESSAGE_SYSTEM)
        for (size_t i = 0; i < message->view.user_count; i++)
            if (!conversation_member(conversation, message->view.users[i]))
                delivery_add_user(engine, message->view.users[i], NULL); /* who has just gone */
    end_message(engine, message);
}

void delivery_message_to_users(struct cc_engine *engine, struct message *message,
                               const struct cc_slice *users, size_t count)
{
    delivery_begin(engine);
    for (size_t i = 0; i < count; i++)
        add_sessions(engine, user_find(engine, users[i]), NULL,
                     slice_equal(users[i], message->view.from));
    end_message(engine, message);
}

int delivery_message_to(struct cc_session *session, struct message *message)
{
    struct cc_engine *engine = session_engine(session);
    bool is_own = session->user && slice_equal(session->user->name, message->view.from);
    struct targets one = {.sessions = &session, .count = 1};

    if (session->outstanding >= engine->limits.max_outstanding)
        return CC_EBUSY;
    if (!(is_own ? emit_own : emit_others)(session->queue, &one, message))
        return CC_ENOMEM;
    engine->stats.deliveries++;
    return 0;
}

void delivery_synced(struct cc_session *session, struct cc_slice cursor)
{
    struct cc_queue *queue = session->queue;
    struct event_node *node = queue_add_event(queue, CC_EVENT_SYNCED, &session, 1, NULL);

    if (!node || arena_copy(queue_arena(queue), cursor, &node->event.u.synced.cursor) != 0) {
        session_close(session, CC_CLOSE_TOO_MANY, "out of memory");
        return;
    }
    session->outstanding++;
}
