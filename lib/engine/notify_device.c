/*
 * Devices: a queue each, by provider and token. One push of a queue is under way at a time; what
 * failed waits in front, and holds up this device alone.
 *
 * Where the notifier gathers, nothing goes before `due_ms`. Then the session map is asked once more
 * whether the user is online, for that may be minutes after he was last asked for; and the first
 * push takes with it (`along`) all that waits for the same user.
 */
#include "base/crypto.h"
#include "chatcore/error.h"
#include "engine/notify_state.h"
#include "engine/user.h"

struct device_queue {
    UT_hash_handle hh;
    struct notify *notify;
    const struct notifier *notifier;
    uint32_t gather_ms;
    struct list pushes; /* waiting, by link */
    size_t count;       /* of them */
    size_t refs;        /* pushes, waiting or not: it goes with the last one */
    struct push *under_way;
    unsigned failures; /* in a row */
    int64_t not_before_ms;
    struct timer timer;
    uint8_t key[16]; /* a digest of provider and token */

    /* Of a notifier that gathers: */
    int64_t due_ms;                        /* 0: nothing waits for its time */
    struct list along;                     /* by link: under way as part of another push */
    const struct cc_notification **others; /* theirs */
    struct cc_cluster_locate locate;
    struct cc_slice user; /* who is asked for, in `user_bytes` */
    char user_bytes[CC_NAME_MAX];
    bool is_asking;
};

static void device_step(struct device_queue *queue);

/* --- queues -------------------------------------------------------------------------------------
 */

static void expired(struct timer *timer, void *context)
{
    (void)context;
    device_step(container_of(timer, struct device_queue, timer));
}

static void device_free(struct device_queue *queue)
{
    HASH_DELETE(hh, queue->notify->devices, queue);
    mem_free(&queue->notify->engine->allocator, queue->others);
    timer_clear(&queue->notify->engine->timers, &queue->timer);
    mem_free(&queue->notify->engine->allocator, queue);
}

/* What verifies an address has a queue beside the one of what is told there. */
static struct device_queue *device_get(struct notify *notify, const struct notifier *notifier,
                                       const struct cc_notification *notification)
{
    const struct cc_allocator *hash_allocator = &notify->engine->allocator;
    bool verifies = notification->action == CC_NOTIFICATION_VERIFY;
    struct cc_slice parts[] = {notifier->port.provider, notification->token,
                               slice_str(verifies ? "verify" : "")};
    struct device_queue *queue = NULL;
    uint8_t key[16];

    crypto_digest16(parts, sizeof parts / sizeof *parts, key);
    HASH_FIND(hh, notify->devices, key, sizeof key, queue);
    if (queue)
        return queue;
    queue = mem_zalloc(hash_allocator, 1, sizeof *queue);
    if (!queue)
        return NULL;
    queue->notify = notify;
    queue->notifier = notifier;
    queue->gather_ms = verifies ? 0 : notifier->port.gather_ms;
    queue->timer.expired = expired;
    list_init(&queue->pushes);
    list_init(&queue->along);
    memcpy(queue->key, key, sizeof key);
    HASH_ADD(hh, notify->devices, key, sizeof queue->key, queue);
    if (queue->hh.tbl)
        return queue;
    mem_free(hash_allocator, queue);
    return NULL;
}

/* --- pushes -------------------------------------------------------------------------------------
 */

static struct cc_slice *slices_of(struct cc_notification *notification, size_t index)
{
    struct cc_slice *slices[] = {
        &notification->user,         &notification->device,       &notification->token,
        &notification->collapse_key, &notification->conversation, &notification->conversation_name,
        &notification->from,         &notification->from_name,    &notification->title,
        &notification->body,         &notification->trace_parent};

    return index < sizeof slices / sizeof slices[0] ? slices[index] : NULL;
}

static struct push *push_copy(struct notify *notify, const struct cc_notification *notification)
{
    struct cc_notification copy = *notification;
    struct cc_slice *slice;
    struct push *push;
    size_t size = 0;

    for (size_t i = 0; (slice = slices_of(&copy, i)) != NULL; i++)
        size += slice->size;
    push = mem_zalloc(&notify->engine->allocator, 1, sizeof *push + size);
    if (!push)
        return NULL;
    push->op.notification = copy;
    size = 0;
    for (size_t i = 0; (slice = slices_of(&push->op.notification, i)) != NULL; i++) {
        if (slice->size)
            memcpy(push->bytes + size, slice->data, slice->size);
        slice->data = push->bytes + size;
        size += slice->size;
    }
    return push;
}

