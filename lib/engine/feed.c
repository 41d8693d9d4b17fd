/*
 * Feeds.
 */
#include "engine/feed.h"

#include "engine/delivery.h"
#include "engine/sync_state.h"
#include "engine/user.h"

/* An owner announces itself each tick; missing two in a row it is not known any more. */
#define OWNER_TTL_MS (3 * LINK_TICK_MS)

void feed_init(struct cc_engine *engine, uint32_t partition)
{
    struct feed *feed = &engine->link->feeds[partition];

    feed->engine = engine;
    feed->partition = partition;
}

static bool is_ours(const struct feed *feed)
{
    return feed->engine->partitions[feed->partition].is_owned;
}

static struct cc_slice owner_of(const struct feed *feed)
{
    return slice_of(feed->owner, feed->owner_size);
}

uint64_t feed_position(const struct cc_engine *engine, uint32_t partition)
{
    if (partition_is_running(&engine->partitions[partition]))
        return engine->partitions[partition].applied;
    return engine->link->feeds[partition].position;
}

static void fall_back_all(struct cc_engine *engine)
{
    struct cc_session *session = engine->sessions;

    while (session) {
        struct cc_session *next = session->next;

        if (session->sync)
            sync_begin_anew(session->sync);
        else
            sync_fall_back(session);
        session = next;
    }
}

void feed_lost(struct peer *peer)
{
    struct cc_engine *engine = peer->engine;
    bool matters = false;

    for (uint32_t i = 0; i < engine->partition_count; i++) {
        const struct feed *feed = &engine->link->feeds[i];

        matters = matters || (!is_ours(feed) && slice_equal(owner_of(feed), peer->name));
    }
    if (matters)
        fall_back_all(engine);
}

void feed_moved(struct partition *partition)
{
    struct feed *feed = &partition->engine->link->feeds[partition->number];

    if (partition->state == PARTITION_RUNNING || partition->state == PARTITION_CLOSING)
        feed->position = partition->applied;
    feed->owner_size = 0;
    feed->tenure = 0;
    fall_back_all(partition->engine);
}

/* --- owners -------------------------------------------------------------------------------------
 */

struct peer *feed_owner(struct cc_engine *engine, uint32_t partition)
{
    const struct feed *feed = &engine->link->feeds[partition];

    return is_ours(feed) || !feed->owner_size ? NULL : link_peer(engine, owner_of(feed));
}

static void owner_answered(struct cc_op *op)
{
    struct feed *feed = container_of(op, struct feed, ask.op);
    struct cc_slice owner = feed->ask.ret_node;
    bool is_new;

    engine_op_done(feed->engine, op);
    feed->is_asking = false;
    is_new = !op->status && owner.size && owner.size <= sizeof feed->owner && !is_ours(feed) &&
             !slice_equal(owner, feed->engine->node) && !slice_equal(owner, owner_of(feed));
    if (is_new) {
        memcpy(feed->owner, owner.data, owner.size);
        feed->owner_size = owner.size;
        feed->tenure = 0;
        fall_back_all(feed->engine); /* the new owner may have told before anybody was registered */
    }
    cc_op_release(op);
}

static void owner_put_done(struct cc_op *op)
{
    struct feed *feed = container_of(op, struct feed, ask.op);

    engine_op_done(feed->engine, op);
    feed->is_asking = false; /* a failure is made good by the next tick */
    cc_op_release(op);
}

static void ask_owner(struct feed *feed)
{
    struct cc_engine *engine = feed->engine;

    if (feed->is_asking)
        return;
    memset(&feed->ask, 0, sizeof feed->ask);
    feed->ask.partition = feed->partition;
    feed->ask.ttl_ms = OWNER_TTL_MS;
    feed->is_asking = true;
    if (is_ours(feed)) {
        engine_op_begin(engine, &feed->ask.op, owner_put_done);
        engine->cluster.vtable->owner_put(engine->cluster.self, &feed->ask);
    } else {
        engine_op_begin(engine, &feed->ask.op, owner_answered);
        engine->cluster.vtable->owner_get(engine->cluster.self, &feed->ask);
    }
}

void feed_tick(struct cc_engine *engine)
{
    struct sync *sync;
    struct sync *next;

    for (uint32_t i = 0; i < engine->partition_count; i++)
        ask_owner(&engine->link->feeds[i]);
    HASH_ITER(hh, engine->link->waiting, sync, next)
    feed_register(sync);
}

/* --- heads and registrations
 * ---------------------------------------------------------------------- */

/*
 * Reads a partition, an offset and the owner's tenure; NULL when it is not of a feed that this peer
 * gives. In another tenure than before the partition had been elsewhere meanwhile, and what was
 * told there was missed.
 */
static struct feed *read_head(struct peer *peer, struct unpack *unpack, uint64_t *ret_offset)
{
    struct cc_engine *engine = peer->engine;
    uint64_t partition = unpack_uint(unpack);
    uint64_t tenure;
    struct feed *feed;

