/*
 * zipf - ids as a shop's traffic asks for them: Zipf's law with exponent 0.99 (as YCSB's default has it),
 * 0 the most wanted. The same seed gives the same ids.
 */
#ifndef TESTS_BENCH_ZIPF_H
#define TESTS_BENCH_ZIPF_H

#include <math.h>
#include <stdlib.h>

#include "tests/bench/measure.h"

/* How wanted the ids up to each are together; freed by the caller. */
static inline double *zipf_new(unsigned ids_nr)
{
    double *cumulated = calloc(ids_nr, sizeof(*cumulated)), sum = 0;

    if (cumulated == NULL)
        give_up("memory", "none left");
    for (unsigned i = 0; i < ids_nr; i++)
        cumulated[i] = sum += pow(i + 1, -0.99);
    return cumulated;
}

static inline unsigned zipf_pick(const double *cumulated, unsigned ids_nr, unsigned *state)
{
    unsigned low = 0, high = ids_nr - 1;
    double wanted;

    *state = *state * 1664525u + 1013904223u;
    wanted = (double)*state / 4294967296.0 * cumulated[high];
    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (cumulated[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
