/*
 * The memory store: one ordered tree a table, keyed by the table's columns, so that every read is a
 * range of it. Names in keys are preceded by their length, numbers are big-endian.
 *
 * A write makes the entries it needs before it changes a table, so it happens whole or not at all.
 */
#include "backends/answer.h"
#include "backends/memory/tree.h"
#include "backends/memory/world.h"
#include "chatcore/error.h"

/* The longest key: two names and two numbers. A name may be a device of one byte that no client can
 * choose. */
#define KEY_MAX (3 * (CC_NAME_MAX + 1) + 2 * sizeof(uint64_t))

enum table { TABLE_ROWS, TABLE_HEADS, TABLE_INBOX, TABLE_DEDUP, TABLE_CURSORS, TABLE_COUNT };

/* One row of any table; which number means what stands at the table's functions. */
struct entry {
    struct tree_node node;
    struct entry *next; /* of the entries a write has made and not yet put in */
    enum table table;
    uint64_t numbers[4];
    size_t value_size;
    char bytes[]; /* the key, then the value */
};

struct memory_store {
    struct cc_memory_world *world;
    struct tree tables[TABLE_COUNT];
    uint64_t offsets[]; /* by partition */
};

struct key {
    size_t size;
    char bytes[KEY_MAX];
};

struct memory_store *memory_store_new(struct cc_memory_world *world)
{
    struct memory_store *store =
        mem_zalloc(&world->allocator, 1, sizeof *store + world->partitions * sizeof(uint64_t));

    if (store)
        store->world = world;
    return store;
}

void memory_store_free(struct memory_store *store)
{
    if (!store)
        return;
    for (int table = 0; table < TABLE_COUNT; table++)
        while (store->tables[table].root) {
            struct tree_node *node = store->tables[table].root;

            tree_remove(&store->tables[table], node);
            mem_free(&store->world->allocator, tree_owner(node, struct entry, node));
        }
    mem_free(&store->world->allocator, store);
}

/* --- keys --------------------------------------------------------------------------------------
 */

static void key_name(struct key *key, struct cc_slice name)
{
    key->bytes[key->size++] = (char)name.size;
    if (name.size)
        memcpy(key->bytes + key->size, name.data, name.size);
    key->size += name.size;
}

static void key_number(struct key *key, uint64_t number)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        key->bytes[key->size++] = (char)(number >> shift);
}

static struct cc_slice key_slice(const struct key *key)
{
    return slice_of(key->bytes, key->size);
}

static struct key row_key(struct cc_slice conversation, uint64_t seq)
{
    struct key key = {.size = 0};

    key_name(&key, conversation);
    key_number(&key, seq);
    return key;
}

static struct key head_key(struct cc_slice conversation)
{
    struct key key = {.size = 0};

    key_name(&key, conversation);
    return key;
}

/* Inbox and dedup alike: a name, a partition, an offset. */
static struct key offset_key(struct cc_slice name, uint32_t partition, uint64_t offset)
{
    struct key key = {.size = 0};

    key_name(&key, name);
    key_number(&key, partition);
    key_number(&key, offset);
    return key;
}

static struct key cursor_key(struct cc_slice user, struct cc_slice device,
                             struct cc_slice conversation)
{
    struct key key = {.size = 0};

    key_name(&key, user);
    key_name(&key, device);
    if (conversation.size)
        key_name(&key, conversation);
    return key;
}

static bool has_prefix(const struct tree_node *node, const struct key *key, size_t size)
{
    return node->key.size >= size && memcmp(node->key.data, key->bytes, size) == 0;
}

/* --- writing -----------------------------------------------------------------------------------
 */

struct changes {
    struct memory_store *store;
    struct entry *first;
    struct entry **last;
};

static void changes_init(struct changes *changes, struct memory_store *store)
{
    changes->store = store;
    changes->first = NULL;
    changes->last = &changes->first;
}

static struct entry *changes_add(struct changes *changes, enum table table, const struct key *key,
                                 struct cc_slice value)
{
    struct entry *entry =
        mem_zalloc(&changes->store->world->allocator, 1, sizeof *entry + key->size + value.size);

