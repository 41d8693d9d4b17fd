/*
 * Catching up: pushing what is missing, and the moment of going live.
 */
#include "chatcore/error.h"
#include "engine/cursor.h"
#include "engine/delivery.h"
#include "engine/feed.h"
#include "engine/sync_state.h"
#include "engine/user.h"

/* Rows read from the store at once. */
#define SYNC_ROWS 100

/* --- where an entry begins -----------------------------------------------------------------------
 */

static uint64_t entry_position(const struct sync *sync, const struct sync_entry *entry)
{
    uint32_t partition = engine_partition_of(sync->engine, sync_entry_id(entry));
    uint64_t position = sync->positions[partition];

    if (!entry->was_large && sync->flushed[partition] > position)
        position = sync->flushed[partition]; /* the inbox has told of all below */
    return position;
}

static void read_back(struct sync *sync, struct cc_slice conversation, uint64_t to);

static void first_read(struct sync *sync, int status)
{
    struct cc_store_read_rows *read = &sync->op.rows;
    uint64_t position = entry_position(sync, sync->at);
    uint64_t oldest = status || !read->ret_count ? 0 : read->ret_rows[0].seq;
    uint64_t next = read->to + 1;
    size_t at = status ? 0 : read->ret_count;

    while (at && read->ret_rows[at - 1].offset >= position)
        next = read->ret_rows[--at].seq;
    cc_op_release(&read->op);
    if (status) {
        sync_loaded(sync, status);
    } else if (next == oldest && oldest > 1) {
        read_back(sync, sync_entry_id(sync->at), oldest - 1);
    } else {
        sync->at->next = next;
        sync_push_on(sync);
    }
}

/* Reads a page back from `to`, to find the first row that is not below the position. */
static void read_back(struct sync *sync, struct cc_slice conversation, uint64_t to)
{
    struct cc_engine *engine = sync->engine;
    struct cc_store_read_rows *read = &sync->op.rows;

    memset(read, 0, sizeof *read);
    read->conversation = conversation;
    read->from = 1;
    read->to = to;
    read->limit = SYNC_ROWS;
    read->descending = true;
    sync_op_begin(sync, first_read);
    engine->store.vtable->read_rows(engine->store.self, read);
}

static uint64_t first_in_memory(const struct conversation *conversation, uint64_t position)
{
    uint64_t seq = conversation->seq;

    while (seq >= conversation_recent_first(conversation) &&
           conversation_recent(conversation, seq)->offset >= position)
        seq--;
    return seq + 1;
}

/* Finds entry->next by the position. False: a read is under way, or there is nothing to push. */
static bool find_next(struct sync *sync, struct sync_entry *entry)
{
    struct conversation *conversation = conversation_find(sync->engine, sync_entry_id(entry));
    uint64_t position = entry_position(sync, entry);
    uint64_t first;

    if (entry->next)
        return true;
    if (!conversation) {
        if (!entry->was_large || !entry->has_head || entry->head_offset < position)
            return false;
        read_back(sync, sync_entry_id(entry), entry->head);
        return false;
    }
    if (!conversation->seq || conversation->offset < position)
        return false;
    first = first_in_memory(conversation, position);
    if (first > conversation_recent_first(conversation) || first == 1) {
        entry->next = first;
        return true;
    }
    read_back(sync, sync_entry_id(entry), first - 1);
    return false;
}

/* --- pushing ------------------------------------------------------------------------------------
 */

/* A message that tells the session's user of its going is the last one it is given; of its coming,
 * the first. */
static void note_own_change(struct sync *sync, struct sync_entry *entry,
                            const struct message *message)
{
    const struct cc_message *view = &message->view;
    bool goes = view->action == CC_SYSTEM_REMOVED || view->action == CC_SYSTEM_LEFT;

    if (!goes && view->action != CC_SYSTEM_ADDED)
        return;
    for (size_t i = 0; i < view->user_count; i++)
        if (slice_equal(view->users[i], sync->user->name))
            entry->until = goes ? view->seq : SYNC_NO_END;
}

