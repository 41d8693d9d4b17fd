/*
 * The users who type now, each with a timer for its end.
 */
#include "engine/typing.h"

#include "chatcore/error.h"
#include "engine/access.h"
#include "engine/groups.h"
#include "engine/push.h"
#include "engine/relations.h"
#include "engine/user.h"

#define TYPING_KEY_MAX (2 * CC_NAME_MAX + 1)

struct typist {
    UT_hash_handle hh;
    struct timer timer; /* its end, unless it is said anew */
    int64_t told_ms;
    struct cc_slice conversation; /* both in `key` */
    struct cc_slice user;
    char key[];
};

struct typing_state {
    struct typist *typists;
};

struct typist_key {
    char bytes[TYPING_KEY_MAX];
    size_t size;
};

int typing_init(struct cc_engine *engine)
{
    engine->typing = mem_zalloc(&engine->allocator, 1, sizeof *engine->typing);
    return engine->typing ? 0 : CC_ENOMEM;
}

static void typist_free(struct cc_engine *engine, struct typist *typist)
{
    HASH_DELETE(hh, engine->typing->typists, typist);
    timer_clear(&engine->timers, &typist->timer);
    mem_free(&engine->allocator, typist);
}

void typing_deinit(struct cc_engine *engine)
{
    struct typist *typist;
    struct typist *next;

    if (!engine->typing)
        return;
    HASH_ITER(hh, engine->typing->typists, typist, next)
    typist_free(engine, typist);
    mem_free(&engine->allocator, engine->typing);
    engine->typing = NULL;
}

static void tell(struct cc_engine *engine, struct typist *typist, bool on)
{
    struct push push = {.type = CC_EVENT_TYPING,
                        .u.typing = {typist->conversation, typist->user, on}};

    typist->told_ms = engine->now.mono_ms;
    push_to_members(engine, typist->conversation, typist->user, TYPING_MEMBERS_MAX, &push);
}

static void expired(struct timer *timer, void *context)
{
    struct typist *typist = container_of(timer, struct typist, timer);
    struct cc_engine *engine = context;

    tell(engine, typist, false);
    typist_free(engine, typist);
}

static struct typist_key key_of(const struct request *request)
{
    struct cc_slice conversation = request->conversation;
    struct cc_slice user = request->user->name;
    struct typist_key key;

    memcpy(key.bytes, conversation.data, conversation.size);
    key.bytes[conversation.size] = '\0';
    memcpy(key.bytes + conversation.size + 1, user.data, user.size);
    key.size = conversation.size + 1 + user.size;
    return key;
}

static struct typist *typist_find(struct cc_engine *engine, const struct typist_key *key)
{
    struct typist *typist = NULL;

    HASH_FIND(hh, engine->typing->typists, key->bytes, key->size, typist);
    return typist;
}

/* NULL when too many type, or without memory: nobody is told. */
static struct typist *typist_new(struct cc_engine *engine, const struct request *request,
                                 const struct typist_key *key)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct typist *typist;

    if (HASH_COUNT(engine->typing->typists) >= TYPING_MAX)
        return NULL;
    typist = mem_zalloc(hash_allocator, 1, sizeof *typist + key->size);
    if (!typist)
        return NULL;
    memcpy(typist->key, key->bytes, key->size);
    typist->conversation = slice_of(typist->key, request->conversation.size);
    typist->user = slice_of(typist->key + request->conversation.size + 1, request->user->name.size);
    typist->timer.expired = expired;
    typist->told_ms = engine->now.mono_ms - TYPING_REPEAT_MS;
    HASH_ADD_KEYPTR(hh, engine->typing->typists, typist->key, key->size, typist);
    if (typist->hh.tbl)
        return typist;
    mem_free(hash_allocator, typist);
    return NULL;
}

static void typing_on(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct typist_key key = key_of(request);
    struct typist *typist = typist_find(engine, &key);

    if (!typist)
        typist = typist_new(engine, request, &key);
    if (!typist)
        return;
    if (timer_set(&engine->timers, &typist->timer, engine->now.mono_ms + TYPING_TTL_MS) != 0)
        typist_free(engine, typist); /* what could not end must not begin */
    else if (engine->now.mono_ms - typist->told_ms >= TYPING_REPEAT_MS)
        tell(engine, typist, true);
}

static void typing_off(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct typist_key key = key_of(request);
    struct typist *typist = typist_find(engine, &key);

    if (!typist)
        return;
    tell(engine, typist, false);
    typist_free(engine, typist);
}

static void apply(struct request *request)
{
    if (request->command->on)
        typing_on(request);
    else
        typing_off(request);
    request_reply_empty(request);
}

static void direct_checked(struct request *request, int status)
{
    bool is_blocked = status == CC_EBLOCKED ||
                      (!status && (request->relation.to_other & CC_RELATION_BLOCKED) != 0);

    if (is_blocked) /* told like anybody; the other side sees nothing */
        request_reply_empty(request);
    else if (status)
        request_fail(request, status);
    else
        apply(request);
}

static void checked(struct request *request, const struct access *access, int status)
{
    if (status)
        request_fail(request, status);
    else if (access->kind == CC_KIND_CHANNEL && access->role == CC_ROLE_MEMBER)
        request_fail(request, CC_EFORBIDDEN);
    else if (access->member_count > TYPING_MEMBERS_MAX)
        request_reply_empty(request);
    else if (access->kind == CC_KIND_DIRECT)
        groups_check_direct(request, direct_checked);
    else
        apply(request);
}

void typing_set(struct request *request)
{
    if (!name_is_valid(request->conversation))
        request_fail(request, CC_EINVAL);
    else
        access_check(request, checked);
}
