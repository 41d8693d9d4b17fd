/*
 * Catching up: its life, from where it begins, and members that change meanwhile.
 */
#include "chatcore/error.h"
#include "engine/cursor.h"
#include "engine/delivery.h"
#include "engine/feed.h"
#include "engine/sync_state.h"
#include "engine/user.h"

void sync_trace(const struct sync *sync, const char *what)
{
    engine_trace(sync->engine, CC_TRACE_DEBUG, "sync", "%.*s/%.*s %s", (int)sync->user->name.size,
                 sync->user->name.data, (int)sync->session->device.size, sync->session->device.data,
                 what);
}

/* --- its life -----------------------------------------------------------------------------------
 */

static void held_free(struct sync *sync)
{
    for (size_t i = 0; i < sync->held_count; i++)
        message_unref(sync->held[i]);
    sync->held_count = 0;
    sync->held_at = 0;
    sync->has_overflown = false;
}

static void entries_free(struct sync *sync)
{
    struct sync_entry *entry;
    struct sync_entry *next;

    HASH_ITER(hh, sync->entries, entry, next)
    {
        HASH_DELETE(hh, sync->entries, entry);
        mem_free(&sync->engine->allocator, entry);
    }
}

static void sync_free(struct sync *sync)
{
    const struct cc_allocator *allocator = &sync->engine->allocator;

    sync_withdraw(sync);
    timer_clear(&sync->engine->timers, &sync->timer);
    held_free(sync);
    entries_free(sync);
    mem_free(allocator, sync->targets);
    mem_free(allocator, sync->head_ids);
    mem_free(allocator, sync->positions);
    mem_free(allocator, sync->flushed);
    user_unref(sync->engine, sync->user);
    mem_free(allocator, sync);
}

static struct sync *sync_new(struct cc_session *session)
{
    struct cc_engine *engine = session_engine(session);
    struct sync *sync = mem_zalloc(&engine->allocator, 1, sizeof *sync);

    if (!sync)
        return NULL;
    sync->engine = engine;
    sync->session = session;
    sync->user = session->user;
    user_ref(sync->user);
    sync->positions =
        mem_zalloc(&engine->allocator, engine->partition_count, sizeof *sync->positions);
    sync->flushed = mem_zalloc(&engine->allocator, engine->partition_count, sizeof *sync->flushed);
    sync->targets = mem_zalloc(&engine->allocator, engine->partition_count, sizeof *sync->targets);
    if (sync->positions && sync->flushed && sync->targets) {
        for (uint32_t i = 0; i < engine->partition_count; i++)
            sync->targets[i] = SYNC_NO_TARGET;
        engine->stats.catchups++;
        return sync;
    }
    sync_free(sync);
    return NULL;
}

void sync_end(struct sync *sync)
{
    sync->session->sync = NULL;
    sync->stage = SYNC_ENDED;
    if (!sync->is_busy && !sync->holds)
        sync_free(sync);
}

void sync_hold(struct sync *sync)
{
    sync->holds++;
}

void sync_release(struct sync *sync)
{
    sync->holds--;
    if (sync->stage == SYNC_ENDED && !sync->is_busy && !sync->holds)
        sync_free(sync);
}

void sync_abort(struct cc_session *session)
{
    sync_end(session->sync);
}

static void sync_completed(struct cc_op *op)
{
    struct sync *sync = container_of(op, struct sync, op.op);
    struct cc_session *session = sync->session;

    engine_op_done(sync->engine, op);
    sync->is_busy = false;
    sync_hold(sync);
    if (sync->stage == SYNC_ENDED || sync->is_anew) {
        cc_op_release(op);
        sync->engine->resume_wanted = true;
    } else {
        sync->step(sync, op->status);
    }
    sync_release(sync);
    session_unref(session);
}

void sync_op_begin(struct sync *sync, void (*step)(struct sync *sync, int status))
{
    sync->step = step;
    sync->is_busy = true;
    session_ref(sync->session);
    engine_op_begin(sync->engine, &sync->op.op, sync_completed);
}

