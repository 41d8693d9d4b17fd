/*
 * A hash table from 64-bit keys to 32-bit values (open addressing, never shrinks). Text keys go
 * through wsc_hash: among the at most some million names of a test two equal hashes do not happen
 * (1 in 10^7), and would show as a reported difference, not hide one.
 */
#ifndef WSCLIENT_TABLE_H
#define WSCLIENT_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define WSC_TABLE_NONE UINT32_MAX

struct wsc_table_slot {
    uint64_t key;
    uint32_t value;
    uint32_t used;
};

/* All zero is an empty one. */
struct wsc_table {
    struct wsc_table_slot *slots;
    size_t capacity; /* a power of two */
    size_t count;
};

/* The value of `key`, or WSC_TABLE_NONE. */
uint32_t wsc_table_get(const struct wsc_table *table, uint64_t key);
/* Adds or replaces. */
void wsc_table_put(struct wsc_table *table, uint64_t key, uint32_t value);
void wsc_table_free(struct wsc_table *table);

static inline uint64_t wsc_pair(uint32_t high, uint32_t low)
{
    return (uint64_t)high << 32 | low;
}

#endif
