/*
 * Devices: a queue each, by provider and token. One push of a queue is under way at a time; what
 * failed waits in front, and holds up this device alone.
 */
#include "base/crypto.h"
#include "chatcore/error.h"
#include "engine/contacts.h"
#include "engine/notify_state.h"

struct device_queue {
    UT_hash_handle hh;
    struct notify *notify;
    const struct notifier *notifier;
    struct list pushes; /* waiting, by link */
    size_t count;       /* of them */
    size_t refs;        /* pushes, waiting or not: it goes with the last one */
    struct push *under_way;
    unsigned failures; /* in a row */
    int64_t not_before_ms;
    struct timer timer;
    uint8_t key[16]; /* a digest of provider and token */
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
    timer_clear(&queue->notify->engine->timers, &queue->timer);
    mem_free(&queue->notify->engine->allocator, queue);
}

static struct device_queue *device_get(struct notify *notify, const struct notifier *notifier,
                                       struct cc_slice token)
{
    const struct cc_allocator *hash_allocator = &notify->engine->allocator;
    struct cc_slice parts[] = {notifier->port.provider, token};
    struct device_queue *queue = NULL;
    uint8_t key[16];

    crypto_digest16(parts, 2, key);
    HASH_FIND(hh, notify->devices, key, sizeof key, queue);
    if (queue)
        return queue;
    queue = mem_zalloc(hash_allocator, 1, sizeof *queue);
    if (!queue)
        return NULL;
    queue->notify = notify;
    queue->notifier = notifier;
    queue->timer.expired = expired;
    list_init(&queue->pushes);
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
    struct cc_slice *slices[] = {&notification->user,         &notification->device,
                                 &notification->token,        &notification->collapse_key,
                                 &notification->conversation, &notification->conversation_name,
                                 &notification->from,         &notification->from_name,
                                 &notification->title,        &notification->body};

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
    struct device_queue *queue = device_get(notify, notifier, notification->token);
    struct push *push = queue ? push_copy(notify, notification) : NULL;

    if (!push) {
        if (queue && !queue->refs)
            device_free(queue);
        return NULL;
    }
    push->queue = queue;
    push->made_ms = notify->engine->now.mono_ms;
    queue->refs++;
    notify->push_count++;
    return push;
}

