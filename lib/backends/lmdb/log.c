/*
 * The log on LMDB: opening it, and the port's slots.
 */
#include "backends/lmdb/log.h"

#include "backends/answer.h"
#include "chatcore/error.h"

#include <stdio.h>

static bool has_partition(const struct lmdb_log *log, uint32_t partition)
{
    return partition < log->environment.partitions;
}

/* --- appending, positions, trimming: the writer's work --- */

static uint32_t slot_partitions(void *self)
{
    return ((struct lmdb_log *)self)->environment.partitions;
}

static void slot_append(void *self, struct cc_log_append *op)
{
    writer_submit(&((struct lmdb_log *)self)->writer, &op->op, &log_append_kind);
}

static void slot_commit(void *self, struct cc_log_position *op)
{
    writer_submit(&((struct lmdb_log *)self)->writer, &op->op, &log_commit_kind);
}

static void slot_forget(void *self, struct cc_log_position *op)
{
    writer_submit(&((struct lmdb_log *)self)->writer, &op->op, &log_forget_kind);
}

static void slot_trim(void *self, struct cc_log_trim *op)
{
    writer_submit(&((struct lmdb_log *)self)->writer, &op->op, &log_trim_kind);
}

bool log_position_key(const struct lmdb_log *log, const struct cc_log_position *op,
                      struct log_position_key *ret_key)
{
    if (!has_partition(log, op->partition) || !op->consumer.size || op->consumer.size > CC_NAME_MAX)
        return false;
    for (int i = 0; i < 4; i++)
        ret_key->bytes[i] = (char)(op->partition >> (24 - 8 * i));
    memcpy(ret_key->bytes + 4, op->consumer.data, op->consumer.size);
    ret_key->size = 4 + op->consumer.size;
    return true;
}

static int position_read(struct lmdb_log *log, MDB_txn *txn, const struct log_position_key *name,
                         struct cc_log_position *op)
{
    MDB_val key = value_of(name->bytes, name->size);
    MDB_val value;
    int r = mdb_get(txn, log->positions, &key, &value);

    op->ret_offset = 0;
    op->ret_known = !r;
    if (r)
        return r == MDB_NOTFOUND ? 0 : r;
    if (value.mv_size != sizeof op->ret_offset)
        return MDB_CORRUPTED;
    memcpy(&op->ret_offset, value.mv_data, sizeof op->ret_offset);
    return 0;
}

static void slot_committed(void *self, struct cc_log_position *op)
{
    struct lmdb_log *log = self;
    struct log_position_key key;
    MDB_txn *txn;
    int r = log_position_key(log, op, &key) ? 0 : CC_EINVAL;

    if (!r)
        r = environment_read_begin(&log->environment, &txn);
    if (!r) {
        r = position_read(log, txn, &key, op);
        environment_read_end(&log->environment);
    }
    answer_done(NULL, &op->op, environment_error(&log->environment, r));
}

/* --- reading --- */

static void slot_bounds(void *self, struct cc_log_bounds *op)
{
    struct lmdb_log *log = self;
    bool is_known = has_partition(log, op->partition);

    if (is_known) {
        pthread_mutex_lock(&log->lock);
        op->ret_first = log->partitions[op->partition].durable.first;
        op->ret_next = log->partitions[op->partition].durable.next;
        pthread_mutex_unlock(&log->lock);
    }
    answer_done(NULL, &op->op, is_known ? 0 : CC_EINVAL);
}

/* Adds the read to those that wait, unless there is something for it. True when it waits. */
static bool wait_for_records(struct lmdb_log *log, struct cc_log_read *op,
                             struct log_span *ret_durable)
{
    struct log_partition *partition = &log->partitions[op->partition];
    bool waits;

    pthread_mutex_lock(&log->lock);
    *ret_durable = partition->durable;
    waits = op->wait && op->offset >= partition->durable.next;
    if (waits) {
        op->op.next = NULL;
        *partition->waiting_end = &op->op;
        partition->waiting_end = &op->op.next;
    }
    pthread_mutex_unlock(&log->lock);
    return waits;
}

