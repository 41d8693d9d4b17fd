/*
 * The memory store: keys, writing, the port. Reading is in store_read.c.
 *
 * A write makes the entries it needs before it changes a table, so it happens whole or not at all.
 */
#include "backends/memory/store.h"

#include "backends/answer.h"
#include "chatcore/error.h"

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

struct key memory_row_key(struct cc_slice conversation, uint64_t seq)
{
    struct key key = {.size = 0};

    key_name(&key, conversation);
    key_number(&key, seq);
    return key;
}

struct key memory_head_key(struct cc_slice conversation)
{
    struct key key = {.size = 0};

    key_name(&key, conversation);
    return key;
}

struct key memory_offset_key(struct cc_slice name, uint32_t partition, uint64_t offset)
{
    struct key key = {.size = 0};

    key_name(&key, name);
    key_number(&key, partition);
    key_number(&key, offset);
    return key;
}

struct key memory_cursor_key(struct cc_slice user, struct cc_slice device,
                             struct cc_slice conversation)
{
    struct key key = {.size = 0};

    key_name(&key, user);
    key_name(&key, device);
    if (conversation.size)
        key_name(&key, conversation);
    return key;
}

bool memory_key_matches(const struct tree_node *node, const struct key *key, size_t size)
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
    struct key key = memory_row_key(row->conversation, row->seq);
    struct entry *entry = changes_add(changes, TABLE_ROWS, &key, row->body);

    if (!entry)
        return false;
    entry->numbers[0] = row->seq;
    entry->numbers[1] = row->offset;
    return true;
}

static bool add_head(struct changes *changes, const struct cc_store_head *head)
{
    struct key key = memory_head_key(head->conversation);
    struct entry *entry = changes_add(changes, TABLE_HEADS, &key, slice_of(NULL, 0));

    if (!entry)
        return false;
    entry->numbers[0] = head->seq;
    entry->numbers[1] = head->offset;
    entry->numbers[2] = head->member_version;
    entry->numbers[3] = (uint64_t)head->ts;
    entry->numbers[4] = head->said;
    return true;
}

static bool add_inbox(struct changes *changes, uint32_t partition,
                      const struct cc_store_inbox *inbox)
{
    struct key key = memory_offset_key(inbox->user, partition, inbox->offset);
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
    struct key key = memory_offset_key(dedup->sender, partition, dedup->offset);
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
        struct key key = memory_offset_key(op->dedup[i].sender, op->partition, 0);
        struct tree_node *node = tree_at_least(tree, key_slice(&key));

        while (node && memory_key_matches(node, &key, key.size - sizeof(uint64_t))) {
            struct entry *entry = tree_owner(node, struct entry, node);

            if ((int64_t)entry->numbers[1] >= op->dedup_before)
                break;
            node = tree_next(node);
            tree_remove(tree, &entry->node);
            mem_free(&store->world->allocator, entry);
        }
    }
}

static int check(const struct memory_store *store, const struct cc_store_write *op)
{
    bool fits = op->partition < store->world->partitions;

    for (size_t i = 0; i < op->row_count; i++)
        fits &= memory_name_fits(op->rows[i].conversation);
    for (size_t i = 0; i < op->head_count; i++)
        fits &= memory_name_fits(op->heads[i].conversation);
    for (size_t i = 0; i < op->inbox_count; i++)
        fits &= memory_name_fits(op->inbox[i].user) && memory_name_fits(op->inbox[i].conversation);
    for (size_t i = 0; i < op->dedup_count; i++)
        fits &= memory_name_fits(op->dedup[i].sender);
    return fits ? 0 : CC_EINVAL;
}

static void store_write(void *self, struct cc_store_write *op)
{
    struct memory_store *store = self;
    struct changes changes;
    int r = check(store, op);

    changes_init(&changes, store);
    if (!r && !gather(&changes, op))
        r = CC_ENOMEM;
    if (r) {
        changes_drop(&changes);
        cc_op_done(&op->op, r);
        return;
    }
    changes_apply(&changes);
    drop_old_runs(store, op);
    if (op->offset > store->offsets[op->partition])
        store->offsets[op->partition] = op->offset;
    cc_op_done(&op->op, 0);
}

/* --- amending ----------------------------------------------------------------------------------
 */

