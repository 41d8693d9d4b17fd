/*
 * Reading: watchers → does anybody listen? → blocked → what is set → contacts, where they matter.
 */
#include "engine/audience.h"

#include "chatcore/error.h"
#include "engine/presence.h"
#include "engine/push.h"

void audience_deinit(struct audience *audience)
{
    cc_op_release(&audience->watchers.op);
    cc_op_release(&audience->blocked.op);
    cc_op_release(&audience->contacts.op);
    cc_op_release(&audience->privacy.op);
}

static void read_list(struct audience *audience, struct cc_directory_related *list,
                      enum cc_relation relation, size_t limit, void (*read)(struct cc_op *op))
{
    struct cc_engine *engine = audience->engine;

    list->user = audience->user;
    list->relation = relation;
    list->limit = limit;
    engine_op_begin(engine, &list->op, read);
    engine->directory.vtable->related(engine->directory.self, list);
}

static void contacts_read(struct cc_op *op)
{
    struct audience *audience = container_of(op, struct audience, contacts.op);

    engine_op_done(audience->engine, op);
    audience->read(audience, op->status);
}

static void privacy_read(struct cc_op *op)
{
    struct audience *audience = container_of(op, struct audience, privacy.op);

    engine_op_done(audience->engine, op);
    if (!op->status && audience->privacy.ret_privacy->presence == CC_AUDIENCE_CONTACTS)
        read_list(audience, &audience->contacts, CC_RELATION_CONTACT, AUDIENCE_CONTACTS_MAX,
                  contacts_read);
    else
        audience->read(audience, op->status);
}

static void blocked_read(struct cc_op *op)
{
    struct audience *audience = container_of(op, struct audience, blocked.op);
    struct cc_engine *engine = audience->engine;

    engine_op_done(engine, op);
    if (op->status || audience->blocked.ret_more) {
        audience->read(audience, op->status ? op->status : CC_ETOOLARGE);
        return;
    }
    audience->privacy.users = &audience->user;
    audience->privacy.count = 1;
    engine_op_begin(engine, &audience->privacy.op, privacy_read);
    engine->directory.vtable->privacy(engine->directory.self, &audience->privacy);
}

static bool somebody_listens(const struct audience *audience)
{
    for (size_t i = 0; i < audience->watchers.ret_count; i++)
        if (push_reaches(audience->engine, audience->watchers.ret_users[i]))
            return true;
    return false;
}

static void watchers_read(struct cc_op *op)
{
    struct audience *audience = container_of(op, struct audience, watchers.op);

    engine_op_done(audience->engine, op);
    if (op->status)
        audience->read(audience, op->status);
    else if (audience->watchers.ret_more)
        audience->read(audience, CC_ETOOLARGE);
    else if (!somebody_listens(audience))
        audience->read(audience, CC_ENOTFOUND);
    else
        read_list(audience, &audience->blocked, CC_RELATION_BLOCKED, AUDIENCE_BLOCKED_MAX,
                  blocked_read);
}

void audience_read(struct audience *audience)
{
    audience->watchers.reverse = true;
    read_list(audience, &audience->watchers, CC_RELATION_CONTACT, PRESENCE_WATCHERS_MAX,
              watchers_read);
}

/* Whether `user` is in the list; both it and the users asked for ascend. */
static bool is_listed(const struct cc_directory_related *list, struct cc_slice user, size_t *at)
{
    while (*at < list->ret_count && slice_compare(list->ret_users[*at], user) < 0)
        ++*at;
    return *at < list->ret_count && slice_equal(list->ret_users[*at], user);
}

size_t audience_split(const struct audience *audience, struct cc_slice *ret_seeing,
                      struct cc_slice *ret_others, size_t *ret_other_count)
{
    enum cc_audience set = audience->privacy.ret_privacy->presence;
    size_t seeing = 0;
    size_t others = 0;
    size_t blocked_at = 0;
    size_t contacts_at = 0;

    for (size_t i = 0; i < audience->watchers.ret_count; i++) {
        struct cc_slice watcher = audience->watchers.ret_users[i];

        if (is_listed(&audience->blocked, watcher, &blocked_at))
            continue;
        if (set == CC_AUDIENCE_EVERYONE ||
            (set == CC_AUDIENCE_CONTACTS && is_listed(&audience->contacts, watcher, &contacts_at)))
            ret_seeing[seeing++] = watcher;
        else if (ret_others)
            ret_others[others++] = watcher;
    }
    if (ret_other_count)
        *ret_other_count = others;
    return seeing;
}
