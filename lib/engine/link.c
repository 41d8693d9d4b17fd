/*
 * Links: frames out, frames in, and the numbers that show a loss.
 */
#include "engine/link.h"

#include "chatcore/error.h"
#include "engine/feed.h"
#include "engine/interest.h"
#include "engine/push_link.h"
#include "engine/receipts.h"
#include "engine/revoke.h"

/* Peers known at once: more nodes than one cluster has, and a bound on what a forged bus could
 * make. */
#define PEERS_MAX 16384

/* --- peers --------------------------------------------------------------------------------------
 */

struct peer *link_peer(struct cc_engine *engine, struct cc_slice name)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct link_state *link = engine->link;
    struct peer *peer = NULL;

    HASH_FIND(hh, link->peers, name.data, name.size, peer);
    if (peer || !name_is_valid(name) || HASH_COUNT(link->peers) >= PEERS_MAX)
        return peer;
    peer = mem_zalloc(hash_allocator, 1, sizeof *peer + name.size);
    if (!peer)
        return NULL;
    memcpy(peer->bytes, name.data, name.size);
    peer->name = slice_of(peer->bytes, name.size);
    peer->engine = engine;
    peer->epoch = ++link->epoch;
    peer->heard_ms = engine->now.mono_ms;
    buffer_init(&peer->frame, hash_allocator);
    HASH_ADD_KEYPTR(hh, link->peers, peer->name.data, peer->name.size, peer);
    if (peer->hh.tbl)
        return peer;
    mem_free(hash_allocator, peer);
    return NULL;
}

static void peer_free(struct peer *peer)
{
    struct cc_engine *engine = peer->engine;

    interest_forget(peer);
    HASH_DELETE(hh, engine->link->peers, peer);
    buffer_deinit(&peer->frame);
    mem_free(&engine->allocator, peer->targets);
    mem_free(&engine->allocator, peer);
}

/* --- out ----------------------------------------------------------------------------------------
 */

static void frame_send(struct peer *peer)
{
    struct cc_engine *engine = peer->engine;

    /* What cannot be sent is lost, and the next number shows it. */
    if (!peer->frame.failed && peer->frame.size)
        engine->cluster.vtable->send(engine->cluster.self, peer->name, buffer_slice(&peer->frame));
    buffer_clear(&peer->frame);
}

static void put_uint(struct buffer *frame, uint64_t value)
{
    char *at = buffer_reserve(frame, PACK_HEAD_MAX);

    if (at)
        frame->size += (size_t)(pack_put_uint(at, value) - at);
}

void link_put_uint(struct peer *peer, uint64_t value)
{
    put_uint(&peer->frame, value);
}

static void put_array(struct peer *peer, uint32_t count)
{
    char *at = buffer_reserve(&peer->frame, PACK_HEAD_MAX);

    if (at)
        peer->frame.size += (size_t)(pack_put_array_head(at, count) - at);
}

void link_begin(struct peer *peer, enum link_kind kind, uint32_t values)
{
    if (peer->frame.size >= LINK_FRAME_BYTES)
        frame_send(peer);
    if (!peer->frame.size) {
        put_uint(&peer->frame, peer->epoch);
        put_uint(&peer->frame, ++peer->sent);
    }
    put_array(peer, values + 1);
    put_uint(&peer->frame, kind);
}

void link_put_bytes(struct peer *peer, struct cc_slice bytes)
{
    char *at = buffer_reserve(&peer->frame, PACK_HEAD_MAX);

    if (!at)
        return;
    peer->frame.size += (size_t)(pack_put_bin_head(at, (uint32_t)bytes.size) - at);
    buffer_append_slice(&peer->frame, bytes);
}

