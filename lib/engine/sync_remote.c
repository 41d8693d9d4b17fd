/*
 * Catching up where other nodes own partitions: their owners are asked to tell this node what
 * comes, and the store is read once it has all that they had applied when they answered. What they
 * tell meanwhile is held, within a bound.
 */
#include "chatcore/error.h"
#include "engine/feed.h"
#include "engine/sync_state.h"

/* The store is behind its owner by the flush interval at most, if it keeps up: worth a look so
 * often. */
#define STORE_POLL_MS 25

static void read_offsets(struct sync *sync);

static bool is_ours(const struct sync *sync, uint32_t partition)
{
    return sync->engine->partitions[partition].is_owned;
}

void sync_withdraw(struct sync *sync)
{
    if (!sync->ticket)
        return;
    HASH_DELETE(hh, sync->engine->link->waiting, sync);
    sync->ticket = 0;
}

static bool has_targets(const struct sync *sync)
{
    for (uint32_t i = 0; i < sync->engine->partition_count; i++)
        if (!is_ours(sync, i) && sync->targets[i] == SYNC_NO_TARGET)
            return false;
    return true;
}

static void begin_store(struct sync *sync)
{
    sync_withdraw(sync);
    sync->stage = SYNC_STORE;
    sync->partition = 0;
    read_offsets(sync);
}

void sync_registered(struct sync *sync)
{
    if (sync->stage == SYNC_WAITING && !sync->is_busy && has_targets(sync))
        begin_store(sync);
}

void sync_wait_for_others(struct sync *sync)
{
    const struct cc_allocator *hash_allocator = &sync->engine->allocator;
    struct link_state *link = sync->engine->link;

    if (has_targets(sync)) {
        begin_store(sync);
        return;
    }
    if (sync->ticket)
        return;
    sync->ticket = ++link->ticket;
    HASH_ADD(hh, link->waiting, ticket, sizeof sync->ticket, sync);
    if (!sync->hh.tbl) {
        sync->ticket = 0;
        session_close(sync->session, CC_CLOSE_TOO_MANY, "out of memory");
        return;
    }
    feed_register(sync);
}

/* --- the store's offsets
 * -------------------------------------------------------------------------- */

static void poll_again(struct timer *timer, void *context)
{
    struct sync *sync = container_of(timer, struct sync, timer);

    (void)context;
    if (sync->stage == SYNC_STORE && !sync->is_busy)
        read_offsets(sync);
}

static void offset_read(struct sync *sync, int status)
{
    struct cc_engine *engine = sync->engine;
    uint64_t offset = sync->op.offset.ret_offset;
    uint32_t partition = sync->op.offset.partition;

    cc_op_release(&sync->op.offset.op);
    if (!status && offset >= sync->targets[partition]) {
        /* The store may have more by now: what is above the target comes over the link. */
        sync->flushed[partition] = sync->targets[partition];
        sync->partition = partition + 1;
        read_offsets(sync);
        return;
    }
    sync->timer.expired = poll_again;
    if (timer_set(&engine->timers, &sync->timer, engine->now.mono_ms + STORE_POLL_MS) != 0)
        session_close(sync->session, CC_CLOSE_TOO_MANY, "out of memory");
}

static void read_offsets(struct sync *sync)
{
    struct cc_engine *engine = sync->engine;
    struct cc_store_read_offset *read = &sync->op.offset;

    while (sync->partition < engine->partition_count && is_ours(sync, sync->partition))
        sync->partition++;
    if (sync->partition == engine->partition_count) {
        sync->partition = 0;
        sync_ready(sync);
        return;
    }
    memset(read, 0, sizeof *read);
    read->partition = sync->partition;
    sync_op_begin(sync, offset_read);
    engine->store.vtable->read_offset(engine->store.self, read);
}

/* --- what comes meanwhile
 * -------------------------------------------------------------------------- */

void sync_hold_message(struct sync *sync, uint32_t partition, struct message *message)
{
    if (sync->has_overflown || sync->targets[partition] == SYNC_NO_TARGET)
        return; /* it will be read from the store */
    if (sync->held_count == SYNC_HELD_MAX) {
        sync->has_overflown = true;
        return;
    }
    sync->held_partitions[sync->held_count] = partition;
    sync->held[sync->held_count++] = message_ref(message);
}
