/*
 * Finding out what a session has not had: one list of entries, by conversation.
 *
 * The store's offset of each partition is noted before the memberships are read. A conversation
 * that had outgrown the inbox in any row below that offset had been marked so in the directory
 * before that row was appended (was_large), so the memberships read afterwards tell of it: no row
 * can be missed between the two.
 */
#include "chatcore/error.h"
#include "engine/mark.h"
#include "engine/sync_state.h"
#include "engine/user.h"

/* Memberships, inbox entries and heads a read. */
#define LOAD_PAGE 500

static void read_memberships(struct sync *sync);
static void read_inbox(struct sync *sync);
static void read_device_cursors(struct sync *sync);
static void read_join_cursors(struct sync *sync);
static void read_heads(struct sync *sync);

static struct cc_slice user_name(const struct sync *sync)
{
    return sync->user->name;
}

/* --- memberships --------------------------------------------------------------------------------
 */

static int add_membership(struct sync *sync, const struct cc_membership *membership)
{
    struct sync_entry *entry = sync_entry_put(sync, membership->conversation.id);

    if (!entry)
        return CC_ENOMEM;
    entry->was_large = membership->conversation.was_large;
    if (entry->version != membership->member.since_version)
        entry->until = SYNC_NO_END; /* it has come again since */
    entry->version = membership->member.since_version;
    return 0;
}

static void memberships_read(struct sync *sync, int status)
{
    struct cc_directory_memberships *read = &sync->op.memberships;
    bool more = !status && read->ret_more && read->ret_count;

    for (size_t i = 0; !status && i < read->ret_count; i++)
        status = add_membership(sync, &read->ret_memberships[i]);
    if (more) {
        struct cc_slice last = read->ret_memberships[read->ret_count - 1].conversation.id;

        memcpy(sync->after, last.data, last.size);
        sync->after_size = last.size;
    }
    cc_op_release(&read->op);
    if (status)
        sync_loaded(sync, status);
    else if (more)
        read_memberships(sync);
    else if (sync->has_positions)
        read_inbox(sync);
    else
        read_device_cursors(sync);
}

static void read_memberships(struct sync *sync)
{
    struct cc_engine *engine = sync->engine;
    struct cc_directory_memberships *read = &sync->op.memberships;

    memset(read, 0, sizeof *read);
    read->user = user_name(sync);
    read->after = slice_of(sync->after, sync->after_size);
    read->limit = LOAD_PAGE;
    sync_op_begin(sync, memberships_read);
    engine->directory.vtable->memberships(engine->directory.self, read);
}

/* --- cursors ------------------------------------------------------------------------------------
 */

static void read_cursors(struct sync *sync, struct cc_slice device,
                         void (*step)(struct sync *sync, int status))
{
    struct cc_engine *engine = sync->engine;
    struct cc_store_read_cursors *read = &sync->op.cursors;

    memset(read, 0, sizeof *read);
    read->user = user_name(sync);
    read->device = device;
    read->limit = SIZE_MAX;
    sync_op_begin(sync, step);
    engine->store.vtable->read_cursors(engine->store.self, read);
}

static void joins_read(struct sync *sync, int status)
{
    struct cc_store_read_cursors *read = &sync->op.cursors;

    for (size_t i = 0; !status && i < read->ret_count; i++) {
        struct sync_entry *entry = sync_entry_find(sync, read->ret_cursors[i].conversation);

        if (entry && !sync->engine->history_for_joiners &&
            entry->since < read->ret_cursors[i].delivered)
            entry->since = read->ret_cursors[i].delivered;
    }
    cc_op_release(&read->op);
    sync_loaded(sync, status);
}

/* Who joined a moment ago: the store does not know it yet. */
static void note_unflushed_joins(struct sync *sync)
{
    for (struct sync_entry *entry = sync->entries; entry; entry = entry->hh.next) {
        const struct conversation *conversation =
            conversation_find(sync->engine, slice_of(entry->id, entry->size));

        uint64_t joined =
            conversation ? conversation_unflushed_join(conversation, user_name(sync)) : 0;

        if (!sync->engine->history_for_joiners && entry->since < joined)
            entry->since = joined;
    }
}

/* Read last: a head that knows of a joining is written after the joining, so what follows from a
 * head is not missed. */
static void read_join_cursors(struct sync *sync)
{
    note_unflushed_joins(sync);
    read_cursors(sync, slice_str(MARK_JOIN), joins_read);
}

/* What the user has read counts where nothing is known of the device. */
static void user_cursors_read(struct sync *sync, int status)
{
    struct cc_store_read_cursors *read = &sync->op.cursors;

    for (size_t i = 0; !status && i < read->ret_count; i++) {
        struct sync_entry *entry = sync_entry_find(sync, read->ret_cursors[i].conversation);

        if (entry && !entry->next)
            entry->next = read->ret_cursors[i].read + 1;
    }
    cc_op_release(&read->op);
    for (struct sync_entry *entry = sync->entries; entry; entry = entry->hh.next)
        if (!entry->next)
            entry->next = 1;
    if (status)
        sync_loaded(sync, status);
    else
        read_heads(sync);
}