struct push *push_new(struct notify *notify, const struct notifier *notifier,
                      const struct cc_notification *notification)
{
    struct device_queue *queue = device_get(notify, notifier, notification);
    struct push *push = queue ? push_copy(notify, notification) : NULL;

    if (!push) {
        if (queue && !queue->refs)
            device_free(queue);
        return NULL;
    }
    push->queue = queue;
    push->made_ms = notify->engine->now.mono_ms + queue->gather_ms;
    queue->refs++;
    notify->push_count++;
    return push;
}

static void leave_queue(struct push *push)
{
    if (list_is_linked(&push->link) && !push->is_under_way)
        push->queue->count--;
    list_remove(&push->link);
    list_remove(&push->retry_link);
}

void push_free(struct push *push)
{
    struct device_queue *queue = push->queue;
    struct notify *notify = queue->notify;

    leave_queue(push);
    list_remove(&push->batch_link);
    if (queue->under_way == push)
        queue->under_way = NULL;
    notify->push_count--;
    mem_free(&notify->engine->allocator, push);
    if (--queue->refs == 0)
        device_free(queue);
}

/* It has been sent, or will never be. The queue may be gone. */
static void push_end(struct push *push, bool was_sent)
{
    struct batch *batch = push->batch;

    push_free(push);
    if (batch)
        batch_push_ended(batch, was_sent);
}

static void push_give_up(struct push *push)
{
    push->queue->notify->engine->stats.notifications_dropped++;
    push_end(push, false);
}

static bool is_high(const struct push *push)
{
    return push->op.notification.priority == CC_NOTIFICATION_HIGH;
}

/* Behind those of its own priority. */
static void enqueue(struct device_queue *queue, struct push *push)
{
    struct list_link *at = list_first(&queue->pushes);

    while (at && (!is_high(push) || is_high(container_of(at, struct push, link))))
        at = list_next(&queue->pushes, at);
    list_add_before(at ? at : &queue->pushes.head, &push->link);
    queue->count++;
}

/* The oldest of those that matter least. */
static struct push *oldest_of(const struct device_queue *queue)
{
    struct list_link *at = list_first(&queue->pushes);

    while (at && is_high(container_of(at, struct push, link)))
        at = list_next(&queue->pushes, at);
    return container_of(at ? at : list_first(&queue->pushes), struct push, link);
}

/* Nothing is gathered while half of the room for all is taken: it would be missing to others. */
static void set_due(struct device_queue *queue)
{
    const struct notify *notify = queue->notify;
    bool is_crowded = notify->push_count > notify->options.max_pushes / 2;

    if (queue->gather_ms && (!queue->due_ms || is_crowded))
        queue->due_ms = notify->engine->now.mono_ms + (is_crowded ? 0 : queue->gather_ms);
}

void device_add(struct push *push)
{
    struct device_queue *queue = push->queue;

    enqueue(queue, push);
    set_due(queue);
    if (queue->count > queue->notify->options.max_device_queue)
        push_give_up(oldest_of(queue));
    else
        device_step(queue);
}

bool devices_have_room(struct notify *notify)
{
    while (notify->push_count + NOTIFY_DEVICES_MAX > notify->options.max_pushes) {
        struct list_link *link = list_first(&notify->retrying);

        if (!link)
            return false;
        push_give_up(container_of(link, struct push, retry_link));
    }
    return true;
}

/* --- one push after the other -------------------------------------------------------------------
 */

/* Doubling, with half of it drawn: devices of one outage don't come back at once. */
static int64_t backoff_ms(const struct device_queue *queue, uint32_t retry_after_ms)
{
    const struct cc_random *random = &queue->notify->engine->random;
    unsigned shift = queue->failures < 16 ? queue->failures - 1 : 15;
    int64_t most = (int64_t)NOTIFY_BACKOFF_MS << shift;
    uint32_t drawn;

    random->fill(random->context, &drawn, sizeof drawn);
    if (most > NOTIFY_BACKOFF_MAX_MS)
        most = NOTIFY_BACKOFF_MAX_MS;
    most = most / 2 + (int64_t)(drawn % (uint32_t)(most / 2 + 1));
    return most > retry_after_ms ? most : retry_after_ms;
}

