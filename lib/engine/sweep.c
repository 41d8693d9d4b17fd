/*
 * Going through all conversations: wait for the store → list → for each: read a page, decide,
 * amend, tell the index → let memory go → done.
 */
#include "engine/sweep.h"

#include "chatcore/error.h"
#include "engine/partition.h"
#include "engine/redact.h"
#include "engine/retention.h"
#include "wire/record.h"

struct sweep {
    struct sweep *next; /* of those that wait for the store */
    struct cc_engine *engine;
    enum sweep_kind kind;
    int64_t cutoff; /* of the conversation being looked at, wall ms; USER: none */
    char user[CC_NAME_MAX];
    size_t user_size;
    void (*done)(void *context, int status);
    void *context;

    union { /* the answer is kept while it is gone through */
        struct cc_op op;
        struct cc_store_list_heads heads;
        struct cc_directory_retained retained; /* RETAINED */
    } page;
    size_t count; /* conversations of the page */
    size_t at;
    char after[CC_NAME_MAX];
    size_t after_size;
    bool is_last_page;

    struct cc_store_read_rows rows;
    uint64_t next_seq;
    bool page_is_last;    /* of the conversation */
    struct buffer bodies; /* the new ones */
    struct arena arena;   /* decoded records */
    struct cc_store_row amended[SWEEP_ROWS];
    size_t body_at[SWEEP_ROWS]; /* where in `bodies` */
    struct cc_store_amend amend;
    struct cc_search_forget forget;
    bool *dirty;       /* by partition: something was amended */
    uint64_t wanted[]; /* by partition: what the store has to have first */
};

static void list(struct sweep *sweep);
static void read_page(struct sweep *sweep);
static void next_conversation(struct sweep *sweep);

static struct cc_slice conversation_of(const struct sweep *sweep)
{
    return sweep->kind == SWEEP_RETAINED ? sweep->page.retained.ret_conversations[sweep->at].id
                                         : sweep->page.heads.ret_heads[sweep->at].conversation;
}

static const struct partition *partition_here(const struct sweep *sweep)
{
    return partition_of(sweep->engine, conversation_of(sweep));
}

/* --- the end ------------------------------------------------------------------------------------
 */

static void sweep_free(struct sweep *sweep)
{
    struct cc_engine *engine = sweep->engine;

    cc_op_release(&sweep->page.op);
    cc_op_release(&sweep->rows.op);
    buffer_deinit(&sweep->bodies);
    arena_deinit(&sweep->arena);
    mem_free(&engine->allocator, sweep->dirty);
    mem_free(&engine->allocator, sweep);
}

static void finish(struct sweep *sweep, int status)
{
    void (*done)(void *, int) = sweep->done;
    void *context = sweep->context;

    for (uint32_t i = 0; i < sweep->engine->partition_count; i++)
        if (sweep->dirty[i])
            partition_drop_recent(&sweep->engine->partitions[i]);
    sweep_free(sweep);
    done(context, status);
}

/* True when the sweep goes on. */
static bool went_well(struct sweep *sweep, struct cc_op *op)
{
    int status = op->status;

    engine_op_done(sweep->engine, op);
    if (!status && sweep->engine->state == ENGINE_RUNNING)
        return true;
    finish(sweep, status ? status : CC_ECANCELED);
    return false;
}

/* --- the index ----------------------------------------------------------------------------------
 */

static void after_page(struct sweep *sweep)
{
    if (sweep->page_is_last) {
        sweep->at++;
        next_conversation(sweep);
    } else {
        read_page(sweep);
    }
}

static void forgotten(struct cc_op *op)
{
    struct sweep *sweep = container_of(op, struct sweep, forget.op);

    if (!went_well(sweep, op))
        return;
    cc_op_release(op);
    after_page(sweep);
}

/* What was removed; what a user said goes all at once, at the end. */
static void forget_removed(struct sweep *sweep)
{
    struct cc_engine *engine = sweep->engine;

    if (!engine->search.vtable || !sweep->amend.before) {
        after_page(sweep);
        return;
    }
    memset(&sweep->forget, 0, sizeof sweep->forget);
    sweep->forget.conversation = conversation_of(sweep);
    sweep->forget.before_seq = sweep->amend.before;
    engine_op_begin(engine, &sweep->forget.op, forgotten);
    engine->search.vtable->forget(engine->search.self, &sweep->forget);
}

static void forgot_user(struct cc_op *op)
{
    struct sweep *sweep = container_of(op, struct sweep, forget.op);

    if (!went_well(sweep, op))
        return;
    cc_op_release(op);
    finish(sweep, 0);
}

static void forget_user(struct sweep *sweep)
{
    struct cc_engine *engine = sweep->engine;

    if (!engine->search.vtable || sweep->kind != SWEEP_USER) {
        finish(sweep, 0);
        return;
    }
    memset(&sweep->forget, 0, sizeof sweep->forget);
    sweep->forget.from = slice_of(sweep->user, sweep->user_size);
    sweep->forget.is_thorough = true;
    engine_op_begin(engine, &sweep->forget.op, forgot_user);
    engine->search.vtable->forget(engine->search.self, &sweep->forget);
}

