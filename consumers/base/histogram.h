/*
 * histogram - counts by bucket of a duration, for Prometheus.
 *
 * Fixed log-linear buckets from 0.1 ms to 10 min. One writer; any number of readers may look at
 * any time (relaxed atomics: a reader can see a value a moment late, never a torn one).
 */
#ifndef CONSUMERS_BASE_HISTOGRAM_H
#define CONSUMERS_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 22 }; /* the last one is +Inf */

struct histogram {
    _Atomic uint64_t bucket[HISTOGRAM_BUCKETS]; /* not cumulative */
    _Atomic uint64_t count;
    _Atomic uint64_t sum_us;
};

/* Upper bound of a bucket in microseconds; UINT64_MAX for the last. */
uint64_t histogram_bound_us(unsigned bucket);

void histogram_add_us(struct histogram *histogram, uint64_t us);
void histogram_add_many_us(struct histogram *histogram, uint64_t us, uint64_t times);

/* The value below which `share` (0..1) of the counts lie: the bound of that bucket, 0 if empty. */
uint64_t histogram_quantile_us(const struct histogram *histogram, double share);

#endif