    if (!entry)
        return NULL;
    memcpy(entry->bytes, key->bytes, key->size);
    if (value.size)
        memcpy(entry->bytes + key->size, value.data, value.size);
    entry->value_size = value.size;
    entry->node.key = slice_of(entry->bytes, key->size);
    entry->table = table;
    *changes->last = entry;
    changes->last = &entry->next;
    return entry;
}

static struct cc_slice entry_value(const struct entry *entry)
{
    return slice_of(entry->bytes + entry->node.key.size, entry->value_size);
}

/* What stands stays, but for a head that moves on and a cursor that moves forward. */
static void merge(struct entry *old, const struct entry *entry)
{
    if (entry->table == TABLE_HEADS && entry->numbers[1] >= old->numbers[1])
        memcpy(old->numbers, entry->numbers, sizeof old->numbers);
    if (entry->table == TABLE_CURSORS)
        for (int i = 0; i < 2; i++)
            if (entry->numbers[i] > old->numbers[i])
                old->numbers[i] = entry->numbers[i];
}

static void changes_apply(struct changes *changes)
{
    const struct cc_allocator *allocator = &changes->store->world->allocator;

    while (changes->first) {
        struct entry *entry = changes->first;
        struct tree *tree = &changes->store->tables[entry->table];
        struct tree_node *found = tree_find(tree, entry->node.key);

        changes->first = entry->next;
        if (found) {
            merge(tree_owner(found, struct entry, node), entry);
            mem_free(allocator, entry);
        } else {
            tree_insert(tree, &entry->node, entry->node.key);
        }
    }
}

static void changes_drop(struct changes *changes)
{
    while (changes->first) {
        struct entry *entry = changes->first;

        changes->first = entry->next;
        mem_free(&changes->store->world->allocator, entry);
    }
}

static bool add_row(struct changes *changes, const struct cc_store_row *row)
{
    struct key key = row_key(row->conversation, row->seq);
    struct entry *entry = changes_add(changes, TABLE_ROWS, &key, row->body);

    if (!entry)
        return false;
    entry->numbers[0] = row->seq;
    entry->numbers[1] = row->offset;
    return true;
}

static bool add_head(struct changes *changes, const struct cc_store_head *head)
{
    struct key key = head_key(head->conversation);
    struct entry *entry = changes_add(changes, TABLE_HEADS, &key, slice_of(NULL, 0));

    if (!entry)
        return false;
    entry->numbers[0] = head->seq;
    entry->numbers[1] = head->offset;
    entry->numbers[2] = head->member_version;
    entry->numbers[3] = (uint64_t)head->ts;
    return true;
}

static bool add_inbox(struct changes *changes, uint32_t partition,
                      const struct cc_store_inbox *inbox)
{
    struct key key = offset_key(inbox->user, partition, inbox->offset);
    struct entry *entry = changes_add(changes, TABLE_INBOX, &key, inbox->conversation);

    if (!entry)
        return false;
    entry->numbers[0] = inbox->seq;
    entry->numbers[1] = inbox->offset;
    return true;
}

static bool add_dedup(struct changes *changes, uint32_t partition,
                      const struct cc_store_dedup *dedup)
{
    struct key key = offset_key(dedup->sender, partition, dedup->offset);
    struct entry *entry = changes_add(changes, TABLE_DEDUP, &key, dedup->entries);

    if (!entry)
        return false;
    entry->numbers[0] = dedup->offset;
    entry->numbers[1] = (uint64_t)dedup->ts;
    return true;
}

static bool gather(struct changes *changes, const struct cc_store_write *op)
{
    bool ok = true;

    for (size_t i = 0; ok && i < op->row_count; i++)
        ok = add_row(changes, &op->rows[i]);
    for (size_t i = 0; ok && i < op->head_count; i++)
        ok = add_head(changes, &op->heads[i]);
    for (size_t i = 0; ok && i < op->inbox_count; i++)
        ok = add_inbox(changes, op->partition, &op->inbox[i]);
    for (size_t i = 0; ok && i < op->dedup_count; i++)
        ok = add_dedup(changes, op->partition, &op->dedup[i]);
    return ok;
}

