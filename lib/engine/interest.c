/*
 * Interests.
 */
#include "engine/interest.h"

#include "chatcore/error.h"
#include "engine/presence.h"

struct interest {
    UT_hash_handle hh;
    struct cc_slice user;
    struct peer *peers[INTEREST_PEERS_MAX];
    size_t count;
    char bytes[];
};

static struct interest *interest_find(const struct cc_engine *engine, struct cc_slice user)
{
    struct interest *interest = NULL;

    HASH_FIND(hh, engine->link->interests, user.data, user.size, interest);
    return interest;
}

static struct interest *interest_put(struct cc_engine *engine, struct cc_slice user)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct interest *interest = interest_find(engine, user);

    if (interest || !name_is_valid(user))
        return interest;
    interest = mem_zalloc(hash_allocator, 1, sizeof *interest + user.size);
    if (!interest)
        return NULL;
    memcpy(interest->bytes, user.data, user.size);
    interest->user = slice_of(interest->bytes, user.size);
    HASH_ADD_KEYPTR(hh, engine->link->interests, interest->user.data, interest->user.size,
                    interest);
    if (interest->hh.tbl)
        return interest;
    mem_free(hash_allocator, interest);
    return NULL;
}

static bool add_peer(struct interest *interest, struct peer *peer)
{
    for (size_t i = 0; i < interest->count; i++)
        if (interest->peers[i] == peer)
            return true;
    if (interest->count == INTEREST_PEERS_MAX)
        return false;
    interest->peers[interest->count++] = peer;
    return true;
}

static void remove_peer(struct cc_engine *engine, struct interest *interest,
                        const struct peer *peer)
{
    size_t kept = 0;

    for (size_t i = 0; i < interest->count; i++)
        if (interest->peers[i] != peer)
            interest->peers[kept++] = interest->peers[i];
    interest->count = kept;
    if (kept)
        return;
    HASH_DELETE(hh, engine->link->interests, interest);
    mem_free(&engine->allocator, interest);
}

void interest_register(struct peer *peer, struct unpack *unpack)
{
    struct cc_engine *engine = peer->engine;
    uint64_t ticket = unpack_uint(unpack);
    const struct cc_slice *users;
    struct arena arena;
    size_t count;
    bool ok;

    arena_init(&arena, &engine->allocator);
    ok = link_read_names(unpack, &arena, &users, &count);
    for (size_t i = 0; ok && i < count; i++) {
        struct interest *interest = interest_put(engine, users[i]);

        ok = interest && add_peer(interest, peer);
    }
    arena_deinit(&arena);
    if (!ok)
        return; /* unanswered: the other side asks again */
    link_begin(peer, LINK_REGISTERED, 1 + link_head_values(engine));
    link_put_uint(peer, ticket);
    link_put_head_values(peer);
}

void interest_unregister(struct peer *peer, struct unpack *unpack)
{
    struct cc_engine *engine = peer->engine;
    const struct cc_slice *users;
    struct arena arena;
    size_t count = 0;

    arena_init(&arena, &engine->allocator);
    if (link_read_names(unpack, &arena, &users, &count))
        for (size_t i = 0; i < count; i++) {
            struct interest *interest = interest_find(engine, users[i]);

            if (interest)
                remove_peer(engine, interest, peer);
        }
    arena_deinit(&arena);
}

void interest_forget(struct peer *peer)
{
    struct cc_engine *engine = peer->engine;
    struct interest *interest;
    struct interest *next;

    HASH_ITER(hh, engine->link->interests, interest, next)
    {
        if (interest->count == 1 && interest->peers[0] == peer)
            presence_lost(engine, interest->user);
        remove_peer(engine, interest, peer);
    }
}

bool interest_exists(const struct cc_engine *engine, struct cc_slice user)
{
    return engine->link->interests && interest_find(engine, user);
}

/* --- routing ------------------------------------------------------------------------------------
 */

static void target(struct peer *peer, struct cc_slice user)
{
    void *targets = peer->targets;

    if (mem_reserve(&peer->engine->allocator, &targets, &peer->target_capacity,
                    peer->target_count + 1, sizeof *peer->targets) != 0) {
        peer->frame.failed = true; /* the frame is lost: its number tells */
        return;
    }
    peer->targets = targets;
    peer->targets[peer->target_count++] = user;
}

void interest_target(struct cc_engine *engine, struct cc_slice user)
{
    struct interest *interest = interest_find(engine, user);

    for (size_t i = 0; interest && i < interest->count; i++)
        target(interest->peers[i], user);
}

static void put_message(struct peer *peer, const struct message *message,
                        const struct partition *partition)
{
    link_begin(peer, LINK_MESSAGE, 6);
    link_put_uint(peer, partition->number);
    link_put_uint(peer, message->offset);
    link_put_uint(peer, partition->tenure);
    link_put_uint(peer, message->view.seq);
    link_put_bytes(peer, message->record);
    link_put_names(peer, peer->targets, peer->target_count);
    peer->target_count = 0;
}

void interest_route(struct conversation *conversation, const struct message *message)
{
    struct cc_engine *engine = conversation->engine;
    struct member_entry *member;
    struct member_entry *next_member;
    struct peer *peer;
    struct peer *next_peer;

    if (!engine->link->interests)
        return;
    HASH_ITER(hh, conversation->members, member, next_member)
    interest_target(engine, member->user);
    if (message->view.kind == CC_MESSAGE_SYSTEM)
        for (size_t i = 0; i < message->view.user_count; i++)
            if (!conversation_member(conversation, message->view.users[i]))
                interest_target(engine, message->view.users[i]);
    HASH_ITER(hh, engine->link->peers, peer, next_peer)
    if (peer->target_count)
        put_message(peer, message, conversation->partition);
}
