/*
 * Removing what nobody can read: uploads that were never sent, and those whose every message is
 * gone: deleted, too old, or of an author who was erased.
 *
 * One look goes over all objects in the order of their ids, a page at a time, and stops at those
 * that may still be sent. Then it waits, and goes on from there: an old object is looked at again
 * only in the next round, which begins a day after the last, or when somebody was erased. What is
 * removed can't be sent any more (media_is_stale()) since an hour, so no message that names it can
 * be on its way.
 */
#include "chatcore/error.h"
#include "engine/flush.h"
#include "engine/mark.h"
#include "engine/media_state.h"
#include "engine/partition.h"

/* Between pages; and when there is nothing to look at. */
#define COLLECT_PAGE_MS  1000
#define COLLECT_PAUSE_MS 600000

/* Between rounds over everything: what was deleted is gone within a day. */
#define COLLECT_ROUND_MS (24 * 3600 * 1000)

/* After an upload is stale: far longer than a message takes from its check to the store. */
#define COLLECT_MARGIN_MS (3600 * 1000)

static void look_at_next(struct cc_engine *engine);

static struct media_collector *collector_of(struct cc_engine *engine)
{
    return &engine->uploads->collector;
}

static void rest(struct cc_engine *engine, int64_t ms)
{
    /* Without memory for a timer nothing is removed until the next start. */
    if (timer_set(&engine->timers, &collector_of(engine)->timer, engine->now.mono_ms + ms))
        engine_trace(engine, CC_TRACE_WARNING, "media", "collecting has ended: out of memory");
}

static bool is_running(const struct cc_engine *engine)
{
    return engine->state == ENGINE_RUNNING;
}

/* --- one object ------------------------------------------------------------------------------- */

static struct cc_engine *engine_of_removal(struct cc_op *op)
{
    return container_of(op, struct media_state, collector.removal.op)->engine;
}

static void removed(struct cc_op *op)
{
    struct cc_engine *engine = engine_of_removal(op);

    engine_op_done(engine, op);
    cc_op_release(op);
    if (op->status || !is_running(engine))
        rest(engine, COLLECT_PAUSE_MS); /* it comes again in the next round */
    else
        look_at_next(engine);
}

static void remove_object(struct cc_engine *engine)
{
    struct media_collector *collector = collector_of(engine);
    struct cc_media_remove *op = &collector->removal;

    memset(op, 0, sizeof *op);
    op->id = collector->after;
    engine_op_begin(engine, &op->op, removed);
    engine->media.vtable->remove(engine->media.self, op);
}

static void note_use(void *context, const struct cc_store_cursor *place)
{
    bool *is_used = context;

    if (place->delivered)
        *is_used = true;
}

/* What the store does not have yet counts, whatever comes after it. */
static bool is_used_unflushed(struct cc_engine *engine)
{
    struct cc_slice media = slice_of(collector_of(engine)->media, UUID_TEXT_BYTES);
    bool is_used = false;

    for (uint32_t i = 0; i < engine->partition_count; i++)
        if (engine->partitions[i].flush)
            flush_each_media(engine->partitions[i].flush, media, note_use, &is_used);
    return is_used;
}

static void check_next_place(struct cc_engine *engine);

/* True when the collecting goes on. */
static bool went_well(struct cc_engine *engine, int status)
{
    if (!status && is_running(engine))
        return true;
    cc_op_release(&collector_of(engine)->read.op);
    rest(engine, COLLECT_PAUSE_MS);
    return false;
}

static void row_read(struct cc_op *op)
{
    struct media_state *state = container_of(op, struct media_state, collector.row.op);
    struct media_collector *collector = &state->collector;
    struct cc_engine *engine = state->engine;
    struct arena arena;
    bool has;

    engine_op_done(engine, op);
    arena_init(&arena, &engine->allocator);
    has =
        !op->status && collector->row.ret_count &&
        media_row_has(collector->row.ret_rows, slice_of(collector->media, UUID_TEXT_BYTES), &arena);
    arena_deinit(&arena);
    cc_op_release(op);
    if (!went_well(engine, op->status))
        return;
    collector->place++;
    if (!has) {
        check_next_place(engine);
        return;
    }
    cc_op_release(&collector->read.op);
    look_at_next(engine);
}

