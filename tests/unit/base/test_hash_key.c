/*
 * The key of the tables' hash, which is drawn by whoever needs it first: threads that come at the
 * same time must go on with the same one. A program of its own, for the key is drawn once.
 */
#include "base/hash.h"

#include "support/test.h"

#include <pthread.h>

#define THREADS 8

static pthread_barrier_t start;

static void *hash_at_once(void *context)
{
    unsigned *hash = context;

    pthread_barrier_wait(&start);
    *hash = hash_bytes("alice", 5);
    return NULL;
}

static void all_threads_get_one_key(void **state)
{
    unsigned hashes[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_at_once, &hashes[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(hashes[i], hash_bytes("alice", 5));
    pthread_barrier_destroy(&start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_threads_get_one_key)};

    return cmocka_run_group_tests_name("hash key", tests, NULL, NULL);
}