static void leave_queue(struct push *push)
{
    if (list_is_linked(&push->link))
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

void device_add(struct push *push)
{
    struct device_queue *queue = push->queue;

    enqueue(queue, push);
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

/* --- dead tokens --------------------------------------------------------------------------------
 */

/* The device is read before it is removed: it may have a new token since. */
struct removal {
    struct notify *notify;
    struct cc_slice user;
    struct cc_slice device;
    struct cc_slice token;
    union {
        struct cc_directory_devices devices;
        struct cc_directory_device put;
    } op;
    char bytes[];
};

static void removal_end(struct removal *removal)
{
    mem_free(&removal->notify->engine->allocator, removal);
}

static void removed(struct cc_op *op)
{
    struct removal *removal = container_of(op, struct removal, op.put.op);

    notify_op_done(removal->notify, op);
    cc_op_release(op);
    removal_end(removal);
}

static bool is_registered(const struct removal *removal)
{
    const struct cc_directory_devices *op = &removal->op.devices;

    for (size_t i = 0; i < op->ret_count; i++)
        if (slice_equal(op->ret_devices[i].device, removal->device) &&
            slice_equal(op->ret_devices[i].token, removal->token))
            return true;
    return false;
}

static void remove_device(struct removal *removal)
{
    struct cc_engine *engine = removal->notify->engine;

    memset(&removal->op, 0, sizeof removal->op);
    removal->op.put.user = removal->user;
    removal->op.put.device.device = removal->device;
    notify_op_begin(removal->notify, &removal->op.put.op, removed);
    engine->directory.vtable->device_put(engine->directory.self, &removal->op.put);
}

static void removal_read(struct cc_op *op)
{
    struct removal *removal = container_of(op, struct removal, op.devices.op);
    bool is_wanted;

    notify_op_done(removal->notify, op);
    is_wanted = !op->status && is_registered(removal);
    cc_op_release(op);
    if (is_wanted)
        remove_device(removal);
    else
        removal_end(removal);
}

/* Without memory, the next push to the token finds it gone again. */
static void remove_token(struct notify *notify, const struct cc_notification *gone)
{
    size_t size = gone->user.size + gone->device.size + gone->token.size;
    struct removal *removal = mem_zalloc(&notify->engine->allocator, 1, sizeof *removal + size);
    char *at;

    if (!removal)
        return;
    at = removal->bytes;
    removal->notify = notify;
    removal->user = slice_of(memcpy(at, gone->user.data, gone->user.size), gone->user.size);
    at += gone->user.size;
    removal->device = slice_of(memcpy(at, gone->device.data, gone->device.size), gone->device.size);
    at += gone->device.size;
    removal->token = slice_of(memcpy(at, gone->token.data, gone->token.size), gone->token.size);
    removal->op.devices.user = removal->user;
    notify_op_begin(notify, &removal->op.devices.op, removal_read);
    notify->engine->directory.vtable->devices(notify->engine->directory.self, &removal->op.devices);
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

/* It waits in front of the others; they are for the same device. */
static void retry_later(struct push *push, uint32_t retry_after_ms)
{
    struct device_queue *queue = push->queue;
    struct cc_engine *engine = queue->notify->engine;
    int64_t now = engine->now.mono_ms;

    queue->failures++;
    queue->not_before_ms = now + backoff_ms(queue, retry_after_ms);
    if (queue->not_before_ms - push->made_ms > (int64_t)queue->notify->options.retry_for_s * 1000) {
        push_give_up(push);
        return;
    }
    engine->stats.notifications_retried++;
    list_add_before(queue->pushes.head.next, &push->link);
    list_add(&queue->notify->retrying, &push->retry_link);
    queue->count++;
}

/* The token is of no device any more: what waits for it goes, too. */
static void token_gone(struct device_queue *queue, struct push *push)
{
    struct notify *notify = queue->notify;

    notify->engine->stats.notification_tokens_gone++;
    remove_token(notify, &push->op.notification);
    while (!list_is_empty(&queue->pushes))
        push_end(container_of(list_first(&queue->pushes), struct push, link), false);
    push_end(push, false);
}

static void push_succeeded(struct device_queue *queue, struct push *push)
{
    struct cc_engine_stats *stats = &queue->notify->engine->stats;

    queue->failures = 0;
    if (push->op.notification.action == CC_NOTIFICATION_CANCEL)
        stats->notifications_taken_back++;
    else
        stats->notifications_sent++;
    push_end(push, true);
}

static void pushed(struct cc_op *op)
{
    struct push *push = container_of(op, struct push, op.op);
    struct device_queue *queue = push->queue;
    struct notify *notify = queue->notify;
    enum cc_notifier_result result = op->status ? CC_NOTIFIER_LATER : push->op.ret_result;

    notify_op_done(notify, op);
    push->is_under_way = false;
    queue->under_way = NULL;
    queue->refs++; /* over what follows */
    if (op->status == CC_ECANCELED && notify->is_stopping) {
        push_free(push); /* neither sent nor given up: not marked, and told after the start */
    } else if (result == CC_NOTIFIER_SENT) {
        push_succeeded(queue, push);
    } else if (result == CC_NOTIFIER_GONE) {
        token_gone(queue, push);
    } else if (result == CC_NOTIFIER_REFUSED) {
        notify->engine->stats.notifications_refused++;
        push_end(push, false);
    } else {
        retry_later(push, op->status ? 0 : push->op.ret_retry_after_ms);
    }
    if (--queue->refs == 0)
        device_free(queue);
    else
        device_step(queue);
}

static void submit(struct device_queue *queue, struct push *push)
{
    struct notify *notify = queue->notify;
    const struct cc_notifier *port = &queue->notifier->port;

    leave_queue(push);
    push->is_under_way = true;
    queue->under_way = push;
    push->op.now = notify->engine->now;
    push->op.ret_result = CC_NOTIFIER_LATER;
    push->op.ret_retry_after_ms = 0;
    notify_op_begin(notify, &push->op.op, pushed);
    port->vtable->push(port->self, &push->op);
}

static void device_step(struct device_queue *queue)
{
    struct cc_engine *engine = queue->notify->engine;
    struct list_link *link = list_first(&queue->pushes);

    if (!link || queue->under_way || queue->notify->is_stopping)
        return;
    if (queue->not_before_ms <= engine->now.mono_ms)
        submit(queue, container_of(link, struct push, link));
    else if (timer_set(&engine->timers, &queue->timer, queue->not_before_ms) != 0)
        push_give_up(container_of(link, struct push, link)); /* else it would wait for ever */
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

            push_free(link ? container_of(link, struct push, link) : queue->under_way);
        }
    }
}
