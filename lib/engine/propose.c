/*
 * Proposals: the filling batch of each partition, and the table of those who wait.
 */
#include "engine/propose.h"

#include "chatcore/error.h"
#include "engine/partition.h"

/*
 * Appends of a partition under way at once: while one is being synced the next is on its way, and
 * what comes meanwhile gathers in the one after that.
 */
#define APPENDS_MAX 4

/* What a backend takes in one append: an append is one transaction, and its records are one
 * allocation. */
#define APPEND_BYTES_MAX ((size_t)4 << 20)

struct append_batch {
    struct cc_log_append op;
    struct partition *partition;
    struct buffer bytes; /* the records, one behind the other */
    size_t *ends;        /* of each record in `bytes` */
    uint64_t *tokens;    /* of each record; 0: nobody is told of a failure */
    struct cc_slice *records;
    size_t count;
    size_t ends_capacity;
    size_t tokens_capacity;
};

/* --- who waits ----------------------------------------------------------------------------------
 */

struct pending {
    struct request *request; /* NULL: free */
    proposal_answered answered;
    uint32_t generation;
    uint32_t next_free; /* index + 1 */
    uint32_t older;     /* index + 1, by the time of proposing */
    uint32_t newer;
    int64_t deadline;
};

struct pending_table {
    struct cc_engine *engine;
    struct pending *slots;
    size_t capacity;
    uint32_t used; /* slots ever used */
    uint32_t first_free;
    uint32_t oldest;
    uint32_t newest;
    size_t count;
    struct timer timer;
    struct timer refused; /* set: PROPOSE_REFUSED_MS have not passed since the last refusal */
};

static void pending_expire(struct timer *timer, void *context);

/* That the timer is not set any more says it all. */
static void refusal_forgotten(struct timer *timer, void *context)
{
    (void)timer;
    (void)context;
}

/* The timer can't be short of memory: pending_init() has reserved its place. */
static void note_refusal(struct cc_engine *engine)
{
    timer_set(&engine->timers, &engine->pending->refused, engine->now.mono_ms + PROPOSE_REFUSED_MS);
}

bool propose_is_refused(const struct cc_engine *engine)
{
    return engine->pending->refused.index != 0;
}

int pending_init(struct cc_engine *engine)
{
    struct pending_table *table = mem_zalloc(&engine->allocator, 1, sizeof *table);

    if (!table)
        return CC_ENOMEM;
    table->engine = engine;
    table->timer.expired = pending_expire;
    table->refused.expired = refusal_forgotten;
    engine->pending = table;
    return timers_reserve(&engine->timers, &table->refused);
}

void pending_deinit(struct cc_engine *engine)
{
    if (!engine->pending)
        return;
    timer_clear(&engine->timers, &engine->pending->timer);
    timer_clear(&engine->timers, &engine->pending->refused);
    mem_free(&engine->allocator, engine->pending->slots);
    mem_free(&engine->allocator, engine->pending);
    engine->pending = NULL;
}

static uint32_t pending_slot(struct pending_table *table)
{
    void *slots = table->slots;
    uint32_t index = table->first_free;

    if (index) {
        table->first_free = table->slots[index - 1].next_free;
        return index;
    }
    if (mem_reserve(&table->engine->allocator, &slots, &table->capacity, table->used + 1,
                    sizeof *table->slots) != 0)
        return 0;
    table->slots = slots;
    memset(&table->slots[table->used], 0, sizeof *table->slots);
    return ++table->used;
}

static void link_newest(struct pending_table *table, uint32_t index)
{
    struct pending *pending = &table->slots[index - 1];

    pending->older = table->newest;
    pending->newer = 0;
    if (table->newest)
        table->slots[table->newest - 1].newer = index;
    else
        table->oldest = index;
    table->newest = index;
}

static void unlink_pending(struct pending_table *table, struct pending *pending)
{
    if (pending->older)
        table->slots[pending->older - 1].newer = pending->newer;
    else
        table->oldest = pending->newer;
    if (pending->newer)
        table->slots[pending->newer - 1].older = pending->older;
    else
        table->newest = pending->older;
}