static bool push(struct sync *sync, struct sync_entry *entry, struct message *message)
{
    int r = delivery_message_to(sync->session, message);

    if (r == CC_ENOMEM)
        session_close(sync->session, CC_CLOSE_TOO_MANY, "out of memory");
    if (r)
        return false;
    entry->next++;
    note_own_change(sync, entry, message);
    return true;
}

static int push_row(struct sync *sync, struct sync_entry *entry, const struct cc_store_row *row)
{
    struct message *message;
    int r = message_decode(&sync->engine->allocator, row->body, row->seq, row->offset, &message);

    if (r)
        return r;
    entry->next = row->seq; /* those between were removed */
    r = push(sync, entry, message) ? 0 : CC_EBUSY;
    message_unref(message);
    return r;
}

/*
 * True for a row that the store has early, which is told later: of another node's partition over
 * its link; of this node's when it has applied so far (an owner before may have written more than
 * it knew of when it began).
 */
static bool is_early(const struct sync *sync, struct sync_entry *entry,
                     const struct cc_store_row *row)
{
    uint32_t number = engine_partition_of(sync->engine, sync_entry_id(entry));
    const struct partition *partition = &sync->engine->partitions[number];

    if (partition_is_running(partition)) {
        if (row->offset < partition->applied)
            return false;
        entry->head = row->seq - 1; /* from its applying on, the conversation is in memory */
        return true;
    }
    if (row->offset < sync->flushed[number])
        return false;
    entry->stop = row->seq;
    return true;
}

static void rows_read(struct sync *sync, int status)
{
    struct cc_store_read_rows *read = &sync->op.rows;
    struct sync_entry *entry = sync->at;
    size_t count = status ? 0 : read->ret_count;

    if (!status && !count)
        entry->next = read->to + 1; /* all of it was removed: see sweep.h */
    for (size_t i = 0; !status && sync->stage == SYNC_PUSHING && i < count; i++) {
        if (read->ret_rows[i].seq > entry->until)
            break;
        if (is_early(sync, entry, &read->ret_rows[i]))
            break;
        status = push_row(sync, entry, &read->ret_rows[i]);
    }
    cc_op_release(&read->op);
    if (status && status != CC_EBUSY)
        sync_loaded(sync, status);
    else if (!status && sync->stage == SYNC_PUSHING)
        sync_push_on(sync);
}

static void read_rows(struct sync *sync, struct sync_entry *entry, uint64_t to)
{
    struct cc_engine *engine = sync->engine;
    struct cc_store_read_rows *read = &sync->op.rows;

    memset(read, 0, sizeof *read);
    read->conversation = sync_entry_id(entry);
    read->from = entry->next;
    read->to = to;
    read->limit = SYNC_ROWS;
    sync_op_begin(sync, rows_read);
    engine->store.vtable->read_rows(engine->store.self, read);
}

/* Pushes what memory has. False: no room, or the session is gone. */
static bool push_recent(struct sync *sync, struct sync_entry *entry,
                        const struct conversation *conversation, uint64_t last)
{
    while (entry->next <= last && entry->next <= entry->until &&
           entry->next >= conversation_recent_first(conversation)) {
        struct message *message = conversation_recent(conversation, entry->next);

        if (!push(sync, entry, message))
            return false;
    }
    return true;
}

/*
 * The directory knows of a user's joining before the log has applied it. Until then nothing is
 * shown; then sync_members_changed() or the owner's link tells.
 */
static bool has_joined(const struct sync *sync, const struct sync_entry *entry,
                       struct conversation *conversation)
{
    if (conversation)
        return conversation_member(conversation, sync->user->name) != NULL ||
               entry->until != SYNC_NO_END;
    return entry->version <= entry->head_version;
}

/* True when the entry has nothing more to push now; false: a read is under way, no room, or the
 * session is gone. */
