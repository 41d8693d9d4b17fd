/*
 * Connections per address.
 */
#include "gateway/quota.h"

#include "base/hash.h"
#include "chatcore/error.h"

struct quota_entry {
    struct address address;
    uint32_t count;
    UT_hash_handle hh;
};

int quota_init(struct quota *quota, const struct cc_allocator *allocator, uint32_t max)
{
    memset(quota, 0, sizeof *quota);
    quota->allocator = allocator;
    quota->max = max;
    return pthread_mutex_init(&quota->lock, NULL) ? CC_ENOMEM : 0;
}

void quota_deinit(struct quota *quota)
{
    struct quota_entry *entry, *next;

    HASH_ITER(hh, quota->entries, entry, next)
    {
        HASH_DEL(quota->entries, entry);
        mem_free(quota->allocator, entry);
    }
    pthread_mutex_destroy(&quota->lock);
}

/* The address's entry, made if it has none; NULL without memory. Under the lock. */
static struct quota_entry *find(struct quota *quota, const struct address *client)
{
    const struct cc_allocator *hash_allocator = quota->allocator;
    struct quota_entry *entry;

    HASH_FIND(hh, quota->entries, client, sizeof *client, entry);
    if (entry)
        return entry;
    entry = mem_zalloc(hash_allocator, 1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->address = *client;
    HASH_ADD(hh, quota->entries, address, sizeof entry->address, entry);
    if (entry->hh.tbl)
        return entry;
    mem_free(hash_allocator, entry);
    return NULL;
}

int quota_take(struct quota *quota, const struct address *client, struct quota_entry **ret_entry)
{
    struct quota_entry *entry;
    int r = 0;

    pthread_mutex_lock(&quota->lock);
    entry = find(quota, client);
    if (!entry)
        r = CC_ENOMEM;
    else if (entry->count >= quota->max)
        r = CC_EBUSY;
    else
        entry->count++;
    pthread_mutex_unlock(&quota->lock);
    if (!r)
        *ret_entry = entry;
    return r;
}

void quota_give(struct quota *quota, struct quota_entry *entry)
{
    if (!entry)
        return;
    pthread_mutex_lock(&quota->lock);
    if (--entry->count == 0) {
        HASH_DEL(quota->entries, entry);
        mem_free(quota->allocator, entry);
    }
    pthread_mutex_unlock(&quota->lock);
}
