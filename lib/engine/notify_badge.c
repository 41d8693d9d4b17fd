/*
 * Badges: a user's unread messages over his conversations, but for the muted ones:
 *
 *   memberships → heads → marks
 *
 * Unread is what the list of conversations says it is. Of more than NOTIFY_BADGE_MAX conversations
 * the first ones count.
 */
#include "chatcore/error.h"
#include "engine/conversation.h"
#include "engine/notify_state.h"
#include "engine/unread.h"

static void end(struct badge *badge, int status)
{
    uint64_t unread = 0;

    for (size_t i = 0; !status && i < badge->count; i++)
        unread += unread_count(&badge->places[i]);
    badge->unread = unread > UINT32_MAX ? UINT32_MAX : (uint32_t)unread;
    arena_clear(&badge->arena);
    badge->done(badge, status);
}

static void marks_read(struct cc_op *op)
{
    struct badge *badge = container_of(op, struct badge, op.cursors.op);
    const struct cc_store_read_cursors *marks = &badge->op.cursors;
    int status = op->status;

    notify_op_done(badge->notify, op);
    for (size_t i = 0; !status && i < marks->ret_count; i++) {
        size_t index = slice_find(badge->ids, badge->count, marks->ret_cursors[i].conversation);

        if (index < badge->count)
            unread_add_mark(&badge->places[index], &marks->ret_cursors[i]);
    }
    cc_op_release(op);
    end(badge, status);
}

static void read_marks(struct badge *badge)
{
    struct cc_engine *engine = badge->notify->engine;
    struct cc_store_read_cursors *op = &badge->op.cursors;

    memset(&badge->op, 0, sizeof badge->op);
    op->user = badge->user;
    op->device = slice_str(MARK_JOIN);
    op->conversations = badge->ids;
    op->count = badge->count;
    op->limit = badge->count;
    notify_op_begin(badge->notify, &op->op, marks_read);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

static void heads_read(struct cc_op *op)
{
    struct badge *badge = container_of(op, struct badge, op.heads.op);
    int status = op->status;

    notify_op_done(badge->notify, op);
    for (size_t i = 0; !status && i < badge->count; i++)
        unread_add_head(&badge->places[i], &badge->op.heads.ret_heads[i]);
    cc_op_release(op);
    if (status)
        end(badge, status);
    else
        read_marks(badge);
}

static void read_heads(struct badge *badge)
{
    struct cc_engine *engine = badge->notify->engine;

    if (!badge->count) {
        end(badge, 0);
        return;
    }
    for (size_t i = 0; i < badge->count; i++)
        unread_add_loaded(&badge->places[i], conversation_find(engine, badge->ids[i]), badge->user);
    memset(&badge->op, 0, sizeof badge->op);
    badge->op.heads.conversations = badge->ids;
    badge->op.heads.count = badge->count;
    notify_op_begin(badge->notify, &badge->op.heads.op, heads_read);
    engine->store.vtable->read_heads(engine->store.self, &badge->op.heads);
}

static int take_memberships(struct badge *badge, const struct cc_directory_memberships *op)
{
    int64_t now = badge->notify->engine->now.wall_ms;
    size_t bytes = (op->ret_count + 1) * sizeof *badge->places;
    int r = 0;

    badge->ids = arena_alloc(&badge->arena, (op->ret_count + 1) * sizeof *badge->ids);
    badge->places = arena_alloc(&badge->arena, bytes);
    if (!badge->ids || !badge->places)
        return CC_ENOMEM;
    memset(badge->places, 0, bytes);
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