/* --- entries ------------------------------------------------------------------------------------
 */

struct sync_entry *sync_entry_find(struct sync *sync, struct cc_slice conversation)
{
    struct sync_entry *entry = NULL;

    HASH_FIND(hh, sync->entries, conversation.data, conversation.size, entry);
    return entry;
}

struct sync_entry *sync_entry_put(struct sync *sync, struct cc_slice conversation)
{
    const struct cc_allocator *hash_allocator = &sync->engine->allocator;
    struct sync_entry *entry = sync_entry_find(sync, conversation);

    if (entry)
        return entry;
    entry = mem_zalloc(hash_allocator, 1, sizeof *entry);
    if (!entry)
        return NULL;
    memcpy(entry->id, conversation.data, conversation.size);
    entry->size = (uint8_t)conversation.size;
    entry->until = SYNC_NO_END;
    HASH_ADD_KEYPTR(hh, sync->entries, entry->id, entry->size, entry);
    if (entry->hh.tbl)
        return entry;
    mem_free(hash_allocator, entry);
    return NULL;
}

/* --- beginning ----------------------------------------------------------------------------------
 */

/* True when every partition that this node owns has been replayed: then what was said before a
 * crash is known. */
static bool is_replayed(const struct cc_engine *engine)
{
    for (uint32_t i = 0; i < engine->partition_count; i++) {
        const struct partition *partition = &engine->partitions[i];

        if (partition->is_owned &&
            (partition->state != PARTITION_RUNNING || partition->applied < partition->replay_until))
            return false;
    }
    return engine->knows_partitions;
}

int sync_start(struct cc_session *session, struct cc_slice cursor)
{
    struct sync *sync = sync_new(session);

    if (!sync)
        return CC_ENOMEM;
    sync->has_positions =
        cursor.size && cursor_read(cursor, sync->positions, sync->engine->partition_count);
    session->sync = sync;
    return 0;
}

void sync_fall_back(struct cc_session *session)
{
    struct cc_engine *engine = session_engine(session);
    struct sync *sync;

    if (!session_is_live(session))
        return;
    sync = sync_new(session);
    if (!sync) {
        session_close(session, CC_CLOSE_TOO_MANY, "out of memory");
        return;
    }
    sync->has_positions = true;
    for (uint32_t i = 0; i < engine->partition_count; i++)
        sync->positions[i] = feed_position(engine, i);
    session->sync = sync;
    sync_trace(sync, "falls back");
    engine->resume_wanted = true;
}

/*
 * A position beyond what is known is of another history (the data was put back to an older state):
 * it tells nothing. What another node had applied is in the store by now, so there the store tells.
 */
static void check_positions(struct sync *sync)
{
    struct cc_engine *engine = sync->engine;

    for (uint32_t i = 0; i < engine->partition_count; i++) {
        bool is_ours = partition_is_running(&engine->partitions[i]);

        if (sync->positions[i] > (is_ours ? engine->partitions[i].applied : sync->flushed[i]))
            sync->has_positions = false;
    }
    sync_trace(sync,
               sync->has_positions ? "reads from its positions" : "reads from what is recorded");
}

void sync_begin_anew(struct sync *sync)
{
    struct cc_engine *engine = sync->engine;

    for (uint32_t i = 0; i < engine->partition_count; i++)
        sync->targets[i] = SYNC_NO_TARGET;
    held_free(sync);
    sync_withdraw(sync);
    sync->is_anew = true; /* an operation under way ends first */
    engine->resume_wanted = true;
}

/* The entries stay, with the seq that each has come to: what was pushed is not pushed again. */
static void begin_anew(struct sync *sync)
{
    sync_trace(sync, "begins anew");
    sync->is_anew = false;
    sync->stage = SYNC_WAITING;
    sync->partition = 0;
    sync->scan = 0;
    sync->after_size = 0;
    for (struct sync_entry *entry = sync->entries; entry; entry = entry->hh.next) {
        entry->has_head = false;
        entry->stop = 0;
        if (entry->since < entry->next)
            entry->since = entry->next;
    }
}

