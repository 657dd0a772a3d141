/*
 * chaos - an allocator that fails when it is told to.
 *
 * Fails the allocation number `fail_at` (counted from 0 since the last reset) and counts what is
 * still allocated. A loop that raises fail_at until the tested act succeeds has seen every
 * allocation of it fail.
 */
#ifndef TESTS_UNIT_BUS_CHAOS_H
#define TESTS_UNIT_BUS_CHAOS_H

#include "bus/alloc.h"

struct chaos {
    struct bus_allocator allocator; /* to be handed to what is tested */
    long fail_at;                   /* -1: never */
    long calls;                     /* allocations and growths so far */
    long live;                      /* not freed yet */
};

void chaos_init(struct chaos *chaos, long fail_at);

#endif
