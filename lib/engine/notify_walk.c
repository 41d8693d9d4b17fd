/*
 * Walks: going through the members of a topic's conversation, a page at a time.
 *
 * Members with a session here are known at once; of the others the session map is asked, a page in
 * one operation. Who is left is asked for one after the other. Each walk has one operation under
 * way: that is the bounded rate at which a large group is gone through.
 */
#include "chatcore/error.h"
#include "engine/notify_state.h"
#include "engine/user.h"

static void next_page(struct walk *walk);
static void next_user(struct walk *walk);

/* --- ending -------------------------------------------------------------------------------------
 */

static void walk_end(struct walk *walk)
{
    topic_free(walk->topic);
    walk->topic = NULL;
    timer_clear(&walk->notify->engine->timers, &walk->retry);
    arena_clear(&walk->arena);
    engine_wake(walk->notify->engine);
}

/* What can't be found out now is asked again, the same page or the same user. */
static void walk_retry(struct walk *walk, int status)
{
    struct cc_engine *engine = walk->notify->engine;

    if (walk->notify->is_stopping)
        return; /* the position was not moved: it comes again after the start */
    if (status != CC_EBUSY)
        engine_trace(engine, CC_TRACE_WARNING, "notify", "members can't be told now: %s",
                     cc_error_name(status));
    if (timer_set(&engine->timers, &walk->retry, engine->now.mono_ms + NOTIFY_RETRY_MS) != 0)
        walk_end(walk);
}

static void retry_expired(struct timer *timer, void *context)
{
    struct walk *walk = container_of(timer, struct walk, retry);

    (void)context;
    if (walk->notify->is_stopping)
        return;
    if (walk->count)
        next_user(walk);
    else
        next_page(walk);
}

/* --- one user after the other -------------------------------------------------------------------
 */

static void user_done(struct recipient *recipient, int status)
{
    struct walk *walk = container_of(recipient, struct walk, recipient);

    if (status) {
        walk_retry(walk, status);
        return;
    }
    walk->next++;
    next_user(walk);
}

/* The page is kept while its users are asked for, also over a retry. */
static void next_user(struct walk *walk)
{
    if (walk->notify->is_stopping)
        return;
    if (walk->next < walk->count) {
        recipient_tell(&walk->recipient, walk->topic, walk->users[walk->next]);
        return;
    }
    walk->count = 0;
    walk->next = 0;
    arena_clear(&walk->arena);
    if (walk->is_last)
        walk_end(walk);
    else
        next_page(walk);
}

/* --- a page -------------------------------------------------------------------------------------
 */

/* Without the session map, who is connected here is known all the same. */
static void located(struct cc_op *op)
{
    struct walk *walk = container_of(op, struct walk, op.locate.op);
    size_t kept = 0;

    notify_op_done(walk->notify, op);
    for (size_t i = 0; i < walk->count; i++) {
        bool is_online = !op->status && walk->op.locate.ret_locations[i].node_count;

        if (!is_online)
            walk->users[kept++] = walk->users[i];
    }
    walk->count = kept;
    cc_op_release(op);
    next_user(walk);
}

static void locate(struct walk *walk)
{
    struct cc_engine *engine = walk->notify->engine;

    walk->next = 0;
    if (!walk->count) {
        next_user(walk);
        return;
    }
    memset(&walk->op, 0, sizeof walk->op);
    walk->op.locate.users = walk->users;
    walk->op.locate.count = walk->count;
    notify_op_begin(walk->notify, &walk->op.locate.op, located);
    engine->cluster.vtable->locate(engine->cluster.self, &walk->op.locate);
}

static bool concerns(const struct walk *walk, struct cc_slice user)
{
    return !user_is_here(walk->notify->engine, user) && topic_count_for(walk->topic, user, 0);
}

static int keep_user(struct walk *walk, struct cc_slice user)
{
    int r;

    if (!concerns(walk, user))
        return 0;
    r = arena_copy(&walk->arena, user, &walk->users[walk->count]);
    if (!r)
        walk->count++;
    return r;
}

static int take_members(struct walk *walk, const struct cc_directory_members *op)
{
    int r = 0;

    walk->count = 0;
    for (size_t i = 0; !r && i < op->ret_count && i < NOTIFY_PAGE; i++)
        r = keep_user(walk, op->ret_members[i].user);
    if (r || !op->ret_count)
        return r;
    walk->after_size = op->ret_members[op->ret_count - 1].user.size;
    memcpy(walk->after, op->ret_members[op->ret_count - 1].user.data, walk->after_size);
    return 0;
}

static void page_failed(struct walk *walk, int status)
{
    walk->count = 0;
    arena_clear(&walk->arena);
    if (status == CC_ENOTFOUND)
        walk_end(walk); /* the conversation is gone */
    else
        walk_retry(walk, status);
}

static void members_read(struct cc_op *op)
{
    struct walk *walk = container_of(op, struct walk, op.members.op);
    int status = op->status;

    notify_op_done(walk->notify, op);
    if (!status) {
        walk->is_last = !walk->op.members.ret_more || !walk->op.members.ret_count;
        status = take_members(walk, &walk->op.members);
    }
    cc_op_release(op);
    if (status)
        page_failed(walk, status);
    else
        locate(walk);
}

static void read_members(struct walk *walk)
{
    struct cc_engine *engine = walk->notify->engine;
    struct cc_directory_members *op = &walk->op.members;

    memset(&walk->op, 0, sizeof walk->op);
    op->conversation = walk->topic->conversation;
    op->after = slice_of(walk->after, walk->after_size);
    op->limit = NOTIFY_PAGE;
    notify_op_begin(walk->notify, &op->op, members_read);
    engine->directory.vtable->members(engine->directory.self, op);
}

/* Those mentioned are few, and whether they are members is asked of each. */
static void take_mentions(struct walk *walk)
{
    const struct topic *topic = walk->topic;
    int r = 0;

    walk->count = 0;
    for (size_t i = 0; !r && i < topic->mention_count; i++)
        r = keep_user(walk, topic->mentions[i]);
    if (r) {
        page_failed(walk, r);
        return;
    }
    walk->is_last = true;
    locate(walk);
}

static void next_page(struct walk *walk)
{
    if (walk->topic->is_mentions)
        take_mentions(walk);
    else
        read_members(walk);
}

/* --- all of them --------------------------------------------------------------------------------
 */

void walks_init(struct notify *notify)
{
    for (size_t i = 0; i < NOTIFY_WALKS; i++) {
        struct walk *walk = &notify->walks[i];

        walk->notify = notify;
        walk->retry.expired = retry_expired;
        arena_init(&walk->arena, &notify->engine->allocator);
        recipient_init(&walk->recipient, notify, user_done);
    }
}

void walks_deinit(struct notify *notify)
{
    for (size_t i = 0; i < NOTIFY_WALKS; i++) {
        struct walk *walk = &notify->walks[i];

        if (walk->topic)
            topic_free(walk->topic);
        timer_clear(&notify->engine->timers, &walk->retry);
        arena_deinit(&walk->arena);
        recipient_deinit(&walk->recipient);
    }
}

void walks_step(struct notify *notify)
{
    for (size_t i = 0; i < NOTIFY_WALKS && !notify->is_stopping; i++) {
        struct walk *walk = &notify->walks[i];

        if (walk->topic)
            continue;
        walk->topic = topic_next_due(notify);
        if (!walk->topic)
            return;
        walk->after_size = 0;
        walk->count = 0;
        next_page(walk);
    }
}
