/*
 * Recipients: what has to be known of one member before he is told, one read after the other, the
 * cheapest answers that end it first:
 *
 *   devices → membership and mute → cursors → mark → quiet hours → the sender's name → badge
 *
 * A member without a device, as most of a large group may be, costs one read.
 */
#include "chatcore/error.h"
#include "engine/notify_state.h"

static void end(struct recipient *recipient, int status)
{
    if (recipient->notify->is_stopping && !status)
        status = CC_ECANCELED;
    recipient->done(recipient, status);
}

/* --- operations ---------------------------------------------------------------------------------
 */

static void completed(struct cc_op *op)
{
    struct recipient *recipient = container_of(op, struct recipient, op.op);

    notify_op_done(recipient->notify, op);
    recipient->then(recipient);
}

/* The union is the caller's to fill in, after clear(). */
static void begin(struct recipient *recipient, void (*then)(struct recipient *recipient))
{
    recipient->then = then;
    notify_op_begin(recipient->notify, &recipient->op.op, completed);
}

static void clear(struct recipient *recipient)
{
    memset(&recipient->op, 0, sizeof recipient->op);
}

/* --- the end: telling ---------------------------------------------------------------------------
 */

static void counted(struct badge *badge, int status)
{
    struct recipient *recipient = container_of(badge, struct recipient, badge);

    recipient->telling.badge = badge->unread;
    if (!status && !recipient->notify->is_stopping)
        status = batch_tell(recipient->notify, &recipient->telling);
    end(recipient, status);
}

static void count_badge(struct recipient *recipient)
{
    const struct topic *topic = recipient->telling.topic;

    recipient->telling.from_name = slice_of(topic->from_name, topic->from_name_size);
    badge_count(&recipient->badge, recipient->telling.user);
}

/* --- the sender's name --------------------------------------------------------------------------
 */

static void set_from_name(struct topic *topic, struct cc_slice name)
{
    if (!name.size)
        name = slice_of(topic->last.from, topic->last.from_size);
    topic->from_name_size = text_cut(name, NOTIFY_NAME_MAX);
    memcpy(topic->from_name, name.data, topic->from_name_size);
    topic->has_from_name = true;
}

static void sender_read(struct recipient *recipient)
{
    const struct cc_directory_profile *op = &recipient->op.profile;
    int status = op->op.status;

    if (!status || status == CC_ENOTFOUND)
        set_from_name(recipient->telling.topic, status ? slice_of(NULL, 0) : op->ret_name);
    cc_op_release(&recipient->op.op);
    if (status && status != CC_ENOTFOUND)
        end(recipient, status);
    else
        count_badge(recipient);
}

static void read_profile(struct recipient *recipient, struct cc_slice user,
                         void (*then)(struct recipient *recipient))
{
    struct cc_engine *engine = recipient->notify->engine;

    clear(recipient);
    recipient->op.profile.user = user;
    begin(recipient, then);
    engine->directory.vtable->profile_get(engine->directory.self, &recipient->op.profile);
}

static void read_sender(struct recipient *recipient)
{
    const struct topic *topic = recipient->telling.topic;

    if (topic->has_from_name)
        count_badge(recipient);
    else
        read_profile(recipient, slice_of(topic->last.from, topic->last.from_size), sender_read);
}

/* --- quiet hours --------------------------------------------------------------------------------
 */

static void profile_read(struct recipient *recipient)
{
    const struct cc_directory_profile *op = &recipient->op.profile;
    struct notify *notify = recipient->notify;
    int status = op->op.status;
    struct preferences preferences;
    bool is_quiet;

    preferences_read(status ? slice_of(NULL, 0) : op->ret_meta, &preferences);
    cc_op_release(&recipient->op.op);
    if (status && status != CC_ENOTFOUND) {
        end(recipient, status);
        return;
    }
    recipient->telling.has_preview = !preferences.preview_off && !notify->options.preview_off;
    is_quiet = preferences_are_quiet(&preferences, notify->engine->now.wall_ms);
    if (is_quiet) {
        notify->engine->stats.notifications_held_back++;
        end(recipient, 0);
    } else {
        read_sender(recipient);
    }
}

/* --- cursors and mark ---------------------------------------------------------------------------
 */

static void note_seen(struct recipient *recipient, uint64_t seq)
{
    if (seq > recipient->seen)
        recipient->seen = seq;
}

/* What was told before, in this run or in one before, is not told again. */
static void mark_read(struct recipient *recipient)
{
    const struct cc_store_read_cursors *op = &recipient->op.cursors;
    struct telling *telling = &recipient->telling;
    const struct batch *batch =
        batch_find(recipient->notify, telling->user, telling->topic->conversation);
    int status = op->op.status;

    if (!status && op->ret_count)
        note_seen(recipient, op->ret_cursors[0].delivered);
    cc_op_release(&recipient->op.op);
    if (batch)
        note_seen(recipient, batch->seq);
    telling->count = topic_count_for(telling->topic, telling->user, recipient->seen);
    if (status || !telling->count)
        end(recipient, status);
    else
        read_profile(recipient, telling->user, profile_read);
}

