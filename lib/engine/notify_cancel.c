/*
 * Taking back: the user has read what his devices show.
 *
 * What this node told in this run it remembers; of what was told before, or by another node, the
 * mark in the store knows. Only where a notifier can take back anything.
 *
 *   mark → devices → badge → pushes, and the mark that it was taken back
 */
#include "chatcore/error.h"
#include "engine/notify_state.h"

struct take_back {
    struct notify *notify;
    struct cc_slice user; /* in the arena, like all that follows */
    struct cc_slice conversation;
    struct cc_device devices[NOTIFY_DEVICES_MAX];
    size_t device_count;
    uint64_t seq;
    struct badge badge;
    struct arena arena;
    struct cc_store_cursor mark;
    union {
        struct cc_store_read_cursors cursors;
        struct cc_directory_devices devices;
        struct cc_store_write_cursors write;
    } op;
};

static void end(struct take_back *back)
{
    struct notify *notify = back->notify;

    notify->take_backs--;
    badge_deinit(&back->badge);
    arena_deinit(&back->arena);
    mem_free(&notify->engine->allocator, back);
}

/* --- the mark that it was taken back ------------------------------------------------------------
 */

static void mark_written(struct cc_op *op)
{
    struct take_back *back = container_of(op, struct take_back, op.write.op);

    notify_op_done(back->notify, op);
    cc_op_release(op);
    end(back);
}

static void write_mark(struct take_back *back)
{
    struct cc_engine *engine = back->notify->engine;

    back->mark.user = back->user;
    back->mark.device = slice_str(MARK_NOTIFIED);
    back->mark.conversation = back->conversation;
    back->mark.read = back->seq;
    memset(&back->op, 0, sizeof back->op);
    back->op.write.cursors = &back->mark;
    back->op.write.count = 1;
    notify_op_begin(back->notify, &back->op.write.op, mark_written);
    engine->store.vtable->write_cursors(engine->store.self, &back->op.write);
}

/* --- pushes -------------------------------------------------------------------------------------
 */

static void push_to(struct take_back *back, const struct cc_device *device,
                    struct cc_notification *notification)
{
    struct push *push;

    notification->device = device->device;
    notification->token = device->token;
    notification->id = notify_id(back->user, device->device, back->conversation, back->seq,
                                 CC_NOTIFICATION_CANCEL);
    push = push_new(back->notify, notifier_find(back->notify, device->provider), notification);
    if (push)
        device_add(push);
}

/* Without memory or room a device shows what has been read: it does no harm. */
static void badge_counted(struct badge *badge, int status)
{
    struct take_back *back = container_of(badge, struct take_back, badge);
    char key[COLLAPSE_KEY_SIZE];
    struct cc_notification notification = {.action = CC_NOTIFICATION_CANCEL,
                                           .priority = CC_NOTIFICATION_NORMAL,
                                           .user = back->user,
                                           .conversation = back->conversation,
                                           .seq = back->seq,
                                           .badge = badge->unread,
                                           .ts = back->notify->engine->now.wall_ms};

    notify_collapse_key(back->user, back->conversation, key);
    notification.collapse_key = slice_of(key, sizeof key);
    if (status || back->notify->is_stopping) {
        end(back);
        return;
    }
    for (size_t i = 0; i < back->device_count && devices_have_room(back->notify); i++)
        push_to(back, &back->devices[i], &notification);
    write_mark(back);
}

/* --- devices ------------------------------------------------------------------------------------
 */

static int keep_device(struct take_back *back, const struct cc_device *device)
{
    const struct notifier *notifier = notifier_find(back->notify, device->provider);
    struct cc_device *kept = &back->devices[back->device_count];
    int r;

    if (!device->token.size || !notifier || !notifier->port.cancels ||
        back->device_count == NOTIFY_DEVICES_MAX)
        return 0;
    r = arena_copy(&back->arena, device->device, &kept->device);
    if (!r)
        r = arena_copy(&back->arena, device->token, &kept->token);
    kept->provider = notifier->port.provider;
    if (!r)
        back->device_count++;
    return r;
}