static void slot_read(void *self, struct cc_log_read *op)
{
    struct lmdb_log *log = self;
    struct log_span durable;

    if (!has_partition(log, op->partition)) {
        answer_done(NULL, &op->op, CC_EINVAL);
    } else if (wait_for_records(log, op, &durable)) {
        return;
    } else if (op->offset < durable.first) {
        answer_done(NULL, &op->op, CC_ETRIMMED);
    } else if (op->offset >= durable.next) {
        op->ret_records = NULL;
        op->ret_count = 0;
        answer_done(NULL, &op->op, 0);
    } else {
        log_read_answer(log, op);
    }
}

/* --- watching: one node owns everything --- */

static void watch_answer(struct lmdb_log *log, struct cc_log_watch *op)
{
    uint32_t count = log->environment.partitions;
    struct answer *answer = answer_new(&log->environment.allocator, count * sizeof(uint32_t));
    uint32_t *owned = answer ? answer_array(answer, count, sizeof *owned) : NULL;

    for (uint32_t i = 0; owned && i < count; i++)
        owned[i] = i;
    log->is_watched = owned != NULL;
    op->ret_owned = owned;
    op->ret_count = count;
    answer_done(answer, &op->op, owned ? 0 : CC_ENOMEM);
}

static void slot_watch(void *self, struct cc_log_watch *op)
{
    struct lmdb_log *log = self;

    if (!log->is_watched)
        watch_answer(log, op);
    else
        log->watch = &op->op;
}

/* Takes a read out of those that wait. False when it isn't among them. */
static bool waiting_remove(struct lmdb_log *log, struct log_partition *partition,
                           const struct cc_op *op)
{
    struct cc_op **link = &partition->waiting;
    bool found;

    pthread_mutex_lock(&log->lock);
    while (*link && *link != op)
        link = &(*link)->next;
    found = *link != NULL;
    if (found) {
        *link = op->next;
        if (!*link)
            partition->waiting_end = link;
    }
    pthread_mutex_unlock(&log->lock);
    return found;
}

static void slot_cancel(void *self, struct cc_op *op)
{
    struct lmdb_log *log = self;
    bool found = log->watch == op;

    if (found)
        log->watch = NULL;
    for (uint32_t i = 0; !found && i < log->environment.partitions; i++)
        found = waiting_remove(log, &log->partitions[i], op);
    if (found)
        answer_done(NULL, op, CC_ECANCELED);
}

/* --- opening --- */

int log_span_read(MDB_cursor *cursor, struct log_span *ret_span)
{
    uint64_t first;
    uint64_t last;
    uint64_t count;
    MDB_val key;
    MDB_val value;
    int r = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);

    *ret_span = (struct log_span){0, 0};
    if (r)
        return r == MDB_NOTFOUND ? 0 : r;
    if (key.mv_size != sizeof first)
        return MDB_CORRUPTED;
    memcpy(&first, key.mv_data, sizeof first);
    r = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    if (!r)
        r = log_chunk_count(&value, &count);
    if (r)
        return r;
    memcpy(&last, key.mv_data, sizeof last);
    ret_span->first = first;
    ret_span->next = last + count;
    return last < first || last + count < last ? MDB_CORRUPTED : 0;
}

static int trim_read(const struct lmdb_log *log, MDB_txn *txn, uint32_t number,
                     struct log_partition *partition)
{
    MDB_val key = value_of(&number, sizeof number);
    MDB_val value;
    uint64_t trimmed;
    int r = mdb_get(txn, log->trims, &key, &value);

    if (r)
        return r == MDB_NOTFOUND ? 0 : r;
    if (value.mv_size != sizeof trimmed)
        return MDB_CORRUPTED;
    memcpy(&trimmed, value.mv_data, sizeof trimmed);
    if (trimmed > partition->durable.next)
        return MDB_CORRUPTED;
    if (trimmed > partition->durable.first) {
        partition->durable.first = trimmed;
        partition->has_garbage = true;
    }
    return 0;
}

