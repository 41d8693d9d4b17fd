/*
 * Reading offsets, rows, heads and cursors from the store.
 */
#include "backends/lmdb/store_read.h"
#include "chatcore/error.h"

int range_open(struct reading *reading, MDB_dbi table, struct range *range)
{
    range->prefix = range->key.size;
    return mdb_cursor_open(reading->txn, table, &range->cursor);
}

int range_seek(struct range *range, uint64_t number)
{
    return store_seek(range->cursor, &range->key, range->prefix, number, &range->first,
                      &range->value);
}

int range_step(struct range *range, MDB_cursor_op step)
{
    return store_step(range->cursor, &range->key, range->prefix, step, &range->first,
                      &range->value);
}

int range_copy(struct reading *reading, const struct range *range, struct chunk *ret_chunk)
{
    struct cc_slice copy;
    int r =
        answer_copy(reading->answer, slice_of(range->value.mv_data, range->value.mv_size), &copy);

    if (r)
        return r;
    *ret_chunk = chunk_of(copy.data, copy.size);
    return 0;
}

void read_answer(struct lmdb_store *store, struct cc_op *op,
                 int (*read)(struct reading *reading, struct cc_op *op))
{
    struct reading reading = {.store = store};
    int r = environment_read_begin(&store->environment, &reading.txn);

    if (!r) {
        reading.answer = answer_new(&store->environment.allocator, 0);
        r = reading.answer ? read(&reading, op) : CC_ENOMEM;
        environment_read_end(&store->environment);
    }
    answer_done(reading.answer, op, environment_error(&store->environment, r));
}

/* --- offsets --- */

void store_read_offset(void *self, struct cc_store_read_offset *op)
{
    struct lmdb_store *store = self;
    struct store_mark mark = {0, 0};
    struct store_key key;
    MDB_txn *txn;
    int r = environment_read_begin(&store->environment, &txn);

    if (!r) {
        store_key_mark(&key, op->partition);
        r = none_is_fine(store_get(txn, store->marks, &key, &mark, sizeof mark));
        environment_read_end(&store->environment);
    }
    op->ret_offset = mark.offset;
    answer_done(NULL, &op->op, environment_error(&store->environment, r));
}

/* --- rows --- */

/* How many of a chunk's rows are within [from, to]. */
static int rows_within(const struct range *range, uint64_t from, uint64_t to, size_t *ret_count)
{
    struct chunk chunk = range_chunk(range);
    struct cc_store_row row = {.seq = range->first - 1};
    size_t count = 0;
    int r;

    while ((r = chunk_next_row(&chunk, &row)) == 0)
        count += row.seq >= from && row.seq <= to;
    *ret_count = count;
    return none_is_fine(r);
}

/* Counts up to `limit` rows from `from` on. */
static int rows_count_up(struct range *range, const struct cc_store_read_rows *op,
                         size_t *ret_count)
{
    size_t total = 0;
    int r;

    for (r = range_seek(range, op->from); !r && range->first <= op->to && total < op->limit;
         r = range_step(range, MDB_NEXT)) {
        size_t count;
        int failed = rows_within(range, op->from, op->to, &count);

        if (failed)
            return failed;
        total += count;
    }
    *ret_count = total < op->limit ? total : op->limit;
    return none_is_fine(r);
}

/* Counts up to `limit` rows from `to` down, and finds the seq that they begin with. */
static int rows_count_down(struct range *range, const struct cc_store_read_rows *op,
                           size_t *ret_count, uint64_t *ret_from)
{
    size_t total = 0;
    uint64_t from = op->from;
    int r;

    for (r = range_seek(range, op->to); !r && total < op->limit; r = range_step(range, MDB_PREV)) {
        uint64_t highest = op->to;
        size_t count;
        int failed = rows_within(range, op->from, highest, &count);

        if (failed)
            return failed;
        from = range->first > op->from ? range->first : op->from;
        if (count > op->limit - total) {
            from += count - (op->limit - total);
            count = op->limit - total;
        }
        total += count;
        if (range->first <= op->from)
            break;
    }
    *ret_count = total;
    *ret_from = from;
    return none_is_fine(r);
}

static int rows_copy(struct reading *reading, struct range *range, struct cc_store_read_rows *op,
                     uint64_t from, size_t wanted)
{
    struct cc_store_row *rows = answer_array(reading->answer, wanted, sizeof *rows);
    struct cc_slice name;
    size_t count = 0;
    int r = 0;

    if (!rows || answer_copy(reading->answer, op->conversation, &name) != 0)
        return CC_ENOMEM;
    if (wanted)
        r = range_seek(range, from);
    while (!r && count < wanted) {
        struct cc_store_row row = {.conversation = name, .seq = range->first - 1};
        struct chunk chunk;

        r = range_copy(reading, range, &chunk);
        while (!r && count < wanted && !chunk_is_at_end(&chunk)) {
            r = chunk_next_row(&chunk, &row);
            if (!r && row.seq >= from)
                rows[count++] = row;
        }
        if (!r && count < wanted)
            r = range_step(range, MDB_NEXT);
    }
    op->ret_rows = rows;
    op->ret_count = count;
    return r;
}