/* Reads the message of the next place where one may still show the object. */
static void check_next_place(struct cc_engine *engine)
{
    struct media_collector *collector = collector_of(engine);
    const struct cc_store_read_cursors *places = &collector->read;
    struct cc_store_read_rows *op = &collector->row;
    const struct cc_store_cursor *place;

    while (collector->place < places->ret_count &&
           places->ret_cursors[collector->place].delivered <=
               places->ret_cursors[collector->place].read)
        collector->place++;
    if (collector->place == places->ret_count) {
        cc_op_release(&collector->read.op);
        remove_object(engine);
        return;
    }
    place = &places->ret_cursors[collector->place];
    memset(op, 0, sizeof *op);
    op->conversation = place->conversation;
    op->from = place->delivered;
    op->to = place->delivered;
    op->limit = 1;
    engine_op_begin(engine, &op->op, row_read);
    engine->store.vtable->read_rows(engine->store.self, op);
}

static void places_read(struct cc_op *op)
{
    struct media_state *state = container_of(op, struct media_state, collector.read.op);
    struct cc_engine *engine = state->engine;

    engine_op_done(engine, op);
    state->collector.place = 0;
    if (went_well(engine, op->status))
        check_next_place(engine);
}

static void read_places(struct cc_engine *engine)
{
    struct media_collector *collector = collector_of(engine);
    struct cc_store_read_cursors *op = &collector->read;

    memset(op, 0, sizeof *op);
    op->user = slice_of(collector->media, UUID_TEXT_BYTES);
    op->device = slice_str(MARK_MEDIA);
    op->limit = MEDIA_PLACES_MAX;
    engine_op_begin(engine, &op->op, places_read);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

/* Used ones of the unflushed are passed over in a loop, so that no stack grows with them. */
static void look_at_next(struct cc_engine *engine)
{
    struct media_collector *collector = collector_of(engine);

    while (collector->at < collector->count) {
        const struct cc_id *id = &collector->ids[collector->at];

        if (id_timestamp(id) + COLLECT_MARGIN_MS >
            engine->now.wall_ms - (int64_t)engine->limits.unsent_s * 1000) {
            rest(engine, COLLECT_PAUSE_MS);
            return;
        }
        collector->after = *id;
        collector->at++;
        uuid_format(id, collector->media);
        if (is_used_unflushed(engine))
            continue;
        read_places(engine);
        return;
    }
    rest(engine, collector->count ? COLLECT_PAGE_MS : COLLECT_PAUSE_MS);
}

/* --- a page ----------------------------------------------------------------------------------- */

static void listed(struct cc_op *op)
{
    struct media_state *state = container_of(op, struct media_state, collector.list.op);
    struct media_collector *collector = &state->collector;
    struct cc_engine *engine = state->engine;

    engine_op_done(engine, op);
    collector->at = 0;
    collector->count = op->status ? 0 : collector->list.ret_count;
    if (collector->count)
        memcpy(collector->ids, collector->list.ret_ids, collector->count * sizeof *collector->ids);
    cc_op_release(op);
    if (is_running(engine))
        look_at_next(engine);
}

/* One node looks: the one that owns the first partition. */
static void page_due(struct timer *timer, void *context)
{
    struct media_state *state = container_of(timer, struct media_state, collector.timer);
    struct media_collector *collector = &state->collector;
    struct cc_engine *engine = state->engine;
    struct cc_media_list *op = &collector->list;

    (void)context;
    if (!is_running(engine))
        return;
    if (!partition_is_running(&engine->partitions[0])) {
        rest(engine, COLLECT_PAUSE_MS);
        return;
    }
    if (collector->begins_anew || engine->now.mono_ms - collector->begun_ms >= COLLECT_ROUND_MS) {
        collector->begins_anew = false;
        collector->begun_ms = engine->now.mono_ms;
        memset(&collector->after, 0, sizeof collector->after);
    }
    memset(op, 0, sizeof *op);
    op->after = collector->after;
    op->limit = sizeof collector->ids / sizeof *collector->ids;
    engine_op_begin(engine, &op->op, listed);
    engine->media.vtable->list(engine->media.self, op);
}

void media_collect_now(struct cc_engine *engine)
{
    if (!engine->uploads)
        return;
    collector_of(engine)->begins_anew = true;
    if (collector_of(engine)->timer.index) /* else a look is under way, and rests before the next */
        rest(engine, COLLECT_PAGE_MS);
}

int media_collect_start(struct cc_engine *engine)
{
    struct media_collector *collector = collector_of(engine);

    collector->timer.expired = page_due;
    return timer_set(&engine->timers, &collector->timer, COLLECT_PAGE_MS);
}

void media_collect_stop(struct cc_engine *engine)
{
    timer_clear(&engine->timers, &collector_of(engine)->timer);
}
