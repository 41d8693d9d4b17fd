/*
 * Hashes: the stable one is stored and must be the same for ever, the other is the process's own.
 */
#include "support/failing_allocator.h"
#include "support/test.h"

#include "base/hash.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The values that XXH3 defines (seed 0): partitions and client ids on disk depend on them. */
static void the_stable_hash_never_changes(void **state)
{
    (void)state;
    assert_true(hash_stable(slice_of(NULL, 0)) == UINT64_C(0x2d06800538d394c2));
    assert_true(hash_stable(slice_str("general")) == UINT64_C(0x0e769d2f06fbd313));
}

/* What the other process does. */
static int write_hash(int file)
{
    unsigned hash = hash_bytes("name", 4);

    return write(file, &hash, sizeof hash) == sizeof hash ? 0 : 1;
}

static pid_t fork_anew(int file)
{
    char number[16];
    pid_t child = fork();

    if (child == 0) {
        snprintf(number, sizeof number, "%d", file);
        execl("/proc/self/exe", "test_hash", number, (char *)NULL);
        _exit(1);
    }
    return child;
}

/* A client who knows the function must not know the key: two processes differ. */
static void the_keyed_hash_is_the_processs_own(void **state)
{
    unsigned mine = hash_bytes("name", 4);
    unsigned theirs = mine;
    int ends[2];
    pid_t child;

    (void)state;
    assert_int_equal(hash_bytes("name", 4), mine);
    assert_int_equal(pipe(ends), 0);
    child = fork_anew(ends[1]);
    assert_true(child > 0);
    assert_int_equal(read(ends[0], &theirs, sizeof theirs), sizeof theirs);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_not_equal(theirs, mine);
    close(ends[0]);
    close(ends[1]);
}

/* --- tables ------------------------------------------------------------------------------------
 */

struct element {
    int key;
    UT_hash_handle hh;
};

#define ELEMENTS 1000

static struct element elements[ELEMENTS];

static bool add(struct element **table, int key, const struct cc_allocator *hash_allocator)
{
    struct element *element = &elements[key];

    memset(element, 0, sizeof *element);
    element->key = key;
    HASH_ADD(hh, *table, key, sizeof element->key, element);
    return element->hh.tbl != NULL;
}

static void check(struct element *table, int count)
{
    assert_int_equal(HASH_COUNT(table), count);
    for (int key = 0; key < count; key++) {
        struct element *found;

        HASH_FIND(hh, table, &key, sizeof key, found);
        assert_ptr_equal(found, &elements[key]);
    }
}

static void remove_all(struct element *table)
{
    struct element *element, *next;

    HASH_ITER(hh, table, element, next)
    {
        HASH_DEL(table, element);
    }
    assert_null(table);
}

static void a_table_takes_the_allocators_memory_and_gives_it_back(void **state)
{
    struct failing_allocator failing = {0};
    const struct cc_allocator allocator = failing_allocator_of(&failing);
    struct element *table = NULL;

    (void)state;
    assert_true(add(&table, 0, &allocator));
    assert_int_equal(failing.out, 2); /* the table and its buckets */
    for (int key = 1; key < ELEMENTS; key++)
        assert_true(add(&table, key, &allocator));
    check(table, ELEMENTS);
    assert_int_equal(failing.out, 2);
    remove_all(table);
    assert_int_equal(failing.out, 0);
}

/* Whatever allocation fails, what was there is there, and the next try succeeds. */
static void an_add_without_memory_changes_nothing(void **state)
{
    struct failing_allocator failing = {0};
    const struct cc_allocator allocator = failing_allocator_of(&failing);
    struct element *table = NULL;
    int failures = 0;

    (void)state;
    for (int key = 0; key < ELEMENTS; key++) {
        for (long left = 0;; left++) {
            failing_allocator_arm(&failing, left, true);
            if (add(&table, key, &allocator))
                break;
            check(table, key);
            failures++;
        }
        failing_allocator_disarm(&failing);
    }
    assert_true(failures > 2); /* in growing, too */
    check(table, ELEMENTS);
    remove_all(table);
    assert_int_equal(failing.out, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stable_hash_never_changes),
        cmocka_unit_test(the_keyed_hash_is_the_processs_own),
        cmocka_unit_test(a_table_takes_the_allocators_memory_and_gives_it_back),
        cmocka_unit_test(an_add_without_memory_changes_nothing),
    };

    if (argc == 2)
        return write_hash(atoi(argv[1]));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
