/*
 * Ordered trees: a treap with parent links.
 */
#include "backends/memory/tree.h"

#include "base/hash.h"

/* The place that points to a node: its parent's side, or the root. */
static struct tree_node **link_of(struct tree *tree, const struct tree_node *node)
{
    struct tree_node *parent = node->parent;

    if (!parent)
        return &tree->root;
    return parent->left == node ? &parent->left : &parent->right;
}

/* Turns the edge between a node and its parent around; the order of keys stays. */
static void rotate_up(struct tree *tree, struct tree_node *node)
{
    struct tree_node *parent = node->parent;
    struct tree_node **link = link_of(tree, parent);
    struct tree_node *moved;

    if (parent->left == node) {
        moved = node->right;
        parent->left = moved;
        node->right = parent;
    } else {
        moved = node->left;
        parent->right = moved;
        node->left = parent;
    }
    if (moved)
        moved->parent = parent;
    node->parent = parent->parent;
    parent->parent = node;
    *link = node;
}

void tree_insert(struct tree *tree, struct tree_node *node, struct cc_slice key)
{
    struct tree_node **link = &tree->root;
    struct tree_node *parent = NULL;

    while (*link) {
        parent = *link;
        link = slice_compare(key, parent->key) < 0 ? &parent->left : &parent->right;
    }
    node->left = NULL;
    node->right = NULL;
    node->parent = parent;
    node->key = key;
    node->priority = hash_bytes(key.data, key.size);
    *link = node;
    tree->count++;
    while (node->parent && node->parent->priority < node->priority)
        rotate_up(tree, node);
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    while (node->left && node->right)
        rotate_up(tree, node->left->priority < node->right->priority ? node->right : node->left);

    struct tree_node *child = node->left ? node->left : node->right;

    *link_of(tree, node) = child;
    if (child)
        child->parent = node->parent;
    tree->count--;
}

/* The first node that is greater than `key`, or equal to it where that is wanted. */
static struct tree_node *search(const struct tree *tree, struct cc_slice key, bool wants_equal)
{
    struct tree_node *node = tree->root;
    struct tree_node *best = NULL;

    while (node) {
        int order = slice_compare(key, node->key);

        if (order < 0 || (order == 0 && wants_equal)) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

struct tree_node *tree_find(const struct tree *tree, struct cc_slice key)
{
    struct tree_node *node = search(tree, key, true);

    return node && slice_equal(node->key, key) ? node : NULL;
}

struct tree_node *tree_at_least(const struct tree *tree, struct cc_slice key)
{
    return search(tree, key, true);
}

struct tree_node *tree_above(const struct tree *tree, struct cc_slice key)
{
    return search(tree, key, false);
}

struct tree_node *tree_first(const struct tree *tree)
{
    struct tree_node *node = tree->root;

    while (node && node->left)
        node = node->left;
    return node;
}

struct tree_node *tree_next(const struct tree_node *node)
{
    if (node->right) {
        for (node = node->right; node->left; node = node->left)
            ;
        return (struct tree_node *)node;
    }
    while (node->parent && node->parent->right == node)
        node = node->parent;
    return node->parent;
}
