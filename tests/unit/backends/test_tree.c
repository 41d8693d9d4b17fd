/*
 * The ordered tree against a sorted array: a random program of insertions, removals and searches.
 */
#include "backends/memory/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS 300

struct item {
    struct tree_node node;
    char key[8];
    size_t size;
    bool is_in;
};

static struct item items[KEYS];

static struct cc_slice item_key(const struct item *item)
{
    return slice_of(item->key, item->size);
}

static int compare_items(const void *a, const void *b)
{
    return slice_compare(item_key(a), item_key(b));
}

/* Keys that are prefixes of others, with every byte value. */
static void make_items(void)
{
    memset(items, 0, sizeof items);
    for (int i = 0; i < KEYS; i++) {
        items[i].size = (size_t)(i % 3 + 1);
        items[i].key[0] = (char)(i * 7);
        items[i].key[1] = (char)(i / 256);
        items[i].key[2] = (char)(i % 5 - 2);
    }
    qsort(items, KEYS, sizeof items[0], compare_items);
}

static bool is_double(size_t i)
{
    return i > 0 && compare_items(&items[i], &items[i - 1]) == 0;
}

static void check_heap(const struct tree_node *node)
{
    if (!node)
        return;
    assert_true(!node->left || node->left->parent == node);
    assert_true(!node->right || node->right->parent == node);
    assert_true(!node->left || node->left->priority <= node->priority);
    assert_true(!node->right || node->right->priority <= node->priority);
    check_heap(node->left);
    check_heap(node->right);
}

static void check_order(const struct tree *tree)
{
    struct tree_node *node = tree_first(tree);
    size_t count = 0;

    for (size_t i = 0; i < KEYS; i++) {
        if (!items[i].is_in)
            continue;
        assert_ptr_equal(node, &items[i].node);
        node = tree_next(node);
        count++;
    }
    assert_null(node);
    assert_int_equal(tree->count, count);
}

static void check_searches(const struct tree *tree, struct cc_slice key)
{
    struct tree_node *at_least = NULL;
    struct tree_node *above = NULL;
    struct tree_node *equal = NULL;

    for (size_t i = KEYS; i-- > 0;) {
        int order = slice_compare(item_key(&items[i]), key);

        if (!items[i].is_in)
            continue;
        if (order > 0)
            above = &items[i].node;
        if (order >= 0)
            at_least = &items[i].node;
        if (order == 0)
            equal = &items[i].node;
    }
    assert_ptr_equal(tree_above(tree, key), above);
    assert_ptr_equal(tree_at_least(tree, key), at_least);
    assert_ptr_equal(tree_find(tree, key), equal);
}

static void test_behaves_like_a_sorted_array(void **state)
{
    struct tree tree = {0};
    unsigned random = 1;

    (void)state;
    make_items();
    for (int step = 0; step < 5000; step++) {
        random = random * 1103515245u + 12345u;
        size_t i = (random >> 8) % KEYS;

        if (is_double(i))
            continue;
        if (items[i].is_in)
            tree_remove(&tree, &items[i].node);
        else
            tree_insert(&tree, &items[i].node, item_key(&items[i]));
        items[i].is_in = !items[i].is_in;
        if (step % 50 == 0) {
            check_heap(tree.root);
            check_order(&tree);
        }
        check_searches(&tree, item_key(&items[(random >> 16) % KEYS]));
    }
    check_searches(&tree, slice_of(NULL, 0));
}

static size_t depth_of(const struct tree_node *node)
{
    size_t left = node ? depth_of(node->left) : 0;
    size_t right = node ? depth_of(node->right) : 0;

    return node ? 1 + (left > right ? left : right) : 0;
}

static void test_stays_flat_for_keys_in_order(void **state)
{
    enum { COUNT = 20000 };
    struct item *many = calloc(COUNT, sizeof *many);
    struct tree tree = {0};

    (void)state;
    assert_non_null(many);
    for (int i = 0; i < COUNT; i++) {
        many[i].size = (size_t)snprintf(many[i].key, sizeof many[i].key, "%06d", i);
        tree_insert(&tree, &many[i].node, item_key(&many[i]));
    }
    /* The optimum is 15; a random treap stays within about three times that. */
    assert_true(depth_of(tree.root) < 60);
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behaves_like_a_sorted_array),
        cmocka_unit_test(test_stays_flat_for_keys_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
