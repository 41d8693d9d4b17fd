/*
 * A chain: links that many threads add and one takes whole, in the order of adding. Needs no
 * lock; adding tells whether the taker has to be woken.
 */
#ifndef CC_BASE_CHAIN_H
#define CC_BASE_CHAIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct chain_link {
    struct chain_link *next;
};

struct chain {
    struct chain_link *_Atomic newest;
};

/* True when the chain was empty. Any thread. */
static inline bool chain_add(struct chain *chain, struct chain_link *link)
{
    struct chain_link *newest = atomic_load_explicit(&chain->newest, memory_order_relaxed);

    do
        link->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&chain->newest, &newest, link,
                                                  memory_order_release, memory_order_relaxed));
    return newest == NULL;
}

/* Takes all, the oldest first. The taker's thread. */
static inline struct chain_link *chain_take(struct chain *chain)
{
    struct chain_link *link = atomic_exchange_explicit(&chain->newest, NULL, memory_order_acquire);
    struct chain_link *oldest = NULL;

    while (link) {
        struct chain_link *next = link->next;

        link->next = oldest;
        oldest = link;
        link = next;
    }
    return oldest;
}

#endif
