/*
 * counter - a number one thread writes and others read: no lock, no locked instruction.
 */
#ifndef CONSUMERS_BASE_COUNTER_H
#define CONSUMERS_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t counter;

static inline void counter_add(counter *c, uint64_t more)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static inline void counter_set(counter *c, uint64_t value)
{
    atomic_store_explicit(c, value, memory_order_relaxed);
}

static inline uint64_t counter_get(const counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

#endif