/* Senders that write have their old runs dropped: no table scan is needed. */
static void drop_old_runs(struct memory_store *store, const struct cc_store_write *op)
{
    struct tree *tree = &store->tables[TABLE_DEDUP];

    for (size_t i = 0; i < op->dedup_count; i++) {
        struct key key = offset_key(op->dedup[i].sender, op->partition, 0);
        struct tree_node *node = tree_at_least(tree, key_slice(&key));

        while (node && has_prefix(node, &key, key.size - sizeof(uint64_t))) {
            struct entry *entry = tree_owner(node, struct entry, node);

            if ((int64_t)entry->numbers[1] >= op->dedup_before)
                break;
            node = tree_next(node);
            tree_remove(tree, &entry->node);
            mem_free(&store->world->allocator, entry);
        }
    }
}

static void store_write(void *self, struct cc_store_write *op)
{
    struct memory_store *store = self;
    struct changes changes;

    changes_init(&changes, store);
    if (op->partition >= store->world->partitions || !gather(&changes, op)) {
        changes_drop(&changes);
        cc_op_done(&op->op, op->partition >= store->world->partitions ? CC_EINVAL : CC_ENOMEM);
        return;
    }
    changes_apply(&changes);
    drop_old_runs(store, op);
    if (op->offset > store->offsets[op->partition])
        store->offsets[op->partition] = op->offset;
    cc_op_done(&op->op, 0);
}

static void store_write_cursors(void *self, struct cc_store_write_cursors *op)
{
    struct memory_store *store = self;
    struct changes changes;

    changes_init(&changes, store);
    for (size_t i = 0; i < op->count; i++) {
        const struct cc_store_cursor *cursor = &op->cursors[i];
        struct key key = cursor_key(cursor->user, cursor->device, cursor->conversation);
        struct entry *entry = changes_add(&changes, TABLE_CURSORS, &key, cursor->conversation);

        if (!entry) {
            changes_drop(&changes);
            cc_op_done(&op->op, CC_ENOMEM);
            return;
        }
        entry->numbers[0] = cursor->delivered;
        entry->numbers[1] = cursor->read;
    }
    changes_apply(&changes);
    cc_op_done(&op->op, 0);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static void store_read_offset(void *self, struct cc_store_read_offset *op)
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

    for (; first && count < limit && has_prefix(first, key, key->size - sizeof(uint64_t));
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
            r = answer_copy(answer, entry_value(entry), &rows[i].body);
    }
    op->ret_rows = rows;
    op->ret_count = count;
    return r;
}

static void store_read_rows(void *self, struct cc_store_read_rows *op)
{
    struct memory_store *store = self;
    struct answer *answer = answer_new(&store->world->allocator, 0);
    struct key key = row_key(op->conversation, op->from);
    struct tree_node *node = tree_at_least(&store->tables[TABLE_ROWS], key_slice(&key));
    size_t count = count_rows(node, &key, op->to, op->descending ? SIZE_MAX : op->limit);
    int r = CC_ENOMEM;

    for (; count > op->limit; count--)
        node = tree_next(node);
    if (answer)
        r = copy_rows(answer, node, count, op);
    answer_done(answer, &op->op, r);
}

static void store_read_heads(void *self, struct cc_store_read_heads *op)
{
    struct memory_store *store = self;
    struct answer *answer = answer_new(&store->world->allocator, 0);
    struct cc_store_head *heads =
        answer ? answer_array(answer, op->count + 1, sizeof *heads) : NULL;
    int r = heads ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < op->count; i++) {
        struct key key = head_key(op->conversations[i]);
        struct tree_node *node = tree_find(&store->tables[TABLE_HEADS], key_slice(&key));

        r = answer_copy(answer, op->conversations[i], &heads[i].conversation);
        if (node) {
            const struct entry *entry = tree_owner(node, const struct entry, node);

            heads[i].seq = entry->numbers[0];
            heads[i].offset = entry->numbers[1];
            heads[i].member_version = entry->numbers[2];
            heads[i].ts = (int64_t)entry->numbers[3];
        }
    }
    op->ret_heads = heads;
    answer_done(answer, &op->op, r);
}