/* --- amending -----------------------------------------------------------------------------------
 */

static void amended(struct cc_op *op)
{
    struct sweep *sweep = container_of(op, struct sweep, amend.op);

    if (!went_well(sweep, op))
        return;
    cc_op_release(op);
    sweep->dirty[partition_here(sweep)->number] = true;
    forget_removed(sweep);
}

static void amend(struct sweep *sweep)
{
    struct cc_engine *engine = sweep->engine;
    struct cc_store_amend *op = &sweep->amend;

    for (size_t i = 0; i < op->row_count; i++)
        sweep->amended[i].body.data = sweep->bodies.data + sweep->body_at[i];
    op->conversation = conversation_of(sweep);
    op->rows = sweep->amended;
    engine_op_begin(engine, &op->op, amended);
    engine->store.vtable->amend(engine->store.self, op);
}

static bool says_something(const struct cc_message *message)
{
    return message->kind != CC_MESSAGE_SYSTEM &&
           (message->text.size || message->media_count || message->mention_count ||
            message->meta.size || message->emoji.size);
}

/* The record without what was said. 0 or CC_ENOMEM. */
static int blank(struct sweep *sweep, const struct cc_store_row *row, struct record *record)
{
    struct cc_store_amend *op = &sweep->amend;
    struct cc_store_row *to = &sweep->amended[op->row_count];
    size_t start = sweep->bodies.size;
    int r;

    redact_blank(record);
    record->message.client_id = slice_of(NULL, 0);
    record->message.trace_parent = slice_of(NULL, 0);
    r = record_encode(&sweep->bodies, record);
    if (r)
        return r;
    to->seq = row->seq;
    to->body.size = sweep->bodies.size - start;
    sweep->body_at[op->row_count++] = start;
    return 0;
}

/* What becomes of a row. A record that can't be read can't be judged: it stays. */
static int judge(struct sweep *sweep, const struct cc_store_row *row, bool *ret_ends)
{
    struct record record;
    int r = record_decode(row->body, &sweep->arena, &record);

    if (r)
        return r == CC_ENOMEM ? r : 0;
    if (row->offset >= sweep->wanted[partition_here(sweep)->number]) {
        *ret_ends = true;
        return 0;
    }
    if (sweep->kind != SWEEP_USER) {
        if (id_timestamp(&record.message.id) < sweep->cutoff)
            sweep->amend.before = row->seq + 1;
        else
            *ret_ends = true;
        return 0;
    }
    if (!slice_equal(record.message.from, slice_of(sweep->user, sweep->user_size)) ||
        !says_something(&record.message))
        return 0;
    return blank(sweep, row, &record);
}

static void page_read(struct cc_op *op)
{
    struct sweep *sweep = container_of(op, struct sweep, rows.op);
    size_t count = op->status ? 0 : sweep->rows.ret_count;
    bool ends = count < SWEEP_ROWS;

    memset(&sweep->amend, 0, sizeof sweep->amend);
    buffer_clear(&sweep->bodies);
    arena_clear(&sweep->arena);
    for (size_t i = 0; !op->status && i < count; i++) {
        bool is_end = false;

        op->status = judge(sweep, &sweep->rows.ret_rows[i], &is_end);
        ends = ends || is_end;
        sweep->next_seq = sweep->rows.ret_rows[i].seq + 1;
        if (is_end)
            break;
    }
    if (!went_well(sweep, op))
        return;
    cc_op_release(op);
    sweep->page_is_last = ends;
    if (sweep->amend.before || sweep->amend.row_count)
        amend(sweep);
    else
        after_page(sweep);
}

static void read_page(struct sweep *sweep)
{
    struct cc_engine *engine = sweep->engine;
    struct cc_store_read_rows *rows = &sweep->rows;

    memset(rows, 0, sizeof *rows);
    rows->conversation = conversation_of(sweep);
    rows->from = sweep->next_seq;
    rows->to = UINT64_MAX;
    rows->limit = SWEEP_ROWS;
    engine_op_begin(engine, &rows->op, page_read);
    engine->store.vtable->read_rows(engine->store.self, rows);
}

/* --- the conversations --------------------------------------------------------------------------
 */

/* How long messages are kept, where `own_s` is the conversation's retention; 0: for ever. */
static uint64_t retention_of(const struct cc_engine *engine, uint64_t own_s)
{
    uint64_t ceiling_s = engine->limits.retention_s;

    return !own_s || (ceiling_s && ceiling_s < own_s) ? ceiling_s : own_s;
}

