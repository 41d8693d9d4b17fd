/*
 * Badges: a user's unread messages over his conversations, but for the muted ones:
 *
 *   memberships → heads → cursors → joins
 *
 * Unread is what the list of conversations says it is. Of more than NOTIFY_BADGE_MAX conversations
 * the first ones count.
 */
#include "chatcore/error.h"
#include "engine/conversation.h"
#include "engine/notify_state.h"

static void end(struct badge *badge, int status)
{
    uint64_t unread = 0;

    for (size_t i = 0; !status && i < badge->count; i++)
        if (badge->heads[i] > badge->seen[i])
            unread += badge->heads[i] - badge->seen[i];
    badge->unread = unread > UINT32_MAX ? UINT32_MAX : (uint32_t)unread;
    arena_clear(&badge->arena);
    badge->done(badge, status);
}

static void note_seen(struct badge *badge, size_t index, uint64_t seq)
{
    if (index < badge->count && seq > badge->seen[index])
        badge->seen[index] = seq;
}

static void read_cursors(struct badge *badge, struct cc_slice device,
                         void (*complete)(struct cc_op *op))
{
    struct cc_engine *engine = badge->notify->engine;
    struct cc_store_read_cursors *op = &badge->op.cursors;

    memset(&badge->op, 0, sizeof badge->op);
    op->user = badge->user;
    op->device = device;
    op->conversations = badge->ids;
    op->count = badge->count;
    op->limit = badge->count;
    notify_op_begin(badge->notify, &op->op, complete);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

/* What was said before he joined is not unread. */
static void joins_read(struct cc_op *op)
{
    struct badge *badge = container_of(op, struct badge, op.cursors.op);
    const struct cc_store_read_cursors *cursors = &badge->op.cursors;
    int status = op->status;

    notify_op_done(badge->notify, op);
    for (size_t i = 0; !status && i < cursors->ret_count; i++)
        if (cursors->ret_cursors[i].delivered)
            note_seen(badge,
                      slice_find(badge->ids, badge->count, cursors->ret_cursors[i].conversation),
                      cursors->ret_cursors[i].delivered - 1);
    cc_op_release(op);
    end(badge, status);
}

static void cursors_read(struct cc_op *op)
{
    struct badge *badge = container_of(op, struct badge, op.cursors.op);
    const struct cc_store_read_cursors *cursors = &badge->op.cursors;
    int status = op->status;

    notify_op_done(badge->notify, op);
    for (size_t i = 0; !status && i < cursors->ret_count; i++)
        note_seen(badge, slice_find(badge->ids, badge->count, cursors->ret_cursors[i].conversation),
                  cursors->ret_cursors[i].read);
    cc_op_release(op);
    if (status)
        end(badge, status);
    else
        read_cursors(badge, slice_str(MARK_JOIN), joins_read);
}

/* What is loaded here is newer than the store; so is who joined a moment ago. */
static void take_loaded(struct badge *badge)
{
    for (size_t i = 0; i < badge->count; i++) {
        const struct conversation *loaded = conversation_find(badge->notify->engine, badge->ids[i]);
        uint64_t joined = loaded ? conversation_unflushed_join(loaded, badge->user) : 0;

        if (loaded && loaded->seq > badge->heads[i])
            badge->heads[i] = loaded->seq;
        if (joined)
            note_seen(badge, i, joined - 1);
    }
}

static void heads_read(struct cc_op *op)
{
    struct badge *badge = container_of(op, struct badge, op.heads.op);
    int status = op->status;

    notify_op_done(badge->notify, op);
    for (size_t i = 0; !status && i < badge->count; i++)
        badge->heads[i] = badge->op.heads.ret_heads[i].seq;
    cc_op_release(op);
    if (status) {
        end(badge, status);
        return;
    }
    take_loaded(badge);
    read_cursors(badge, slice_of(NULL, 0), cursors_read);
}

static void read_heads(struct badge *badge)
{
    struct cc_engine *engine = badge->notify->engine;

    if (!badge->count) {
        end(badge, 0);
        return;
    }
    memset(&badge->op, 0, sizeof badge->op);
    badge->op.heads.conversations = badge->ids;
    badge->op.heads.count = badge->count;
    notify_op_begin(badge->notify, &badge->op.heads.op, heads_read);
    engine->store.vtable->read_heads(engine->store.self, &badge->op.heads);
}

static int take_memberships(struct badge *badge, const struct cc_directory_memberships *op)
{
    int64_t now = badge->notify->engine->now.wall_ms;
    size_t bytes = (op->ret_count + 1) * sizeof(uint64_t);
    int r = 0;

    badge->ids = arena_alloc(&badge->arena, (op->ret_count + 1) * sizeof *badge->ids);
    badge->heads = arena_alloc(&badge->arena, bytes);
    badge->seen = arena_alloc(&badge->arena, bytes);
    if (!badge->ids || !badge->heads || !badge->seen)
        return CC_ENOMEM;
    memset(badge->seen, 0, bytes);
    for (size_t i = 0; !r && i < op->ret_count; i++) {
        if (op->ret_memberships[i].muted_until > now)
            continue;
        r = arena_copy(&badge->arena, op->ret_memberships[i].conversation.id,
                       &badge->ids[badge->count]);
        if (!r)
            badge->count++;
    }
    return r;
}

static void memberships_read(struct cc_op *op)
{
    struct badge *badge = container_of(op, struct badge, op.memberships.op);
    int status = op->status;

    notify_op_done(badge->notify, op);
    if (!status)
        status = take_memberships(badge, &badge->op.memberships);
    cc_op_release(op);
    if (status)
        end(badge, status);
    else
        read_heads(badge);
}

void badge_count(struct badge *badge, struct cc_slice user)
{
    struct cc_engine *engine = badge->notify->engine;
    struct cc_directory_memberships *op = &badge->op.memberships;

    badge->user = user;
    badge->count = 0;
    memset(&badge->op, 0, sizeof badge->op);
    op->user = user;
    op->limit = NOTIFY_BADGE_MAX;
    notify_op_begin(badge->notify, &op->op, memberships_read);
    engine->directory.vtable->memberships(engine->directory.self, op);
}

void badge_init(struct badge *badge, struct notify *notify)
{
    badge->notify = notify;
    arena_init(&badge->arena, &notify->engine->allocator);
}

void badge_deinit(struct badge *badge)
{
    arena_deinit(&badge->arena);
}