/* Reads a partition's numbers as they stand in the file. */
static int partition_read(struct lmdb_log *log, MDB_txn *txn, uint32_t number)
{
    struct log_partition *partition = &log->partitions[number];
    MDB_cursor *cursor;
    int r = mdb_cursor_open(txn, partition->table, &cursor);

    if (r)
        return r;
    r = log_span_read(cursor, &partition->durable);
    mdb_cursor_close(cursor);
    if (!r)
        r = trim_read(log, txn, number, partition);
    partition->writing = partition->durable;
    return r;
}

static int partition_open(struct lmdb_log *log, MDB_txn *txn, uint32_t number)
{
    struct log_partition *partition = &log->partitions[number];
    char name[16];
    int r;

    snprintf(name, sizeof name, "p%u", (unsigned)number);
    partition->waiting_end = &partition->waiting;
    r = environment_table_open(&log->environment, txn, name, MDB_INTEGERKEY, &partition->table);
    return r ? r : partition_read(log, txn, number);
}

int log_recovered(void *port)
{
    struct lmdb_log *log = port;
    MDB_txn *txn;
    int r = environment_read_begin(&log->environment, &txn);

    if (r)
        return r;
    pthread_mutex_lock(&log->lock);
    for (uint32_t i = 0; !r && i < log->environment.partitions; i++)
        r = partition_read(log, txn, i);
    pthread_mutex_unlock(&log->lock);
    environment_read_end(&log->environment);
    return environment_error(&log->environment, r);
}

static int tables_open(void *context, MDB_txn *txn)
{
    struct lmdb_log *log = context;
    int r = environment_table_open(&log->environment, txn, "positions", 0, &log->positions);

    if (!r)
        r = environment_table_open(&log->environment, txn, "trims", 0, &log->trims);
    for (uint32_t i = 0; !r && i < log->environment.partitions; i++)
        r = partition_open(log, txn, i);
    return r;
}

static int start(struct lmdb_log *log)
{
    int r;

    log->partitions = mem_zalloc(&log->environment.allocator, log->environment.partitions,
                                 sizeof *log->partitions);
    if (!log->partitions)
        return CC_ENOMEM;
    r = environment_run(&log->environment, tables_open, log);
    if (r)
        return r;
    if (pthread_mutex_init(&log->lock, NULL))
        return CC_ENOMEM;
    r = writer_start(&log->writer, &log->environment, log, &log_writer_hooks);
    if (r)
        pthread_mutex_destroy(&log->lock);
    return r;
}

static void close_and_free(struct lmdb_log *log)
{
    struct cc_allocator allocator = log->environment.allocator;

    environment_close(&log->environment);
    mem_free(&allocator, log->partitions);
    mem_free(&allocator, log);
}

static void slot_free(void *self)
{
    struct lmdb_log *log = self;

    writer_stop(&log->writer);
    pthread_mutex_destroy(&log->lock);
    close_and_free(log);
}

static const struct cc_log_vtable vtable = {
    .size = sizeof vtable,
    .partitions = slot_partitions,
    .append = slot_append,
    .read = slot_read,
    .bounds = slot_bounds,
    .watch = slot_watch,
    .commit = slot_commit,
    .committed = slot_committed,
    .forget = slot_forget,
    .trim = slot_trim,
    .cancel = slot_cancel,
    .free = slot_free,
};

int cc_lmdb_log_open(const struct cc_allocator *allocator, const struct cc_lmdb_options *options,
                     struct cc_log *ret_log)
{
    static const struct environment_spec spec = {"log", LOG_FORMAT, LMDB_PARTITIONS_MAX + 2,
                                                 LOG_FORMAT};
    struct lmdb_log *log;
    int r;

    if (!allocator)
        allocator = cc_allocator_default();
    log = mem_zalloc(allocator, 1, sizeof *log);
    if (!log)
        return CC_ENOMEM;
    r = environment_open(&log->environment, allocator, options, &spec);
    if (r) {
        mem_free(allocator, log);
        return r;
    }
    r = start(log);
    if (r) {
        close_and_free(log);
        return r;
    }
    ret_log->vtable = &vtable;
    ret_log->self = log;
    return 0;
}