/* False for a conversation of another node, and for one that is too young to have old messages. */
static bool begins(struct sweep *sweep)
{
    const struct cc_engine *engine = sweep->engine;
    uint64_t own_s = 0;

    if (!partition_is_running(partition_here(sweep)))
        return false;
    if (sweep->kind == SWEEP_USER)
        return true;
    if (sweep->kind == SWEEP_RETAINED)
        own_s = sweep->page.retained.ret_conversations[sweep->at].retention_s;
    sweep->cutoff = engine->now.wall_ms - (int64_t)retention_of(engine, own_s) * 1000;
    return sweep->cutoff > 0;
}

static void next_conversation(struct sweep *sweep)
{
    while (sweep->at < sweep->count && !begins(sweep))
        sweep->at++;
    sweep->next_seq = 1;
    if (sweep->at < sweep->count)
        read_page(sweep);
    else if (!sweep->is_last_page)
        list(sweep);
    else
        forget_user(sweep);
}

static void take_page(struct sweep *sweep, size_t count, bool more)
{
    sweep->at = 0;
    sweep->count = count;
    sweep->is_last_page = !more;
    if (count) {
        struct cc_slice last;

        sweep->at = count - 1;
        last = conversation_of(sweep);
        memcpy(sweep->after, last.data, last.size);
        sweep->after_size = last.size;
        sweep->at = 0;
    }
    next_conversation(sweep);
}

static void heads_listed(struct cc_op *op)
{
    struct sweep *sweep = container_of(op, struct sweep, page.op);

    if (went_well(sweep, op))
        take_page(sweep, sweep->page.heads.ret_count, sweep->page.heads.ret_more);
}

static void retained_listed(struct cc_op *op)
{
    struct sweep *sweep = container_of(op, struct sweep, page.op);
    const struct cc_directory_retained *retained = &sweep->page.retained;

    if (!went_well(sweep, op))
        return;
    for (size_t i = 0; i < retained->ret_count; i++)
        retention_noted(sweep->engine, retained->ret_conversations[i].retention_s);
    take_page(sweep, retained->ret_count, retained->ret_more);
}

static void list(struct sweep *sweep)
{
    struct cc_engine *engine = sweep->engine;
    struct cc_slice after = slice_of(sweep->after, sweep->after_size);

    cc_op_release(&sweep->page.op);
    memset(&sweep->page, 0, sizeof sweep->page);
    if (sweep->kind == SWEEP_RETAINED) {
        sweep->page.retained.after = after;
        sweep->page.retained.limit = SWEEP_PAGE;
        engine_op_begin(engine, &sweep->page.op, retained_listed);
        engine->directory.vtable->retained(engine->directory.self, &sweep->page.retained);
    } else {
        sweep->page.heads.after = after;
        sweep->page.heads.limit = SWEEP_PAGE;
        engine_op_begin(engine, &sweep->page.op, heads_listed);
        engine->store.vtable->list_heads(engine->store.self, &sweep->page.heads);
    }
}

/* --- beginning ----------------------------------------------------------------------------------
 */

static bool store_has_all(const struct sweep *sweep)
{
    for (uint32_t i = 0; i < sweep->engine->partition_count; i++) {
        const struct partition *partition = &sweep->engine->partitions[i];

        if (partition_is_running(partition) && partition->flushed < sweep->wanted[i])
            return false;
    }
    return true;
}

void sweeps_step(struct cc_engine *engine)
{
    struct sweep **at = &engine->sweeps;

    while (*at) {
        struct sweep *sweep = *at;

        if (engine->state == ENGINE_RUNNING && !store_has_all(sweep)) {
            at = &sweep->next;
            continue;
        }
        *at = sweep->next;
        if (engine->state == ENGINE_RUNNING)
            list(sweep);
        else
            finish(sweep, CC_ECANCELED);
    }
}

void sweeps_deinit(struct cc_engine *engine)
{
    while (engine->sweeps) {
        struct sweep *sweep = engine->sweeps;

        engine->sweeps = sweep->next;
        sweep_free(sweep);
    }
}

int sweep_start(struct cc_engine *engine, const struct sweep_settings *settings)
{
    size_t wanted_bytes = engine->partition_count * sizeof(uint64_t);
    struct sweep *sweep = mem_zalloc(&engine->allocator, 1, sizeof *sweep + wanted_bytes);
    bool *dirty = mem_zalloc(&engine->allocator, engine->partition_count, sizeof *dirty);

    if (!sweep || !dirty) {
        mem_free(&engine->allocator, sweep);
        mem_free(&engine->allocator, dirty);
        return CC_ENOMEM;
    }
    sweep->engine = engine;
    sweep->kind = settings->kind;
    if (settings->user.size)
        memcpy(sweep->user, settings->user.data, settings->user.size);
    sweep->user_size = settings->user.size;
    sweep->done = settings->done;
    sweep->context = settings->context;
    sweep->dirty = dirty;
    buffer_init(&sweep->bodies, &engine->allocator);
    arena_init(&sweep->arena, &engine->allocator);
    for (uint32_t i = 0; i < engine->partition_count; i++)
        sweep->wanted[i] = engine->partitions[i].applied;
    sweep->next = engine->sweeps;
    engine->sweeps = sweep;
    engine_wake(engine);
    return 0;
}
