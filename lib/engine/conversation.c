/*
 * Conversations: members, the window of recent messages, and how long they stay in memory.
 */
#include "engine/conversation.h"

#include "chatcore/error.h"
#include "engine/conversation_load.h"
#include "engine/partition.h"

/*
 * So many conversations stay loaded although nothing recent is in them: what a conversation with
 * few members takes is about 1 KB, so this is some 64 MB.
 */
#define CONVERSATIONS_IDLE_MAX 65536

struct conversation *conversation_find(struct cc_engine *engine, struct cc_slice id)
{
    struct conversation *conversation = NULL;

    HASH_FIND(hh, engine->conversations, id.data, id.size, conversation);
    /* What is left of a lost partition is not what its owner knows. */
    if (!conversation || !conversation->is_loaded || !partition_is_running(conversation->partition))
        return NULL;
    return conversation;
}

/* A direct conversation is found by looking at its members, without the table. */
#define MEMBERS_LOOKED_AT 2

struct member_entry *conversation_member(struct conversation *conversation, struct cc_slice user)
{
    struct member_entry *entry = conversation->members;

    for (int i = 0; entry && i < MEMBERS_LOOKED_AT; i++, entry = entry->hh.next)
        if (slice_equal(entry->user, user))
            return entry;
    if (!entry)
        return NULL;
    HASH_FIND(hh, conversation->members, user.data, user.size, entry);
    return entry;
}

int conversation_put_member(struct conversation *conversation, struct cc_slice user,
                            enum cc_role role)
{
    const struct cc_allocator *hash_allocator = &conversation->engine->allocator;
    struct member_entry *entry = conversation_member(conversation, user);

    if (entry) {
        entry->role = role;
        return 0;
    }
    entry = mem_zalloc(hash_allocator, 1, sizeof *entry + user.size);
    if (!entry)
        return CC_ENOMEM;
    memcpy(entry->bytes, user.data, user.size);
    entry->user = slice_of(entry->bytes, user.size);
    entry->role = role;
    HASH_ADD_KEYPTR(hh, conversation->members, entry->user.data, entry->user.size, entry);
    if (entry->hh.tbl)
        return 0;
    mem_free(hash_allocator, entry);
    return CC_ENOMEM;
}

static void member_free(struct conversation *conversation, struct member_entry *entry)
{
    HASH_DELETE(hh, conversation->members, entry);
    mem_free(&conversation->engine->allocator, entry);
}

void conversation_remove_member(struct conversation *conversation, struct cc_slice user)
{
    struct member_entry *entry = conversation_member(conversation, user);

    if (entry)
        member_free(conversation, entry);
}

/* --- recent ------------------------------------------------------------------------------------
 */

static struct message **recent_place(const struct conversation *conversation, uint64_t seq)
{
    uint64_t first = conversation_recent_first(conversation);

    if (seq < first || seq > conversation->seq)
        return NULL;
    return &conversation->recent[(conversation->recent_start + (size_t)(seq - first)) &
                                 (conversation->recent_capacity - 1)];
}

struct message *conversation_recent(const struct conversation *conversation, uint64_t seq)
{
    struct message **place = recent_place(conversation, seq);

    return place ? *place : NULL;
}

void conversation_replace_recent(struct conversation *conversation, struct message *message)
{
    struct message **place = recent_place(conversation, message->view.seq);
    struct message *old = *place;

    message->said = old->said;
    message->client_hash = old->client_hash;
    message->conversation = conversation;
    *place = message_ref(message);
    message_unref(old);
}

static bool tells_joining(const struct cc_message *message, struct cc_slice user)
{
    if (message->kind != CC_MESSAGE_SYSTEM || message->action != CC_SYSTEM_ADDED)
        return false;
    for (size_t i = 0; i < message->user_count; i++)
        if (slice_equal(message->users[i], user))
            return true;
    return false;
}

uint64_t conversation_unflushed_join(const struct conversation *conversation, struct cc_slice user)
{
    for (uint64_t seq = conversation->seq; seq; seq--) {
        const struct message *message = conversation_recent(conversation, seq);

        if (!message || message->offset < conversation->partition->flushed)
            return 0;
        if (tells_joining(&message->view, user))
            return seq;
    }
    return 0;
}