static bool in_inbox(const struct tree_node *node, const struct key *key, uint64_t before)
{
    return node && has_prefix(node, key, key->size - sizeof(uint64_t)) &&
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
            r = answer_copy(answer, entry_value(entry), &entries[i].conversation);
    }
    op->ret_entries = entries;
    op->ret_count = count;
    return r;
}

static void store_read_inbox(void *self, struct cc_store_read_inbox *op)
{
    struct memory_store *store = self;
    struct answer *answer = answer_new(&store->world->allocator, 0);
    struct key key = offset_key(op->user, op->partition, op->from);
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
            r = answer_copy(answer, entry_value(entry), &runs[i].entries);
    }
    op->ret_runs = runs;
    op->ret_count = count;
    return r;
}

static void store_read_dedup(void *self, struct cc_store_read_dedup *op)
{
    struct memory_store *store = self;
    struct answer *answer = answer_new(&store->world->allocator, 0);
    struct key key = offset_key(op->sender, op->partition, 0);
    struct tree_node *first = tree_at_least(&store->tables[TABLE_DEDUP], key_slice(&key));
    struct tree_node *node = first;
    size_t count = 0;
    int r = CC_ENOMEM;

    for (; node && has_prefix(node, &key, key.size - sizeof(uint64_t)); count++)
        node = tree_next(node);
    if (answer)
        r = copy_runs(answer, first, count, op);
    answer_done(answer, &op->op, r);
}

static int copy_cursor(struct answer *answer, const struct entry *entry,
                       const struct cc_store_read_cursors *op, struct cc_store_cursor *to)
{
    int r = answer_copy(answer, op->user, &to->user);

    if (!r)
        r = answer_copy(answer, op->device, &to->device);
    if (!r)
        r = answer_copy(answer, entry_value(entry), &to->conversation);
    to->delivered = entry->numbers[0];
    to->read = entry->numbers[1];
    return r;
}

static int copy_named_cursors(struct memory_store *store, struct answer *answer,
                              struct cc_store_read_cursors *op)
{
    struct cc_store_cursor *cursors = answer_array(answer, op->count + 1, sizeof *cursors);
    int r = cursors ? 0 : CC_ENOMEM;

    op->ret_count = 0;
    for (size_t i = 0; !r && i < op->count; i++) {
        struct key key = cursor_key(op->user, op->device, op->conversations[i]);
        struct tree_node *node = tree_find(&store->tables[TABLE_CURSORS], key_slice(&key));

        if (node)
            r = copy_cursor(answer, tree_owner(node, const struct entry, node), op,
                            &cursors[op->ret_count++]);
    }
    op->ret_cursors = cursors;
    return r;
}

static int copy_all_cursors(struct memory_store *store, struct answer *answer,
                            struct cc_store_read_cursors *op)
{
    struct key key = cursor_key(op->user, op->device, slice_of(NULL, 0));
    struct tree_node *first = tree_at_least(&store->tables[TABLE_CURSORS], key_slice(&key));
    struct tree_node *node = first;
    struct cc_store_cursor *cursors;
    size_t count = 0;
    int r;

    for (; node && count < op->limit && has_prefix(node, &key, key.size); count++)
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

static void store_read_cursors(void *self, struct cc_store_read_cursors *op)
{
    struct memory_store *store = self;
    struct answer *answer = answer_new(&store->world->allocator, 0);
    int r = CC_ENOMEM;

    if (answer && op->conversations)
        r = copy_named_cursors(store, answer, op);
    else if (answer)
        r = copy_all_cursors(store, answer, op);
    answer_done(answer, &op->op, r);
}

/* The port has nothing of its own: the world keeps the tables. */
static void store_free(void *self)
{
    (void)self;
}

static const struct cc_store_vtable store_vtable = {
    .size = sizeof store_vtable,
    .write = store_write,
    .write_cursors = store_write_cursors,
    .read_offset = store_read_offset,
    .read_rows = store_read_rows,
    .read_heads = store_read_heads,
    .read_inbox = store_read_inbox,
    .read_dedup = store_read_dedup,
    .read_cursors = store_read_cursors,
    .free = store_free,
};

int cc_memory_store_open(struct cc_memory_world *world, struct cc_store *ret_store)
{
    ret_store->vtable = &store_vtable;
    ret_store->self = world->store;
    return 0;
}
