/*
 * Hashes: the stable one is stored and must be the same for ever, the other is the process's own.
 */
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stable_hash_never_changes),
        cmocka_unit_test(the_keyed_hash_is_the_processs_own),
    };

    if (argc == 2)
        return write_hash(atoi(argv[1]));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
