/*
 * Batches: what one user is told of one conversation, and the mark that he was.
 *
 * A newer batch takes the place of what still waits of the one before: a device shows one
 * notification of a conversation, with the number of all messages since the user has read.
 */
#include "chatcore/error.h"
#include "engine/notify_state.h"

struct batch_key {
    char bytes[NOTIFY_KEY_MAX];
    size_t size;
};

static struct batch_key key_of(struct cc_slice user, struct cc_slice conversation)
{
    struct batch_key key;

    memcpy(key.bytes, user.data, user.size);
    key.bytes[user.size] = '\0';
    memcpy(key.bytes + user.size + 1, conversation.data, conversation.size);
    key.size = user.size + 1 + conversation.size;
    return key;
}

/* --- the table ----------------------------------------------------------------------------------
 */

struct batch *batch_find(struct notify *notify, struct cc_slice user, struct cc_slice conversation)
{
    struct batch_key key = key_of(user, conversation);
    struct batch *batch = NULL;

    HASH_FIND(hh, notify->batches, key.bytes, key.size, batch);
    return batch;
}

static void batch_free(struct batch *batch)
{
    struct notify *notify = batch->notify;

    if (batch->state == BATCH_SHOWN && list_is_linked(&batch->link))
        notify->shown_count--;
    list_remove(&batch->link);
    HASH_DELETE(hh, notify->batches, batch);
    if (batch->hold)
        hold_unref(batch->hold);
    mem_free(&notify->engine->allocator, batch);
}

static struct batch *batch_new(struct notify *notify, struct cc_slice user,
                               struct cc_slice conversation)
{
    const struct cc_allocator *hash_allocator = &notify->engine->allocator;
    struct batch_key key = key_of(user, conversation);
    struct batch *batch = mem_zalloc(hash_allocator, 1, sizeof *batch + key.size);

    if (!batch)
        return NULL;
    batch->notify = notify;
    batch->state = BATCH_SHOWN;
    list_init(&batch->pushes);
    memcpy(batch->key, key.bytes, key.size);
    batch->user = slice_of(batch->key, user.size);
    batch->conversation = slice_of(batch->key + user.size + 1, conversation.size);
    HASH_ADD_KEYPTR(hh, notify->batches, batch->key, key.size, batch);
    if (batch->hh.tbl)
        return batch;
    mem_free(hash_allocator, batch);
    return NULL;
}

/* Only remembered from now on; the longest untouched is forgotten. */
static void become_shown(struct batch *batch)
{
    struct notify *notify = batch->notify;

    hold_unref(batch->hold);
    batch->hold = NULL;
    batch->state = BATCH_SHOWN;
    list_add(&notify->shown, &batch->link);
    notify->shown_count++;
    if (notify->shown_count > notify->options.max_shown)
        batch_free(container_of(list_first(&notify->shown), struct batch, link));
}

/* --- telling ------------------------------------------------------------------------------------
 */

static void fill_notification(struct cc_notification *notification, const struct telling *telling,
                              const struct notify_text *text)
{
    const struct topic *topic = telling->topic;

    memset(notification, 0, sizeof *notification);
    notification->action = CC_NOTIFICATION_SHOW;
    notification->priority = topic->is_urgent ? CC_NOTIFICATION_HIGH : CC_NOTIFICATION_NORMAL;
    if (telling->kind == CC_KIND_DIRECT)
        notification->priority = CC_NOTIFICATION_HIGH;
    notification->user = telling->user;
    notification->conversation = topic->conversation;
    notification->kind = telling->kind;
    notification->conversation_name = telling->conversation_name;
    notification->from = slice_of(topic->last.from, topic->last.from_size);
    notification->from_name = telling->from_name;
    notification->title = buffer_slice(&text->title);
    notification->body = buffer_slice(&text->body);
    notification->badge = telling->badge;
    notification->seq = topic->last.seq;
    notification->ts = topic->last.ts;
    notification->trace_parent = slice_of(topic->last.trace_parent, topic->last.trace_parent_size);
}

