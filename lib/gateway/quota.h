/*
 * How many connections each client address has, on all threads.
 */
#ifndef CC_GATEWAY_QUOTA_H
#define CC_GATEWAY_QUOTA_H

#include "gateway/address.h"

#include <pthread.h>

struct quota_entry;

struct quota {
    const struct cc_allocator *allocator;
    uint32_t max; /* of one address */
    pthread_mutex_t lock;
    struct quota_entry *entries; /* uthash, under the lock */
};

/* 0 or CC_ENOMEM. */
int quota_init(struct quota *quota, const struct cc_allocator *allocator, uint32_t max);
void quota_deinit(struct quota *quota);

/* Counts one more connection of an address. 0, CC_EBUSY (it has its most), CC_ENOMEM. Any thread.
 */
int quota_take(struct quota *quota, const struct address *client, struct quota_entry **ret_entry);

/* Counts one less; `entry` may be NULL. Any thread. */
void quota_give(struct quota *quota, struct quota_entry *entry);

#endif