/* Calls for each push that was under way, the most important last: what each puts in front of the
 * queue stands there in order. */
static void for_each_ended(struct device_queue *queue, struct push *push,
                           void (*then)(struct push *push))
{
    struct list_link *link;

    mem_free(&queue->notify->engine->allocator, queue->others);
    queue->others = NULL;
    while (!list_is_empty(&queue->along)) {
        link = queue->along.head.previous;
        list_remove(link);
        container_of(link, struct push, link)->is_under_way = false;
        then(container_of(link, struct push, link));
    }
    push->is_under_way = false;
    then(push);
}

/* It waits in front of the others; they are for the same device. */
static void wait_again(struct push *push)
{
    struct device_queue *queue = push->queue;
    struct notify *notify = queue->notify;

    if (queue->not_before_ms - push->made_ms > (int64_t)notify->options.retry_for_s * 1000) {
        push_give_up(push);
        return;
    }
    notify->engine->stats.notifications_retried++;
    list_add_before(queue->pushes.head.next, &push->link);
    list_add(&notify->retrying, &push->retry_link);
    queue->count++;
}

static void retry_later(struct device_queue *queue, struct push *push, uint32_t retry_after_ms)
{
    queue->failures++;
    queue->not_before_ms = queue->notify->engine->now.mono_ms + backoff_ms(queue, retry_after_ms);
    for_each_ended(queue, push, wait_again);
}

static void end_unsent(struct push *push)
{
    push_end(push, false);
}

/* The token is of no device any more: what waits for it goes, too. */
static void token_gone(struct device_queue *queue, struct push *push)
{
    struct notify *notify = queue->notify;

    notify->engine->stats.notification_tokens_gone++;
    token_remove(notify, &push->op.notification);
    while (!list_is_empty(&queue->pushes))
        push_end(container_of(list_first(&queue->pushes), struct push, link), false);
    for_each_ended(queue, push, end_unsent);
}

static void succeeded(struct push *push)
{
    struct cc_engine_stats *stats = &push->queue->notify->engine->stats;

    push->queue->failures = 0;
    if (push->op.notification.action == CC_NOTIFICATION_CANCEL)
        stats->notifications_taken_back++;
    else
        stats->notifications_sent++;
    push_end(push, true);
}

static void refused(struct push *push)
{
    push->queue->notify->engine->stats.notifications_refused++;
    push_end(push, false);
}

/* What was done with the queue held has ended. */
static void release(struct device_queue *queue)
{
    if (--queue->refs == 0)
        device_free(queue);
    else
        device_step(queue);
}

static void pushed(struct cc_op *op)
{
    struct push *push = container_of(op, struct push, op.op);
    struct device_queue *queue = push->queue;
    struct notify *notify = queue->notify;
    enum cc_notifier_result result = op->status ? CC_NOTIFIER_LATER : push->op.ret_result;

    notify_op_done(notify, op);
    queue->under_way = NULL;
    queue->refs++; /* over what follows */
    if (op->status == CC_ECANCELED && notify->is_stopping)
        for_each_ended(queue, push, push_free); /* not marked, and told after the start */
    else if (result == CC_NOTIFIER_SENT)
        for_each_ended(queue, push, succeeded);
    else if (result == CC_NOTIFIER_GONE)
        token_gone(queue, push);
    else if (result == CC_NOTIFIER_REFUSED)
        for_each_ended(queue, push, refused);
    else
        retry_later(queue, push, op->status ? 0 : push->op.ret_retry_after_ms);
    release(queue);
}

static bool goes_along(const struct push *push, const struct push *with)
{
    return push != with && push->op.notification.action == CC_NOTIFICATION_SHOW &&
           with->op.notification.action == CC_NOTIFICATION_SHOW &&
           slice_equal(push->op.notification.user, with->op.notification.user);
}

/* Without memory each goes by itself. */
static void take_along(struct device_queue *queue, struct push *push)
{
    struct list_link *link = list_first(&queue->pushes);

    if (!link)
        return;
    queue->others =
        mem_alloc(&queue->notify->engine->allocator, queue->count * sizeof *queue->others);
    push->op.others = queue->others;
    while (queue->others && link) {
        struct push *other = container_of(link, struct push, link);

        link = list_next(&queue->pushes, link);
        if (!goes_along(other, push))
            continue;
        leave_queue(other);
        other->is_under_way = true;
        list_add(&queue->along, &other->link);
        queue->others[push->op.other_count++] = &other->op.notification;
    }
}

