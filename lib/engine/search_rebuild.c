/*
 * Making a partition's part of the index from the store: where the index is new, or was away for so
 * long that the log has been trimmed behind it.
 *
 * Conversation by conversation, each is forgotten, then all its rows are brought in the order of
 * seq: texts, edits, deletions. The position is not moved until all of it is there, so a rebuild
 * that is broken off begins again. What the log has beyond comes from the consumer.
 */
#include "chatcore/error.h"
#include "engine/partition.h"
#include "engine/search.h"

/* Heads and rows read at once. */
#define REBUILD_HEADS 64
#define REBUILD_ROWS  256

enum rebuild_stage { REBUILD_LIST, REBUILD_FORGET, REBUILD_READ, REBUILD_BRING, REBUILD_END };

struct search_rebuild {
    struct search_partition *partition;
    enum rebuild_stage stage;
    struct cc_store_list_heads heads; /* its answer is kept until all of it is done */
    size_t at;                        /* the conversation of it that is being brought */
    uint64_t next_seq;
    bool is_last_page;
    uint64_t brought; /* messages: for the trace */
    struct cc_store_read_rows rows;
    struct cc_search_forget forget;
    struct cc_search_index index;
    struct cc_search_entry entries[REBUILD_ROWS];
    char after[CC_NAME_MAX];
    size_t after_size;
    struct arena arena;
};

static void run(struct search_rebuild *rebuild);

static struct cc_engine *engine_of(const struct search_rebuild *rebuild)
{
    return rebuild->partition->state->engine;
}

static struct cc_slice conversation_of(const struct search_rebuild *rebuild)
{
    return rebuild->heads.ret_heads[rebuild->at].conversation;
}

/* --- the stages -------------------------------------------------------------------------------
 */

/* After a failure the same stage is done again. */
static bool went_well(struct search_rebuild *rebuild, struct cc_op *op)
{
    struct cc_engine *engine = engine_of(rebuild);

    engine_op_done(engine, op);
    if (engine->state != ENGINE_RUNNING)
        return false;
    if (!op->status)
        return true;
    cc_op_release(op);
    if (timer_set(&engine->timers, &rebuild->partition->retry,
                  engine->now.mono_ms + SEARCH_RETRY_MS) != 0)
        run(rebuild);
    return false;
}

/* The position stands in the index: from here on the consumer's batches count. */
static void ended(struct cc_op *op)
{
    struct search_rebuild *rebuild = container_of(op, struct search_rebuild, index.op);
    struct search_partition *partition = rebuild->partition;

    if (!went_well(rebuild, op))
        return;
    cc_op_release(op);
    partition->indexed = partition->rebuild_before;

    engine_trace(engine_of(rebuild), CC_TRACE_INFO, "search",
                 "partition %u: indexed %llu messages from the store", partition->number,
                 (unsigned long long)rebuild->brought);
    search_rebuild_free(partition);
    if (partition->has_batch)
        search_index_submit(partition);
}

/* Goes to the next conversation of the list that is this partition's, or on in the list. */
static void next_conversation(struct search_rebuild *rebuild)
{
    const struct cc_engine *engine = engine_of(rebuild);

    while (rebuild->at < rebuild->heads.ret_count &&
           engine_partition_of(engine, conversation_of(rebuild)) != rebuild->partition->number)
        rebuild->at++;
    rebuild->next_seq = 1;
    if (rebuild->at < rebuild->heads.ret_count)
        rebuild->stage = REBUILD_FORGET;
    else
        rebuild->stage = REBUILD_LIST;
}

static void listed(struct cc_op *op)
{
    struct search_rebuild *rebuild = container_of(op, struct search_rebuild, heads.op);

    if (!went_well(rebuild, op))
        return;
    rebuild->at = 0;
    rebuild->is_last_page = !rebuild->heads.ret_more;
    if (rebuild->heads.ret_count) {
        const struct cc_store_head *last = &rebuild->heads.ret_heads[rebuild->heads.ret_count - 1];

        memcpy(rebuild->after, last->conversation.data, last->conversation.size);
        rebuild->after_size = last->conversation.size;
    }
    next_conversation(rebuild);
    run(rebuild);
}

static void forgotten(struct cc_op *op)
{
    struct search_rebuild *rebuild = container_of(op, struct search_rebuild, forget.op);

    if (!went_well(rebuild, op))
        return;
    cc_op_release(op);
    rebuild->stage = REBUILD_READ;
    run(rebuild);
}

/* Turns the rows that were read into entries. A row that can't be read is left out. */
static int make_entries(struct search_rebuild *rebuild)
{
    struct cc_search_index *index = &rebuild->index;

    memset(index, 0, sizeof *index);
    index->partition = rebuild->partition->number;
    index->entries = rebuild->entries;
    for (size_t i = 0; i < rebuild->rows.ret_count; i++) {
        const struct cc_store_row *row = &rebuild->rows.ret_rows[i];
        struct record record;
        int r = record_decode(row->body, &rebuild->arena, &record);

        if (r == CC_ENOMEM)
            return r;
        if (r || row->offset >= rebuild->partition->rebuild_before)
            continue;
        record.message.conversation = row->conversation;
        record.message.seq = row->seq;
        record.message.ts = id_timestamp(&record.message.id);
        index->count +=
            search_entry_of(&record.message, row->offset, &rebuild->entries[index->count]);
    }
    return 0;
}