static void read_cursor(struct recipient *recipient, struct cc_slice device,
                        void (*then)(struct recipient *recipient))
{
    struct cc_engine *engine = recipient->notify->engine;
    struct cc_store_read_cursors *op = &recipient->op.cursors;

    clear(recipient);
    op->user = recipient->telling.user;
    op->device = device;
    op->conversations = &recipient->telling.topic->conversation;
    op->count = 1;
    op->limit = 1;
    begin(recipient, then);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

/* What a device of his has had or shown needs no notification any more. */
static void cursor_read(struct recipient *recipient)
{
    const struct cc_store_read_cursors *op = &recipient->op.cursors;
    int status = op->op.status;

    for (size_t i = 0; !status && i < op->ret_count; i++) {
        note_seen(recipient, op->ret_cursors[i].read);
        note_seen(recipient, op->ret_cursors[i].delivered);
    }
    cc_op_release(&recipient->op.op);
    if (status ||
        !topic_count_for(recipient->telling.topic, recipient->telling.user, recipient->seen))
        end(recipient, status);
    else
        read_cursor(recipient, slice_str(MARK_NOTIFIED), mark_read);
}

/* --- membership and devices ---------------------------------------------------------------------
 */

/* 1: he is to be told; 0: not; or CC_ENOMEM. */
static int take_membership(struct recipient *recipient)
{
    const struct cc_directory_member *op = &recipient->op.member;
    struct telling *telling = &recipient->telling;
    int r;

    if (!op->ret_is_member || op->ret_muted_until > recipient->notify->engine->now.wall_ms)
        return 0;
    telling->kind = op->ret_conversation.kind;
    if (telling->kind == CC_KIND_DIRECT) /* its name is not for users */
        return 1;
    r = arena_copy(&recipient->arena, op->ret_conversation.name, &telling->conversation_name);
    telling->conversation_name.size = text_cut(telling->conversation_name, NOTIFY_NAME_MAX);
    return r ? r : 1;
}

static void member_read(struct recipient *recipient)
{
    int status = recipient->op.op.status;
    int r = status ? status : take_membership(recipient);

    cc_op_release(&recipient->op.op);
    if (r == CC_ENOTFOUND)
        r = 0;
    if (r <= 0)
        end(recipient, r);
    else
        read_cursor(recipient, slice_of(NULL, 0), cursor_read);
}

static void read_member(struct recipient *recipient)
{
    struct cc_engine *engine = recipient->notify->engine;
    struct cc_directory_member *op = &recipient->op.member;

    clear(recipient);
    op->conversation = recipient->telling.topic->conversation;
    op->user = recipient->telling.user;
    begin(recipient, member_read);
    engine->directory.vtable->member(engine->directory.self, op);
}

static int keep_device(struct recipient *recipient, const struct cc_device *device)
{
    struct cc_device *kept = &recipient->devices[recipient->telling.device_count];
    int r;

    if (!device->token.size || !notifier_find(recipient->notify, device->provider) ||
        recipient->telling.device_count == NOTIFY_DEVICES_MAX)
        return 0;
    r = arena_copy(&recipient->arena, device->device, &kept->device);
    if (!r)
        r = arena_copy(&recipient->arena, device->provider, &kept->provider);
    if (!r)
        r = arena_copy(&recipient->arena, device->token, &kept->token);
    if (!r)
        recipient->telling.device_count++;
    return r;
}

static void devices_read(struct recipient *recipient)
{
    const struct cc_directory_devices *op = &recipient->op.devices;
    int status = op->op.status;

    for (size_t i = 0; !status && i < op->ret_count; i++)
        status = keep_device(recipient, &op->ret_devices[i]);
    cc_op_release(&recipient->op.op);
    if (status == CC_ENOTFOUND)
        status = 0;
    if (status || !recipient->telling.device_count)
        end(recipient, status);
    else
        read_member(recipient);
}

void recipient_tell(struct recipient *recipient, struct topic *topic, struct cc_slice user)
{
    struct cc_engine *engine = recipient->notify->engine;

    arena_clear(&recipient->arena);
    memset(&recipient->telling, 0, sizeof recipient->telling);
    recipient->telling.topic = topic;
    recipient->telling.user = user;
    recipient->telling.devices = recipient->devices;
    recipient->seen = 0;
    clear(recipient);
    recipient->op.devices.user = user;
    begin(recipient, devices_read);
    engine->directory.vtable->devices(engine->directory.self, &recipient->op.devices);
}

void recipient_init(struct recipient *recipient, struct notify *notify,
                    void (*done)(struct recipient *recipient, int status))
{
    recipient->notify = notify;
    recipient->done = done;
    arena_init(&recipient->arena, &notify->engine->allocator);
    badge_init(&recipient->badge, notify);
    recipient->badge.done = counted;
}

void recipient_deinit(struct recipient *recipient)
{
    arena_deinit(&recipient->arena);
    badge_deinit(&recipient->badge);
}
