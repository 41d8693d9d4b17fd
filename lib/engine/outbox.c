/*
 * The outbox: what the directory has changed and the log has not applied yet.
 *
 * Whoever makes a change appends its payload himself, so nearly always the outbox has nothing for
 * us. The owner of the partition reads it when it opens the partition, when a version is missing,
 * and at each tick: an entry that was there a tick ago, too, has been left behind and is appended.
 * Appending one twice does no harm, the sequencer skips the second.
 *
 * Entries go when what they made is in the store. The store's head then names the version, and
 * members can be read as of that version from then on; going earlier, a crash would find a head
 * whose members are forgotten.
 */
#include "base/list.h"
#include "chatcore/error.h"
#include "engine/groups_state.h"
#include "engine/partition.h"
#include "engine/propose.h"

/* How long a change can lie in the outbox, its maker having died, before it is looked for. */
#define OUTBOX_TICK_MS 1000

/* Entries read at once; what is behind them comes when these are gone. */
#define OUTBOX_PAGE 1000

/* An entry is not appended again for so long: the log may be slow, and needs no more of the same.
 */
#define OUTBOX_AGAIN_MS 10000

/* Removals under way at once in a partition. */
#define OUTBOX_REMOVALS_MAX 64

/* Conversations that wait for the store; the outbox itself remembers what is beyond: 250 bytes
 * each, 16 MB. */
#define OUTBOX_APPLIED_MAX 65536

/* An entry that the last reading has seen. */
struct sighting {
    uint64_t key; /* of conversation and version */
    int64_t appended_ms;
    bool is_appended;
};

struct outbox {
    struct cc_engine *engine;
    struct partition *partition;
    struct cc_directory_outbox op;
    bool is_reading;
    bool is_urgent; /* all entries are appended, not only those left behind */
    bool is_wanted; /* urgently again: told so during a reading */
    struct sighting *seen;
    size_t seen_count;
    struct list applied; /* wait for the store, then for their removal */
    size_t removals;     /* under way */
};

struct applied {
    UT_hash_handle hh;
    struct list_link link;
    struct cc_directory_outbox_done op;
    struct outbox *outbox;
    uint64_t version;
    uint64_t offset; /* where the log made it */
    bool is_removing;
    struct cc_slice conversation;
    char bytes[];
};

/* --- removing ----------------------------------------------------------------------------------
 */

static void applied_free(struct applied *applied)
{
    struct cc_engine *engine = applied->outbox->engine;

    HASH_DELETE(hh, engine->groups->applied, applied);
    list_remove(&applied->link);
    mem_free(&engine->allocator, applied);
}

static void start_removals(struct outbox *outbox);

static void removed(struct cc_op *op)
{
    struct applied *applied = container_of(op, struct applied, op.op);
    struct outbox *outbox = applied->outbox;
    int status = op->status;
    bool is_done = status == 0 && applied->version == applied->op.version;

    engine_op_done(outbox->engine, op);
    cc_op_release(op);
    outbox->removals--;
    applied->is_removing = false;
    if (is_done || !partition_is_running(outbox->partition))
        applied_free(applied);
    if (!status)
        start_removals(outbox); /* else the next flush or tick tries again */
}

static void remove_entries(struct applied *applied)
{
    struct outbox *outbox = applied->outbox;
    struct cc_engine *engine = outbox->engine;

    memset(&applied->op, 0, sizeof applied->op);
    applied->op.partition = outbox->partition->number;
    applied->op.conversation = applied->conversation;
    applied->op.version = applied->version;
    applied->is_removing = true;
    outbox->removals++;
    engine_op_begin(engine, &applied->op.op, removed);
    engine->directory.vtable->outbox_done(engine->directory.self, &applied->op);
}

/* They stand in the order of applying, so the first that is not in the store ends it. */
static void start_removals(struct outbox *outbox)
{
    struct list_link *link = list_first(&outbox->applied);

    while (link && outbox->removals < OUTBOX_REMOVALS_MAX &&
           partition_is_running(outbox->partition)) {
        struct applied *applied = container_of(link, struct applied, link);

        if (applied->offset >= outbox->partition->flushed)
            break;
        link = list_next(&outbox->applied, link);
        if (!applied->is_removing)
            remove_entries(applied);
    }
}

