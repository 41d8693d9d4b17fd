/* Log-linear histogram: see histogram.h. */
#include "histogram.h"

#include <math.h>
#include <stddef.h>

/* Values below 64 have a slot each; above, the 6 bits under the highest one choose it. */
static size_t slot_of(uint64_t value)
{
    if (value < WSC_HISTOGRAM_SUB)
        return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - 6u;
    return (size_t)(shift + 1) * WSC_HISTOGRAM_SUB +
           (size_t)((value >> shift) & (WSC_HISTOGRAM_SUB - 1));
}

/* The middle of a slot. */
static uint64_t value_of(size_t slot)
{
    if (slot < WSC_HISTOGRAM_SUB)
        return slot;
    unsigned shift = (unsigned)(slot / WSC_HISTOGRAM_SUB) - 1;
    uint64_t low = (uint64_t)(WSC_HISTOGRAM_SUB + slot % WSC_HISTOGRAM_SUB) << shift;
    return low + ((1ull << shift) >> 1);
}

void wsc_histogram_add(struct wsc_histogram *histogram, uint64_t value)
{
    size_t slot = slot_of(value);
    histogram->slots[slot < WSC_HISTOGRAM_SLOTS ? slot : WSC_HISTOGRAM_SLOTS - 1]++;
    histogram->count++;
    if (value > histogram->max)
        histogram->max = value;
}

void wsc_histogram_merge(struct wsc_histogram *histogram, const struct wsc_histogram *other)
{
    for (size_t i = 0; i < WSC_HISTOGRAM_SLOTS; i++)
        histogram->slots[i] += other->slots[i];
    histogram->count += other->count;
    if (other->max > histogram->max)
        histogram->max = other->max;
}

uint64_t wsc_histogram_at(const struct wsc_histogram *histogram, double quantile)
{
    uint64_t wanted = (uint64_t)ceil((double)histogram->count * quantile);
    uint64_t seen = 0;
    for (size_t i = 0; i < WSC_HISTOGRAM_SLOTS && histogram->count; i++) {
        seen += histogram->slots[i];
        if (seen >= wanted && histogram->slots[i])
            return value_of(i) < histogram->max ? value_of(i) : histogram->max;
    }
    return histogram->max;
}
