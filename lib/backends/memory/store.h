/*
 * The memory store's tables: one ordered tree a table, keyed by the table's columns, so that every
 * read is a range of it. Names in keys are preceded by their length, numbers are big-endian.
 */
#ifndef CC_BACKENDS_MEMORY_STORE_H
#define CC_BACKENDS_MEMORY_STORE_H

#include "backends/memory/tree.h"
#include "backends/memory/world.h"

/* The longest key: two names and two numbers. A name may be a device of one byte that no client can
 * choose. */
#define KEY_MAX (3 * (CC_NAME_MAX + 1) + 2 * sizeof(uint64_t))

enum table { TABLE_ROWS, TABLE_HEADS, TABLE_INBOX, TABLE_DEDUP, TABLE_CURSORS, TABLE_COUNT };

/* One row of any table; which number means what stands at the table's functions. */
struct entry {
    struct tree_node node;
    struct entry *next; /* of the entries a write has made and not yet put in */
    enum table table;
    uint64_t numbers[5];
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

/* True for a name that a key has room for. */
static inline bool memory_name_fits(struct cc_slice name)
{
    return name.size >= 1 && name.size <= CC_NAME_MAX;
}

static inline struct cc_slice key_slice(const struct key *key)
{
    return slice_of(key->bytes, key->size);
}

static inline struct cc_slice memory_entry_value(const struct entry *entry)
{
    return slice_of(entry->bytes + entry->node.key.size, entry->value_size);
}

/* Keys of names that fit. */
struct key memory_row_key(struct cc_slice conversation, uint64_t seq);
struct key memory_head_key(struct cc_slice conversation);

/* Inbox and dedup alike: a name, a partition, an offset. */
struct key memory_offset_key(struct cc_slice name, uint32_t partition, uint64_t offset);

/* The device may be empty. Without a conversation it is the part before it. */
struct key memory_cursor_key(struct cc_slice user, struct cc_slice device,
                             struct cc_slice conversation);

/* True when a node's key begins with the first `size` bytes of a key. */
bool memory_key_matches(const struct tree_node *node, const struct key *key, size_t size);

/* The slots that read: store_read.c. */
void memory_store_read_offset(void *self, struct cc_store_read_offset *op);
void memory_store_read_rows(void *self, struct cc_store_read_rows *op);
void memory_store_read_heads(void *self, struct cc_store_read_heads *op);
void memory_store_read_inbox(void *self, struct cc_store_read_inbox *op);
void memory_store_read_dedup(void *self, struct cc_store_read_dedup *op);
void memory_store_read_cursors(void *self, struct cc_store_read_cursors *op);
void memory_store_list_heads(void *self, struct cc_store_list_heads *op);

#endif
