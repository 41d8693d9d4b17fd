/*
 * Chains: the order of adding, who is told to wake the taker, and many threads adding while one
 * takes (run under TSan as well).
 */
#include "base/chain.h"

#include "support/test.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#define WRITERS 4
#define LINKS   20000

struct item {
    struct chain_link link;
    int writer;
    int number;
};

static struct item *item_of(struct chain_link *link)
{
    return (struct item *)((char *)link - offsetof(struct item, link));
}

static void takes_all_in_the_order_of_adding(void **state)
{
    struct item items[5] = {0};
    struct chain chain = {NULL};
    struct chain_link *link;
    int expected = 0;

    (void)state;
    assert_null(chain_take(&chain));
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        assert_int_equal(chain_add(&chain, &items[i].link), i == 0);
    }
    for (link = chain_take(&chain); link; link = link->next)
        assert_int_equal(item_of(link)->number, expected++);
    assert_int_equal(expected, 5);
    assert_true(chain_add(&chain, &items[3].link)); /* once taken, a link can be added again */
    assert_ptr_equal(chain_take(&chain), &items[3].link);
    assert_null(items[3].link.next);
}

struct shared {
    struct chain chain;
    struct item items[WRITERS][LINKS];
    _Atomic int wakes;
};

struct writer {
    struct shared *shared;
    int number;
};

static void *write_all(void *context)
{
    struct writer *writer = context;
    struct shared *shared = writer->shared;

    for (int i = 0; i < LINKS; i++) {
        struct item *item = &shared->items[writer->number][i];

        item->writer = writer->number;
        item->number = i;
        if (chain_add(&shared->chain, &item->link))
            shared->wakes++;
    }
    return NULL;
}

/* Takes what there is. Answers how many, and checks each writer's order. */
static int take(struct shared *shared, int next[WRITERS])
{
    int count = 0;

    for (struct chain_link *link = chain_take(&shared->chain); link; link = link->next) {
        struct item *item = item_of(link);

        assert_int_equal(item->number, next[item->writer]++);
        count++;
    }
    return count;
}

static void many_threads_add_while_one_takes(void **state)
{
    static struct shared shared;
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    int next[WRITERS] = {0};
    int taken = 0;
    int rounds = 0;

    (void)state;
    memset(&shared, 0, sizeof shared);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){&shared, i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_all, &writers[i]), 0);
    }
    while (taken < WRITERS * LINKS) {
        int count = take(&shared, next);

        taken += count;
        rounds += count > 0;
        if (!count)
            sched_yield();
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_null(chain_take(&shared.chain));
    assert_int_equal(shared.wakes, rounds); /* each round was announced by one writer */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_all_in_the_order_of_adding),
        cmocka_unit_test(many_threads_add_while_one_takes),
    };

    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