static bool push_entry(struct sync *sync, struct sync_entry *entry)
{
    struct conversation *conversation = conversation_find(sync->engine, sync_entry_id(entry));
    uint64_t last;

    if (!find_next(sync, entry))
        return !sync->is_busy;
    if (!has_joined(sync, entry, conversation))
        return true;
    if (entry->next < entry->since)
        entry->next = entry->since;
    last = conversation ? conversation->seq : entry->head;
    if (entry->stop && entry->stop <= last)
        last = entry->stop - 1;
    if (entry->until < last)
        last = entry->until;
    if (conversation && entry->next >= conversation_recent_first(conversation) &&
        !push_recent(sync, entry, conversation, last))
        return false;
    if (entry->next > last)
        return true;
    if (conversation && conversation_recent_first(conversation) <= last)
        last = conversation_recent_first(conversation) - 1;
    read_rows(sync, entry, last);
    return false;
}

/* 0; CC_EBUSY: no room now; CC_ENOMEM. What was read from the store already is passed over. */
static int push_one_held(struct sync *sync, struct message *message)
{
    struct sync_entry *entry = sync_entry_put(sync, message->view.conversation);
    int r;

    if (!entry)
        return CC_ENOMEM;
    if (message->view.seq < entry->next)
        return 0;
    r = delivery_message_to(sync->session, message);
    if (r)
        return r;
    entry->next = message->view.seq + 1;
    note_own_change(sync, entry, message);
    return 0;
}

/* What other nodes have told meanwhile. False: not all of it, for want of room. */
static bool push_held(struct sync *sync)
{
    for (; sync->held_at < sync->held_count; sync->held_at++) {
        struct message *message = sync->held[sync->held_at];
        int r;

        if (message->offset < sync->flushed[sync->held_partitions[sync->held_at]])
            continue;
        r = push_one_held(sync, message);
        if (r == CC_ENOMEM)
            session_close(sync->session, CC_CLOSE_TOO_MANY, "out of memory");
        if (r)
            return false;
    }
    return true;
}

/* Where the session stands when everything told of has been pushed. */
static void take_positions(struct sync *sync)
{
    struct cc_engine *engine = sync->engine;

    for (uint32_t i = 0; i < engine->partition_count; i++) {
        uint64_t position = feed_position(engine, i);

        sync->positions[i] = position > sync->flushed[i] ? position : sync->flushed[i];
    }
}

/* More was told than is held: it is in the store by the time that the owners' next answers are. */
static void read_overflown(struct sync *sync)
{
    struct cc_engine *engine = sync->engine;

    for (uint32_t i = 0; i < engine->partition_count; i++)
        sync->positions[i] = partition_is_running(&engine->partitions[i])
                                 ? engine->partitions[i].applied
                                 : sync->flushed[i];
    sync_trace(sync, "was told more than it holds");
    sync->has_positions = true;
    sync->at = NULL;
    sync_begin_anew(sync);
}

/* Nothing is missing: from the next message on the session is pushed as it comes. */
static void go_live(struct sync *sync)
{
    struct cc_engine *engine = sync->engine;
    struct cc_session *session = sync->session;
    struct buffer cursor;

    if (sync->has_overflown) {
        read_overflown(sync);
        return;
    }
    if (!push_held(sync))
        return;
    buffer_init(&cursor, &engine->allocator);
    take_positions(sync);
    cursor_write(&cursor, sync->positions, engine->partition_count);
    sync_end(sync);
    if (cursor.failed)
        session_close(session, CC_CLOSE_TOO_MANY, "out of memory");
    else
        delivery_synced(session, buffer_slice(&cursor));
    buffer_deinit(&cursor);
}

/*
 * Goes over the entries until a whole round finds nothing to push. The last round runs without a
 * break, so nothing can come in between it and going live.
 */
void sync_push_on(struct sync *sync)
{
    struct cc_session *session = sync->session;

    session_ref(session);
    sync_hold(sync);
    while (session->sync == sync && !sync->is_anew) {
        if (!sync->at) {
            sync->at = sync->entries;
            if (!sync->has_pushed) {
                go_live(sync);
                break;
            }
            sync->has_pushed = false;
            continue;
        }
        uint32_t before = session->outstanding;

        if (!push_entry(sync, sync->at)) {
            sync->has_pushed = true;
            break;
        }
        if (session->outstanding != before)
            sync->has_pushed = true;
        sync->at = sync->at->hh.next;
    }
    sync_release(sync);
    session_unref(session);
}
