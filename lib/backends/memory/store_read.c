/*
 * Reading from the memory store: what a range holds is counted, then copied.
 */
#include "backends/memory/store.h"

#include "backends/answer.h"
#include "chatcore/error.h"

void memory_store_read_offset(void *self, struct cc_store_read_offset *op)
{
    struct memory_store *store = self;

    if (op->partition >= store->world->partitions) {
        cc_op_done(&op->op, CC_EINVAL);
        return;
    }
    op->ret_offset = store->offsets[op->partition];
    cc_op_done(&op->op, 0);
}

/* The rows from `first` on whose seq is at most `to`, counted up to `limit`. */
static size_t count_rows(const struct tree_node *first, const struct key *key, uint64_t to,
                         size_t limit)
{
    size_t count = 0;

    for (; first && count < limit && memory_key_matches(first, key, key->size - sizeof(uint64_t));
         first = tree_next(first), count++)
        if (tree_owner(first, const struct entry, node)->numbers[0] > to)
            break;
    return count;
}

static int copy_rows(struct answer *answer, const struct tree_node *node, size_t count,
                     struct cc_store_read_rows *op)
{
    struct cc_store_row *rows = answer_array(answer, count + 1, sizeof *rows);
    int r = rows ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < count; i++, node = tree_next(node)) {
        const struct entry *entry = tree_owner(node, const struct entry, node);

        rows[i].seq = entry->numbers[0];
        rows[i].offset = entry->numbers[1];
        r = answer_copy(answer, op->conversation, &rows[i].conversation);
        if (!r)
            r = answer_copy(answer, memory_entry_value(entry), &rows[i].body);
    }
    op->ret_rows = rows;
    op->ret_count = count;
    return r;
}

static void read_rows(struct memory_store *store, struct cc_store_read_rows *op)
{
    struct answer *answer = answer_new(&store->world->allocator, 0);
    struct key key = memory_row_key(op->conversation, op->from);
    struct tree_node *node = tree_at_least(&store->tables[TABLE_ROWS], key_slice(&key));
    size_t count = count_rows(node, &key, op->to, op->descending ? SIZE_MAX : op->limit);
    int r = CC_ENOMEM;

    for (; count > op->limit; count--)
        node = tree_next(node);
    if (answer)
        r = copy_rows(answer, node, count, op);
    answer_done(answer, &op->op, r);
}

void memory_store_read_rows(void *self, struct cc_store_read_rows *op)
{
    if (memory_name_fits(op->conversation))
        read_rows(self, op);
    else
        cc_op_done(&op->op, CC_EINVAL);
}

static void fill_head(const struct entry *entry, struct cc_store_head *ret_head)
{
    ret_head->seq = entry->numbers[0];
    ret_head->offset = entry->numbers[1];
    ret_head->member_version = entry->numbers[2];
    ret_head->ts = (int64_t)entry->numbers[3];
    ret_head->said = entry->numbers[4];
}

static int read_head(const struct memory_store *store, struct answer *answer,
                     struct cc_slice conversation, struct cc_store_head *ret_head)
{
    struct tree_node *node;
    struct key key;

    if (!memory_name_fits(conversation))
        return CC_EINVAL;
    key = memory_head_key(conversation);
    node = tree_find(&store->tables[TABLE_HEADS], key_slice(&key));
    if (node)
        fill_head(tree_owner(node, const struct entry, node), ret_head);
    return answer_copy(answer, conversation, &ret_head->conversation);
}

void memory_store_read_heads(void *self, struct cc_store_read_heads *op)
{
    struct memory_store *store = self;
    struct answer *answer = answer_new(&store->world->allocator, 0);
    struct cc_store_head *heads =
        answer ? answer_array(answer, op->count + 1, sizeof *heads) : NULL;
    int r = heads ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < op->count; i++)
        r = read_head(store, answer, op->conversations[i], &heads[i]);
    op->ret_heads = heads;
    answer_done(answer, &op->op, r);
}

