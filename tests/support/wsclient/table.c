/* Hash table: see table.h. */
#include "table.h"

#include "bytes.h"

#include <stdlib.h>

static struct wsc_table_slot *slot_of(const struct wsc_table *table, uint64_t key)
{
    size_t mask = table->capacity - 1;
    size_t index = (size_t)((key ^ key >> 29) * 0x9e3779b97f4a7c15u >> 20) & mask;
    while (table->slots[index].used && table->slots[index].key != key)
        index = (index + 1) & mask;
    return &table->slots[index];
}

uint32_t wsc_table_get(const struct wsc_table *table, uint64_t key)
{
    if (!table->count)
        return WSC_TABLE_NONE;
    const struct wsc_table_slot *slot = slot_of(table, key);
    return slot->used ? slot->value : WSC_TABLE_NONE;
}

static void grow(struct wsc_table *table)
{
    struct wsc_table larger = {0};
    larger.capacity = table->capacity ? 2 * table->capacity : 64;
    larger.slots = wsc_alloc_zeroed(larger.capacity, sizeof *larger.slots);
    larger.count = table->count;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].used)
            *slot_of(&larger, table->slots[i].key) = table->slots[i];
    free(table->slots);
    *table = larger;
}

void wsc_table_put(struct wsc_table *table, uint64_t key, uint32_t value)
{
    if (2 * (table->count + 1) > table->capacity)
        grow(table);
    struct wsc_table_slot *slot = slot_of(table, key);
    table->count += !slot->used;
    *slot = (struct wsc_table_slot){key, value, 1};
}

void wsc_table_free(struct wsc_table *table)
{
    free(table->slots);
    *table = (struct wsc_table){0};
}