static int rows_read_in(struct reading *reading, struct range *range, struct cc_store_read_rows *op)
{
    uint64_t from = op->from;
    size_t count = 0;
    int r = 0;

    if (op->from <= op->to && op->limit)
        r = op->descending ? rows_count_down(range, op, &count, &from)
                           : rows_count_up(range, op, &count);
    return r ? r : rows_copy(reading, range, op, from, count);
}

static int rows_read(struct reading *reading, struct cc_op *base)
{
    struct cc_store_read_rows *op = (struct cc_store_read_rows *)base;
    struct range range;
    int r;

    if (!store_name_fits(op->conversation))
        return CC_EINVAL;
    store_key_rows(&range.key, op->conversation);
    r = range_open(reading, reading->store->rows, &range);
    if (r)
        return r;
    r = rows_read_in(reading, &range, op);
    mdb_cursor_close(range.cursor);
    return r;
}

void store_read_rows(void *self, struct cc_store_read_rows *op)
{
    read_answer(self, &op->op, rows_read);
}

/* --- heads --- */

static void head_fill(const struct store_head_value *value, struct cc_store_head *ret_head)
{
    ret_head->seq = value->seq;
    ret_head->offset = value->offset;
    ret_head->member_version = value->member_version;
    ret_head->ts = value->ts;
    ret_head->said = value->said;
}

static int head_read(struct reading *reading, struct cc_slice conversation,
                     struct cc_store_head *ret_head)
{
    struct store_head_value value = {0};
    struct store_key key;
    int r;

    if (!store_name_fits(conversation))
        return CC_EINVAL;
    store_key_rows(&key, conversation);
    r = none_is_fine(store_get(reading->txn, reading->store->heads, &key, &value, sizeof value));
    head_fill(&value, ret_head);
    return r ? r : answer_copy(reading->answer, conversation, &ret_head->conversation);
}

static int heads_read(struct reading *reading, struct cc_op *base)
{
    struct cc_store_read_heads *op = (struct cc_store_read_heads *)base;
    struct cc_store_head *heads = answer_array(reading->answer, op->count, sizeof *heads);
    int r = heads ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < op->count; i++)
        r = head_read(reading, op->conversations[i], &heads[i]);
    op->ret_heads = heads;
    return r;
}

void store_read_heads(void *self, struct cc_store_read_heads *op)
{
    read_answer(self, &op->op, heads_read);
}

/* --- all heads --- */

/* The key is the name behind its length. */
static int head_copy(struct reading *reading, const MDB_val *key, const MDB_val *value,
                     struct cc_store_head *ret_head)
{
    struct store_head_value stored;

    if (value->mv_size != sizeof stored || key->mv_size < 1)
        return MDB_CORRUPTED;
    memcpy(&stored, value->mv_data, sizeof stored);
    head_fill(&stored, ret_head);
    return answer_copy(reading->answer, slice_of((const char *)key->mv_data + 1, key->mv_size - 1),
                       &ret_head->conversation);
}

/* Goes to the first head behind `after`. 0, MDB_NOTFOUND, or a raw code. */
static int heads_seek(MDB_cursor *cursor, struct cc_slice after, MDB_val *ret_key,
                      MDB_val *ret_value)
{
    struct store_key key;
    int r;

    if (!after.size)
        return mdb_cursor_get(cursor, ret_key, ret_value, MDB_FIRST);
    store_key_rows(&key, after);
    *ret_key = store_key_value(&key);
    r = mdb_cursor_get(cursor, ret_key, ret_value, MDB_SET_RANGE);
    if (!r && ret_key->mv_size == key.size && memcmp(ret_key->mv_data, key.bytes, key.size) == 0)
        r = mdb_cursor_get(cursor, ret_key, ret_value, MDB_NEXT);
    return r;
}

static int heads_list_in(struct reading *reading, MDB_cursor *cursor,
                         struct cc_store_list_heads *op)
{
    struct answer_list heads = {0};
    MDB_val key;
    MDB_val value;
    int r = heads_seek(cursor, op->after, &key, &value);