void link_put_names(struct peer *peer, const struct cc_slice *names, size_t count)
{
    put_array(peer, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        link_put_bytes(peer, names[i]);
}

bool link_read_names(struct unpack *unpack, struct arena *arena, const struct cc_slice **ret_names,
                     size_t *ret_count)
{
    uint32_t count = unpack_array(unpack);
    struct cc_slice *names;

    if (unpack->failed || count > unpack_left(unpack))
        return false;
    names = arena_alloc(arena, (count + 1) * sizeof *names);
    if (!names)
        return false;
    for (uint32_t i = 0; i < count; i++)
        names[i] = unpack_bytes(unpack);
    *ret_names = names;
    *ret_count = count;
    return !unpack->failed;
}

/* --- in -----------------------------------------------------------------------------------------
 */

static void read_verdict(struct cc_engine *engine, struct unpack *unpack)
{
    uint64_t token = unpack_uint(unpack);
    struct verdict verdict = {.status = -(int)unpack_uint(unpack)};
    struct cc_slice id;

    verdict.is_duplicate = unpack_uint(unpack) != 0;
    verdict.seq = unpack_uint(unpack);
    verdict.ts = (int64_t)unpack_uint(unpack);
    id = unpack_bytes(unpack);
    if (unpack->failed || id.size != sizeof verdict.id.bytes)
        return;
    memcpy(verdict.id.bytes, id.data, id.size);
    proposal_applied(engine, token, &verdict);
}

static void read_message(struct peer *peer, struct unpack *unpack, uint32_t values)
{
    switch (unpack_uint(unpack)) {
    case LINK_HEADS:
        feed_heads(peer, unpack, (values - 1) / 3);
        break;
    case LINK_REGISTER:
        interest_register(peer, unpack);
        break;
    case LINK_UNREGISTER:
        interest_unregister(peer, unpack);
        break;
    case LINK_REGISTERED:
        feed_registered(peer, unpack, (values - 2) / 3);
        break;
    case LINK_MESSAGE:
        feed_message(peer, unpack);
        break;
    case LINK_VERDICT:
        read_verdict(peer->engine, unpack);
        break;
    case LINK_PUSH:
        push_received(peer, unpack);
        break;
    case LINK_READ:
        receipts_read_elsewhere(peer->engine, unpack);
        break;
    case LINK_REVOKED:
        revocations_look(peer->engine);
        break;
    default: /* of a newer version: left out */
        break;
    }
}

/* False: the frame is an old one. A missing number, or a peer that has forgotten this node, is a
 * loss. */
static bool accept_number(struct peer *peer, uint64_t epoch, uint64_t number)
{
    bool is_known = peer->received > 0;
    bool is_next = epoch == peer->their_epoch && number == peer->received + 1;

    if (epoch < peer->their_epoch || (epoch == peer->their_epoch && number <= peer->received))
        return false;
    peer->their_epoch = epoch;
    peer->received = number;
    if (is_known && !is_next) {
        peer->engine->stats.bus_gaps++;
        feed_lost(peer);
    }
    return true;
}

static void read_frame(struct cc_engine *engine, const struct cc_cluster_message *message)
{
    struct peer *peer = link_peer(engine, message->from);
    struct unpack frame = unpack_of(message->data);
    uint64_t epoch = unpack_uint(&frame);
    uint64_t number = unpack_uint(&frame);

    if (!peer || frame.failed || slice_equal(message->from, engine->node) ||
        !accept_number(peer, epoch, number))
        return;
    peer->heard_ms = engine->now.mono_ms;
    while (unpack_left(&frame) && !frame.failed) {
        struct unpack one = frame;
        uint32_t values = unpack_array(&one);

        unpack_skip(&frame);
        if (!frame.failed && values >= 1)
            read_message(peer, &one, values);
    }
}

static void received(struct cc_op *op)
{
    struct link_state *link = container_of(op, struct link_state, receive.op);
    struct cc_engine *engine = link->engine;

    engine_op_done(engine, op);
    link->is_receiving = false;
    for (size_t i = 0; !op->status && i < link->receive.ret_count; i++)
        read_frame(engine, &link->receive.ret_messages[i]);
    cc_op_release(op);
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void forget_silent(struct cc_engine *engine)
{
    struct peer *peer;
    struct peer *next;

    HASH_ITER(hh, engine->link->peers, peer, next)
    if (engine->now.mono_ms - peer->heard_ms > LINK_SILENCE_MS) {
        feed_lost(peer);
        peer_free(peer);
    }
}

static void tick(struct timer *timer, void *context)
{
    struct link_state *link = container_of(timer, struct link_state, tick);
    struct cc_engine *engine = link->engine;
    struct peer *peer;
    struct peer *next;

    (void)context;
    if (engine->state != ENGINE_RUNNING)
        return;
    forget_silent(engine);
    feed_tick(engine);
    revocations_look(engine);
    HASH_ITER(hh, link->peers, peer, next)
    link_put_heads(peer);
    timer_set(&engine->timers, timer, engine->now.mono_ms + LINK_TICK_MS);
}

void link_put_head_values(struct peer *peer)
{
    struct cc_engine *engine = peer->engine;

    for (uint32_t i = 0; i < engine->partition_count; i++)
        if (partition_is_running(&engine->partitions[i]) && engine->partitions[i].is_replayed) {
            link_put_uint(peer, i);
            link_put_uint(peer, engine->partitions[i].applied);
            link_put_uint(peer, engine->partitions[i].tenure);
        }
}

uint32_t link_head_values(const struct cc_engine *engine)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < engine->partition_count; i++)
        if (partition_is_running(&engine->partitions[i]) && engine->partitions[i].is_replayed)
            count += 3;
    return count;
}