static int recent_grow(struct conversation *conversation)
{
    size_t capacity = conversation->recent_capacity ? conversation->recent_capacity * 2 : 4;
    struct message **grown =
        mem_zalloc(&conversation->engine->allocator, capacity, sizeof(struct message *));

    if (!grown)
        return CC_ENOMEM;
    for (size_t i = 0; i < conversation->recent_count; i++)
        grown[i] =
            conversation
                ->recent[(conversation->recent_start + i) & (conversation->recent_capacity - 1)];
    mem_free(&conversation->engine->allocator, conversation->recent);
    conversation->recent = grown;
    conversation->recent_capacity = capacity;
    conversation->recent_start = 0;
    return 0;
}

int conversation_reserve_recent(struct conversation *conversation)
{
    if (conversation->recent_count < conversation->recent_capacity)
        return 0;
    return recent_grow(conversation);
}

void conversation_add_recent(struct conversation *conversation, struct message *message)
{
    size_t mask = conversation->recent_capacity - 1;

    conversation->recent[(conversation->recent_start + conversation->recent_count) & mask] =
        message_ref(message);
    conversation->recent_count++;
    message->conversation = conversation;
}

void conversation_drop_oldest(struct conversation *conversation)
{
    size_t at = conversation->recent_start;
    struct message *message = conversation->recent[at];

    conversation->recent_start = (at + 1) & (conversation->recent_capacity - 1);
    conversation->recent_count--;
    message_unref(message);
    if (!conversation->recent_count) {
        mem_free(&conversation->engine->allocator, conversation->recent);
        conversation->recent = NULL;
        conversation->recent_capacity = 0;
        conversation->recent_start = 0;
    }
    conversation_touch(conversation);
}

/* --- how long it stays --------------------------------------------------------------------------
 */

static bool is_idle(const struct conversation *conversation)
{
    return !conversation->refs && !conversation->recent_count && !conversation->head_is_dirty &&
           !conversation->waiters && !conversation->load;
}

static void lru_unlink(struct conversation *conversation)
{
    struct cc_engine *engine = conversation->engine;

    if (!conversation->is_listed)
        return;
    if (conversation->lru_previous)
        conversation->lru_previous->lru_next = conversation->lru_next;
    else
        engine->idle_oldest = conversation->lru_next;
    if (conversation->lru_next)
        conversation->lru_next->lru_previous = conversation->lru_previous;
    else
        engine->idle_newest = conversation->lru_previous;
    conversation->lru_next = NULL;
    conversation->lru_previous = NULL;
    conversation->is_listed = false;
    engine->idle_count--;
}

void conversation_touch(struct conversation *conversation)
{
    struct cc_engine *engine = conversation->engine;

    lru_unlink(conversation);
    if (!is_idle(conversation))
        return;
    conversation->lru_previous = engine->idle_newest;
    if (engine->idle_newest)
        engine->idle_newest->lru_next = conversation;
    else
        engine->idle_oldest = conversation;
    engine->idle_newest = conversation;
    conversation->is_listed = true;
    engine->idle_count++;
}

void conversation_ref(struct conversation *conversation)
{
    conversation->refs++;
    lru_unlink(conversation);
}

void conversation_unref(struct conversation *conversation)
{
    conversation->refs--;
    conversation_touch(conversation);
}

void conversation_free(struct conversation *conversation)
{
    struct cc_engine *engine = conversation->engine;
    struct member_entry *member;
    struct member_entry *next;

    lru_unlink(conversation);
    while (conversation->recent_count) {
        struct message *oldest = conversation->recent[conversation->recent_start];

        conversation->recent_start =
            (conversation->recent_start + 1) & (conversation->recent_capacity - 1);
        conversation->recent_count--;
        message_unref(oldest);
    }
    mem_free(&engine->allocator, conversation->recent);
    HASH_ITER(hh, conversation->members, member, next)
    member_free(conversation, member);
    HASH_DELETE(hh, engine->conversations, conversation);
    mem_free(&engine->allocator, (char *)conversation->name.data);
    mem_free(&engine->allocator, conversation);
}

void conversations_trim(struct cc_engine *engine)
{
    while (engine->idle_count > CONVERSATIONS_IDLE_MAX)
        conversation_free(engine->idle_oldest);
}

void conversations_drop(struct cc_engine *engine, const struct partition *partition)
{
    struct conversation *conversation;
    struct conversation *next;

    HASH_ITER(hh, engine->conversations, conversation, next)
    if (!partition || conversation->partition == partition)
        conversation_free(conversation);
}
