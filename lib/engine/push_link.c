/*
 * Pushes as messages of a link: the users, the event's type, then its values in the order of its
 * table. A table names each kind's members once, for writing and for reading.
 */
#include "engine/push_link.h"

#include "chatcore/error.h"
#include "engine/delivery.h"

enum value_type { VALUE_TEXT, VALUE_NUMBER, VALUE_INT, VALUE_BOOL };

struct value {
    enum value_type type;
    size_t offset; /* in struct push */
};

#define TEXT(member)                                                                               \
    {                                                                                              \
        VALUE_TEXT, offsetof(struct push, u.member)                                                \
    }
#define NUMBER(member)                                                                             \
    {                                                                                              \
        VALUE_NUMBER, offsetof(struct push, u.member)                                              \
    }
#define INT(member)                                                                                \
    {                                                                                              \
        VALUE_INT, offsetof(struct push, u.member)                                                 \
    }
#define BOOL(member)                                                                               \
    {                                                                                              \
        VALUE_BOOL, offsetof(struct push, u.member)                                                \
    }

static const struct value receipt_values[] = {
    TEXT(receipt.conversation), TEXT(receipt.user), NUMBER(receipt.delivered),
    NUMBER(receipt.read),       NUMBER(receipt.ts),
};

static const struct value typing_values[] = {
    TEXT(typing.conversation),
    TEXT(typing.user),
    BOOL(typing.on),
};

static const struct value presence_values[] = {
    TEXT(presence.user),
    INT(presence.status),
    NUMBER(presence.last_seen),
};

static const struct value conversation_values[] = {
    TEXT(conversation.conversation.id),
    INT(conversation.conversation.kind),
    TEXT(conversation.conversation.name),
    NUMBER(conversation.conversation.version),
    INT(conversation.conversation.member_count),
    NUMBER(conversation.conversation.created),
    BOOL(conversation.conversation.was_large),
    NUMBER(conversation.conversation.retention_s),
    TEXT(conversation.peer),
    INT(conversation.role),
    NUMBER(conversation.head),
    NUMBER(conversation.ts),
    NUMBER(conversation.read),
    NUMBER(conversation.delivered),
    NUMBER(conversation.unread),
    NUMBER(conversation.muted_until),
    BOOL(conversation.gone),
};

struct values {
    const struct value *values;
    uint32_t count;
};

#define VALUES(array)                                                                              \
    {                                                                                              \
        (array), sizeof(array) / sizeof((array)[0])                                                \
    }

/* Times are never negative: they are what a wall clock says. INT: enums and 32-bit numbers. */
_Static_assert(sizeof(enum cc_role) == sizeof(uint32_t), "enums are written as 32-bit numbers");
_Static_assert(sizeof(int64_t) == sizeof(uint64_t), "times are written as numbers");

static const struct values *values_of(enum cc_event_type type)
{
    static const struct values kinds[] = {
        [CC_EVENT_RECEIPT] = VALUES(receipt_values),
        [CC_EVENT_TYPING] = VALUES(typing_values),
        [CC_EVENT_PRESENCE] = VALUES(presence_values),
        [CC_EVENT_CONVERSATION] = VALUES(conversation_values),
    };

    if (type < CC_EVENT_RECEIPT || type > CC_EVENT_CONVERSATION)
        return NULL;
    return &kinds[type];
}

/* --- out ---------------------------------------------------------------------------------------
 */

static void put_value(struct peer *peer, const struct value *value, const struct push *push)
{
    const char *at = (const char *)push + value->offset;
    struct cc_slice text;
    uint64_t number = 0;
    uint32_t small;

    switch (value->type) {
    case VALUE_TEXT:
        memcpy(&text, at, sizeof text);
        link_put_bytes(peer, text);
        return;
    case VALUE_NUMBER:
        memcpy(&number, at, sizeof number);
        break;
    case VALUE_INT:
        memcpy(&small, at, sizeof small);
        number = small;
        break;
    case VALUE_BOOL:
        number = *(const bool *)at;
        break;
    }
    link_put_uint(peer, number);
}

static void put_push(struct peer *peer, const struct push *push)
{
    const struct values *values = values_of(push->type);

    link_begin(peer, LINK_PUSH, values->count + 2);
    link_put_names(peer, peer->targets, peer->target_count);
    peer->target_count = 0;
    link_put_uint(peer, push->type);
    for (uint32_t i = 0; i < values->count; i++)
        put_value(peer, &values->values[i], push);
}

void push_send(struct cc_engine *engine, const struct push *push)
{
    struct peer *peer;
    struct peer *next;

    HASH_ITER(hh, engine->link->peers, peer, next)
    if (peer->target_count)
        put_push(peer, push);
}

/* --- in ----------------------------------------------------------------------------------------
 */

static void read_value(struct unpack *unpack, const struct value *value, struct push *push)
{
    char *at = (char *)push + value->offset;
    struct cc_slice text;
    uint64_t number;
    uint32_t small;

    if (value->type == VALUE_TEXT) {
        text = unpack_bytes(unpack);
        memcpy(at, &text, sizeof text);
        return;
    }
    number = unpack_uint(unpack);
    small = (uint32_t)number;
    if (value->type == VALUE_NUMBER)
        memcpy(at, &number, sizeof number);
    else if (value->type == VALUE_INT)
        memcpy(at, &small, sizeof small);
    else
        *(bool *)at = number != 0;
}

/* What is read as a number may be no value of its enum: from a newer node, or by damage. */
static bool is_sane(const struct push *push)
{
    const struct cc_conversation_summary *summary = &push->u.conversation;

    if (push->type == CC_EVENT_PRESENCE)
        return push->u.presence.status <= CC_PRESENCE_ONLINE;
    if (push->type == CC_EVENT_CONVERSATION)
        return summary->conversation.kind >= CC_KIND_DIRECT &&
               summary->conversation.kind <= CC_KIND_CHANNEL && summary->role <= CC_ROLE_OWNER;
    return true;
}

static bool read_push(struct unpack *unpack, struct push *push)
{
    const struct values *values;

    memset(push, 0, sizeof *push);
    push->type = (enum cc_event_type)unpack_uint(unpack);
    values = values_of(push->type);
    for (uint32_t i = 0; values && i < values->count; i++)
        read_value(unpack, &values->values[i], push);
    return values && !unpack->failed && is_sane(push);
}

void push_received(struct peer *peer, struct unpack *unpack)
{
    struct cc_engine *engine = peer->engine;
    const struct cc_slice *users;
    struct push push;
    struct arena arena;
    size_t count;

    arena_init(&arena, &engine->allocator);
    if (link_read_names(unpack, &arena, &users, &count) && read_push(unpack, &push)) {
        delivery_begin(engine);
        for (size_t i = 0; i < count; i++)
            delivery_add_user(engine, users[i], NULL);
        push_deliver(engine, &push);
    }
    arena_deinit(&arena);
}