/* A push for each device, or none. */
static int make_pushes(struct notify *notify, const struct telling *telling,
                       struct cc_notification *notification, struct push **pushes)
{
    for (size_t i = 0; i < telling->device_count; i++) {
        const struct cc_device *device = &telling->devices[i];

        notification->device = device->device;
        notification->token = device->token;
        notification->id = notify_id(telling->user, device->device, notification->conversation,
                                     notification->seq, notification->action);
        pushes[i] = push_new(notify, notifier_find(notify, device->provider), notification);
        if (pushes[i])
            continue;
        while (i > 0)
            push_free(pushes[--i]);
        return CC_ENOMEM;
    }
    return 0;
}

/* What waits of the batch before: the new one says it, too. */
static void drop_waiting(struct batch *batch)
{
    struct list_link *link = list_first(&batch->pushes);

    while (link) {
        struct push *push = container_of(link, struct push, batch_link);

        link = list_next(&batch->pushes, link);
        if (!push->is_under_way)
            push_free(push);
    }
}

static void begin_sending(struct batch *batch, const struct telling *telling)
{
    if (batch->state == BATCH_SHOWN) {
        if (list_is_linked(&batch->link))
            batch->notify->shown_count--;
        list_remove(&batch->link);
        batch->hold = hold_ref(telling->topic->hold);
        batch->state = BATCH_SENDING;
    }
    batch->is_read = false;
    batch->count += telling->count;
    batch->seq = telling->topic->last.seq;
}

static int make_all(struct notify *notify, const struct telling *telling, uint32_t count,
                    struct push **pushes)
{
    char collapse_key[COLLAPSE_KEY_SIZE];
    struct cc_notification notification;
    struct notify_text text;
    int r = CC_ENOMEM;

    buffer_init(&text.title, &notify->engine->allocator);
    buffer_init(&text.body, &notify->engine->allocator);
    notify_collapse_key(telling->user, telling->topic->conversation, collapse_key);
    if (text_write(&text, telling, count)) {
        fill_notification(&notification, telling, &text);
        notification.collapse_key = slice_of(collapse_key, sizeof collapse_key);
        notification.count = count;
        r = make_pushes(notify, telling, &notification, pushes);
    }
    buffer_deinit(&text.title);
    buffer_deinit(&text.body);
    return r;
}

int batch_tell(struct notify *notify, const struct telling *telling)
{
    struct push *pushes[NOTIFY_DEVICES_MAX];
    struct batch *batch;
    int r;

    if (!devices_have_room(notify))
        return CC_EBUSY;
    batch = batch_find(notify, telling->user, telling->topic->conversation);
    if (!batch)
        batch = batch_new(notify, telling->user, telling->topic->conversation);
    if (!batch)
        return CC_ENOMEM;
    r = make_all(notify, telling, batch->count + telling->count, pushes);
    if (r) {
        if (batch->state == BATCH_SHOWN && !list_is_linked(&batch->link))
            batch_free(batch);
        return r;
    }
    drop_waiting(batch);
    begin_sending(batch, telling);
    for (size_t i = 0; i < telling->device_count; i++) {
        pushes[i]->batch = batch;
        list_add(&batch->pushes, &pushes[i]->batch_link);
    }
    for (size_t i = 0; i < telling->device_count; i++)
        device_add(pushes[i]);
    return 0;
}

/* --- the end of pushes --------------------------------------------------------------------------
 */

static void want_mark(struct batch *batch)
{
    batch->state = BATCH_MARKING;
    list_add(&batch->notify->to_mark, &batch->link);
    engine_wake(batch->notify->engine);
}

void batch_push_ended(struct batch *batch, bool was_sent)
{
    batch->was_sent = batch->was_sent || was_sent;
    if (!list_is_empty(&batch->pushes))
        return;
    batch->ended_seq = batch->seq;
    if (batch->state == BATCH_SENDING)
        want_mark(batch);
    if (batch->is_read && batch->was_sent)
        notify_take_back(batch->notify, batch->user, batch->conversation, batch->seq, true);
    if (batch->is_read)
        batch->was_sent = false;
}