static void submit(struct device_queue *queue, struct push *push)
{
    struct notify *notify = queue->notify;
    const struct cc_notifier *port = &queue->notifier->port;

    leave_queue(push);
    push->is_under_way = true;
    queue->under_way = push;
    queue->due_ms = 0;
    push->op.others = NULL;
    push->op.other_count = 0;
    if (queue->gather_ms)
        take_along(queue, push);
    push->op.now = notify->engine->now;
    push->op.ret_result = CC_NOTIFIER_LATER;
    push->op.ret_retry_after_ms = 0;
    notify_op_begin(notify, &push->op.op, pushed);
    port->vtable->push(port->self, &push->op);
}

/* --- is he still away? --------------------------------------------------------------------------
 */

static struct push *first_of_user(const struct device_queue *queue)
{
    struct list_link *link = list_first(&queue->pushes);

    while (link &&
           !slice_equal(container_of(link, struct push, link)->op.notification.user, queue->user))
        link = list_next(&queue->pushes, link);
    return link ? container_of(link, struct push, link) : NULL;
}

/* Who is online gets it there. Without the session map, who is connected here is known. */
static void located(struct cc_op *op)
{
    struct device_queue *queue = container_of(op, struct device_queue, locate.op);
    struct notify *notify = queue->notify;
    bool is_online = user_is_here(notify->engine, queue->user) ||
                     (!op->status && queue->locate.ret_locations[0].node_count);
    struct push *push;

    notify_op_done(notify, op);
    cc_op_release(op);
    queue->is_asking = false;
    while (is_online && (push = first_of_user(queue)) != NULL)
        push_end(push, false);
    push = first_of_user(queue);
    if (push && !notify->is_stopping)
        submit(queue, push);
    release(queue);
}

static void ask(struct device_queue *queue, const struct push *push)
{
    struct cc_engine *engine = queue->notify->engine;
    struct cc_slice user = push->op.notification.user;

    queue->is_asking = true;
    queue->refs++; /* until it is answered */
    queue->user = slice_of(memcpy(queue->user_bytes, user.data, user.size), user.size);
    memset(&queue->locate, 0, sizeof queue->locate);
    queue->locate.users = &queue->user;
    queue->locate.count = 1;
    notify_op_begin(queue->notify, &queue->locate.op, located);
    engine->cluster.vtable->locate(engine->cluster.self, &queue->locate);
}

static void device_step(struct device_queue *queue)
{
    struct cc_engine *engine = queue->notify->engine;
    struct list_link *link = list_first(&queue->pushes);
    struct push *push = link ? container_of(link, struct push, link) : NULL;
    int64_t at = queue->due_ms > queue->not_before_ms ? queue->due_ms : queue->not_before_ms;

    if (!push || queue->under_way || queue->is_asking || queue->notify->is_stopping)
        return;
    if (at > engine->now.mono_ms) {
        if (timer_set(&engine->timers, &queue->timer, at) != 0)
            push_give_up(push); /* else it would wait for ever */
    } else if (queue->gather_ms) {
        ask(queue, push);
    } else {
        submit(queue, push);
    }
}

/* --- the end ------------------------------------------------------------------------------------
 */

void devices_cancel(struct notify *notify)
{
    struct device_queue *queue;
    struct device_queue *next;

    HASH_ITER(hh, notify->devices, queue, next)
    {
        const struct cc_notifier *port = &queue->notifier->port;

        if (queue->under_way)
            port->vtable->cancel(port->self, &queue->under_way->op.op);
    }
}

/* The first one goes, until the queue has gone with its last. */
void devices_free(struct notify *notify)
{
    struct device_queue *queue;
    struct device_queue *next;

    HASH_ITER(hh, notify->devices, queue, next)
    {
        size_t left = queue->refs;

        for (; left; left--) {
            struct list_link *link = list_first(&queue->pushes);

            if (!link)
                link = list_first(&queue->along);
            push_free(link ? container_of(link, struct push, link) : queue->under_way);
        }
    }
}
