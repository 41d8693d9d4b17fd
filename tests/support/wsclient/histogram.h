/*
 * Latencies in log-linear buckets, as HdrHistogram has them: 64 buckets for each power of two, so a
 * value is known to 1.6 %. Values are nanoseconds; all zero is an empty histogram. 29 KB each.
 */
#ifndef WSCLIENT_HISTOGRAM_H
#define WSCLIENT_HISTOGRAM_H

#include <stdint.h>

#define WSC_HISTOGRAM_SUB   64
#define WSC_HISTOGRAM_SLOTS (59 * WSC_HISTOGRAM_SUB)

struct wsc_histogram {
    uint64_t count;
    uint64_t max;
    uint64_t slots[WSC_HISTOGRAM_SLOTS];
};

void wsc_histogram_add(struct wsc_histogram *histogram, uint64_t value);
void wsc_histogram_merge(struct wsc_histogram *histogram, const struct wsc_histogram *other);
/* The value below which `quantile` (0 … 1) of the samples lie; 0 when there are none. */
uint64_t wsc_histogram_at(const struct wsc_histogram *histogram, double quantile);

#endif