static void remove_before(struct memory_store *store, const struct cc_store_amend *op)
{
    struct tree *tree = &store->tables[TABLE_ROWS];
    struct key key = memory_row_key(op->conversation, 0);
    struct tree_node *node = tree_at_least(tree, key_slice(&key));

    while (node && memory_key_matches(node, &key, key.size - sizeof(uint64_t))) {
        struct entry *entry = tree_owner(node, struct entry, node);

        if (entry->numbers[0] >= op->before)
            break;
        node = tree_next(node);
        tree_remove(tree, &entry->node);
        mem_free(&store->world->allocator, entry);
    }
}

/* Puts an entry in the place of the one with its key; does nothing where none is. */
static void replace(struct memory_store *store, struct entry *entry)
{
    struct tree *tree = &store->tables[TABLE_ROWS];
    struct tree_node *found = tree_find(tree, entry->node.key);
    struct entry *old = found ? tree_owner(found, struct entry, node) : entry;

    if (found) {
        entry->numbers[1] = old->numbers[1];
        tree_remove(tree, found);
        tree_insert(tree, &entry->node, entry->node.key);
    }
    mem_free(&store->world->allocator, old);
}

static int amend(struct memory_store *store, const struct cc_store_amend *op)
{
    struct changes changes;
    bool ok = true;

    if (!memory_name_fits(op->conversation))
        return CC_EINVAL;
    changes_init(&changes, store);
    for (size_t i = 0; ok && i < op->row_count; i++) {
        struct cc_store_row row = op->rows[i];

        row.conversation = op->conversation;
        ok = add_row(&changes, &row);
    }
    if (!ok) {
        changes_drop(&changes);
        return CC_ENOMEM;
    }
    while (changes.first) {
        struct entry *entry = changes.first;

        changes.first = entry->next;
        replace(store, entry);
    }
    remove_before(store, op);
    return 0;
}

static void store_amend(void *self, struct cc_store_amend *op)
{
    cc_op_done(&op->op, amend(self, op));
}

static void store_forget_cursors(void *self, struct cc_store_forget_cursors *op)
{
    struct memory_store *store = self;
    struct tree *tree = &store->tables[TABLE_CURSORS];
    struct tree_node *node;
    struct key key;

    if (!memory_name_fits(op->user)) {
        cc_op_done(&op->op, CC_EINVAL);
        return;
    }
    key = memory_head_key(op->user); /* a name alone: what a cursor's key begins with */
    node = tree_at_least(tree, key_slice(&key));
    while (node && memory_key_matches(node, &key, key.size)) {
        struct entry *entry = tree_owner(node, struct entry, node);

        node = tree_next(node);
        tree_remove(tree, &entry->node);
        mem_free(&store->world->allocator, entry);
    }
    cc_op_done(&op->op, 0);
}

static int add_cursor(struct changes *changes, const struct cc_store_cursor *cursor)
{
    struct entry *entry;
    struct key key;

    if (!memory_name_fits(cursor->user) || !memory_name_fits(cursor->conversation) ||
        cursor->device.size > CC_NAME_MAX)
        return CC_EINVAL;
    key = memory_cursor_key(cursor->user, cursor->device, cursor->conversation);
    entry = changes_add(changes, TABLE_CURSORS, &key, cursor->conversation);
    if (!entry)
        return CC_ENOMEM;
    entry->numbers[0] = cursor->delivered;
    entry->numbers[1] = cursor->read;
    return 0;
}

static void store_write_cursors(void *self, struct cc_store_write_cursors *op)
{
    struct changes changes;
    int r = 0;

    changes_init(&changes, self);
    for (size_t i = 0; !r && i < op->count; i++)
        r = add_cursor(&changes, &op->cursors[i]);
    if (r)
        changes_drop(&changes);
    else
        changes_apply(&changes);
    cc_op_done(&op->op, r);
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
    .read_offset = memory_store_read_offset,
    .read_rows = memory_store_read_rows,
    .read_heads = memory_store_read_heads,
    .read_inbox = memory_store_read_inbox,
    .read_dedup = memory_store_read_dedup,
    .read_cursors = memory_store_read_cursors,
    .list_heads = memory_store_list_heads,
    .amend = store_amend,
    .forget_cursors = store_forget_cursors,
    .free = store_free,
};

int cc_memory_store_open(struct cc_memory_world *world, struct cc_store *ret_store)
{
    ret_store->vtable = &store_vtable;
    ret_store->self = world->store;
    return 0;
}