static void rows_read(struct cc_op *op)
{
    struct search_rebuild *rebuild = container_of(op, struct search_rebuild, rows.op);

    if (!op->status)
        op->status = make_entries(rebuild);
    if (!went_well(rebuild, op))
        return;
    rebuild->stage = REBUILD_BRING;
    run(rebuild);
}

static void brought(struct cc_op *op)
{
    struct search_rebuild *rebuild = container_of(op, struct search_rebuild, index.op);
    size_t count = rebuild->rows.ret_count;

    if (!went_well(rebuild, op))
        return;
    cc_op_release(op);
    rebuild->brought += rebuild->index.count;
    if (count)
        rebuild->next_seq = rebuild->rows.ret_rows[count - 1].seq + 1;
    cc_op_release(&rebuild->rows.op);
    arena_clear(&rebuild->arena);
    rebuild->stage = REBUILD_READ;
    if (count < REBUILD_ROWS) {
        rebuild->at++;
        next_conversation(rebuild);
    }
    run(rebuild);
}

/* --- submitting -------------------------------------------------------------------------------
 */

static void list(struct search_rebuild *rebuild)
{
    struct cc_engine *engine = engine_of(rebuild);

    if (rebuild->is_last_page) {
        rebuild->stage = REBUILD_END;
        run(rebuild);
        return;
    }
    cc_op_release(&rebuild->heads.op);
    memset(&rebuild->heads, 0, sizeof rebuild->heads);
    rebuild->heads.after = slice_of(rebuild->after, rebuild->after_size);
    rebuild->heads.limit = REBUILD_HEADS;
    engine_op_begin(engine, &rebuild->heads.op, listed);
    engine->store.vtable->list_heads(engine->store.self, &rebuild->heads);
}

static void forget(struct search_rebuild *rebuild)
{
    struct cc_engine *engine = engine_of(rebuild);

    memset(&rebuild->forget, 0, sizeof rebuild->forget);
    rebuild->forget.conversation = conversation_of(rebuild);
    engine_op_begin(engine, &rebuild->forget.op, forgotten);
    engine->search.vtable->forget(engine->search.self, &rebuild->forget);
}

static void read(struct search_rebuild *rebuild)
{
    struct cc_engine *engine = engine_of(rebuild);

    memset(&rebuild->rows, 0, sizeof rebuild->rows);
    rebuild->rows.conversation = conversation_of(rebuild);
    rebuild->rows.from = rebuild->next_seq;
    rebuild->rows.to = UINT64_MAX;
    rebuild->rows.limit = REBUILD_ROWS;
    engine_op_begin(engine, &rebuild->rows.op, rows_read);
    engine->store.vtable->read_rows(engine->store.self, &rebuild->rows);
}

static void bring(struct search_rebuild *rebuild)
{
    struct cc_engine *engine = engine_of(rebuild);

    engine_op_begin(engine, &rebuild->index.op, brought);
    engine->search.vtable->index(engine->search.self, &rebuild->index);
}

static void end(struct search_rebuild *rebuild)
{
    struct cc_engine *engine = engine_of(rebuild);
    struct cc_search_index *index = &rebuild->index;

    memset(index, 0, sizeof *index);
    index->partition = rebuild->partition->number;
    index->position = rebuild->partition->rebuild_before;
    index->begins_anew = true;
    engine_op_begin(engine, &index->op, ended);
    engine->search.vtable->index(engine->search.self, index);
}

static void run(struct search_rebuild *rebuild)
{
    static void (*const stages[])(struct search_rebuild *) = {
        [REBUILD_LIST] = list,   [REBUILD_FORGET] = forget, [REBUILD_READ] = read,
        [REBUILD_BRING] = bring, [REBUILD_END] = end,
    };

    stages[rebuild->stage](rebuild);
}

void search_rebuild_retry(struct search_rebuild *rebuild)
{
    run(rebuild);
}

int search_rebuild_start(struct search_partition *partition)
{
    struct cc_engine *engine = partition->state->engine;
    struct search_rebuild *rebuild = mem_zalloc(&engine->allocator, 1, sizeof *rebuild);

    if (!rebuild)
        return CC_ENOMEM;
    rebuild->partition = partition;
    arena_init(&rebuild->arena, &engine->allocator);
    partition->rebuild = rebuild;
    partition->wants_rebuild = false;
    engine_trace(engine, CC_TRACE_INFO, "search", "partition %u: making the index from the store",
                 partition->number);
    run(rebuild);
    return 0;
}

void search_rebuild_free(struct search_partition *partition)
{
    struct search_rebuild *rebuild = partition->rebuild;

    if (!rebuild)
        return;
    partition->rebuild = NULL;
    cc_op_release(&rebuild->heads.op);
    cc_op_release(&rebuild->rows.op);
    arena_deinit(&rebuild->arena);
    mem_free(&partition->state->engine->allocator, rebuild);
}