/* A token for the request, or 0 without memory. */
static uint64_t pending_add(struct request *request, proposal_answered answered)
{
    struct cc_engine *engine = request_engine(request);
    struct pending_table *table = engine->pending;
    uint32_t index = pending_slot(table);
    struct pending *pending;

    if (!index)
        return 0;
    pending = &table->slots[index - 1];
    pending->request = request;
    pending->answered = answered;
    pending->generation++;
    pending->deadline = engine->now.mono_ms + PROPOSE_TIMEOUT_MS;
    link_newest(table, index);
    table->count++;
    if (!table->timer.index)
        timer_set(&engine->timers, &table->timer, pending->deadline);
    request->token = (uint64_t)pending->generation << 32 | index;
    return request->token;
}

/* Takes the waiting request of a token out of the table; NULL when nobody waits (any more). */
static struct request *pending_take(struct pending_table *table, uint64_t token,
                                    proposal_answered *ret_answered)
{
    uint32_t index = (uint32_t)token;
    struct pending *pending;
    struct request *request;

    if (!index || index > table->used)
        return NULL;
    pending = &table->slots[index - 1];
    if (!pending->request || pending->generation != (uint32_t)(token >> 32))
        return NULL;
    unlink_pending(table, pending);
    table->count--;
    request = pending->request;
    *ret_answered = pending->answered;
    pending->request = NULL;
    pending->next_free = table->first_free;
    table->first_free = index;
    return request;
}

static void pending_answer(struct cc_engine *engine, uint64_t token, const struct verdict *verdict)
{
    proposal_answered answered = NULL;
    struct request *request = pending_take(engine->pending, token, &answered);

    if (request)
        answered(request, verdict);
}

static void pending_fail(struct cc_engine *engine, uint64_t token, int status)
{
    struct verdict verdict = {.status = status};

    pending_answer(engine, token, &verdict);
}

static void pending_expire(struct timer *timer, void *context)
{
    struct pending_table *table = container_of(timer, struct pending_table, timer);
    struct cc_engine *engine = table->engine;

    (void)context;
    while (table->oldest) {
        struct pending *pending = &table->slots[table->oldest - 1];

        if (pending->deadline > engine->now.mono_ms) {
            timer_set(&engine->timers, timer, pending->deadline);
            return;
        }
        note_refusal(engine);
        pending_fail(engine, (uint64_t)pending->generation << 32 | table->oldest, CC_ETIMEOUT);
    }
}

size_t pending_count(const struct cc_engine *engine)
{
    return engine->pending->count;
}

void pending_fail_all(struct cc_engine *engine, int status)
{
    struct pending_table *table = engine->pending;

    while (table->oldest)
        pending_fail(engine,
                     (uint64_t)table->slots[table->oldest - 1].generation << 32 | table->oldest,
                     status);
}

void proposal_applied(struct cc_engine *engine, uint64_t token, const struct verdict *verdict)
{
    pending_answer(engine, token, verdict);
}

/* --- appending ----------------------------------------------------------------------------------
 */

static void append_free(struct append_batch *batch)
{
    const struct cc_allocator *allocator = batch->bytes.allocator;

    buffer_deinit(&batch->bytes);
    mem_free(allocator, batch->ends);
    mem_free(allocator, batch->tokens);
    mem_free(allocator, batch->records);
    mem_free(allocator, batch);
}

static struct append_batch *append_filling(struct partition *partition)
{
    const struct cc_allocator *allocator = &partition->engine->allocator;
    struct append_batch *batch = partition->filling;