void groups_flushed(struct partition *partition)
{
    struct groups_state *groups = partition->engine->groups;

    start_removals(&groups->outboxes[partition->number]);
}

static struct applied *applied_new(struct outbox *outbox, struct cc_slice conversation)
{
    const struct cc_allocator *hash_allocator = &outbox->engine->allocator;
    struct cc_engine *engine = outbox->engine;
    struct applied *applied;

    if (HASH_COUNT(engine->groups->applied) >= OUTBOX_APPLIED_MAX)
        return NULL;
    applied = mem_zalloc(&engine->allocator, 1, sizeof *applied + conversation.size);
    if (!applied)
        return NULL;
    memcpy(applied->bytes, conversation.data, conversation.size);
    applied->conversation = slice_of(applied->bytes, conversation.size);
    applied->outbox = outbox;
    HASH_ADD_KEYPTR(hh, engine->groups->applied, applied->bytes, conversation.size, applied);
    if (applied->hh.tbl)
        return applied;
    mem_free(&engine->allocator, applied);
    return NULL;
}

void groups_applied(struct conversation *conversation, uint64_t version)
{
    struct cc_engine *engine = conversation->engine;
    struct outbox *outbox = &engine->groups->outboxes[conversation->partition->number];
    struct applied *applied = NULL;

    HASH_FIND(hh, engine->groups->applied, conversation->id.data, conversation->id.size, applied);
    if (!applied)
        applied = applied_new(outbox, conversation->id);
    if (!applied || applied->version > version)
        return; /* without memory the entry is found in the outbox again */
    applied->version = version;
    applied->offset = conversation->offset;
    list_remove(&applied->link);
    list_add(&outbox->applied, &applied->link);
}

/* A partition that is lost is its new owner's; what is being removed frees itself. */
static void drop_applied(struct outbox *outbox)
{
    struct list_link *link = list_first(&outbox->applied);

    while (link) {
        struct applied *applied = container_of(link, struct applied, link);

        link = list_next(&outbox->applied, link);
        if (!applied->is_removing)
            applied_free(applied);
    }
}

/* --- relaying ----------------------------------------------------------------------------------
 */

static uint64_t sighting_key(const struct cc_outbox_entry *entry)
{
    return hash_stable(entry->conversation) ^ (entry->version * UINT64_C(0x9e3779b97f4a7c15));
}

/* Entries come in nearly the same order each time: the search goes on from the last one found. */
static const struct sighting *find_sighting(const struct outbox *outbox, uint64_t key, size_t *at)
{
    for (size_t i = 0; i < outbox->seen_count; i++) {
        size_t index = (*at + i) % outbox->seen_count;

        if (outbox->seen[index].key == key) {
            *at = index + 1;
            return &outbox->seen[index];
        }
    }
    return NULL;
}

static bool is_applied(const struct outbox *outbox, const struct cc_outbox_entry *entry)
{
    struct conversation *conversation = conversation_find(outbox->engine, entry->conversation);

    if (!conversation || conversation->member_version < entry->version)
        return false;
    groups_applied(conversation, conversation->member_version);
    return true;
}

static void relay_entry(const struct outbox *outbox, const struct cc_outbox_entry *entry,
                        const struct sighting *before, struct sighting *now)
{
    int64_t now_ms = outbox->engine->now.mono_ms;
    bool is_recent;

    now->is_appended = before && before->is_appended;
    now->appended_ms = before ? before->appended_ms : 0;
    is_recent =
        !outbox->is_urgent && now->is_appended && now_ms - now->appended_ms < OUTBOX_AGAIN_MS;
    if (is_recent || is_applied(outbox, entry) || (!before && !outbox->is_urgent))
        return;
    if (propose_payload(outbox->partition, entry->payload) != 0)
        return; /* no memory: at the next tick */
    now->is_appended = true;
    now->appended_ms = now_ms;
}