/* A partition that came back meanwhile is not known yet: no position could be compared with it. */
void sync_ready(struct sync *sync)
{
    if (!is_replayed(sync->engine)) {
        sync_begin_anew(sync);
        return;
    }
    check_positions(sync);
    sync_load(sync);
}

void sync_resume(struct cc_session *session)
{
    struct sync *sync = session->sync;
    struct cc_engine *engine;

    if (!sync || sync->is_busy || session->phase != SESSION_OPEN)
        return;
    engine = sync->engine;
    if (session->outstanding > engine->limits.max_outstanding / 2)
        return;
    if (sync->is_anew)
        begin_anew(sync);
    if (sync->stage == SYNC_WAITING) {
        if (is_replayed(engine))
            sync_wait_for_others(sync);
    } else if (sync->stage == SYNC_PUSHING) {
        sync_push_on(sync);
    }
}

void sync_resume_all(struct cc_engine *engine)
{
    struct cc_session *session = engine->sessions;

    engine->resume_wanted = false;
    while (session) {
        struct cc_session *next = session->next;

        sync_resume(session);
        session = next;
    }
}

void sync_loaded(struct sync *sync, int status)
{
    if (status) {
        engine_trace(sync->engine, CC_TRACE_WARNING, "sync", "catching up: %s",
                     cc_error_name(status));
        session_close(sync->session, CC_CLOSE_DRAINING, "storage unavailable");
        return;
    }
    sync->stage = SYNC_PUSHING;
    sync->at = sync->entries;
    sync_push_on(sync);
}

/* --- members that change meanwhile
 * ----------------------------------------------------------------- */

static void joined(struct sync *sync, const struct conversation *conversation, uint64_t seq)
{
    struct sync_entry *entry = sync_entry_put(sync, conversation->id);

    if (!entry) {
        session_close(sync->session, CC_CLOSE_TOO_MANY, "out of memory");
        return;
    }
    if (entry->next < seq)
        entry->next = seq;
    if (entry->since < seq && !sync->engine->history_for_joiners)
        entry->since = seq;
    entry->until = SYNC_NO_END;
    sync->has_pushed = true; /* one more round */
}

static void left(struct sync *sync, const struct conversation *conversation, uint64_t seq)
{
    struct sync_entry *entry = sync_entry_find(sync, conversation->id);

    if (entry)
        entry->until = seq;
}

static void tell_user(struct conversation *conversation, struct cc_slice name, bool is_member,
                      uint64_t seq)
{
    struct user *user = user_find(conversation->engine, name);
    struct cc_session *session = user ? user->sessions : NULL;

    while (session) {
        struct cc_session *next = session->next_of_user;

        /* What has not been begun, or begins again, finds it in the directory; a replay tells it
         * once more. */
        if (session->sync && session->sync->stage != SYNC_WAITING && !session->sync->is_anew)
            (is_member ? joined : left)(session->sync, conversation, seq);
        session = next;
    }
}

void sync_members_changed(struct conversation *conversation, const struct message *message)
{
    uint64_t seq = message ? message->view.seq : 1;
    enum cc_system_action action = message ? message->view.action : CC_SYSTEM_CREATED;
    struct member_entry *member;
    struct member_entry *next;

    if (action == CC_SYSTEM_CREATED) {
        HASH_ITER(hh, conversation->members, member, next)
        tell_user(conversation, member->user, true, seq);
        return;
    }
    if (action == CC_SYSTEM_ROLE || action == CC_SYSTEM_RENAMED)
        return;
    for (size_t i = 0; i < message->view.user_count; i++)
        tell_user(conversation, message->view.users[i], action == CC_SYSTEM_ADDED, seq);
}