/* A head's key is the name behind its length. */
static int copy_head(struct answer *answer, const struct tree_node *node,
                     struct cc_store_head *ret_head)
{
    fill_head(tree_owner(node, const struct entry, node), ret_head);
    return answer_copy(answer, slice_of(node->key.data + 1, node->key.size - 1),
                       &ret_head->conversation);
}

static int copy_heads(const struct memory_store *store, struct answer *answer,
                      struct cc_store_list_heads *op)
{
    struct key key = {.size = 0};
    struct answer_list heads = {0};
    struct tree_node *node;
    int r = 0;

    if (op->after.size)
        key = memory_head_key(op->after);
    node = tree_above(&store->tables[TABLE_HEADS], key_slice(&key));
    for (; !r && node && heads.count < op->limit; node = tree_next(node)) {
        struct cc_store_head *head = answer_list_add(answer, &heads, sizeof *head);

        r = head ? copy_head(answer, node, head) : CC_ENOMEM;
    }
    op->ret_heads = heads.items;
    op->ret_count = heads.count;
    op->ret_more = node != NULL;
    return r;
}

void memory_store_list_heads(void *self, struct cc_store_list_heads *op)
{
    struct memory_store *store = self;
    struct answer *answer = answer_new(&store->world->allocator, 0);
    int r = answer ? 0 : CC_ENOMEM;

    if (!r && op->after.size > CC_NAME_MAX)
        r = CC_EINVAL;
    if (!r)
        r = copy_heads(store, answer, op);
    answer_done(answer, &op->op, r);
}

static bool in_inbox(const struct tree_node *node, const struct key *key, uint64_t before)
{
    return node && memory_key_matches(node, key, key->size - sizeof(uint64_t)) &&
           tree_owner(node, const struct entry, node)->numbers[1] < before;
}

static int copy_inbox(struct answer *answer, const struct tree_node *node, size_t count,
                      struct cc_store_read_inbox *op)
{
    struct cc_store_inbox *entries = answer_array(answer, count + 1, sizeof *entries);
    int r = entries ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < count; i++, node = tree_next(node)) {
        const struct entry *entry = tree_owner(node, const struct entry, node);

        entries[i].seq = entry->numbers[0];
        entries[i].offset = entry->numbers[1];
        r = answer_copy(answer, op->user, &entries[i].user);
        if (!r)
            r = answer_copy(answer, memory_entry_value(entry), &entries[i].conversation);
    }
    op->ret_entries = entries;
    op->ret_count = count;
    return r;
}

static void read_inbox(struct memory_store *store, struct cc_store_read_inbox *op)
{
    struct answer *answer = answer_new(&store->world->allocator, 0);
    struct key key = memory_offset_key(op->user, op->partition, op->from);
    struct tree_node *first = tree_at_least(&store->tables[TABLE_INBOX], key_slice(&key));
    struct tree_node *node = first;
    size_t count = 0;
    int r = CC_ENOMEM;

    for (; count < op->limit && in_inbox(node, &key, op->before); count++)
        node = tree_next(node);
    op->ret_more = in_inbox(node, &key, op->before);
    if (answer)
        r = copy_inbox(answer, first, count, op);
    answer_done(answer, &op->op, r);
}

void memory_store_read_inbox(void *self, struct cc_store_read_inbox *op)
{
    if (memory_name_fits(op->user))
        read_inbox(self, op);
    else
        cc_op_done(&op->op, CC_EINVAL);
}

static int copy_runs(struct answer *answer, const struct tree_node *node, size_t count,
                     struct cc_store_read_dedup *op)
{
    struct cc_store_dedup *runs = answer_array(answer, count + 1, sizeof *runs);
    int r = runs ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < count; i++, node = tree_next(node)) {
        const struct entry *entry = tree_owner(node, const struct entry, node);

        runs[i].offset = entry->numbers[0];
        runs[i].ts = (int64_t)entry->numbers[1];
        r = answer_copy(answer, op->sender, &runs[i].sender);
        if (!r)
            r = answer_copy(answer, memory_entry_value(entry), &runs[i].entries);
    }
    op->ret_runs = runs;
    op->ret_count = count;
    return r;
}

