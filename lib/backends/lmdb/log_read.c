/*
 * Reading the log: counting what fits, then copying whole chunks.
 */
#include "backends/answer.h"
#include "backends/lmdb/chunk.h"
#include "backends/lmdb/log.h"
#include "chatcore/error.h"

/* A reading place: a chunk of a partition and the offset of its next record. */
struct place {
    MDB_cursor *cursor;
    MDB_val value;
    struct chunk chunk;
    uint64_t offset;
};

int log_chunk_count(const MDB_val *value, uint64_t *ret_count)
{
    struct chunk chunk = chunk_of(value->mv_data, value->mv_size);
    struct cc_slice record;
    uint64_t count = 0;
    int r;

    while ((r = chunk_next_record(&chunk, &record)) == 0)
        count++;
    if (r != MDB_NOTFOUND || !count)
        return MDB_CORRUPTED;
    *ret_count = count;
    return 0;
}

static int place_set(struct place *place, const MDB_val *key, const MDB_val *value)
{
    if (key->mv_size != sizeof place->offset)
        return MDB_CORRUPTED;
    memcpy(&place->offset, key->mv_data, sizeof place->offset);
    place->value = *value;
    place->chunk = chunk_of(value->mv_data, value->mv_size);
    return 0;
}

/* Goes to the chunk that follows; it must begin where the last one ended. */
static int place_next_chunk(struct place *place)
{
    uint64_t wanted = place->offset;
    MDB_val key;
    MDB_val value;
    int r = mdb_cursor_get(place->cursor, &key, &value, MDB_NEXT);

    if (!r)
        r = place_set(place, &key, &value);
    return !r && place->offset != wanted ? MDB_CORRUPTED : r;
}

/* The next record, in whichever chunk. 0, MDB_NOTFOUND at the end of the log, or a raw code. */
static int place_next(struct place *place, struct cc_slice *ret_record)
{
    int r = 0;

    if (chunk_is_at_end(&place->chunk))
        r = place_next_chunk(place);
    if (!r)
        r = chunk_next_record(&place->chunk, ret_record);
    if (!r)
        place->offset++;
    return r;
}

/* Finds the chunk that holds the offset, and skips what stands before it there. */
static int place_seek(struct place *place, uint64_t offset)
{
    MDB_val key = value_of(&offset, sizeof offset);
    struct cc_slice record;
    MDB_val value;
    int r = mdb_cursor_get(place->cursor, &key, &value, MDB_SET_RANGE);

    if (r == MDB_NOTFOUND)
        r = mdb_cursor_get(place->cursor, &key, &value, MDB_LAST);
    else if (!r && memcmp(key.mv_data, &offset, sizeof offset) != 0)
        r = mdb_cursor_get(place->cursor, &key, &value, MDB_PREV);
    if (!r)
        r = place_set(place, &key, &value);
    while (!r && place->offset < offset)
        r = chunk_next_record(&place->chunk, &record) ? MDB_CORRUPTED : (place->offset++, 0);
    return r;
}

/* What a read takes. */
struct portion {
    size_t count;
    size_t chunk_bytes; /* of all the chunks that the records stand in */
};

static int portion_count(struct place *place, const struct cc_log_read *op,
                         struct portion *ret_portion)
{
    struct portion portion = {0, place->value.mv_size};
    const void *chunk = place->value.mv_data;
    struct cc_slice record;
    size_t bytes = 0;
    int r;

    while ((r = place_next(place, &record)) == 0) {
        if (portion.count && (portion.count >= op->max_records || record.size > op->max_bytes ||
                              bytes > op->max_bytes - record.size))
            break;
        if (place->value.mv_data != chunk)
            portion.chunk_bytes += place->value.mv_size;
        chunk = place->value.mv_data;
        bytes += record.size;
        portion.count++;
    }
    *ret_portion = portion;
    return r == MDB_NOTFOUND ? 0 : r;
}

/* Copies a chunk and makes the place go on in the copy. */
static int chunk_take(struct place *place, struct answer *answer)
{
    ptrdiff_t done = place->chunk.at - (const char *)place->value.mv_data;
    struct cc_slice copy;

    if (answer_copy(answer, slice_of(place->value.mv_data, place->value.mv_size), &copy) != 0)
        return CC_ENOMEM;
    place->chunk = chunk_of(copy.data, copy.size);
    place->chunk.at += done;
    return 0;
}

static int records_copy(struct place *place, struct answer *answer, struct cc_log_record *records,
                        size_t count)
{
    int r = count ? chunk_take(place, answer) : 0;

    for (size_t i = 0; !r && i < count; i++) {
        if (chunk_is_at_end(&place->chunk)) {
            r = place_next_chunk(place);
            if (!r)
                r = chunk_take(place, answer);
        }
        records[i].offset = place->offset++;
        if (!r)
            r = chunk_next_record(&place->chunk, &records[i].data);
    }
    return r;
}

static int portion_copy(struct lmdb_log *log, struct place *place, struct cc_log_read *op,
                        const struct portion *portion, struct answer **ret_answer)
{
    struct cc_log_record *records = NULL;
    struct answer *answer;
    int r = CC_ENOMEM;

    answer = answer_new(&log->environment.allocator,
                        portion->count * sizeof *records + portion->chunk_bytes);
    if (answer)
        records = answer_array(answer, portion->count, sizeof *records);
    if (records)
        r = records_copy(place, answer, records, portion->count);
    if (r) {
        answer_free(answer);
        return r;
    }
    op->ret_records = records;
    op->ret_count = portion->count;
    *ret_answer = answer;
    return 0;
}

static int read_in(struct lmdb_log *log, MDB_txn *txn, struct cc_log_read *op,
                   struct answer **ret_answer)
{
    struct portion portion;
    struct place place;
    int r = mdb_cursor_open(txn, log->partitions[op->partition].table, &place.cursor);

    if (r)
        return r;
    r = place_seek(&place, op->offset);
    if (!r)
        r = portion_count(&place, op, &portion);
    if (!r)
        r = place_seek(&place, op->offset);
    if (!r)
        r = portion_copy(log, &place, op, &portion, ret_answer);
    mdb_cursor_close(place.cursor);
    /* the log's numbers say that the records are there */
    return r == MDB_NOTFOUND ? MDB_CORRUPTED : r;
}

void log_read_answer(struct lmdb_log *log, struct cc_log_read *op)
{
    struct answer *answer = NULL;
    MDB_txn *txn;
    int r = environment_read_begin(&log->environment, &txn);

    if (!r) {
        r = read_in(log, txn, op, &answer);
        environment_read_end(&log->environment);
    }
    answer_done(answer, &op->op, environment_error(&log->environment, r));
}