static void device_cursors_read(struct sync *sync, int status)
{
    struct cc_store_read_cursors *read = &sync->op.cursors;

    for (size_t i = 0; !status && i < read->ret_count; i++) {
        const struct cc_store_cursor *cursor = &read->ret_cursors[i];
        struct sync_entry *entry = sync_entry_find(sync, cursor->conversation);

        if (entry)
            entry->next = (cursor->delivered > cursor->read ? cursor->delivered : cursor->read) + 1;
    }
    cc_op_release(&read->op);
    if (status)
        sync_loaded(sync, status);
    else
        read_cursors(sync, slice_of(NULL, 0), user_cursors_read);
}

static void read_device_cursors(struct sync *sync)
{
    read_cursors(sync, sync->session->device, device_cursors_read);
}

/* --- the inbox ----------------------------------------------------------------------------------
 */

static void inbox_read(struct sync *sync, int status)
{
    struct cc_store_read_inbox *read = &sync->op.inbox;
    bool more = !status && read->ret_more && read->ret_count;

    for (size_t i = 0; !status && i < read->ret_count; i++) {
        const struct cc_store_inbox *found = &read->ret_entries[i];
        struct sync_entry *entry = sync_entry_find(sync, found->conversation);

        if (entry && !entry->was_large && (!entry->next || found->seq < entry->next))
            entry->next = found->seq;
    }
    sync->scan = more ? read->ret_entries[read->ret_count - 1].offset + 1 : 0;
    cc_op_release(&read->op);
    if (status) {
        sync_loaded(sync, status);
        return;
    }
    if (!more)
        sync->partition++;
    read_inbox(sync);
}

static void read_inbox(struct sync *sync)
{
    struct cc_engine *engine = sync->engine;
    struct cc_store_read_inbox *read = &sync->op.inbox;

    while (sync->partition < engine->partition_count &&
           sync->positions[sync->partition] >= sync->flushed[sync->partition])
        sync->partition++;
    if (sync->partition == engine->partition_count) {
        read_heads(sync);
        return;
    }
    memset(read, 0, sizeof *read);
    read->user = user_name(sync);
    read->partition = sync->partition;
    read->from = sync->scan ? sync->scan : sync->positions[sync->partition];
    read->before = sync->flushed[sync->partition];
    read->limit = LOAD_PAGE;
    sync_op_begin(sync, inbox_read);
    engine->store.vtable->read_inbox(engine->store.self, read);
}

/* --- heads of conversations that are not loaded
 * --------------------------------------------------- */

static bool needs_head(const struct sync *sync, const struct sync_entry *entry)
{
    return !entry->has_head && (entry->next || entry->was_large) &&
           !conversation_find(sync->engine, sync_entry_id(entry));
}

static void heads_read(struct sync *sync, int status)
{
    struct cc_store_read_heads *read = &sync->op.heads;

    for (size_t i = 0; !status && i < read->count; i++) {
        struct sync_entry *entry = sync_entry_find(sync, read->conversations[i]);

        if (!entry)
            continue;
        entry->head = read->ret_heads[i].seq;
        entry->head_offset = read->ret_heads[i].offset;
        entry->head_version = read->ret_heads[i].member_version;
        entry->has_head = true;
    }
    cc_op_release(&read->op);
    if (status)
        sync_loaded(sync, status);
    else
        read_heads(sync);
}

static void read_heads(struct sync *sync)
{
    struct cc_engine *engine = sync->engine;
    struct cc_store_read_heads *read = &sync->op.heads;
    size_t count = 0;

    if (!sync->head_ids)
        sync->head_ids = mem_zalloc(&engine->allocator, LOAD_PAGE, sizeof *sync->head_ids);
    if (!sync->head_ids) {
        sync_loaded(sync, CC_ENOMEM);
        return;
    }
    for (struct sync_entry *entry = sync->entries; entry && count < LOAD_PAGE;
         entry = entry->hh.next)
        if (needs_head(sync, entry))
            sync->head_ids[count++] = sync_entry_id(entry);
    if (!count) {
        read_join_cursors(sync);
        return;
    }
    memset(read, 0, sizeof *read);
    read->conversations = sync->head_ids;
    read->count = count;
    sync_op_begin(sync, heads_read);
    engine->store.vtable->read_heads(engine->store.self, read);
}

void sync_load(struct sync *sync)
{
    struct cc_engine *engine = sync->engine;

    sync->stage = SYNC_LOADING;
    sync->partition = 0;
    for (uint32_t i = 0; i < engine->partition_count; i++)
        if (partition_is_running(&engine->partitions[i]))
            sync->flushed[i] = engine->partitions[i].flushed; /* others': see sync_remote.c */
    read_memberships(sync);
}