    if (batch)
        return batch;
    batch = mem_zalloc(allocator, 1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->partition = partition;
    buffer_init(&batch->bytes, allocator);
    partition->filling = batch;
    return batch;
}

static int append_reserve(struct append_batch *batch)
{
    const struct cc_allocator *allocator = batch->bytes.allocator;
    void *ends = batch->ends;
    void *tokens = batch->tokens;
    int r =
        mem_reserve(allocator, &ends, &batch->ends_capacity, batch->count + 1, sizeof *batch->ends);

    batch->ends = ends;
    if (!r)
        r = mem_reserve(allocator, &tokens, &batch->tokens_capacity, batch->count + 1,
                        sizeof *batch->tokens);
    batch->tokens = tokens;
    return r;
}

static int append_bytes(struct partition *partition, uint64_t token,
                        void (*write)(struct buffer *bytes, const void *value), const void *value)
{
    struct append_batch *batch = append_filling(partition);
    size_t size;

    if (!batch || append_reserve(batch) != 0)
        return CC_ENOMEM;
    size = batch->bytes.size;
    write(&batch->bytes, value);
    if (batch->bytes.failed) {
        batch->bytes.size = size;
        batch->bytes.failed = false;
        return CC_ENOMEM;
    }
    batch->tokens[batch->count] = token;
    batch->ends[batch->count++] = batch->bytes.size;
    return 0;
}

static void write_record(struct buffer *bytes, const void *record)
{
    record_encode(bytes, record);
}

static void write_payload(struct buffer *bytes, const void *payload)
{
    buffer_append_slice(bytes, *(const struct cc_slice *)payload);
}

int propose(struct request *request, struct record *record, proposal_answered answered)
{
    struct cc_engine *engine = request_engine(request);
    struct partition *partition = partition_of(engine, record->message.conversation);
    int r;

    if (engine->state != ENGINE_RUNNING)
        return CC_ECANCELED; /* nobody would read it back */
    if (engine->unflushed_bytes >= engine->limits.max_unflushed_bytes ||
        (partition->filling && partition->filling->bytes.size >= APPEND_BYTES_MAX * APPENDS_MAX))
        return CC_EBUSY;
    record->origin = engine->node;
    record->token = pending_add(request, answered);
    if (!record->token)
        return CC_ENOMEM;
    r = append_bytes(partition, record->token, write_record, record);
    if (r)
        propose_withdraw(request);
    return r;
}

int propose_encode(struct request *request, struct record *record, proposal_answered answered,
                   struct cc_slice *ret_payload)
{
    struct cc_engine *engine = request_engine(request);
    struct buffer bytes;
    int r = CC_ENOMEM;

    if (engine->state != ENGINE_RUNNING)
        return CC_ECANCELED;
    record->origin = engine->node;
    record->token = pending_add(request, answered);
    if (!record->token)
        return CC_ENOMEM;
    buffer_init(&bytes, &engine->allocator);
    record_encode(&bytes, record);
    if (!bytes.failed)
        r = arena_copy(&request->arena, buffer_slice(&bytes), ret_payload);
    buffer_deinit(&bytes);
    if (r)
        propose_withdraw(request);
    return r;
}

void propose_withdraw(struct request *request)
{
    proposal_answered answered;

    pending_take(request_engine(request)->pending, request->token, &answered);
    request->token = 0;
}

int propose_payload(struct partition *partition, struct cc_slice payload)
{
    return append_bytes(partition, 0, write_payload, &payload);
}

/* --- submitting ---------------------------------------------------------------------------------
 */

static void appended(struct cc_op *op)
{
    struct append_batch *batch = container_of(op, struct append_batch, op.op);
    struct partition *partition = batch->partition;
    struct cc_engine *engine = partition->engine;
    int status = op->status;

    engine_op_done(engine, op);
    cc_op_release(op);
    partition->appends--;
    if (status) {
        engine->stats.port_errors++;
        note_refusal(engine);
    }
    for (size_t i = 0; status && i < batch->count; i++)
        pending_fail(engine, batch->tokens[i], status);
    append_free(batch);
}

/* The records' slices, now that the buffer moves no more. 0 or CC_ENOMEM. */
static int make_records(struct append_batch *batch)
{
    size_t start = 0;

    batch->records = mem_zalloc(batch->bytes.allocator, batch->count, sizeof *batch->records);
    if (!batch->records)
        return CC_ENOMEM;
    for (size_t i = 0; i < batch->count; i++) {
        batch->records[i] = slice_of(batch->bytes.data + start, batch->ends[i] - start);
        start = batch->ends[i];
    }
    return 0;
}

void propose_step(struct partition *partition)
{
    struct cc_engine *engine = partition->engine;
    struct append_batch *batch = partition->filling;

    if (!batch || !batch->count || partition->appends >= APPENDS_MAX)
        return;
    if (make_records(batch) != 0)
        return; /* the next step tries again */
    partition->filling = NULL;
    partition->appends++;
    batch->op.partition = partition->number;
    batch->op.records = batch->records;
    batch->op.count = batch->count;
    engine->stats.log_appends++;
    engine_op_begin(engine, &batch->op.op, appended);
    engine->log.vtable->append(engine->log.self, &batch->op);
}

void propose_drop(struct partition *partition)
{
    if (partition->filling)
        append_free(partition->filling);
    partition->filling = NULL;
}