void link_put_heads(struct peer *peer)
{
    link_begin(peer, LINK_HEADS, link_head_values(peer->engine));
    link_put_head_values(peer);
}

void link_send_verdict(struct cc_engine *engine, struct cc_slice node, uint64_t token,
                       const struct verdict *verdict)
{
    struct peer *peer = NULL;

    HASH_FIND(hh, engine->link->peers, node.data, node.size, peer);
    if (!peer)
        return; /* a node that is gone */
    link_begin(peer, LINK_VERDICT, 6);
    link_put_uint(peer, token);
    link_put_uint(peer, (uint64_t)-verdict->status);
    link_put_uint(peer, verdict->is_duplicate);
    link_put_uint(peer, verdict->seq);
    link_put_uint(peer, (uint64_t)verdict->ts);
    link_put_bytes(peer, slice_of(verdict->id.bytes, sizeof verdict->id.bytes));
}

/* --- its life -----------------------------------------------------------------------------------
 */

int link_init(struct cc_engine *engine)
{
    struct link_state *link = mem_zalloc(&engine->allocator, 1, sizeof *link);

    if (!link)
        return CC_ENOMEM;
    link->engine = engine;
    link->tick.expired = tick;
    engine->link = link;
    link->feeds = mem_zalloc(&engine->allocator, engine->partition_count, sizeof *link->feeds);
    if (!link->feeds)
        return CC_ENOMEM;
    for (uint32_t i = 0; i < engine->partition_count; i++)
        feed_init(engine, i);
    return timer_set(&engine->timers, &link->tick, 0);
}

void link_deinit(struct cc_engine *engine)
{
    struct link_state *link = engine->link;

    if (!link)
        return;
    while (link->peers)
        peer_free(link->peers);
    timer_clear(&engine->timers, &link->tick);
    mem_free(&engine->allocator, link->feeds);
    mem_free(&engine->allocator, link);
    engine->link = NULL;
}

void link_stop(struct cc_engine *engine)
{
    if (engine->link->is_receiving)
        engine->cluster.vtable->cancel(engine->cluster.self, &engine->link->receive.op);
}

static void receive(struct cc_engine *engine)
{
    struct link_state *link = engine->link;

    if (link->is_receiving || engine->state >= ENGINE_CANCELLING)
        return;
    memset(&link->receive, 0, sizeof link->receive);
    link->is_receiving = true;
    engine_op_begin(engine, &link->receive.op, received);
    engine->cluster.vtable->receive(engine->cluster.self, &link->receive);
}

void link_step(struct cc_engine *engine)
{
    struct peer *peer;
    struct peer *next;

    receive(engine);
    HASH_ITER(hh, engine->link->peers, peer, next)
    if (peer->frame.size || peer->frame.failed)
        frame_send(peer);
}