static void relay_entries(struct outbox *outbox)
{
    struct cc_engine *engine = outbox->engine;
    const struct cc_directory_outbox *op = &outbox->op;
    struct sighting *seen = NULL;
    size_t at = 0;

    if (op->ret_count)
        seen = mem_zalloc(&engine->allocator, op->ret_count, sizeof *seen);
    for (size_t i = 0; seen && i < op->ret_count; i++) {
        seen[i].key = sighting_key(&op->ret_entries[i]);
        relay_entry(outbox, &op->ret_entries[i], find_sighting(outbox, seen[i].key, &at), &seen[i]);
    }
    if (op->ret_count && !seen)
        return; /* no memory: all the same at the next tick */
    mem_free(&engine->allocator, outbox->seen);
    outbox->seen = seen;
    outbox->seen_count = op->ret_count;
    outbox->is_urgent = false;
}

static void outbox_read(struct cc_op *op)
{
    struct outbox *outbox = container_of(op, struct outbox, op.op);

    engine_op_done(outbox->engine, op);
    outbox->is_reading = false;
    if (!op->status && partition_is_running(outbox->partition)) {
        relay_entries(outbox);
        start_removals(outbox);
    }
    cc_op_release(op);
    if (outbox->is_wanted)
        groups_relay(outbox->partition);
}

static void read_outbox(struct outbox *outbox)
{
    struct cc_engine *engine = outbox->engine;

    if (outbox->is_reading || engine->state != ENGINE_RUNNING)
        return;
    memset(&outbox->op, 0, sizeof outbox->op);
    outbox->op.partition = outbox->partition->number;
    outbox->op.limit = OUTBOX_PAGE;
    outbox->is_reading = true;
    engine_op_begin(engine, &outbox->op.op, outbox_read);
    engine->directory.vtable->outbox(engine->directory.self, &outbox->op);
}

void groups_relay(struct partition *partition)
{
    struct outbox *outbox = &partition->engine->groups->outboxes[partition->number];

    outbox->is_wanted = outbox->is_reading;
    outbox->is_urgent = true;
    read_outbox(outbox);
}

static void tick(struct timer *timer, void *context)
{
    struct cc_engine *engine = context;

    for (uint32_t i = 0; i < engine->partition_count; i++) {
        struct outbox *outbox = &engine->groups->outboxes[i];

        if (partition_is_running(outbox->partition))
            read_outbox(outbox);
        else
            drop_applied(outbox);
    }
    timer_set(&engine->timers, timer, engine->now.mono_ms + OUTBOX_TICK_MS);
}

/* --- the module --------------------------------------------------------------------------------
 */

int groups_init(struct cc_engine *engine)
{
    struct groups_state *groups = mem_zalloc(&engine->allocator, 1, sizeof *groups);

    if (!groups)
        return CC_ENOMEM;
    engine->groups = groups;
    groups->outboxes =
        mem_zalloc(&engine->allocator, engine->partition_count, sizeof *groups->outboxes);
    if (!groups->outboxes)
        return CC_ENOMEM; /* groups_deinit() takes the rest */
    for (uint32_t i = 0; i < engine->partition_count; i++) {
        groups->outboxes[i].engine = engine;
        groups->outboxes[i].partition = &engine->partitions[i];
        list_init(&groups->outboxes[i].applied);
    }
    groups->tick.expired = tick;
    return timer_set(&engine->timers, &groups->tick, engine->now.mono_ms + OUTBOX_TICK_MS);
}

void groups_deinit(struct cc_engine *engine)
{
    struct groups_state *groups = engine->groups;

    if (!groups)
        return;
    timer_clear(&engine->timers, &groups->tick);
    for (uint32_t i = 0; groups->outboxes && i < engine->partition_count; i++) {
        drop_applied(&groups->outboxes[i]);
        mem_free(&engine->allocator, groups->outboxes[i].seen);
    }
    mem_free(&engine->allocator, groups->outboxes);
    mem_free(&engine->allocator, groups);
    engine->groups = NULL;
}