    while (!r && heads.count < op->limit) {
        struct cc_store_head *head = answer_list_add(reading->answer, &heads, sizeof *head);

        r = head ? head_copy(reading, &key, &value, head) : CC_ENOMEM;
        if (!r)
            r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    op->ret_heads = heads.items;
    op->ret_count = heads.count;
    op->ret_more = !r;
    return none_is_fine(r);
}

static int heads_list(struct reading *reading, struct cc_op *base)
{
    struct cc_store_list_heads *op = (struct cc_store_list_heads *)base;
    MDB_cursor *cursor;
    int r;

    if (op->after.size > CC_NAME_MAX)
        return CC_EINVAL;
    r = mdb_cursor_open(reading->txn, reading->store->heads, &cursor);
    if (r)
        return r;
    r = heads_list_in(reading, cursor, op);
    mdb_cursor_close(cursor);
    return r;
}

void store_list_heads(void *self, struct cc_store_list_heads *op)
{
    read_answer(self, &op->op, heads_list);
}

/* --- cursors --- */

static int cursor_fill(struct reading *reading, const struct cc_store_read_cursors *op,
                       struct cc_slice conversation, const MDB_val *value,
                       struct cc_store_cursor *ret_cursor)
{
    struct store_cursor_value stored;
    int r;

    if (value->mv_size != sizeof stored)
        return MDB_CORRUPTED;
    memcpy(&stored, value->mv_data, sizeof stored);
    ret_cursor->delivered = stored.delivered;
    ret_cursor->read = stored.read;
    r = answer_copy(reading->answer, op->user, &ret_cursor->user);
    if (!r)
        r = answer_copy(reading->answer, op->device, &ret_cursor->device);
    return r ? r : answer_copy(reading->answer, conversation, &ret_cursor->conversation);
}

/* Those of the conversations that were named. */
static int cursors_pick(struct reading *reading, struct cc_store_read_cursors *op)
{
    struct cc_store_cursor *cursors = answer_array(reading->answer, op->count, sizeof *cursors);
    size_t count = 0;
    int r = cursors ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < op->count; i++) {
        struct store_key key;
        MDB_val wanted;
        MDB_val value;

        if (!store_name_fits(op->conversations[i]))
            return CC_EINVAL;
        store_key_cursor(&key, op->user, op->device);
        store_key_name(&key, op->conversations[i]);
        wanted = store_key_value(&key);
        r = mdb_get(reading->txn, reading->store->cursors, &wanted, &value);
        if (!r)
            r = cursor_fill(reading, op, op->conversations[i], &value, &cursors[count++]);
        else
            r = none_is_fine(r);
    }
    op->ret_cursors = cursors;
    op->ret_count = count;
    return r;
}

/* The name behind the prefix of a key, if the key has that prefix. */
static bool name_behind(const struct store_key *prefix, const MDB_val *key,
                        struct cc_slice *ret_name)
{
    const unsigned char *bytes = key->mv_data;

    if (key->mv_size < prefix->size + 2 || memcmp(bytes, prefix->bytes, prefix->size) != 0 ||
        key->mv_size != prefix->size + 1 + bytes[prefix->size])
        return false;
    *ret_name = slice_of(bytes + prefix->size + 1, bytes[prefix->size]);
    return true;
}

/* Walks the cursors of one device: counts them, and fills them in where `cursors` is given. */
static int cursors_walk(struct reading *reading, MDB_cursor *cursor,
                        const struct cc_store_read_cursors *op, struct cc_store_cursor *cursors,
                        size_t *ret_count)
{
    struct cc_slice conversation;
    struct store_key prefix;
    MDB_val key;
    MDB_val value;
    int r;

    *ret_count = 0;
    store_key_cursor(&prefix, op->user, op->device);
    key = store_key_value(&prefix);
    for (r = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
         !r && *ret_count < op->limit && name_behind(&prefix, &key, &conversation);
         r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        int failed = 0;

        if (cursors)
            failed = cursor_fill(reading, op, conversation, &value, &cursors[*ret_count]);
        if (failed)
            return failed;
        ++*ret_count;
    }
    return none_is_fine(r);
}

static int cursors_list(struct reading *reading, struct cc_store_read_cursors *op)
{
    struct cc_store_cursor *cursors = NULL;
    MDB_cursor *cursor;
    int r = mdb_cursor_open(reading->txn, reading->store->cursors, &cursor);

    if (r)
        return r;
    r = cursors_walk(reading, cursor, op, NULL, &op->ret_count);
    if (!r) {
        cursors = answer_array(reading->answer, op->ret_count, sizeof *cursors);
        r = cursors ? cursors_walk(reading, cursor, op, cursors, &op->ret_count) : CC_ENOMEM;
    }
    mdb_cursor_close(cursor);
    op->ret_cursors = cursors;
    return r;
}

static int cursors_read(struct reading *reading, struct cc_op *base)
{
    struct cc_store_read_cursors *op = (struct cc_store_read_cursors *)base;

    if (!store_name_fits(op->user) || op->device.size > CC_NAME_MAX)
        return CC_EINVAL;
    return op->conversations ? cursors_pick(reading, op) : cursors_list(reading, op);
}

void store_read_cursors(void *self, struct cc_store_read_cursors *op)
{
    read_answer(self, &op->op, cursors_read);
}
