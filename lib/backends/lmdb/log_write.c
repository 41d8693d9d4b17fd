/*
 * The log's writer: appending, positions, trimming.
 */
#include "backends/lmdb/chunk.h"
#include "backends/lmdb/log.h"
#include "chatcore/error.h"

/* Two chunks fill a page (see chunk.h); keys have 8 bytes here. */
#define LOG_CHUNK_BYTES 2000

/* No record of a chat is this large; LMDB takes values below 4 GiB. */
#define RECORD_MAX_BYTES ((size_t)1 << 30)

/* The chunks that one transaction deletes: some milliseconds of work. */
#define TRIM_CHUNKS_MAX 1000

/* --- appending --- */

/* How many records from the first on stand in one chunk, and its size. */
static size_t chunk_fill(const struct cc_slice *records, size_t count, size_t *ret_bytes)
{
    size_t bytes = chunk_record_size(&records[0]);
    size_t filled = 1;

    while (filled < count) {
        size_t size = chunk_record_size(&records[filled]);

        if (bytes + size > LOG_CHUNK_BYTES)
            break;
        bytes += size;
        filled++;
    }
    *ret_bytes = bytes;
    return filled;
}

static int chunk_put(MDB_txn *txn, MDB_dbi table, uint64_t offset, const struct cc_slice *records,
                     size_t count, size_t bytes)
{
    MDB_val key = value_of(&offset, sizeof offset);
    MDB_val value = {bytes, NULL};
    int r = mdb_put(txn, table, &key, &value, MDB_APPEND | MDB_RESERVE);
    char *to = value.mv_data;

    for (size_t i = 0; !r && i < count; i++)
        to = chunk_write_record(to, &records[i]);
    return r;
}

static int append_check(const struct lmdb_log *log, const struct cc_log_append *op)
{
    if (op->partition >= log->environment.partitions || !op->count)
        return CC_EINVAL;
    for (size_t i = 0; i < op->count; i++)
        if (op->records[i].size > RECORD_MAX_BYTES)
            return CC_ETOOLARGE;
    return 0;
}

static int append_apply(void *port, MDB_txn *txn, struct cc_op *base)
{
    struct cc_log_append *op = (struct cc_log_append *)base;
    struct lmdb_log *log = port;
    int r = append_check(log, op);
    struct log_partition *partition;

    if (r)
        return r;
    partition = &log->partitions[op->partition];
    op->ret_offset = partition->writing.next;
    for (size_t done = 0; !r && done < op->count;) {
        size_t bytes;
        size_t count = chunk_fill(op->records + done, op->count - done, &bytes);

        r = chunk_put(txn, partition->table, partition->writing.next, op->records + done, count,
                      bytes);
        partition->writing.next += count;
        done += count;
    }
    partition->is_changed = true;
    return r;
}

const struct writer_kind log_append_kind = {append_apply, false};

/* --- positions --- */

static int commit_apply(void *port, MDB_txn *txn, struct cc_op *base)
{
    struct cc_log_position *op = (struct cc_log_position *)base;
    struct log_position_key bytes;
    struct lmdb_log *log = port;
    MDB_val value = value_of(&op->offset, sizeof op->offset);
    MDB_val key;

    if (!log_position_key(log, op, &bytes))
        return CC_EINVAL;
    key = value_of(bytes.bytes, bytes.size);
    return mdb_put(txn, log->positions, &key, &value, 0);
}

const struct writer_kind log_commit_kind = {commit_apply, false};

static int forget_apply(void *port, MDB_txn *txn, struct cc_op *base)
{
    struct cc_log_position *op = (struct cc_log_position *)base;
    struct log_position_key bytes;
    struct lmdb_log *log = port;
    MDB_val key;
    int r;

    if (!log_position_key(log, op, &bytes))
        return CC_EINVAL;
    key = value_of(bytes.bytes, bytes.size);
    r = mdb_del(txn, log->positions, &key, NULL);
    return r == MDB_NOTFOUND ? 0 : r;
}

const struct writer_kind log_forget_kind = {forget_apply, false};

/* --- trimming --- */

/* Lowers `before` to what the slowest consumer wants. */
static int trim_limit(const struct lmdb_log *log, MDB_txn *txn, const struct cc_log_trim *op,
                      uint64_t *before)
{
    unsigned char prefix[4] = {(unsigned char)(op->partition >> 24),
                               (unsigned char)(op->partition >> 16),
                               (unsigned char)(op->partition >> 8), (unsigned char)op->partition};
    MDB_val key = value_of(prefix, sizeof prefix);
    MDB_cursor *cursor;
    MDB_val value;
    int r = mdb_cursor_open(txn, log->positions, &cursor);

    if (r)
        return r;
    for (r = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
         !r && key.mv_size > sizeof prefix && memcmp(key.mv_data, prefix, sizeof prefix) == 0;
         r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        uint64_t offset;

        if (value.mv_size != sizeof offset) {
            r = MDB_CORRUPTED;
            break;
        }
        memcpy(&offset, value.mv_data, sizeof offset);
        if (offset < *before)
            *before = offset;
    }
    mdb_cursor_close(cursor);
    return r == MDB_NOTFOUND ? 0 : r;
}