bool batch_was_read(struct batch *batch)
{
    bool was_sent = batch->was_sent;
    bool had_pushes = !list_is_empty(&batch->pushes);

    drop_waiting(batch);
    batch->count = 0;
    batch->was_sent = false;
    if (!list_is_empty(&batch->pushes)) {
        batch->is_read = true;
        batch->was_sent = was_sent;
        return false;
    }
    if (had_pushes)
        batch_push_ended(batch, false);
    else if (batch->state == BATCH_SHOWN)
        batch_free(batch);
    return was_sent;
}

void batch_was_received(struct batch *batch)
{
    if (list_is_empty(&batch->pushes))
        return;
    drop_waiting(batch);
    if (list_is_empty(&batch->pushes))
        batch_push_ended(batch, false);
}

/* --- marks --------------------------------------------------------------------------------------
 */

/* Of those written: what was told meanwhile goes on. */
static void mark_written(struct batch *batch)
{
    list_remove(&batch->link);
    if (batch->ended_seq > batch->mark_seq)
        want_mark(batch);
    else if (!list_is_empty(&batch->pushes))
        batch->state = BATCH_SENDING;
    else
        become_shown(batch);
}

static void marks_written(struct cc_op *op)
{
    struct notify *notify = container_of(op, struct notify, mark_op.op);
    struct list_link *link;

    notify_op_done(notify, op);
    notify->is_marking = false;
    while ((link = list_first(&notify->marking)) != NULL) {
        if (!op->status) {
            mark_written(container_of(link, struct batch, link));
        } else {
            list_remove(link);
            list_add(&notify->to_mark, link);
        }
    }
    if (op->status) /* without memory for the timer, the next step tries again */
        timer_set(&notify->engine->timers, &notify->mark_retry,
                  notify->engine->now.mono_ms + NOTIFY_RETRY_MS);
    cc_op_release(op);
}

static size_t gather_marks(struct notify *notify)
{
    struct list_link *link;
    size_t count = 0;

    while (count < NOTIFY_MARKS && (link = list_first(&notify->to_mark)) != NULL) {
        struct batch *batch = container_of(link, struct batch, link);
        struct cc_store_cursor *mark = &notify->marks[count++];

        list_remove(link);
        list_add(&notify->marking, link);
        batch->mark_seq = batch->ended_seq;
        memset(mark, 0, sizeof *mark);
        mark->user = batch->user;
        mark->device = slice_str(MARK_NOTIFIED);
        mark->conversation = batch->conversation;
        mark->delivered = batch->mark_seq;
    }
    return count;
}

static void retry_expired(struct timer *timer, void *context)
{
    (void)timer; /* it is not set any more: that is what the step looks at */
    (void)context;
}

void batches_step(struct notify *notify)
{
    struct cc_engine *engine = notify->engine;

    notify->mark_retry.expired = retry_expired;
    if (notify->is_marking || notify->mark_retry.index || list_is_empty(&notify->to_mark))
        return;
    memset(&notify->mark_op, 0, sizeof notify->mark_op);
    notify->mark_op.cursors = notify->marks;
    notify->mark_op.count = gather_marks(notify);
    notify->is_marking = true;
    notify_op_begin(notify, &notify->mark_op.op, marks_written);
    engine->store.vtable->write_cursors(engine->store.self, &notify->mark_op);
}

/* What can't be written when the engine stops is told again after the start. */
bool batches_are_idle(const struct notify *notify)
{
    return !notify->is_marking && (list_is_empty(&notify->to_mark) || notify->mark_retry.index);
}

void batches_free(struct notify *notify)
{
    struct batch *batch;
    struct batch *next;

    timer_clear(&notify->engine->timers, &notify->mark_retry);
    HASH_ITER(hh, notify->batches, batch, next)
    batch_free(batch);
}