static void devices_read(struct cc_op *op)
{
    struct take_back *back = container_of(op, struct take_back, op.devices.op);
    int status = op->status;

    notify_op_done(back->notify, op);
    for (size_t i = 0; !status && i < back->op.devices.ret_count; i++)
        status = keep_device(back, &back->op.devices.ret_devices[i]);
    cc_op_release(op);
    if (status || back->notify->is_stopping)
        end(back);
    else if (!back->device_count)
        write_mark(back);
    else
        badge_count(&back->badge, back->user);
}

static void read_devices(struct take_back *back)
{
    struct cc_engine *engine = back->notify->engine;

    memset(&back->op, 0, sizeof back->op);
    back->op.devices.user = back->user;
    notify_op_begin(back->notify, &back->op.devices.op, devices_read);
    engine->directory.vtable->devices(engine->directory.self, &back->op.devices);
}

/* --- the mark: is there anything shown? ---------------------------------------------------------
 */

static void mark_read(struct cc_op *op)
{
    struct take_back *back = container_of(op, struct take_back, op.cursors.op);
    const struct cc_store_read_cursors *cursors = &back->op.cursors;
    uint64_t told = 0;
    uint64_t taken_back = 0;

    notify_op_done(back->notify, op);
    if (!op->status && cursors->ret_count) {
        told = cursors->ret_cursors[0].delivered;
        taken_back = cursors->ret_cursors[0].read;
    }
    cc_op_release(op);
    if (told <= taken_back || told > back->seq || back->notify->is_stopping) {
        end(back);
        return;
    }
    back->seq = told;
    read_devices(back);
}

static void read_mark(struct take_back *back)
{
    struct cc_engine *engine = back->notify->engine;
    struct cc_store_read_cursors *op = &back->op.cursors;

    op->user = back->user;
    op->device = slice_str(MARK_NOTIFIED);
    op->conversations = &back->conversation;
    op->count = 1;
    op->limit = 1;
    notify_op_begin(back->notify, &op->op, mark_read);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

void notify_take_back(struct notify *notify, struct cc_slice user, struct cc_slice conversation,
                      uint64_t seq, bool is_shown)
{
    struct take_back *back;

    if (!notify->any_cancels || notify->is_stopping || notify->take_backs == NOTIFY_TAKE_BACKS_MAX)
        return;
    back = mem_zalloc(&notify->engine->allocator, 1, sizeof *back);
    if (!back)
        return;
    notify->take_backs++;
    back->notify = notify;
    back->seq = seq;
    arena_init(&back->arena, &notify->engine->allocator);
    badge_init(&back->badge, notify);
    back->badge.done = badge_counted;
    if (arena_copy(&back->arena, user, &back->user) != 0 ||
        arena_copy(&back->arena, conversation, &back->conversation) != 0)
        end(back);
    else if (is_shown)
        read_devices(back);
    else
        read_mark(back);
}

void notify_read(struct cc_engine *engine, struct cc_slice user, struct cc_slice conversation,
                 uint64_t seq)
{
    struct notify *notify = engine->notify;
    struct batch *batch = notify ? batch_find(notify, user, conversation) : NULL;
    uint64_t shown;

    if (!notify || (batch && seq < batch->seq))
        return;
    if (!batch) {
        notify_take_back(notify, user, conversation, seq, false);
        return;
    }
    shown = batch->seq;
    if (batch_was_read(batch))
        notify_take_back(notify, user, conversation, shown, true);
}

void notify_delivered(struct cc_engine *engine, struct cc_slice user, struct cc_slice conversation,
                      uint64_t seq)
{
    struct notify *notify = engine->notify;
    struct batch *batch = notify ? batch_find(notify, user, conversation) : NULL;

    if (batch && seq >= batch->seq)
        batch_was_received(batch);
}
