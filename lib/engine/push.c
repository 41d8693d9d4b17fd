/*
 * Pushing: to sessions here through delivery.c, to other nodes through push_link.c.
 */
#include "engine/push.h"

#include "chatcore/error.h"
#include "engine/delivery.h"
#include "engine/interest.h"
#include "engine/push_link.h"

struct push_state {
    size_t lookups;
};

/* The members of a conversation that isn't loaded are being read. */
struct lookup {
    struct cc_engine *engine;
    struct cc_directory_members members;
    struct push push;
    uint32_t cut_off;
    struct cc_slice from;
    char conversation_bytes[CC_NAME_MAX];
    char from_bytes[CC_NAME_MAX];
};

int push_init(struct cc_engine *engine)
{
    engine->push = mem_zalloc(&engine->allocator, 1, sizeof *engine->push);
    return engine->push ? 0 : CC_ENOMEM;
}

void push_deinit(struct cc_engine *engine)
{
    mem_free(&engine->allocator, engine->push);
    engine->push = NULL;
}

void push_begin(struct cc_engine *engine)
{
    delivery_begin(engine);
}

void push_add(struct cc_engine *engine, struct cc_slice user, const struct cc_session *except)
{
    delivery_add_user(engine, user, except);
    if (engine->link->interests)
        interest_target(engine, user);
}

void push_deliver(struct cc_engine *engine, const struct push *push)
{
    switch (push->type) {
    case CC_EVENT_RECEIPT:
        delivery_end_receipt(engine, &push->u.receipt);
        break;
    case CC_EVENT_TYPING:
        delivery_end_typing(engine, &push->u.typing);
        break;
    case CC_EVENT_PRESENCE:
        delivery_end_presence(engine, &push->u.presence);
        break;
    default:
        delivery_end_conversation(engine, &push->u.conversation);
    }
}

void push_end(struct cc_engine *engine, const struct push *push)
{
    push_deliver(engine, push);
    if (engine->link->interests)
        push_send(engine, push);
}

bool push_reaches(struct cc_engine *engine, struct cc_slice user)
{
    return user_find(engine, user) || interest_exists(engine, user);
}

void push_to_user(struct cc_engine *engine, struct cc_slice user, const struct cc_session *except,
                  const struct push *push)
{
    push_begin(engine);
    push_add(engine, user, except);
    push_end(engine, push);
}

void push_to_users(struct cc_engine *engine, const struct cc_slice *users, size_t count,
                   const struct push *push)
{
    push_begin(engine);
    for (size_t i = 0; i < count; i++)
        push_add(engine, users[i], NULL);
    push_end(engine, push);
}

/* --- members -----------------------------------------------------------------------------------
 */

static void push_to_loaded(struct conversation *conversation, struct cc_slice from,
                           const struct push *push)
{
    struct cc_engine *engine = conversation->engine;
    struct member_entry *member;
    struct member_entry *next;

    push_begin(engine);
    HASH_ITER(hh, conversation->members, member, next)
    if (!slice_equal(member->user, from))
        push_add(engine, member->user, NULL);
    push_end(engine, push);
}

static void members_read(struct cc_op *op)
{
    struct lookup *lookup = container_of(op, struct lookup, members.op);
    struct cc_engine *engine = lookup->engine;
    const struct cc_directory_members *members = &lookup->members;

    engine_op_done(engine, op);
    engine->push->lookups--;
    if (!op->status && members->ret_count <= lookup->cut_off) {
        push_begin(engine);
        for (size_t i = 0; i < members->ret_count; i++)
            if (!slice_equal(members->ret_members[i].user, lookup->from))
                push_add(engine, members->ret_members[i].user, NULL);
        push_end(engine, &lookup->push);
    }
    cc_op_release(op);
    mem_free(&engine->allocator, lookup);
}

static struct cc_slice keep(char *bytes, struct cc_slice name)
{
    memcpy(bytes, name.data, name.size);
    return slice_of(bytes, name.size);
}

/* The push is delayed past this call: what it points to comes along. Its user is `from`. */
static void keep_push(struct lookup *lookup, const struct push *push)
{
    struct cc_slice conversation = lookup->members.conversation;

    lookup->push = *push;
    if (push->type == CC_EVENT_RECEIPT) {
        lookup->push.u.receipt.conversation = conversation;
        lookup->push.u.receipt.user = lookup->from;
    } else {
        lookup->push.u.typing.conversation = conversation;
        lookup->push.u.typing.user = lookup->from;
    }
}

static void look_up(struct cc_engine *engine, struct cc_slice conversation, struct cc_slice from,
                    uint32_t cut_off, const struct push *push)
{
    struct lookup *lookup;

    if (engine->push->lookups >= PUSH_LOOKUPS_MAX || engine->state != ENGINE_RUNNING)
        return;
    lookup = mem_zalloc(&engine->allocator, 1, sizeof *lookup);
    if (!lookup)
        return;
    lookup->engine = engine;
    lookup->cut_off = cut_off;
    lookup->from = keep(lookup->from_bytes, from);
    lookup->members.conversation = keep(lookup->conversation_bytes, conversation);
    lookup->members.limit = (size_t)cut_off + 1;
    keep_push(lookup, push);
    engine->push->lookups++;
    engine_op_begin(engine, &lookup->members.op, members_read);
    engine->directory.vtable->members(engine->directory.self, &lookup->members);
}

void push_to_members(struct cc_engine *engine, struct cc_slice conversation, struct cc_slice from,
                     uint32_t cut_off, const struct push *push)
{
    struct conversation *loaded = conversation_find(engine, conversation);

    if (!loaded)
        look_up(engine, conversation, from, cut_off, push);
    else if (conversation_member_count(loaded) <= cut_off)
        push_to_loaded(loaded, from, push);
}