    *ret_offset = unpack_uint(unpack);
    tenure = unpack_uint(unpack);
    if (unpack->failed || partition >= engine->partition_count)
        return NULL;
    feed = &engine->link->feeds[partition];
    if (is_ours(feed) || !slice_equal(owner_of(feed), peer->name))
        return NULL;
    if (feed->tenure != tenure) {
        bool was_known = feed->tenure != 0;

        feed->tenure = tenure;
        if (was_known)
            fall_back_all(engine);
    }
    return feed;
}

void feed_heads(struct peer *peer, struct unpack *unpack, uint32_t count)
{
    for (uint32_t i = 0; i < count && !unpack->failed; i++) {
        uint64_t applied;
        struct feed *feed = read_head(peer, unpack, &applied);

        if (feed && applied > feed->position)
            feed->position = applied;
    }
}

void feed_registered(struct peer *peer, struct unpack *unpack, uint32_t count)
{
    struct cc_engine *engine = peer->engine;
    uint64_t ticket = unpack_uint(unpack);
    struct unpack again = *unpack;
    struct sync *sync = NULL;

    feed_heads(peer, unpack,
               count); /* a new tenure lets every registration begin anew, this one, too */
    HASH_FIND(hh, engine->link->waiting, &ticket, sizeof ticket, sync);
    if (!sync)
        return;
    for (uint32_t i = 0; i < count && !again.failed; i++) {
        uint64_t applied;
        struct feed *feed = read_head(peer, &again, &applied);

        /* A new owner may be behind what the one before it has told: what it tells again up to
         * there is dropped, so until then its answer is none. The next tick asks again. */
        if (feed && applied >= feed->position)
            sync->targets[feed->partition] = applied;
    }
    sync_registered(sync);
}

static void register_with(struct sync *sync, struct cc_slice owner)
{
    struct peer *peer = link_peer(sync->engine, owner);
    struct cc_slice user = sync->session->user->name;

    if (!peer)
        return;
    link_begin(peer, LINK_REGISTER, 2);
    link_put_uint(peer, sync->ticket);
    link_put_names(peer, &user, 1);
}

void feed_register(struct sync *sync)
{
    struct link_state *link = sync->engine->link;

    for (uint32_t i = 0; i < sync->engine->partition_count; i++) {
        const struct feed *feed = &link->feeds[i];
        bool is_asked = false;

        if (is_ours(feed) || !feed->owner_size || sync->targets[i] != SYNC_NO_TARGET)
            continue;
        for (uint32_t before = 0; before < i && !is_asked; before++)
            is_asked = !is_ours(&link->feeds[before]) && sync->targets[before] == SYNC_NO_TARGET &&
                       slice_equal(owner_of(&link->feeds[before]), owner_of(feed));
        if (!is_asked)
            register_with(sync, owner_of(feed));
    }
}

void feed_unregister(struct cc_engine *engine, struct cc_slice user)
{
    struct peer *peer;
    struct peer *next;

    HASH_ITER(hh, engine->link->peers, peer, next)
    {
        link_begin(peer, LINK_UNREGISTER, 1);
        link_put_names(peer, &user, 1);
    }
}

/* --- messages ------------------------------------------------------------------------------------
 */

/* Sessions that catch up keep it until they have come so far. */
static void hold(struct cc_engine *engine, struct cc_slice name, uint32_t partition,
                 struct message *message)
{
    struct user *user = user_find(engine, name);
    struct cc_session *session = user ? user->sessions : NULL;

    for (; session; session = session->next_of_user)
        if (session->sync)
            sync_hold_message(session->sync, partition, message);
}

static void deliver(struct feed *feed, struct unpack *unpack, struct message *message)
{
    struct cc_engine *engine = feed->engine;
    const struct cc_slice *users;
    struct arena arena;
    size_t count;

    arena_init(&arena, &engine->allocator);
    if (link_read_names(unpack, &arena, &users, &count)) {
        for (size_t i = 0; i < count; i++)
            hold(engine, users[i], feed->partition, message);
        delivery_message_to_users(engine, message, users, count);
    }
    arena_deinit(&arena);
}

void feed_message(struct peer *peer, struct unpack *unpack)
{
    uint64_t offset;
    struct feed *feed = read_head(peer, unpack, &offset);
    uint64_t seq = unpack_uint(unpack);
    struct cc_slice body = unpack_bytes(unpack);
    struct message *message;

    if (unpack->failed || !feed || offset < feed->position)
        return; /* told before, or not by its owner */
    if (message_decode(&peer->engine->allocator, body, seq, offset, &message) != 0) {
        feed_lost(peer);
        return;
    }
    deliver(feed, unpack, message);
    feed->position = offset + 1;
    message_unref(message);
}