static void read_dedup(struct memory_store *store, struct cc_store_read_dedup *op)
{
    struct answer *answer = answer_new(&store->world->allocator, 0);
    struct key key = memory_offset_key(op->sender, op->partition, 0);
    struct tree_node *first = tree_at_least(&store->tables[TABLE_DEDUP], key_slice(&key));
    struct tree_node *node = first;
    size_t count = 0;
    int r = CC_ENOMEM;

    for (; node && memory_key_matches(node, &key, key.size - sizeof(uint64_t)); count++)
        node = tree_next(node);
    if (answer)
        r = copy_runs(answer, first, count, op);
    answer_done(answer, &op->op, r);
}

void memory_store_read_dedup(void *self, struct cc_store_read_dedup *op)
{
    if (memory_name_fits(op->sender))
        read_dedup(self, op);
    else
        cc_op_done(&op->op, CC_EINVAL);
}

static int copy_cursor(struct answer *answer, const struct entry *entry,
                       const struct cc_store_read_cursors *op, struct cc_store_cursor *to)
{
    int r = answer_copy(answer, op->user, &to->user);

    if (!r)
        r = answer_copy(answer, op->device, &to->device);
    if (!r)
        r = answer_copy(answer, memory_entry_value(entry), &to->conversation);
    to->delivered = entry->numbers[0];
    to->read = entry->numbers[1];
    return r;
}

static int copy_named_cursor(struct memory_store *store, struct answer *answer,
                             struct cc_store_read_cursors *op, struct cc_slice conversation,
                             struct cc_store_cursor *to)
{
    struct tree_node *node;
    struct key key;

    if (!memory_name_fits(conversation))
        return CC_EINVAL;
    key = memory_cursor_key(op->user, op->device, conversation);
    node = tree_find(&store->tables[TABLE_CURSORS], key_slice(&key));
    if (!node)
        return 0;
    op->ret_count++;
    return copy_cursor(answer, tree_owner(node, const struct entry, node), op, to);
}

static int copy_named_cursors(struct memory_store *store, struct answer *answer,
                              struct cc_store_read_cursors *op)
{
    struct cc_store_cursor *cursors = answer_array(answer, op->count + 1, sizeof *cursors);
    int r = cursors ? 0 : CC_ENOMEM;

    op->ret_count = 0;
    for (size_t i = 0; !r && i < op->count; i++)
        r = copy_named_cursor(store, answer, op, op->conversations[i], &cursors[op->ret_count]);
    op->ret_cursors = cursors;
    return r;
}

static int copy_all_cursors(struct memory_store *store, struct answer *answer,
                            struct cc_store_read_cursors *op)
{
    struct key key = memory_cursor_key(op->user, op->device, slice_of(NULL, 0));
    struct tree_node *first = tree_at_least(&store->tables[TABLE_CURSORS], key_slice(&key));
    struct tree_node *node = first;
    struct cc_store_cursor *cursors;
    size_t count = 0;
    int r;

    for (; node && count < op->limit && memory_key_matches(node, &key, key.size); count++)
        node = tree_next(node);
    cursors = answer_array(answer, count + 1, sizeof *cursors);
    r = cursors ? 0 : CC_ENOMEM;
    node = first;
    for (size_t i = 0; !r && i < count; i++, node = tree_next(node))
        r = copy_cursor(answer, tree_owner(node, const struct entry, node), op, &cursors[i]);
    op->ret_cursors = cursors;
    op->ret_count = count;
    return r;
}

static void read_cursors(struct memory_store *store, struct cc_store_read_cursors *op)
{
    struct answer *answer = answer_new(&store->world->allocator, 0);
    int r = CC_ENOMEM;

    if (answer && op->conversations)
        r = copy_named_cursors(store, answer, op);
    else if (answer)
        r = copy_all_cursors(store, answer, op);
    answer_done(answer, &op->op, r);
}

void memory_store_read_cursors(void *self, struct cc_store_read_cursors *op)
{
    if (memory_name_fits(op->user) && op->device.size <= CC_NAME_MAX)
        read_cursors(self, op);
    else
        cc_op_done(&op->op, CC_EINVAL);
}
