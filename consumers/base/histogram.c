#include "consumers/base/histogram.h"

static const uint64_t bounds_us[HISTOGRAM_BUCKETS] = {
    100,      200,      500,       1000,      2000,      5000,       10000,   20000,
    50000,    100000,   200000,    500000,    1000000,   2000000,    5000000, 10000000,
    20000000, 50000000, 100000000, 200000000, 600000000, UINT64_MAX,
};

uint64_t histogram_bound_us(unsigned bucket)
{
    return bucket < HISTOGRAM_BUCKETS ? bounds_us[bucket] : UINT64_MAX;
}

/* One writer, so a plain add on atomics; no locked instruction. */
static void raise_by(_Atomic uint64_t *value, uint64_t more)
{
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

void histogram_add_us(struct histogram *histogram, uint64_t us)
{
    histogram_add_many_us(histogram, us, 1);
}

void histogram_add_many_us(struct histogram *histogram, uint64_t us, uint64_t times)
{
    unsigned bucket = 0;

    /* By halves; the last bound is above everything, so the bucket is never beyond it. */
    for (unsigned step = HISTOGRAM_BUCKETS / 2 + 1; step > 0; step /= 2) {
        while (bucket + step < HISTOGRAM_BUCKETS && us > bounds_us[bucket + step - 1])
            bucket += step;
    }
    raise_by(&histogram->bucket[bucket], times);
    raise_by(&histogram->sum_us, us * times);
    raise_by(&histogram->count, times);
}

uint64_t histogram_quantile_us(const struct histogram *histogram, double share)
{
    uint64_t copy[HISTOGRAM_BUCKETS];
    uint64_t all = 0;
    uint64_t below = 0;

    /* Summed here rather than read from count, which may be a moment apart from the buckets. */
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        copy[i] = atomic_load_explicit(&histogram->bucket[i], memory_order_relaxed);
        all += copy[i];
    }
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += copy[i];
        if (copy[i] > 0 && (double)below >= share * (double)all)
            return bounds_us[i];
    }
    return all > 0 ? UINT64_MAX : 0;
}