static int trim_apply(void *port, MDB_txn *txn, struct cc_op *base)
{
    struct cc_log_trim *op = (struct cc_log_trim *)base;
    struct lmdb_log *log = port;
    struct log_partition *partition;
    uint64_t before = op->before;
    MDB_val key = value_of(&op->partition, sizeof op->partition);
    MDB_val value = value_of(&before, sizeof before);
    int r;

    if (op->partition >= log->environment.partitions)
        return CC_EINVAL;
    partition = &log->partitions[op->partition];
    if (before > partition->writing.next)
        before = partition->writing.next;
    r = trim_limit(log, txn, op, &before);
    if (r || before <= partition->writing.first)
        return r;
    partition->writing.first = before;
    partition->is_changed = true;
    partition->has_garbage = true;
    return mdb_put(txn, log->trims, &key, &value, 0);
}

const struct writer_kind log_trim_kind = {trim_apply, true};

/* True for a chunk that lies below the first offset, and is not the last. 0 or a raw code. */
static int chunk_is_garbage(const struct log_partition *partition, const MDB_val *key,
                            const MDB_val *value, bool *ret_garbage)
{
    uint64_t first;
    uint64_t count;
    int r = log_chunk_count(value, &count);

    if (r)
        return r;
    if (key->mv_size != sizeof first)
        return MDB_CORRUPTED;
    memcpy(&first, key->mv_data, sizeof first);
    *ret_garbage =
        first + count <= partition->writing.first && first + count < partition->writing.next;
    return 0;
}

/* Deletes up to `*budget` chunks; the partition has no garbage any more when some of it is left. */
static int collect(struct log_partition *partition, MDB_txn *txn, size_t *budget)
{
    MDB_cursor *cursor;
    bool is_garbage = true;
    MDB_val key;
    MDB_val value;
    int r = mdb_cursor_open(txn, partition->table, &cursor);

    if (r)
        return r;
    while (!r && *budget && is_garbage) {
        r = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        if (!r)
            r = chunk_is_garbage(partition, &key, &value, &is_garbage);
        if (!r && is_garbage) {
            r = mdb_cursor_del(cursor, 0);
            --*budget;
        }
    }
    mdb_cursor_close(cursor);
    partition->has_garbage = is_garbage && r != MDB_NOTFOUND;
    return r == MDB_NOTFOUND ? 0 : r;
}

/* --- hooks --- */

static void begin(void *port)
{
    struct lmdb_log *log = port;

    for (uint32_t i = 0; i < log->environment.partitions; i++) {
        struct log_partition *partition = &log->partitions[i];

        if (!partition->is_changed)
            continue;
        partition->writing = partition->durable; /* only this thread writes it */
        partition->is_changed = false;
    }
}

static int background(void *port, MDB_txn *txn, bool *ret_more)
{
    struct lmdb_log *log = port;
    size_t budget = TRIM_CHUNKS_MAX;
    int r = 0;

    *ret_more = false;
    for (uint32_t i = 0; !r && i < log->environment.partitions; i++) {
        struct log_partition *partition = &log->partitions[i];

        if (partition->has_garbage && budget)
            r = collect(partition, txn, &budget);
        *ret_more |= partition->has_garbage;
    }
    return r;
}

/* Moves the reads that have something now to the list that ends at `end`. Under the lock. */
static struct cc_op **take_ready(struct log_partition *partition, struct cc_op **end)
{
    struct cc_op **link = &partition->waiting;

    while (*link) {
        struct cc_op *op = *link;

        if (((struct cc_log_read *)op)->offset >= partition->durable.next) {
            link = &op->next;
            continue;
        }
        *link = op->next;
        *end = op;
        end = &op->next;
    }
    partition->waiting_end = link;
    *end = NULL;
    return end;
}

static void committed(void *port)
{
    struct lmdb_log *log = port;
    struct cc_op *ready = NULL;
    struct cc_op **end = &ready;

    pthread_mutex_lock(&log->lock);
    for (uint32_t i = 0; i < log->environment.partitions; i++) {
        struct log_partition *partition = &log->partitions[i];

        if (!partition->is_changed)
            continue;
        partition->is_changed = false;
        partition->durable = partition->writing;
        end = take_ready(partition, end);
    }
    pthread_mutex_unlock(&log->lock);
    while (ready) {
        struct cc_op *op = ready;

        ready = op->next;
        log_read_answer(log, (struct cc_log_read *)op);
    }
}

const struct writer_hooks log_writer_hooks = {
    .begin = begin,
    .committed = committed,
    .background = background,
    .recovered = log_recovered,
};
