/*
 * An ordered tree of nodes that stand inside their owners' structs: inserting allocates nothing, so
 * a change that has allocated all it needs cannot fail halfway.
 *
 * It is a treap: a search tree by key (bytewise, the shorter first) and a heap by a keyed hash of
 * the key, which balances it whatever names its clients choose. The key's bytes belong to the
 * owner and do not change while the node is in a tree.
 */
#ifndef CC_BACKENDS_MEMORY_TREE_H
#define CC_BACKENDS_MEMORY_TREE_H

#include "base/memory.h"

struct tree_node {
    struct tree_node *left;
    struct tree_node *right;
    struct tree_node *parent;
    struct cc_slice key;
    unsigned priority;
};

struct tree {
    struct tree_node *root;
    size_t count;
};

/* From a node back to the struct that it stands in. */
#define tree_owner(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Puts a node in under `key`, which must not be in the tree. */
void tree_insert(struct tree *tree, struct tree_node *node, struct cc_slice key);

/* Takes a node out; it must be in this tree. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* NULL when there is none. */
struct tree_node *tree_find(const struct tree *tree, struct cc_slice key);

/* The first node whose key is `key` or greater; NULL at the end. */
struct tree_node *tree_at_least(const struct tree *tree, struct cc_slice key);

/* The first node whose key is greater than `key`; every key is greater than the empty one. */
struct tree_node *tree_above(const struct tree *tree, struct cc_slice key);

struct tree_node *tree_first(const struct tree *tree);

/* The node after this one in the order of keys; NULL at the end. */
struct tree_node *tree_next(const struct tree_node *node);

#endif
